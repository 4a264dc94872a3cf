// How far one file has been acknowledged, and the JSON in which that outlives the agent.

package import Bytes
package import Durable
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

    /// Reads all in one value, as `write` writes it and versions before the log saved it. What cannot be understood is
    /// left out, and counted in `malformed`.
    package init(_ json: JSONValue, malformed: inout Int) {
        for value in json["files"]?.array ?? [] {
            if let file = FileCursor(value) { files.append(file) } else { malformed += 1 }
        }
        floors = Self.times(json["floors"], "path", "modified", &malformed)
        take(once: json, &malformed)
    }

    /// What there is once.
    private mutating func take(once json: JSONValue, _ malformed: inout Int) {
        since = Self.times(json["since"], "pattern", "time", &malformed)
        if json["version"]?.unsigned != Self.version { malformed += 1 }
    }

    /// Reads what was saved, entry by entry.
    package init(_ replay: CursorReplay, malformed: inout Int) {
        var entries = SavedFileEntries()
        replay.forEach { line in
            switch line.change {
            case .whole(let json) where json["files"] != nil: self = FileCursors(json, malformed: &malformed)
            case .whole(let json) where line.key == 0: take(once: json, &malformed)
            case .whole(let json) where json["floor"] != nil:
                if let path = Self.path(json, "floor"), let time = json["modified"]?.unsigned {
                    entries.floors[line.key] = (path, Int64(clamping: time))
                } else {
                    malformed += 1
                }
            case .whole(let json):
                if let file = FileCursor(json) { entries.put(file, line) } else { malformed += 1 }
            case .members(let json): entries.files[line.key]?.cursor.take(json)
            case .gone: entries.remove(line)
            }
        }
        files += entries.inOrder
        for (path, time) in entries.floors.values { floors[path] = max(time, floors[path] ?? time) }
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
    fileprivate static func path(_ json: JSONValue, _ key: String) -> Path? {
        guard let digits = json["\(key)_bytes"] else { return json[key]?.string.map { Path($0) } }
        return digits.string.flatMap(bytes(hexadecimal:)).map { Path($0[...]) }
    }

    /// Into the entry of what there is once.
    static func write(since: [Path: Int64], into json: inout JSONWriter) {
        json.object { json in
            json.key("version")
            json.number(version)
            json.key("since")
            write(since, "pattern", "time", into: &json)
        }
    }

    static func write(floor path: Path, _ time: Int64, into json: inout JSONWriter) {
        json.object { json in
            write(path, "floor", into: &json)
            json.key("modified")
            json.number(UInt64(clamping: time))
        }
    }

    /// All of them in one value, for people.
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
    /// Nil for what cannot be understood.
    fileprivate init?(_ json: JSONValue) {
        guard let path = FileCursors.path(json, "path"), let device = json["device"]?.unsigned,
            let inode = json["inode"]?.unsigned, let head = FilePrint.Head(json), let offset = json["offset"]?.unsigned
        else { return nil }
        self.init(
            path: path,
            identity: FileIdentity(
                id: FileID(device: device, inode: inode), born: json["born"]?.unsigned.map { Int64(clamping: $0) },
                print: FilePrint(head: head, inner: .init(json))),
            offset: offset, mark: json["continues"]?.string.flatMap(LineSplitter.Mark.init) ?? .line,
            sizeBytes: json["size"]?.unsigned ?? offset, isCutShort: json["cut_short"]?.bool == true)
    }

    /// Takes over members that changed.
    fileprivate mutating func take(_ json: JSONValue) {
        if let offset = json["offset"]?.unsigned { self.offset = offset }
        if let size = json["size"]?.unsigned { sizeBytes = size }
        if let name = json["continues"] { mark = name.string.flatMap(LineSplitter.Mark.init) ?? .line }
        if let head = FilePrint.Head(json) { identity.print.head = head }
        if let inner = FilePrint.Inner(json) { identity.print.inner = inner }
    }

    /// All of it, as one object.
    func write(into json: inout JSONWriter) {
        json.object { json in
            FileCursors.write(path, "path", into: &json)
            Self.write("device", id.device, into: &json)
            Self.write("inode", id.inode, into: &json)
            // In older versions there is none.
            if let born = identity.born { Self.write("born", UInt64(clamping: born), into: &json) }
            writeProgress(into: &json, withPrint: true)
            if mark != .line { writeMark(into: &json) }
            if isCutShort {
                json.key("cut_short")
                json.bool(true)
            }
        }
    }

    /// Members that change as it is read, into an object.
    func writeProgress(into json: inout JSONWriter, withPrint: Bool) {
        Self.write("offset", offset, into: &json)
        Self.write("size", sizeBytes, into: &json)
        guard withPrint else { return }
        Self.write("print", print.head.checksum.value, into: &json)
        Self.write("print_length", UInt64(print.head.length), into: &json)
        if let inner = print.inner {
            Self.write("inner_end", inner.end, into: &json)
            Self.write("inner", inner.checksum.value, into: &json)
        }
    }

    func writeMark(into json: inout JSONWriter) {
        json.key("continues")
        if mark != .line { json.string(mark.rawValue) } else { json.null() }
    }

    private static func write(_ key: String, _ value: UInt64, into json: inout JSONWriter) {
        json.key(key)
        json.number(value)
    }
}

extension FilePrint.Head {
    fileprivate init?(_ json: JSONValue) {
        guard let length = json["print_length"]?.unsigned, length <= UInt64(Self.lengthLimit),
            let checksum = json["print"]?.unsigned
        else { return nil }
        self.init(length: Int(length), checksum: Fingerprint(value: checksum))
    }
}
