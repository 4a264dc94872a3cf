// A record out of the line that RecordJSON made of it, for those that were put aside and are sent again.

internal import Bytes
package import Logs

/// Reads what RecordJSON writes. What came from the input's settings and from the host is written anew when the record
/// is sent: its own members win over the input's `fields`.
package struct RecordReader {
    /// Members of one record; a line of JSON with more than that many fields keeps the first.
    private static let memberLimit = 1_000

    private var members: [JSONMember] = []
    private var time = TimeReading(.rfc3339, zone: .utc)

    package init() {}

    /// Appends the record that `json[range]` is. Whatever is not an object with a message goes as it is: a document, or
    /// the text of one that was none. `now`, nanoseconds since 1970, is the time of a record that has none.
    package mutating func read(
        _ json: [UInt8], _ range: Range<Int>, into batch: inout LogBatch, next: Position, now: Int64
    ) {
        members.removeAll(keepingCapacity: true)
        let isObject =
            json.scanJSONObject(range, depthLimit: 1, memberLimit: Self.memberLimit, into: &members) != .isNone
        guard isObject, let message = find("message", json), let stamp = find("timestamp", json) else {
            return readDocument(json, range, into: &batch, next: next, now: now)
        }
        // What is decoded comes behind what it was decoded from.
        var text = json
        let decoded = text.append(decodingJSON: message.value)
        let first = batch.nextField
        for member in members where !RecordNames.own.contains(where: { json[member.name].elementsEqual($0.utf8) }) {
            add(member, of: &text, to: &batch)
        }
        let cut = members.contains { json[$0.name].elementsEqual("truncated".utf8) }
        let own = time.readRFC3339(json, stamp.value, now: now)
        batch.append(
            text, decoded, fields: first..<batch.nextField, at: own ?? now, next: next, isCut: cut,
            hasOwnTime: own != nil)
    }

    private func find(_ name: String, _ json: [UInt8]) -> JSONMember? {
        members.first { $0.kind == .string && json[$0.name].elementsEqual(name.utf8) }
    }

    private func add(_ member: JSONMember, of text: inout [UInt8], to batch: inout LogBatch) {
        let name = text.append(decodingJSON: member.name)
        let value = member.kind == .string ? text.append(decodingJSON: member.value) : member.value
        let isNumber = member.kind == .number || member.kind == .boolean
        _ = batch.addField(named: name, value, isNumber: isNumber, of: text)
    }

    private mutating func readDocument(
        _ json: [UInt8], _ range: Range<Int>, into batch: inout LogBatch, next: Position, now: Int64
    ) {
        var text = json
        let isText = json[range].first == UInt8(ascii: "\"") && range.count >= 2
        let whole = isText ? text.append(decodingJSON: range.dropFirst().dropLast()) : range
        // Where it wants to go was decided when it was read, and is not known any more: all may.
        var rules = DocumentRules()
        batch.append(document: Array(text[whole]), at: now, next: next, &rules, &members)
    }
}
