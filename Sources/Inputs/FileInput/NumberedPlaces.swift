// Where the file with a number stands, when its name says nothing: it was renamed by hand, or by a rotation of its own
// kind, while nobody looked. And which devices are there.

internal import Bytes
internal import Platform

/// The names in some directories by the numbers of their files, as long as one step takes.
struct NumberedPlaces {
    /// Names that are looked at: more would take longer than what it is for is worth.
    private static let nameLimit = 100_000

    private var places: [FileID: Path] = [:]
    private var seen: Set<Path> = []
    private var count = 0
    private var hasLookedEverywhere = false

    /// True once: whoever asks passes all directories then.
    mutating func isFirstLookEverywhere() -> Bool {
        defer { hasLookedEverywhere = true }
        return !hasLookedEverywhere
    }

    mutating func place(of id: FileID, in directories: [Path]) -> Path? {
        for directory in directories where seen.insert(directory).inserted { look(in: directory) }
        return places[id]
    }

    /// They change: what was seen holds for as long as a step takes.
    mutating func forget() { if !seen.isEmpty { self = NumberedPlaces() } }

    private mutating func look(in directory: Path) {
        do throws(Errno) {
            for name in try directoryEntries(directory) where count < Self.nameLimit {
                count += 1
                guard let status = standing(at: directory / name), status.kind == .regular else { continue }
                places[status.id] = directory / name
            }
        } catch {}  // What cannot be listed has no names.
    }
}

/// A directory in which rotated files may stand: `rotated_to`.
struct RotatedTo: Equatable {
    /// Directories that one pattern may stand for: those of dates are one for each day.
    private static let directoryLimit = 1_000

    private let components: [Glob.Component]
    private let isAbsolute: Bool

    init(_ text: String) throws(GlobError) {
        let glob = try Glob(text)
        isAbsolute = text.utf8.first == UInt8(ascii: "/")
        components = (glob.alternatives.first ?? []).filter {
            $0 != .literal([]) && $0 != .literal([UInt8(ascii: ".")])
        }
    }

    /// The directories that are there. A relative one is beside the log, as logrotate's `olddir` is.
    func directories(beside directory: Path) -> [Path] {
        var found: [Path] = [isAbsolute ? "/" : directory]
        for component in components {
            switch component {
            case .literal(let name): found = found.map { $0 / Path(name[...]) }
            case .wildcard, .anyDirectories:
                found = found.flatMap { directory in Self.names(in: directory, component).map { directory / $0 } }
            }
            found = Array(found.prefix(Self.directoryLimit))
        }
        return found
    }

    private static func names(in directory: Path, _ component: Glob.Component) -> [Path] {
        do throws(Errno) {
            return try directoryEntries(directory).filter { component.matches($0.bytes) }
        } catch { return [] }  // It may come later.
    }
}

/// The device on which a path stands, or would stand. Nil when that cannot be told.
func deviceNow(of path: Path) -> UInt64? {
    var place = path.directory
    while let directory = place {
        do throws(Errno) { return try FileStatus(of: directory).id.device } catch {
            guard error.isAbsence else { return nil }
        }
        place = directory.directory
    }
    return nil
}

/// Whether a file system is mounted that has this number. True when that cannot be told.
func isMounted(_ device: UInt64) -> Bool {
    do throws(Errno) {
        let file = try File(reading: "/proc/self/mountinfo")
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try file.read(into: &chunk, limit: chunk.count, at: UInt64(text.count))
            if count == 0 { break }
            text += chunk[..<count]
        }
        // As the kernel splits the number of a device: makedev(3). See proc_pid_mountinfo(5).
        let major = (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF)
        let minor = (device & 0xFF) | (device >> 12 & ~0xFF)
        let number = Array("\(major):\(minor & 0xFFFF_FFFF)".utf8)
        return text.split(separator: UInt8(ascii: "\n")).contains { line in
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
            return words.count > 2 && words[2].elementsEqual(number)
        }
    } catch { return true }
}
