// What the tests of the output cloudwatch_logs begin with.

import Foundation
import Logs
import Testing

@testable import Bytes
@testable import Outputs

/// Names that were mended.
final class Mended: @unchecked Sendable {
    var names: [String] = []
}

func places(
    _ group: String = "/vitals/{hostname}", _ stream: String = "{file_name}", _ mended: Mended = Mended()
) throws -> CloudWatchPlaces {
    CloudWatchPlaces(
        group: try RecordTemplate(group, TemplateValues(context())),
        stream: try RecordTemplate(stream, TemplateValues(context()))
    ) { from, to in mended.names.append("\(from) -> \(to)") }
}

func encoder(
    _ format: RecordFormat = .text, group: String = "/vitals/{hostname}", stream: String = "{file_name}",
    compressionLevel: Int? = nil
) throws -> CloudWatchEncoder {
    CloudWatchEncoder(
        format, RecordJSON(context()), try places(group, stream), compressionLevel: compressionLevel)
}

/// A record as a test writes it.
struct Line {
    var file: String
    var text: [UInt8]
    /// Milliseconds after `someTime`.
    var at: Int64
    var isDocument = false

    init(_ text: String, file: String = "a.log", at: Int64 = 0, isDocument: Bool = false) {
        self.init(Array(text.utf8), file: file, at: at, isDocument: isDocument)
    }

    init(_ text: [UInt8], file: String = "a.log", at: Int64 = 0, isDocument: Bool = false) {
        (self.text, self.file, self.at, self.isDocument) = (text, file, at, isDocument)
    }
}

/// Records one after another, with a new `file` where it changes.
func batch(of lines: [Line]) -> LogBatch {
    var batch = LogBatch(byteLimit: 16 << 20, recordLimit: 100_000)
    var field: UInt32 = 0
    for (index, line) in lines.enumerated() {
        if index == 0 || line.file != lines[index - 1].file {
            field = batch.addField("file", Array("/var/log/\(line.file)".utf8))
        }
        batch.append(
            line.text, 0..<line.text.count, fields: field..<field + 1, at: someTime + line.at * 1_000_000,
            next: Position(source: 1, offset: UInt64(index + 1)), isDocument: line.isDocument)
    }
    return batch
}

/// A request as the service reads it.
struct PutLogEvents: Decodable, Equatable {
    struct Event: Decodable, Equatable {
        var timestamp: Int64
        var message: String
    }
    var logGroupName: String
    var logStreamName: String
    var logEvents: [Event]

    init(_ body: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(body)) }
}

/// What all of a batch becomes, request by request.
func requests(_ encoder: inout CloudWatchEncoder, _ batch: inout LogBatch) throws -> [PutLogEvents] {
    try encoder.divide(&batch).map { shipment in
        var body: [UInt8] = []
        _ = encoder.encode(batch, shipment.records, into: &body)
        let request = try PutLogEvents(body)
        #expect(shipment.destination.names == [request.logGroupName, request.logStreamName])
        #expect(shipment.records.count == request.logEvents.count)
        return request
    }
}
