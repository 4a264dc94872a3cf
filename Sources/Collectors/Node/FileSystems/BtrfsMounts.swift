// Where btrfs file systems are mounted, and what they say of their devices when they are asked there. The part of
// BtrfsCollector that is not in sysfs: which device is which, how much of each is allocated, and its errors.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

struct BtrfsMounts {
    /// Asks the file system that is mounted at a path of the host; a test can be one.
    var ask: (_ path: Path) throws(Errno) -> BtrfsFileSystem

    private struct Reading {
        let text: [UInt8]
        let mounts: [Mount]
        let rows: RowTally
    }

    private let root: String
    private let files: [KernelFile]
    /// Mounts change rarely: the text of the last reading, and the places that it leads to.
    private var text: [UInt8] = []
    private var rows = RowTally()
    private var places: [Path] = []

    init(host: Host) {
        let root = host.root
        self.root = root
        ask = { path throws(Errno) in try BtrfsFileSystem(at: path, inside: root) }
        files = ["1", "self"].map { KernelFile("\(host.proc)/\($0)/mountinfo") }
    }

    /// The file systems that can be asked. One that is mounted nowhere that this process may look is not among them;
    /// nor is one that does not answer, which is noted.
    mutating func read() throws(KernelFileError) -> [BtrfsFileSystem] {
        try readPlaces()
        var found: [BtrfsFileSystem] = []
        for place in places {
            do throws(Errno) { found.append(try ask(place)) } catch {
                if error == .notFound || error == .accessDenied || error == .notPermitted { continue }
                SkippedRows.note(of: place.description, error.description)
            }
        }
        return found
    }

    private mutating func readPlaces() throws(KernelFileError) {
        for file in files {
            do throws(KernelFileError) {
                let (last, lastRows) = (text, rows)
                let read = try file.read { cursor throws(ParseError) -> Reading? in
                    let text = cursor.bytes[..<cursor.end]
                    if text == last[...] {
                        cursor.assume(lastRows)
                        return nil
                    }
                    let mounts = try Mount.parse(&cursor)
                    return Reading(text: Array(text), mounts: mounts, rows: cursor.rows)
                }
                guard let read else { continue }
                if let read { (text, places, rows) = (read.text, Self.places(read.mounts, below: root), read.rows) }
                return
            } catch {
                // Those of process 1 may not be ours to look at; our own are.
                guard case .unreadable = error else { throw error }
            }
        }
        (text, places) = ([], [])
    }

    /// One place for each source: a file system has as many mounts as there are subvolumes in use.
    private static func places(_ mounts: [Mount], below root: String) -> [Path] {
        var sources: Set<ExactText> = []
        return MountSpaces.topmost(MountSpaces.reachable(mounts), below: root)
            .filter { $0.fsType == "btrfs" && sources.insert(ExactText($0.device)).inserted }
            .map(\.mountPoint)
    }
}
