// One line of a cursor log: what became of one entry of a cursor.
//
//     {"crc":"1a2b3c4d","version":2,"route":{"input":"syslog","output":"central"}}    the first line
//     {"crc":"…","key":7,"is":{"path":"/var/log/app.log","offset":0,…}}               all of entry 7
//     {"crc":"…","key":7,"set":{"offset":4096}}                                       members of it that changed
//     {"crc":"…","key":7}                                                             entry 7 is gone
//     {"crc":"…","snapshot":true}                                                     all entries stand above
//
// The checksum is the CRC-32, as 8 hexadecimal digits, of all bytes behind it and its comma up to the end of the line.
// A line stands for itself: one that is damaged costs what it said, and the lines around it still hold.

package import Bytes
internal import Platform

/// What one line says of an entry.
package struct CursorLine {
    package enum Change {
        /// All of the entry.
        case whole(JSONValue)
        /// Members of the object that the entry is. The others stay as they were.
        case members(JSONValue)
        case gone
    }

    /// Which entry. The input chooses its numbers, which hold within one log. An input with one entry calls it 0.
    package let key: UInt64
    package let change: Change
    /// It may be older than what another entry says of the same thing, since lines between them are damaged.
    package var isDoubtful = false
}

/// Lines that are being put together, in kept memory.
package struct CursorLines: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { bytes.isEmpty }

    package mutating func append(_ other: CursorLines) { bytes.append(contentsOf: other.bytes) }

    /// All of entry `key`, one JSON value.
    package mutating func put(_ key: UInt64, _ value: (inout JSONWriter) -> Void) { add(key, ",\"is\":", value) }

    /// Members of entry `key` that changed, one JSON object.
    package mutating func set(_ key: UInt64, _ members: (inout JSONWriter) -> Void) { add(key, ",\"set\":", members) }

    /// To be said after what stands in its place: what is cut off in between costs nothing then.
    package mutating func remove(_ key: UInt64) { add(key, "") { _ in } }

    private mutating func add(_ key: UInt64, _ name: StaticString, _ value: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        value(&json)
        line { bytes in
            bytes.append("\"key\":")
            bytes.append(decimal: key)
            bytes.append(name)
            bytes.append(contentsOf: json.bytes)
        }
    }

    /// The first line of a log.
    mutating func head(input: String, output: String) {
        line { bytes in
            bytes.append("\"version\":2,\"route\":{\"input\":")
            bytes.append(jsonString: input)
            bytes.append(",\"output\":")
            bytes.append(jsonString: output)
            bytes.append("}")
        }
    }

    /// All entries stand above.
    mutating func endSnapshot() { line { $0.append("\"snapshot\":true") } }

    private mutating func line(_ body: (inout [UInt8]) -> Void) {
        bytes.append(lineHead)
        let checksumAt = bytes.count
        bytes.append("00000000\",")
        let bodyStart = bytes.count
        body(&bytes)
        bytes.append(UInt8(ascii: "}"))
        bytes.set(hexadecimal: bytes.crc32(bodyStart..<bytes.count), at: checksumAt)
        bytes.append(UInt8(ascii: "\n"))
    }
}

private let lineHead: StaticString = "{\"crc\":\""
private let lineChecksumDigits = 8

/// What a whole line of a cursor log says.
enum ParsedCursorLine {
    case head(input: String, output: String)
    case entry(CursorLine)
    case snapshot
    /// Of a later version.
    case unknown

    init(_ line: [UInt8]) {
        let value: JSONValue
        do throws(JSONError) { value = try parseJSON(line) } catch {
            self = .unknown
            return
        }
        if let key = value["key"]?.unsigned {
            if let whole = value["is"] {
                self = .entry(CursorLine(key: key, change: .whole(whole)))
            } else if let members = value["set"] {
                self = .entry(CursorLine(key: key, change: .members(members)))
            } else {
                self = .entry(CursorLine(key: key, change: .gone))
            }
        } else if let route = value["route"], let input = route["input"]?.string, let output = route["output"]?.string {
            self = .head(input: input, output: output)
        } else {
            self = value["snapshot"]?.bool == true ? .snapshot : .unknown
        }
    }

    /// Without a look at what it says.
    static func isEntry(_ line: [UInt8]) -> Bool { line.dropFirst(lineBodyStart).starts(with: "\"key\":".utf8) }
}

private let lineBodyStart = lineHead.utf8CodeUnitCount + lineChecksumDigits + 2

/// Its checksum is right.
private func isWholeLine(_ line: [UInt8]) -> Bool {
    var text = ByteCursor(line)
    guard text.skip(lineHead), let checksum = text.hexadecimal(), text.skip("\","), text.index == lineBodyStart else {
        return false
    }
    return checksum == UInt64(line.crc32(lineBodyStart..<line.count))
}

/// A line of a log, without its end.
enum CursorLogLine {
    case whole([UInt8])
    case damaged
    /// The last one, which has no end: it was never said to be saved.
    case torn
}

/// A line of a log that no version writes, and that only damage can make. It need not be kept whole.
private let lineLimitBytes = 1 << 20

/// Calls `body` with each line.
func forEachCursorLine(
    _ read: (_ offset: UInt64, _ limit: Int) throws(Errno) -> [UInt8], _ body: (CursorLogLine) -> Void
) throws(Errno) {
    let chunkBytes = 256 << 10
    var (offset, rest): (UInt64, [UInt8]) = (0, [])
    while true {
        let chunk = try read(offset, chunkBytes)
        guard !chunk.isEmpty else { break }
        offset += UInt64(chunk.count)
        rest += chunk
        var start = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            classify(Array(rest[start..<end]), body)
            start = end + 1
        }
        rest.removeFirst(start)
        if rest.count > lineLimitBytes { rest.removeFirst(rest.count - 1) }
    }
    if !rest.isEmpty { body(.torn) }
}

/// A line that begins within a damaged one, because the end between them is damaged, is a line of its own. (JSON has no
/// such text within a string.)
private func classify(_ line: [UInt8], _ body: (CursorLogLine) -> Void) {
    if isWholeLine(line) { return body(.whole(line)) }
    body(.damaged)
    guard let next = line.lastStart(of: lineHead), next > 0 else { return }
    let second = Array(line[next...])
    if isWholeLine(second) { body(.whole(second)) }
}

extension [UInt8] {
    /// 8 digits, in the place of those that stand there.
    fileprivate mutating func set(hexadecimal value: UInt32, at start: Int) {
        var digits: [UInt8] = []
        for shift in stride(from: 24, through: 0, by: -8) {
            digits.append(hexadecimal: UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
        replaceSubrange(start..<start + digits.count, with: digits)
    }

    fileprivate func lastStart(of text: StaticString) -> Int? {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return nil }
        return (0...count - length).last { start in
            guard self[start] == UInt8(ascii: "{") else { return false }
            var cursor = ByteCursor(Array(self[start..<start + length]))
            return cursor.skip(text)
        }
    }
}
