// One line through a pipeline with a parser, and what comes out, as text that a test can compare.

import Bytes
import Logs
import Platform
import Testing

/// 2026-11-21T12:00:00Z, the time at which lines are read here.
let readingTime: Int64 = 1_795_262_400_000_000_000

struct Parsed: Equatable {
    var message: String
    /// `name="text"`, or `name=12` for what is written without quotes.
    var fields: [String]
    var time: Int64
    var events: [String]

    subscript(name: String) -> String? {
        fields.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    /// RFC 3339, without the fraction when there is none.
    var timeText: String {
        var bytes: [UInt8] = []
        bytes.append(rfc3339: time)
        return String(decoding: bytes, as: UTF8.self).replacing(".000000000Z", "Z")
    }
}

extension String {
    fileprivate func replacing(_ ending: String, _ other: String) -> String {
        hasSuffix(ending) ? dropLast(ending.count) + other : self
    }
}

func raw(_ lines: [[UInt8]]) -> LogBatch {
    var batch = LogBatch(byteLimit: 64 << 20, recordLimit: 1_000_000)
    let field = batch.addField("file", Array("/var/log/a.log".utf8))
    for (index, line) in lines.enumerated() {
        batch.append(
            line, 0..<line.count, fields: field..<field + 1, at: readingTime,
            next: Position(source: 1, offset: UInt64(index + 1)))
    }
    return batch
}

/// What a pipeline with this parser makes of the lines.
func parse(_ parsing: RecordParsing, _ lines: [[UInt8]], at time: Int64 = readingTime) -> [Parsed] {
    var pipeline = RecordPipeline()
    pipeline.parsing = parsing
    let input = raw(lines)
    let now = Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: time)
    return lines.indices.map { index in
        // One at a time, so that events are of one record.
        var batch = LogBatch(recordLimit: 1)
        let before = Dictionary(uniqueKeysWithValues: pipeline.eventCounts.map { ($0.event, $0.count) })
        var next = index
        pipeline.process(input, from: &next, into: &batch, at: now)
        #expect(next == index + 1 && batch.records.count == 1)
        let record = batch.records[0]
        let fields = batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map { field in
            let value = String(decoding: batch.bytes[field.value.range], as: UTF8.self)
            let name = String(decoding: batch.bytes[field.name.range], as: UTF8.self)
            return field.isNumber ? "\(name)=\(value)" : "\(name)=\"\(value)\""
        }
        #expect(fields.first == #"file="/var/log/a.log""#)
        return Parsed(
            message: batch.text(of: record), fields: Array(fields.dropFirst()), time: record.unixNanoseconds,
            events: pipeline.eventCounts.filter { before[$0.event] != $0.count }.map(\.event.rawValue))
    }
}

func parse(_ parsing: RecordParsing, _ line: String) -> Parsed { parse(parsing, [Array(line.utf8)])[0] }

func parse(_ format: ParseFormat, _ line: String) -> Parsed { parse(RecordParsing(format), line) }
