// The files in which the cursor of a route may stand, and which of them is to be believed.

internal import Bytes
internal import Platform

enum CursorSuffix {
    static let log = ".cursor"
    static let new = ".new"
    static let old = ".old"
    /// What versions before the log wrote.
    static let earlier = ".json"
}

/// The files of one route on a disk that is only read.
final class CursorFiles<DiskType: CursorDisk> {
    struct Log {
        let replay: CursorReplay
        let damagedLineCount: UInt64
        let input: String?
        let output: String?
        /// All entries of its snapshot were written.
        let isComplete: Bool
        let modifiedUnixNanoseconds: Int64
    }

    enum Choice {
        case none
        /// `isBeside` when it stands beside its name: a power cut came between two renames.
        case log(Log, isBeside: Bool)
        case file(CursorReplay)
    }

    private let path: String
    private let disk: DiskType
    /// Files that are there and cannot be used.
    private(set) var problems: [(path: String, reason: String)] = []
    /// By whose it is, as the chosen file says; for who does not know the route.
    private(set) var route: (input: String, output: String)?

    /// `path` is that of the log.
    init(path: String, _ disk: DiskType) {
        self.path = path
        self.disk = disk
    }

    /// Of whatever route when `wanted` is nil.
    func choice(ofRoute wanted: (input: String, output: String)?) -> Choice {
        let earlier = newestEarlierFile(wanted)
        for (suffix, isBeside) in [("", false), (CursorSuffix.new, true), (CursorSuffix.old, false)] {
            // A snapshot that was not finished, or not given its name, is worth nothing beside a log.
            if isBeside, isThere(path) { continue }
            guard let log = examine(path + suffix, wanted, mustBeComplete: isBeside) else { continue }
            // An older version of the agent ran after the log was written.
            if let earlier, earlier.modified > log.modifiedUnixNanoseconds { break }
            route = log.input.flatMap { input in log.output.map { (input, $0) } }
            guard suffix.isEmpty, log.damagedLineCount > 0, let before = examine(path + CursorSuffix.old, wanted) else {
                return .log(log, isBeside: isBeside)
            }
            return .log(standingIn(before, for: log), isBeside: false)
        }
        guard let earlier else { return .none }
        route = (earlier.file.input, earlier.file.output)
        return .file(CursorReplay(earlier.file.cursor))
    }

    func replay(of path: String) -> CursorReplay { CursorReplay(reading(path)) }

    private func standingIn(_ before: Log, for log: Log) -> Log {
        Log(
            replay: CursorReplay(reading(path), before: reading(path + CursorSuffix.old)),
            damagedLineCount: log.damagedLineCount, input: log.input ?? before.input,
            output: log.output ?? before.output,
            isComplete: log.isComplete, modifiedUnixNanoseconds: log.modifiedUnixNanoseconds)
    }

    private func reading(_ path: String) -> CursorReplay.Read {
        let disk = disk
        return { offset, limit throws(Errno) in try disk.read(path, from: offset, limit: limit) }
    }

    private func isThere(_ path: String) -> Bool {
        do throws(Errno) {
            _ = try disk.modified(path)
            return true
        } catch { return !error.isAbsence }
    }

    /// Nil when it is not there, or cannot be used.
    private func examine(
        _ path: String, _ wanted: (input: String, output: String)?, mustBeComplete: Bool = false
    ) -> Log? {
        var (entryCount, damaged, isComplete): (UInt64, UInt64, Bool) = (0, 0, false)
        var route: (input: String, output: String)?
        var modified: Int64 = 0
        do throws(Errno) {
            modified = try disk.modified(path)
            try forEachCursorLine(reading(path)) { line in
                switch line {
                case .torn: break
                case .damaged: damaged += 1
                case .whole(let text) where ParsedCursorLine.isEntry(text): entryCount += 1
                case .whole(let text):
                    switch ParsedCursorLine(text) {
                    case .head(let input, let output): route = (input, output)
                    case .snapshot: isComplete = true
                    case .entry, .unknown: break
                    }
                }
            }
        } catch {
            if error.isAbsence { return nil }
            problems.append((path, error.description))
            // What stands before a place that cannot be read still holds.
            guard entryCount > 0 else { return nil }
            damaged += 1
        }
        if mustBeComplete, !isComplete { return nil }
        if let wanted, let route, !isSame(wanted, route) {
            problems.append((path, "is that of the route from \(route.input) to \(route.output)"))
            return nil
        }
        guard entryCount > 0 else {
            problems.append((path, "has no line that can be used"))
            return nil
        }
        return Log(
            replay: replay(of: path), damagedLineCount: damaged, input: route?.input, output: route?.output,
            isComplete: isComplete, modifiedUnixNanoseconds: modified)
    }

    private func newestEarlierFile(
        _ wanted: (input: String, output: String)?
    ) -> (file: CursorFile, modified: Int64)? {
        for suffix in CursorFile.suffixes {
            let path = earlierCursorPath(path) + suffix
            do throws(Errno) {
                let modified = try disk.modified(path)
                let bytes = try disk.read(path, from: 0, limit: CursorFile.limitBytes)
                do throws(CursorFileError) {
                    let file = try CursorFile(parsing: bytes)
                    if let wanted, !isSame(wanted, (file.input, file.output)) {
                        throw CursorFileError(reason: "is that of the route from \(file.input) to \(file.output)")
                    }
                    return (file, modified)
                } catch { problems.append((path, error.reason)) }
            } catch { if !error.isAbsence { problems.append((path, error.description)) } }
        }
        return nil
    }

    /// Somebody may have swapped files, or restored a copy under another name: what one route has read says nothing of
    /// what another has. Names that look alike are other names.
    private func isSame(_ one: (input: String, output: String), _ other: (input: String, output: String)) -> Bool {
        one.input.utf8.elementsEqual(other.input.utf8) && one.output.utf8.elementsEqual(other.output.utf8)
    }
}

// MARK: Names

func cursorDirectory(of stateDirectory: String) -> String { "\(stateDirectory)/cursors" }

/// Where the cursor of a route is saved.
package func cursorPath(stateDirectory: String, input: String, output: String) -> String {
    "\(cursorDirectory(of: stateDirectory))/\(routeFileName(input: input, output: output))\(CursorSuffix.log)"
}

/// Where versions before the log saved it.
func earlierCursorPath(_ path: String) -> String {
    String(path.dropLast(CursorSuffix.log.count)) + CursorSuffix.earlier
}

/// A name of letters, digits, `-`, `_`, and `%` with two digits for every other byte, so that no two routes share a
/// file. Without an ending.
func routeFileName(input: String, output: String) -> String {
    /// NAME_MAX is 255; the suffixes need a few. What is longer is cut, and told apart by its fingerprint.
    let nameLimitBytes = 200
    var name: [UInt8] = []
    name.append(fileNameEscaping: input)
    name.append(UInt8(ascii: "~"))
    name.append(fileNameEscaping: output)
    if name.count > nameLimitBytes {
        var fingerprint = Fingerprint()
        fingerprint.add(name[...])
        name.removeLast(name.count - nameLimitBytes)
        name.append(UInt8(ascii: "~"))
        for shift in stride(from: 56, through: 0, by: -8) {
            name.append(hexadecimal: UInt8(truncatingIfNeeded: fingerprint.value >> UInt64(shift)))
        }
    }
    return String(decoding: name, as: UTF8.self)
}

extension [UInt8] {
    /// Letters, digits, `-` and `_` as they are, `%` with two digits for every other byte.
    mutating func append(fileNameEscaping text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                append(byte)
            default:
                append(UInt8(ascii: "%"))
                append(hexadecimal: byte)
            }
        }
    }
}
