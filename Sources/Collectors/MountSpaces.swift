// The mounts of the host and how full they are, for the node_* and the CloudWatch vocabulary.

package import Bytes
package import Platform
package import Procfs
internal import Synchronization

/// Reads mountinfo and asks the mounts that are wanted, never waiting for one that hangs.
package final class MountSpaces {
    package enum Answer: Sendable, Equatable {
        case space(FileSystemSpace)
        case failed(Errno)
        /// It has not answered in time, now or in an earlier round.
        case late
    }

    private let host: Host
    private let patience: Duration
    private let ask: @Sendable (Path) -> Answer
    private let relay = Relay("mounts")
    private let files: [KernelFile]
    /// Mounts change rarely: the text of the last reading, and what was wanted of it.
    private var text: [UInt8] = []
    private var rows = RowTally()
    private var wanted: [Mount] = []

    package init(
        host: Host, patience: Duration, asking ask: @escaping @Sendable (Path) -> Answer = MountSpaces.ask
    ) {
        self.host = host
        self.patience = patience
        self.ask = ask
        // What the agent itself sees may be less than what the host has: a sandbox hides mounts.
        files = ["1", "self"].map { KernelFile("\(host.proc)/\($0)/mountinfo") }
    }

    package static func ask(_ path: Path) -> Answer {
        do throws(Errno) { return .space(try FileSystemSpace(of: path)) } catch { return .failed(error) }
    }

    /// `isWanted` must not change its mind: it is asked again only when mounts have changed. All answer together by
    /// `deadline`, and in the patience.
    package func read(
        until deadline: Instant? = nil, where isWanted: (Mount) -> Bool
    ) throws(CollectError) -> [(mount: Mount, answer: Answer)] {
        try readMounts(where: isWanted)
        let paths = wanted.map { $0.path(below: host.root) }
        let end = Instant.now + patience
        let answers = Answers(count: paths.count)
        // Known by its number, so that what is mounted in the place of one that hangs is asked.
        let numbers = wanted.map { Int(truncatingIfNeeded: $0.number) }
        let outcomes = relay.run(numbers, until: min(deadline ?? end, end)) { [ask] place in
            answers.set(place, ask(paths[place]))
        }
        return zip(zip(wanted, answers.all), outcomes).map { asked, outcome in
            if case .finished = outcome { asked } else { (asked.0, .late) }
        }
    }

    private func readMounts(where isWanted: (Mount) -> Bool) throws(CollectError) {
        var refusal: KernelFileError?
        for file in files {
            do throws(KernelFileError) {
                let mounts = try file.read { cursor throws(ParseError) -> [Mount]? in
                    let text = cursor.bytes[..<cursor.end]
                    guard text != self.text[...] else {
                        cursor.assume(rows)
                        return nil
                    }
                    let mounts = try Mount.parse(&cursor)
                    self.text = Array(cursor.bytes[..<cursor.end])
                    rows = cursor.rows
                    return mounts
                }
                guard let mounts else { continue }
                if let mounts { wanted = Self.topmost(Self.reachable(mounts), below: host.root).filter(isWanted) }
                return
            } catch {
                // Another's mounts may not be readable where process 1 is not ours to look at.
                guard case .unreadable = error else { throw CollectError(error) }
                refusal = error
            }
        }
        if let refusal { throw CollectError(refusal) }
        throw .absent("no mountinfo in \(host.proc)")
    }

    /// The mounts that a path leads to. What lies below another mount still stands in mountinfo, but asking its path
    /// asks whatever is on top: the wrong numbers, or an error on a host that has none.
    static func reachable(_ mounts: [Mount]) -> [Mount] {
        let numbers = Set(mounts.map(\.number))
        var children: [UInt64: [Int]] = [:]
        var waiting: [Int] = []
        for (index, mount) in mounts.enumerated() {
            if mount.parent == mount.number || !numbers.contains(mount.parent) {
                waiting.append(index)
            } else {
                children[mount.parent, default: []].append(index)
            }
        }
        var isReachable = [Bool](repeating: false, count: mounts.count)
        while let index = waiting.popLast() {
            let mount = mounts[index]
            let above = children.removeValue(forKey: mount.number) ?? []
            if let cover = above.first(where: { mounts[$0].mountPoint == mount.mountPoint }) {
                waiting.append(cover)
                continue
            }
            isReachable[index] = true
            // Of two on the same mount, one in a directory of which a parent is the other's place is below that other.
            let places = Set(above.map { mounts[$0].mountPoint })
            waiting += above.filter { child in
                !parentDirectories(of: mounts[child].mountPoint).contains { places.contains($0) }
            }
        }
        return zip(mounts, isReachable).filter(\.1).map(\.0)
    }

    /// `/a` and `/a/b` for `/a/b/c`.
    private static func parentDirectories(of path: Path) -> [Path] {
        let bytes = path.bytes
        return bytes.indices.dropFirst().filter { bytes[$0] == UInt8(ascii: "/") }.map { Path(bytes[..<$0]) }
    }

    /// With mount points as the host has them; where several are left at one place, the last lies on top.
    static func topmost(_ mounts: [Mount], below root: String) -> [Mount] {
        var indexes: [Path: Int] = [:]
        let root = Path(root)
        var kept: [Mount?] = []
        for var mount in mounts {
            mount.mountPoint = without(root, mount.mountPoint)
            if let hidden = indexes.updateValue(kept.count, forKey: mount.mountPoint) { kept[hidden] = nil }
            kept.append(mount)
        }
        return kept.compactMap { $0 }
    }

    private static func without(_ root: Path, _ path: Path) -> Path {
        guard root != "/", path.isInside(root) else { return path }
        let rest = path.bytes.dropFirst(root.bytes.count)
        return rest.isEmpty ? "/" : Path(rest)
    }
}

/// Of one round; a mount that hangs may answer when nobody looks any more.
private final class Answers: Sendable {
    private let answers: Mutex<[MountSpaces.Answer]>

    init(count: Int) { answers = Mutex(Array(repeating: .late, count: count)) }

    var all: [MountSpaces.Answer] { answers.withLock(\.self) }
    func set(_ place: Int, _ answer: MountSpaces.Answer) { answers.withLock { $0[place] = answer } }
}

extension Mount {
    /// Where this process finds it, when the host's root is at `root`.
    func path(below root: String) -> Path {
        root == "/" ? mountPoint : Path(Array(root.utf8) + mountPoint.bytes)
    }
}
