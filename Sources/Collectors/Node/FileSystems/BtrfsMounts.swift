// Where btrfs file systems are mounted, and what they say of their devices when they are asked there. The part of
// BtrfsCollector that is not in sysfs: which device is which, how much of each is allocated, and its errors.

internal import Bytes
internal import Platform
internal import Procfs

struct BtrfsMounts {
    /// Asks the file system that is mounted at a path of the host; a test can be one.
    var ask: (_ path: String) throws(Errno) -> BtrfsFileSystem

    private let root: String
    private let files: [KernelFile]
    /// Mounts change rarely: the text of the last reading, and the places that it leads to.
    private var text: [UInt8] = []
    private var places: [String] = []

    init(host: Host) {
        let root = host.root
        self.root = root
        ask = { path throws(Errno) in try BtrfsFileSystem(at: path, inside: root) }
        files = ["1", "self"].map { KernelFile("\(host.proc)/\($0)/mountinfo") }
    }

    /// The file systems that can be asked. One that is mounted nowhere that this process may look is not among them.
    mutating func read() throws(KernelFileError) -> [BtrfsFileSystem] {
        try readPlaces()
        var found: [BtrfsFileSystem] = []
        for place in places {
            do throws(Errno) { found.append(try ask(place)) } catch { continue }
        }
        return found
    }

    private mutating func readPlaces() throws(KernelFileError) {
        for file in files {
            do throws(KernelFileError) {
                let last = text
                let read = try file.read { cursor throws(ParseError) -> (text: [UInt8], mounts: [Mount])? in
                    let text = cursor.bytes[..<cursor.end]
                    if text == last[...] { return nil }
                    return (Array(text), try Mount.parse(&cursor))
                }
                guard let read else { continue }
                if let read { (text, places) = (read.text, Self.places(read.mounts, below: root)) }
                return
            } catch {
                // Those of process 1 may not be ours to look at; our own are.
                guard case .unreadable = error else { throw error }
            }
        }
        (text, places) = ([], [])
    }

    /// One place for each source: a file system has as many mounts as there are subvolumes in use.
    private static func places(_ mounts: [Mount], below root: String) -> [String] {
        var sources: Set<String> = []
        return MountSpaces.topmost(MountSpaces.reachable(mounts), below: root)
            .filter { $0.fsType == "btrfs" && sources.insert($0.device).inserted }.map(\.mountPoint)
    }
}
