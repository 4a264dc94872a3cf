// The control groups of a host, to a depth: which there are is looked up at each reading, and what is known of a group
// is kept as long as it is there.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

/// One control group.
final class CgroupNode {
    /// From the root of the tree, as in /proc/<pid>/cgroup: `/system.slice/ssh.service`. Empty for the root.
    let path: Path
    /// The path as the value of a label.
    let label: String
    /// Of `vitals_cgroup_info`; empty when the name tells nothing.
    let infoLabels: [String]
    /// The user's patterns take it.
    let isTaken: Bool
    fileprivate let depth: Int
    fileprivate var children: [CgroupNode] = []
    /// The names of the children as they were listed.
    fileprivate var listing: [UInt8] = []

    fileprivate init(path: Path, depth: Int, isTaken: Bool) {
        self.path = path
        self.depth = depth
        self.isTaken = isTaken
        label = path.label
        let identity = CgroupIdentity(path: label)
        infoLabels =
            identity.isEmpty ? [] : [label, identity.container, identity.pod, identity.runtime, identity.unit]
    }
}

struct CgroupTree {
    /// Groups that are looked at, whether they are taken or not; a host that makes them without end must not cost
    /// without end.
    private static let walkLimit = 20_000

    let root: String
    private let depth: Int
    private let filter: NameFilter
    private let top: CgroupNode
    private var lister = DirectoryLister()
    private var directory: PathBuffer
    private let rootCount: Int
    /// Kept for its memory.
    private var names: [UInt8] = []
    /// All that were found, without the root: those near to it first, then by name.
    private(set) var nodes: [CgroupNode] = []
    /// Groups that were found but not looked at.
    private(set) var passedOver = 0

    init(root: String, depth: Int, filter: NameFilter) {
        self.root = root
        self.depth = depth
        self.filter = filter
        top = CgroupNode(path: "", depth: 0, isTaken: false)
        directory = PathBuffer(root)
        rootCount = directory.count
    }

    /// Looks what is there now.
    mutating func refresh() throws(KernelFileError) {
        nodes.removeAll(keepingCapacity: true)
        passedOver = 0
        try look(at: top)
        var next = 0
        while next < nodes.count {
            if nodes[next].depth < depth { try look(at: nodes[next]) }
            next += 1
        }
    }

    private mutating func look(at node: CgroupNode) throws(KernelFileError) {
        directory.cut(to: rootCount)
        directory.append(path: node.path)
        names.removeAll(keepingCapacity: true)
        do throws(Errno) { try lister.listDirectories(directory, into: &names) } catch {
            // It was removed meanwhile.
            guard error == .notFound || error == .noDevice else {
                throw .unreadable(path: directory.text, error)
            }
        }
        if names != node.listing {
            node.children = children(of: node)
            node.listing = names
        }
        for child in node.children {
            if nodes.count < Self.walkLimit { nodes.append(child) } else { passedOver += 1 }
        }
    }

    /// Those that `names` lists: what was there already stays as it is.
    private func children(of node: CgroupNode) -> [CgroupNode] {
        var old: [Path: CgroupNode] = [:]
        for child in node.children { old[child.path] = child }
        let children = names.split(separator: 0).map { name in
            let path = node.path / Path(name)
            return old[path] ?? CgroupNode(path: path, depth: node.depth + 1, isTaken: filter.takes(path))
        }
        return children.sorted { isBefore($0.label, $1.label) }
    }
}
