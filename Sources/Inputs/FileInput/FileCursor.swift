// How far one file has been acknowledged, and the JSON in which that outlives the agent.

package import Bytes
package import Logs
package import Platform

package struct FileCursor: Equatable, Sendable {
    /// The name under which the file was first found: its rotated siblings begin with it.
    package var path: Path
    package var identity: FileIdentity
    /// The first byte that is not acknowledged.
    package var offset: UInt64
    /// What the byte at `offset` continues.
    package var mark = LineSplitter.Mark.line
    /// The size when it was last looked at; what of it was never read is lost when the file is gone.
    package var sizeBytes: UInt64
    /// A compressed file that ends in the middle of its text: it was read as far, and more of it may come.
    package var isCutShort = false

    package var id: FileID { identity.id }
    package var print: FilePrint { identity.print }
}

/// All that a file input keeps between runs.
package struct FileCursors: Equatable, Sendable {
    package static let version: UInt64 = 1

    package var files: [FileCursor] = []
    /// For each path the time of change, in nanoseconds since 1970, of its newest rotated sibling that is none of ours,
    /// because it was there before the path was first followed.
    package var floors: [Path: Int64] = [:]
    /// For each pattern, by the bytes of its text, since when it has been followed, in nanoseconds since 1970. What was
    /// written later is ours, also when it was rotated before anybody saw it.
    package var since: [Path: Int64] = [:]

    package init() {}

    /// Reads what `write` wrote. What cannot be understood is left out, and counted in `malformed`.
    package init(_ json: JSONValue, malformed: inout Int) {
        for value in json["files"]?.array ?? [] {
            guard let path = Self.path(value, "path"), let device = value["device"]?.unsigned,
                let inode = value["inode"]?.unsigned, let length = value["print_length"]?.unsigned,
                length <= UInt64(FilePrint.Head.lengthLimit), let checksum = value["print"]?.unsigned,
                let offset = value["offset"]?.unsigned
            else {
                malformed += 1
                continue
            }
            let print = FilePrint(
                head: .init(length: Int(length), checksum: Fingerprint(value: checksum)), inner: .init(value))
            files.append(
                FileCursor(
                    path: path,
                    identity: FileIdentity(
                        id: FileID(device: device, inode: inode),
                        born: value["born"]?.unsigned.map { Int64(clamping: $0) }, print: print),
                    offset: offset,
                    mark: value["continues"]?.string.flatMap(LineSplitter.Mark.init) ?? .line,
                    sizeBytes: value["size"]?.unsigned ?? offset,
                    isCutShort: value["cut_short"]?.bool == true))
        }
        floors = Self.times(json["floors"], "path", "modified", &malformed)
        since = Self.times(json["since"], "pattern", "time", &malformed)
        if json["version"]?.unsigned != Self.version { malformed += 1 }
    }

    private static func times(
        _ json: JSONValue?, _ nameKey: String, _ timeKey: String, _ malformed: inout Int
    ) -> [Path: Int64] {
        var times: [Path: Int64] = [:]
        for value in json?.array ?? [] {
            if let name = path(value, nameKey), let time = value[timeKey]?.unsigned {
                times[name] = Int64(clamping: time)
            } else {
                malformed += 1
            }
        }
        return times
    }

    private static func write(
        _ times: [Path: Int64], _ nameKey: String, _ timeKey: String, into json: inout JSONWriter
    ) {
        json.array { json in
            for (name, time) in times.sorted(by: { $0.key < $1.key }) {
                json.object { json in
                    Self.write(name, nameKey, into: &json)
                    json.key(timeKey)
                    json.number(UInt64(clamping: time))
                }
            }
        }
    }

    /// JSON has no bytes. A name that is not UTF-8 stands there as a person may read it, as in older versions, and
    /// beside it, under the same key with `_bytes`, exactly: two hexadecimal digits for each byte.
    fileprivate static func write(_ name: Path, _ key: String, into json: inout JSONWriter) {
        json.key(key)
        json.string(name.repaired)
        guard name.text == nil else { return }
        var digits: [UInt8] = []
        for byte in name.bytes { digits.append(hexadecimal: byte) }
        json.key("\(key)_bytes")
        json.string(String(decoding: digits, as: UTF8.self))
    }

    /// nil when there is none, or what stands for its bytes cannot be understood.
    private static func path(_ json: JSONValue, _ key: String) -> Path? {
        guard let digits = json["\(key)_bytes"] else { return json[key]?.string.map { Path($0) } }
        return digits.string.flatMap(bytes(hexadecimal:)).map { Path($0[...]) }
    }

    package func write(into json: inout JSONWriter) {
        json.object { json in
            json.key("version")
            json.number(Self.version)
            json.key("files")
            json.array { json in for file in files { file.write(into: &json) } }
            json.key("floors")
            Self.write(floors, "path", "modified", into: &json)
            json.key("since")
            Self.write(since, "pattern", "time", into: &json)
        }
    }
}

/// nil for what is not two digits for each byte.
private func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap(\.hexadecimalDigit)
    guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension FilePrint.Inner {
    fileprivate init?(_ json: JSONValue) {
        guard let end = json["inner_end"]?.unsigned, let checksum = json["inner"]?.unsigned,
            UInt64(Self.length)...Self.endLimit ~= end
        else { return nil }
        self.init(end: end, checksum: Fingerprint(value: checksum))
    }
}

extension FileCursor {
    fileprivate func write(into json: inout JSONWriter) {
        json.object { json in
            FileCursors.write(path, "path", into: &json)
            for (key, value) in [
                ("device", id.device), ("inode", id.inode), ("print", print.head.checksum.value),
                ("print_length", UInt64(print.head.length)), ("offset", offset), ("size", sizeBytes),
            ] {
                json.key(key)
                json.number(value)
            }
            // In older versions there is none.
            if let born = identity.born {
                json.key("born")
                json.number(UInt64(clamping: born))
            }
            if let inner = print.inner {
                json.key("inner_end")
                json.number(inner.end)
                json.key("inner")
                json.number(inner.checksum.value)
            }
            if mark != .line {
                json.key("continues")
                json.string(mark.rawValue)
            }
            if isCutShort {
                json.key("cut_short")
                json.bool(true)
            }
        }
    }
}
