// Recognising a document with metrics (EMF) among lines of text: one JSON object with `_aws`, and in it
// `CloudWatchMetrics`. Whether CloudWatch would take all of it is not asked here: nobody is helped by taking it apart.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

package import Bytes

/// Where a document asks to be put, `_aws.LogGroupName` and `_aws.LogStreamName`, as pieces of its text, and its time.
struct EMFLine {
    /// What the service takes, of events as of metrics: 14 days ago to two hours ahead. See
    /// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
    private static let oldestMilliseconds: Int64 = 14 * 86_400_000
    private static let newestMilliseconds: Int64 = 2 * 3_600_000

    struct Name {
        let range: Range<Int>
        let hasEscapes: Bool
    }

    var logGroup: Name?
    var logStream: Name?
    /// `_aws.Timestamp`; nil for what is no whole number.
    private var unixMilliseconds: Int64?

    /// When what it measures was. Nil for a time that the service would not take `now`: the metrics are lost then, and
    /// the event need not be.
    func unixNanoseconds(at now: Int64) -> Int64? {
        guard let time = unixMilliseconds else { return nil }
        let now = now / 1_000_000
        let isTaken = time >= now - Self.oldestMilliseconds && time <= now + Self.newestMilliseconds
        return isTaken ? time * 1_000_000 : nil
    }

    /// One with more members is taken for a message.
    private static let memberLimit = 4_096
    private static let metadataName: [UInt8] = Array("\"_aws\"".utf8)

    /// nil for whatever else. `members` is kept for its memory.
    init?(_ bytes: [UInt8], _ range: Range<Int>, _ members: inout [JSONMember]) {
        // Of most lines this is all.
        guard range.count > 2, bytes[range.lowerBound] == UInt8(ascii: "{") else { return nil }
        guard Self.mentionsMetadata(bytes, range) else { return nil }
        members.removeAll(keepingCapacity: true)
        guard
            bytes.scanJSONObject(range, depthLimit: 2, memberLimit: Self.memberLimit, into: &members) == .isObject,
            let metadata = members.firstIndex(where: { member in
                member.parent < 0 && member.kind == .object && bytes[member.name].elementsEqual("_aws".utf8)
            })
        else { return nil }
        var hasMetrics = false
        for member in members[metadata...].dropFirst() where member.parent == metadata {
            let name = bytes[member.name]
            if name.elementsEqual("CloudWatchMetrics".utf8) {
                hasMetrics = member.kind == .text && bytes[member.value.lowerBound] == UInt8(ascii: "[")
            } else if name.elementsEqual("Timestamp".utf8) {
                if member.kind == .number { unixMilliseconds = Self.wholeNumber(bytes[member.value]) }
            } else if member.kind == .string, !member.value.isEmpty {
                let value = Name(range: member.value, hasEscapes: member.valueHasEscapes)
                if name.elementsEqual("LogGroupName".utf8) { logGroup = value }
                if name.elementsEqual("LogStreamName".utf8) { logStream = value }
            }
        }
        guard hasMetrics else { return nil }
    }

    /// JSON has one kind of number: `1e3` and `1000.0` are whole as well.
    private static func wholeNumber(_ digits: ArraySlice<UInt8>) -> Int64? {
        let text = String(decoding: digits, as: UTF8.self)
        return Int64(text) ?? Double(text).flatMap { Int64(exactly: $0) }
    }

    /// By the underscore, of which texts in JSON have few.
    private static func mentionsMetadata(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        while let found = bytes.firstIndex(of: UInt8(ascii: "_"), in: at..<range.upperBound) {
            let start = found - 1
            let end = start + metadataName.count
            if start > range.lowerBound, end <= range.upperBound, bytes[start..<end].elementsEqual(metadataName) {
                return true
            }
            at = found + 1
        }
        return false
    }
}

extension LogBatch {
    /// The fields that say where a document asks to be put.
    private static let groupField: StaticString = "log_group"
    private static let streamField: StaticString = "log_stream"

    /// Adds a document that came at `unixNanoseconds`, with its own time, and with the fields `log_group` and
    /// `log_stream` where it names them and the `rules` allow it.
    /// With `isOfAgent` both times are this agent's readings.
    package mutating func append(
        document text: [UInt8], at unixNanoseconds: Int64, next: Position, isOfAgent: Bool = false,
        _ rules: inout DocumentRules, _ members: inout [JSONMember]
    ) {
        let start = nextField
        var own: Int64?
        if let line = EMFLine(text, 0..<text.count, &members) {
            own = line.unixNanoseconds(at: unixNanoseconds)
            addFields(line, of: text, &rules)
        }
        append(
            text, 0..<text.count, fields: start..<nextField, at: own ?? unixNanoseconds, next: next, isDocument: true,
            hasOwnTime: own != nil && !isOfAgent)
    }

    /// Makes documents of those records from number `first` on that are some.
    package mutating func recogniseDocuments(
        from first: Int, at now: Int64, _ rules: inout DocumentRules, _ members: inout [JSONMember]
    ) {
        for index in first..<records.count where !records[index].isDocument && !records[index].isCut {
            guard let line = EMFLine(bytes, records[index].text.range, &members) else { continue }
            records[index].isDocument = true
            if let time = line.unixNanoseconds(at: now) {
                records[index].unixNanoseconds = time
            } else {
                rules.timesRefused += 1
            }
            guard line.logGroup != nil || line.logStream != nil else { continue }
            let start = nextField
            for shared in records[index].fields { repeatField(shared) }
            addFields(line, of: bytes, &rules)
            records[index].fields = start..<nextField
        }
    }

    private mutating func addFields(_ line: EMFLine, of text: [UInt8], _ rules: inout DocumentRules) {
        guard let (group, stream) = rules.place(of: line, text) else { return }
        if let group { _ = addField(Self.groupField, group) }
        if let stream { _ = addField(Self.streamField, stream) }
    }
}

extension RecordDraft {
    /// Becomes a document if it is one.
    mutating func recogniseDocument(at now: Int64, _ rules: inout DocumentRules, _ members: inout [JSONMember]) {
        guard !isDocument, !isCut, let line = EMFLine(bytes, text, &members) else { return }
        isDocument = true
        if let time = line.unixNanoseconds(at: now) { unixNanoseconds = time } else { rules.timesRefused += 1 }
        guard let (group, stream) = rules.place(of: line, bytes) else { return }
        if let group { add("log_group", append(group)) }
        if let stream { add("log_stream", append(stream)) }
    }

    private mutating func append(_ added: [UInt8]) -> Range<Int> { append(added, 0..<added.count) }
}

extension EMFLine.Name {
    func decoded(of text: [UInt8]) -> [UInt8] {
        var value = Array(text[range])
        guard hasEscapes else { return value }
        let decoded = value.append(decodingJSON: 0..<value.count)
        return Array(value[decoded])
    }
}
