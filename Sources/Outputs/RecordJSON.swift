// A record as one line of JSON, the form in which the stdout, file and http outputs send it:
//
//     {"timestamp":"2026-11-21T02:38:30.123456789Z","message":"…","host":"web1","input":"syslog",
//      "file":"/var/log/syslog"}
//
// on one line.
//
// Then come the input's own `fields`, and "truncated":true when the text was cut at the limit for a line. A record that
// is a document of its own is written as it is, but for one that says itself where it comes from. This is the hottest
// code of the agent: a line is three copies, one of which escapes.

internal import Bytes
package import Logs

/// How an output writes its records.
package enum RecordFormat: String, CaseIterable, Sendable {
    /// One JSON object a line (https://github.com/ndjson/ndjson-spec).
    case json
    /// The message alone, and a newline; line breaks within it stay.
    case text
}

/// Belongs to one route, since every record of it has the same host, input and fields.
package struct RecordJSON: Sendable {
    /// The input's `fields`, each as `,"name":"value"`.
    private let inputFields: [(name: [UInt8], text: [UInt8])]
    /// `,"host":"…","input":"…"`
    private let source: [UInt8]

    // What consecutive records share is written once. All of these are made again when they do not fit.
    private var timestamp = TimestampText()
    private var tail: [UInt8] = []
    private var tailFields: Range<UInt32>?
    private var tailIsCut = false

    /// A document that a log line is, and that has members called as those of the envelope, is written within one.
    private let enclosesClaims: Bool

    /// What is wrong with a name in an input's `fields`; nil when records can have it.
    package static func fault(ofField name: String) -> String? {
        (RecordNames.own + RecordNames.ofInputs).contains(name) ? "is a name that records have already" : nil
    }

    /// The fields of `context` have no fault. `enclosesClaims`: what stands in a line of a log cannot pass for a
    /// record of another host, input or file. Without it all documents are written as they are, for a receiver to whom
    /// they say nothing but metrics.
    package init(_ context: OutputContext, enclosesClaims: Bool = true) {
        self.enclosesClaims = enclosesClaims
        inputFields = context.fields.map { field in
            var text: [UInt8] = []
            text.append(",")
            text.append(jsonString: field.name)
            text.append(":")
            text.append(jsonString: field.value)
            return (Array(field.name.utf8), text)
        }
        var source: [UInt8] = []
        source.append(",\"host\":")
        source.append(jsonString: context.hostName)
        source.append(",\"input\":")
        source.append(jsonString: context.inputName)
        self.source = source
    }

    /// Appends one line for each record. Returns how many invalid UTF-8 sequences were replaced.
    package mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int {
        let bytes = batch.bytes
        var replaced = 0
        // Another batch may have other fields at the same place.
        tailFields = nil
        for record in batch.records[range] {
            if record.isDocument, !(enclosesClaims && record.claimsSource) {
                replaced += body.append(document: record.text.range, of: bytes)
                continue
            }
            if tailFields != record.fields || tailIsCut != record.isCut {
                replaced += renderTail(of: record, in: batch)
            }
            timestamp.render(record.unixNanoseconds)
            body.append(contentsOf: timestamp.bytes)
            replaced += body.append(jsonString: record.text.range, of: bytes)
            body.append(contentsOf: tail)
        }
        return replaced
    }

    /// Everything after the message, newline included.
    private mutating func renderTail(of record: LogBatch.Record, in batch: LogBatch) -> Int {
        var replaced = 0
        tail.removeAll(keepingCapacity: true)
        tail.append(contentsOf: source)
        let bytes = batch.bytes
        let all = batch.fields
        let range = Int(record.fields.lowerBound)..<Int(record.fields.upperBound)
        for index in range {
            let field = all[index]
            tail.append(UInt8(ascii: ","))
            tail.append(jsonString: field.name.range, of: bytes)
            tail.append(UInt8(ascii: ":"))
            // What a journal calls a number was written by whoever logged: it may be none.
            if field.isNumber, bytes.isPlainJSON(field.value.range) {
                for at in field.value.range { tail.append(bytes[at]) }
            } else {
                replaced += tail.append(jsonString: field.value.range, of: bytes)
            }
        }
        for (name, text) in inputFields where !all[range].contains(where: { name[...] == bytes[$0.name.range] }) {
            tail.append(contentsOf: text)
        }
        tail.append(record.isCut ? ",\"truncated\":true}\n" : "}\n")
        tailFields = record.fields
        tailIsCut = record.isCut
        return replaced
    }
}

/// `{"timestamp":"…","message":` of the last time that was asked for. The calendar is asked once a second.
private struct TimestampText {
    private(set) var bytes: [UInt8] = []
    private var unixNanoseconds: Int64?
    private var second: Int64?
    /// Where the nine digits of the nanoseconds stand.
    private var fraction = 0

    mutating func render(_ unixNanoseconds: Int64) {
        guard unixNanoseconds != self.unixNanoseconds else { return }
        self.unixNanoseconds = unixNanoseconds
        var (second, rest) = unixNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest < 0 { (second, rest) = (second - 1, rest + 1_000_000_000) }
        if second != self.second {
            self.second = second
            bytes.removeAll(keepingCapacity: true)
            bytes.append("{\"timestamp\":\"")
            bytes.append(civil: CivilTime(unixSeconds: second))
            bytes.append(".")
            fraction = bytes.count
            bytes.append("000000000Z\",\"message\":")
        }
        var digits = UInt32(rest)
        for at in stride(from: fraction + 8, through: fraction, by: -1) {
            bytes[at] = UInt8(ascii: "0") + UInt8(digits % 10)
            digits /= 10
        }
    }
}

/// Writes the message alone.
package struct RecordText: Sendable {
    package init() {}

    package func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) {
        let bytes = batch.bytes
        for record in batch.records[range] {
            body.append(contentsOf: bytes[record.text.range])
            body.append(UInt8(ascii: "\n"))
        }
    }
}

/// The encoder of outputs that neither frame nor compress.
package struct RecordEncoding: RecordEncoder {
    private let format: RecordFormat
    private var json: RecordJSON

    package init(_ format: RecordFormat, _ json: RecordJSON) {
        self.format = format
        self.json = json
    }

    package mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int {
        switch format {
        case .json: return json.encode(batch, range, into: &body)
        case .text:
            RecordText().encode(batch, range, into: &body)
            return 0
        }
    }
}

extension [UInt8] {
    /// On a line of its own: outside of strings, a line break in JSON is as good as a space; within them there is none.
    /// Returns how many sequences were replaced that were not UTF-8: a receiver would refuse the whole body for one.
    fileprivate mutating func append(document: Range<Int>, of bytes: borrowing [UInt8]) -> Int {
        let start = count
        append(repairing: document, of: bytes)
        // One byte each, and three of U+FFFD.
        let replaced = (count - start - document.count) / 2
        for index in start..<count where self[index] == UInt8(ascii: "\n") || self[index] == UInt8(ascii: "\r") {
            self[index] = UInt8(ascii: " ")
        }
        append(UInt8(ascii: "\n"))
        return replaced
    }
}

extension [UInt8] {
    /// No program writes a longer number: 64 bits have 20 digits, and a double 17 that count.
    private static let numberByteLimit = 512

    /// `0`, `-12`, `0.25`, `1e-7`, `true`: a number as JSON has it (RFC 8259, section 6), or a boolean. 20 digits
    /// before the point are what identifiers of 64 bits need; longer ones, and what is beyond the range of doubles,
    /// are texts, since many readers refuse a whole request for them.
    fileprivate func isPlainJSON(_ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        let end = range.upperBound
        func digits() -> Int {
            let start = at
            while at < end, self[at] &- UInt8(ascii: "0") <= 9 { at += 1 }
            return at - start
        }
        if at < end, self[at] == UInt8(ascii: "-") { at += 1 }
        let first = at
        let whole = digits()
        guard whole > 0 else {
            return self[range].elementsEqual("true".utf8) || self[range].elementsEqual("false".utf8)
        }
        guard whole <= 20, whole == 1 || self[first] != UInt8(ascii: "0") else { return false }
        if at < end, self[at] == UInt8(ascii: ".") {
            at += 1
            guard digits() > 0 else { return false }
        }
        var exponentDigits = 0
        if at < end, self[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < end, self[at] == UInt8(ascii: "+") || self[at] == UInt8(ascii: "-") { at += 1 }
            exponentDigits = digits()
            guard exponentDigits > 0 else { return false }
        }
        guard at == end, range.count <= Self.numberByteLimit else { return false }
        // Doubles end at about e308.
        if exponentDigits <= 2 { return true }
        return Double(String(decoding: self[range], as: UTF8.self))?.isFinite ?? false
    }
}
