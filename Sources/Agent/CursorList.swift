// `vitals cursors`: how far each route was acknowledged, as it is on the disk; a running agent adds to it within
// a tenth of a second.

package import Bytes
internal import Durable
internal import Inputs
package import Platform

/// A table with a line for each file, journal or spool that a cursor speaks of.
///
/// `problems` are files that cannot be used, lines that are damaged, and what in a cursor cannot be understood.
///
/// - Throws: `Errno` when the state directory cannot be read.
package func cursorTable(stateDirectory: String) throws(Errno) -> (text: String, problems: [String]) {
    _ = try FileStatus(of: stateDirectory)
    let (cursors, unusable) = try savedCursors(in: stateDirectory)
    var problems = unusable.map { "\($0.path): \($0.reason)" }
    var rows = [["INPUT", "OUTPUT", "SOURCE", "IDENTITY", "POSITION", "SIZE", "LAG", "STATE"]]
    var directories = ListedDirectories()
    for cursor in cursors {
        if let damage = damage(of: cursor) { problems.append(damage) }
        let places = places(of: cursor, &directories, &problems)
        for place in places {
            rows.append([
                String(printable: cursor.input), String(printable: cursor.output), place.source, place.identity,
                place.position, place.size, place.lag,
                place.state,
            ])
        }
    }
    if !cursors.isEmpty { return (table(rows, leftColumns: 4), problems) }
    return (problems.isEmpty ? "no cursors in \(stateDirectory)\n" : "", problems)
}

/// The same as one JSON list. The cursor of a `file` input is one object with all its files, that of another what the
/// input wrote.
package func cursorJSON(stateDirectory: String) throws(Errno) -> (text: [UInt8], problems: [String]) {
    _ = try FileStatus(of: stateDirectory)
    let (cursors, unusable) = try savedCursors(in: stateDirectory)
    var problems = unusable.map { "\($0.path): \($0.reason)" }
    var text: [UInt8] = []
    for cursor in cursors {
        if let damage = damage(of: cursor) { problems.append(damage) }
        var json = JSONWriter()
        json.object { json in
            json.key("input")
            json.string(cursor.input)
            json.key("output")
            json.string(cursor.output)
            json.key("cursor")
            switch kind(of: cursor, &problems) {
            case .files(let files): files.write(into: &json)
            case .value(let value): json.value(value)
            }
        }
        text.append(text.isEmpty ? "[" : ",\n ")
        text.append(contentsOf: json.bytes)
    }
    text.append(text.isEmpty ? "[]\n" : "]\n")
    return (text, problems)
}

private func damage(of cursor: SavedCursor) -> String? {
    cursor.damagedLineCount > 0 ? "\(cursor.path): damaged lines: \(cursor.damagedLineCount)" : nil
}

private enum CursorKind {
    case files(FileCursors)
    /// One value.
    case value(JSONValue)
}

/// The kind of an input is not in its cursor, but each kind has a form of its own.
private func kind(of cursor: SavedCursor, _ problems: inout [String]) -> CursorKind {
    let single = cursor.replay.single
    var hasMore = false
    cursor.replay.forEach { if $0.key != 0 { hasMore = true } }
    if let single, !hasMore, single["files"] == nil, single["since"] == nil { return .value(single) }
    var malformed = 0
    let files = FileCursors(cursor.replay, malformed: &malformed)
    if malformed > 0 {
        problems.append("\(cursor.input) to \(cursor.output): entries that cannot be understood: \(malformed)")
    }
    return .files(files)
}

/// One line of the table.
private struct Place {
    let source: String
    var identity = "-"
    let position: String
    var size = "-"
    var lag = "-"
    var state = "-"
}

/// A form that is not known here is shown as it is.
private func places(
    of cursor: SavedCursor, _ directories: inout ListedDirectories, _ problems: inout [String]
) -> [Place] {
    let json: JSONValue
    switch kind(of: cursor, &problems) {
    case .files(let cursors):
        // As a person looks for them, not as they were written.
        let files = cursors.files.sorted { ($0.path, $0.offset) < ($1.path, $1.offset) }
        return files.isEmpty
            ? [Place(source: "no file yet", position: "-")] : files.map { place(of: $0, &directories) }
    case .value(let value): json = value
    }
    if let documents = json["documents"]?.array {
        let bytes = documents.reduce(0) { $0 + ($1["text"]?.string?.utf8.count ?? 0) }
        let count = documents.count
        return [Place(source: "metrics", position: "\(count) to be sent", lag: bytesText(UInt64(bytes)))]
    }
    if let next = json["spool"]?["next"]?.unsigned { return [Place(source: "spool", position: "record \(next)")] }
    if let place = JournalPlace(json) { return [Place(source: "journal", position: position(of: place))] }
    if case .null = json.content { return [Place(source: "nothing yet", position: "-")] }
    var text = JSONWriter()
    text.value(json)
    return [Place(source: String(printable: String(decoding: text.bytes, as: UTF8.self)), position: "-")]
}

/// The size is what the file has now, where it is found, else what it had when it was last looked at.
private func place(of file: FileCursor, _ directories: inout ListedDirectories) -> Place {
    var sizeBytes = file.sizeBytes
    let state: String
    switch file.findFile(&directories) {
    case .live(let now): (sizeBytes, state) = (now, "live")
    case .rotated(let name, let now): (sizeBytes, state) = (now, "rotated: \(name)")
    case .gone: state = "gone"
    case .unknown(let errno): state = "not seen: \(errno)"
    }
    let lag = sizeBytes - min(sizeBytes, file.offset)
    return Place(
        source: file.path.description, identity: "\(file.id.device):\(file.id.inode)", position: "\(file.offset)",
        size: "\(sizeBytes)", lag: bytesText(lag), state: state)
}

/// When the entry was written: its time is in libsystemd's cursor, `s=…;i=…;b=…;m=…;t=<microseconds, hexadecimal>;x=…`.
private func position(of place: JournalPlace) -> String {
    let microseconds: UInt64?
    switch place {
    case .time(let time): microseconds = time
    case .after(let cursor), .at(let cursor):
        let time = cursor.split(separator: ";").first { $0.hasPrefix("t=") }
        microseconds = time.flatMap { UInt64($0.dropFirst(2), radix: 16) }
        if microseconds == nil { return String(printable: cursor) }
    }
    var text: [UInt8] = []
    text.append(civil: CivilTime(unixSeconds: Int64(clamping: (microseconds ?? 0) / 1_000_000)))
    text.append("Z")
    return String(decoding: text, as: UTF8.self)
}

extension JSONWriter {
    /// As it was read, but for blanks.
    package mutating func value(_ value: JSONValue) {
        switch value.content {
        case .null: null()
        case .bool(let bool): self.bool(bool)
        case .number(let text):
            if let whole = UInt64(text) { number(whole) } else { number(Double(text) ?? .nan) }
        case .string(let text): string(text)
        case .array(let values): array { json in for value in values { json.value(value) } }
        case .object(let members):
            object { json in
                for member in members {
                    json.key(member.key)
                    json.value(member.value)
                }
            }
        }
    }
}
