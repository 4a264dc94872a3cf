// Where a route was: one small JSON file for each pair of input and output, `<state>/cursors/<input>~<output>.json`.
//
//     {"version":1,"checksum":"9a0c…","route":{"input":"syslog","output":"central"},"cursor":{…}}
//
// The checksum is the Fingerprint, as 16 hexadecimal digits, of all bytes from `"route"` to the end of the cursor.
// The file is replaced whole, and the one before is kept as `.old`: a file that is cut or damaged costs a few records
// sent twice, never a start.

package import Bytes
package import Platform

/// Loads and saves the cursor of one route. Not shared: it moves to the worker that saves.
package struct CursorStore<DiskType: Disk>: Sendable {
    private let directory: String
    private let fileName: String
    private let input: String
    private let output: String
    private let log: AgentLog
    /// Its own copy, where it is a value.
    private(set) var disk: DiskType

    /// Files that were there and could not be used, because they are cut, damaged, or of a version not known here.
    package private(set) var damagedCount: UInt64 = 0

    /// Where the cursor is saved.
    package var path: String { "\(directory)/\(fileName)\(fallbackSuffixes.first ?? "")" }

    /// Touches nothing on the disk. `stateDirectory` is the agent's own, without a slash at its end.
    package init(stateDirectory: String, input: String, output: String, disk: DiskType, log: AgentLog) {
        directory = cursorDirectory(of: stateDirectory)
        fileName = cursorFileName(input: input, output: output)
        self.input = input
        self.output = output
        self.disk = disk
        self.log = log
    }

    /// The cursor saved last, or the newest one before it that is whole. Nil at the first start, and when none is
    /// whole, which is logged and counted.
    package mutating func load() -> JSONValue? {
        for suffix in fallbackSuffixes {
            let path = "\(directory)/\(fileName)\(suffix)"
            let bytes: [UInt8]
            do throws(Errno) { bytes = try disk.read(path) } catch {
                if error != .notFound { reportDamage(path, error.description) }
                continue
            }
            do throws(CursorFileError) {
                let file = try CursorFile(parsing: bytes)
                guard file.isOf(input: input, output: output) else {
                    throw CursorFileError(reason: "is that of the route from \(file.input) to \(file.output)")
                }
                return file.cursor
            } catch {
                reportDamage(path, error.reason)
            }
        }
        return nil
    }

    /// Saves `cursor`, one JSON value. It is on the disk when this returns; when it throws, what was saved before can
    /// be loaded.
    package mutating func save(_ cursor: [UInt8]) throws(Errno) {
        let bytes = CursorFile.render(input: input, output: output, cursor: cursor)
        guard bytes.count <= HostDisk.readLimitBytes else { throw .tooLarge }
        try replaceFile(fileName, in: directory, with: bytes, keepingPrevious: true, on: &disk)
    }

    private mutating func reportDamage(_ path: String, _ reason: String) {
        damagedCount += 1
        log.error(
            "cursor file cannot be used; the copy before it is tried, and without one the input starts over",
            ["path": path, "reason": reason])
    }
}

/// One saved cursor, as `vitals cursors` shows it.
package struct SavedCursor: Sendable {
    package let input: String
    package let output: String
    /// One JSON value, as the input wrote it.
    package let json: [UInt8]
}

/// All cursors in a state directory, by name; and the files of which no copy is whole, each with the reason.
///
/// - Throws: `Errno` when the directory cannot be listed. One that is not there has no cursors.
package func savedCursors(
    in stateDirectory: String
) throws(Errno) -> (cursors: [SavedCursor], unusable: [(path: String, reason: String)]) {
    let directory = Path(cursorDirectory(of: stateDirectory))
    let entries: [Path]
    do throws(Errno) { entries = try directoryEntries(directory) } catch {
        guard error == .notFound else { throw error }
        return ([], [])
    }
    var names: Set<Path> = []
    for entry in entries {
        // A copy whose file was being replaced stands for it.
        for suffix in fallbackSuffixes where entry.hasSuffix(".json" + suffix) {
            names.insert(Path(entry.bytes.dropLast(suffix.utf8.count)))
        }
    }
    var cursors: [SavedCursor] = []
    var unusable: [(path: String, reason: String)] = []
    next: for name in names.sorted() {
        var reason = Errno.notFound.description
        for suffix in fallbackSuffixes {
            let path = directory / Path(name.bytes + suffix.utf8)
            do throws(Errno) {
                let bytes = try readWhole(path, limit: HostDisk.readLimitBytes)
                do throws(CursorFileError) {
                    let file = try CursorFile(parsing: bytes)
                    cursors.append(SavedCursor(input: file.input, output: file.output, json: file.json))
                    continue next
                } catch { reason = error.reason }
            } catch {
                if error != .notFound { reason = error.description }
            }
        }
        unusable.append(((directory / name).description, reason))
    }
    return (cursors, unusable)
}

/// In the order of their worth: the file, the next one before its rename, the one before.
private let fallbackSuffixes = ["", ".new", ".old"]

/// Where the cursor of a route is saved.
package func cursorPath(stateDirectory: String, input: String, output: String) -> String {
    "\(cursorDirectory(of: stateDirectory))/\(cursorFileName(input: input, output: output))"
}

private func cursorDirectory(of stateDirectory: String) -> String { "\(stateDirectory)/cursors" }

/// A name of letters, digits, `-`, `_`, and `%` with two digits for every other byte, so that no two routes share a
/// file.
func cursorFileName(input: String, output: String) -> String {
    routeFileName(input: input, output: output) + ".json"
}

/// The same without an ending.
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
        name.append(hexadecimal: fingerprint.value)
    }
    return String(decoding: name, as: UTF8.self)
}

private struct CursorFileError: Error { let reason: String }

/// The text of one cursor file.
private struct CursorFile {
    private static let head: StaticString = "{\"version\":1,\"checksum\":\""
    private static let middle: StaticString = "\","
    private static let checksumDigits = 16

    let input: String
    let output: String
    let cursor: JSONValue
    let json: [UInt8]

    static func render(input: String, output: String, cursor: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        body.append("\"route\":{\"input\":")
        body.append(jsonString: input)
        body.append(",\"output\":")
        body.append(jsonString: output)
        body.append("},\"cursor\":")
        body.append(contentsOf: cursor)
        var bytes: [UInt8] = []
        bytes.append(head)
        bytes.append(hexadecimal: fingerprint(of: body[...]))
        bytes.append(middle)
        bytes.append(contentsOf: body)
        bytes.append("}\n")
        return bytes
    }

    init(parsing bytes: [UInt8]) throws(CursorFileError) {
        var text = ByteCursor(bytes)
        guard text.skip(Self.head) else { throw CursorFileError(reason: "not a cursor file of version 1") }
        let bodyStart = text.index + Self.checksumDigits + Self.middle.utf8CodeUnitCount
        guard let checksum = text.hexadecimal(), text.skip(Self.middle), text.index == bodyStart,
            bytes.count >= bodyStart + 2, bytes.suffix(2).elementsEqual("}\n".utf8)
        else { throw CursorFileError(reason: "cut") }
        guard checksum == Self.fingerprint(of: bytes[bodyStart..<bytes.count - 2]) else {
            throw CursorFileError(reason: "checksum does not match")
        }
        let value: JSONValue
        do throws(JSONError) { value = try parseJSON(bytes) } catch {
            throw CursorFileError(reason: error.description)
        }
        guard let input = value["route"]?["input"]?.string, let output = value["route"]?["output"]?.string,
            let cursor = value["cursor"]
        else { throw CursorFileError(reason: "has no route or no cursor") }
        self.input = input
        self.output = output
        self.cursor = cursor
        // Where the value stands in its one line is where it stands in the bytes.
        json = Array(bytes[cursor.position.column - 1..<bytes.count - 2])
    }

    /// Somebody may have swapped files, or restored a copy under another name: what one route has read says nothing of
    /// what another has.
    func isOf(input: String, output: String) -> Bool {
        self.input.utf8.elementsEqual(input.utf8) && self.output.utf8.elementsEqual(output.utf8)
    }

    private static func fingerprint(of body: ArraySlice<UInt8>) -> UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(body)
        return fingerprint.value
    }
}

extension [UInt8] {
    /// 16 digits.
    fileprivate mutating func append(hexadecimal value: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            append(hexadecimal: UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

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
