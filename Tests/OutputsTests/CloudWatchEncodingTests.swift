import Bytes
import Foundation
import Logs
import Testing

@testable import Outputs

@Suite struct CloudWatchEncodingTests {
    @Test func textIsTheMessageAlone() throws {
        var batch = batch(of: [Line("GET /\t\"x\""), Line([0x61, 0xFF, 0x62]), Line("")])
        var encoder = try encoder()
        _ = encoder.divide(&batch)
        var body: [UInt8] = []
        #expect(encoder.encode(batch, 0..<3, into: &body) == 1)
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"logGroupName":"/vitals/web1","logStreamName":"a.log","logEvents":["#
                + #"{"timestamp":1795228710123,"message":"GET /\t\"x\""},{"timestamp":1795228710123,"message":"a�b"},"#
                + #"{"timestamp":1795228710123,"message":" "}]}"#)
    }

    @Test func jsonIsTheWholeRecord() throws {
        var batch = batch(of: [Line("one"), Line(#"{"_aws":{}}"#, isDocument: true)])
        var encoder = try encoder(.json)
        let messages = try requests(&encoder, &batch)[0].logEvents.map(\.message)
        #expect(
            messages == [
                #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"one","host":"web1","input":"syslog","#
                    + #""file":"/var/log/a.log"}"#,
                #"{"_aws":{}}"#,
            ])
    }

    @Test(arguments: RecordFormat.allCases) func aDocumentGoesAsItIs(format: RecordFormat) throws {
        let document = #"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"text":"grüße \"x\""}"#
        var batch = batch(of: [Line(document, isDocument: true)])
        var encoder = try encoder(format)
        #expect(try requests(&encoder, &batch)[0].logEvents.map(\.message) == [document])
    }

    @Test func gzip() throws {
        var batch = batch(of: (0..<1_000).map { Line("line \($0)") })
        var (plain, packed) = (try encoder(), try encoder(compressionLevel: 1))
        let range = plain.divide(&batch)[0].records
        var (body, sent): ([UInt8], [UInt8]) = ([], [])
        _ = plain.encode(batch, range, into: &body)
        _ = packed.encode(batch, range, into: &sent)
        #expect(sent.starts(with: [0x1F, 0x8B]) && sent.count < body.count / 4)
        var inflated = [UInt8](repeating: 0, count: body.count)
        let step = GzipInflater().inflate(sent, 0..<sent.count, into: &inflated, 0..<inflated.count)
        #expect(step.produced == body.count && inflated == body)
    }

    /// The text of the parts, in their order and without their marks.
    private func together(_ messages: [String]) throws -> (text: String, ids: Set<Substring>) {
        var text = ""
        var ids: Set<Substring> = []
        for (index, message) in messages.enumerated() {
            let end = try #require(message.range(of: "] "))
            let mark = message[..<end.lowerBound].split(separator: " ")
            #expect(
                mark.count == 4 && mark[0] == "[part" && mark[1] == "\(index + 1)/\(messages.count)" && mark[2] == "of")
            ids.insert(mark[3])
            text += message[end.upperBound...]
        }
        return (text, ids)
    }

    @Test(arguments: ["x", "ü", "€", "😀", "\u{1}", "a😀\"€"]) func aLongTextIsSplitAndCanBePutTogether(unit: String)
        throws
    {
        let text = String(repeating: unit, count: 2_500_000 / unit.utf8.count)
        for format in RecordFormat.allCases {
            var batch = batch(of: [Line("before"), Line(text), Line("after", at: 1)])
            var encoder = try encoder(format)
            let requests = try requests(&encoder, &batch)
            for request in requests {
                #expect(request.logEvents.reduce(0) { $0 + $1.message.utf8.count + 26 } <= 1_048_576)
            }
            var messages = requests.flatMap { $0.logEvents.map(\.message) }
            if format == .json {
                struct Record: Decodable { var message: String }
                messages = try messages.map { try JSONDecoder().decode(Record.self, from: Data($0.utf8)).message }
            } else if unit == "x" {
                #expect(messages.count == 2 + 3)
            }
            #expect(messages.first == "before" && messages.last == "after")
            let (whole, ids) = try together(Array(messages.dropFirst().dropLast()))
            #expect(whole == text && ids.count == 1)
        }
    }

    @Test func aTextAtTheLimitStaysWhole() throws {
        let limit = 1_048_576 - 26
        for count in [limit - 1, limit, limit + 1] {
            var batch = batch(of: [Line(String(repeating: "x", count: count))])
            var encoder = try encoder()
            #expect(try requests(&encoder, &batch).count == (count > limit ? 2 : 1))
        }
    }

    /// Nobody could read a piece of one: the service says that it is too large, and it is put aside.
    @Test func aLongDocumentStaysWhole() throws {
        let document = "{\"text\":\"" + String(repeating: "x", count: 1_100_000) + "\"}"
        var batch = batch(of: [Line("a"), Line(document, isDocument: true), Line("b")])
        var encoder = try encoder()
        #expect(try requests(&encoder, &batch).map(\.logEvents.count) == [1, 1, 1])
    }

    @Test func piecesEndBetweenCharacters() {
        let text = Array("aü€😀b".utf8)  // 1 2 3 4 1
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 4) == [3, 6, 10, 11])
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 11) == [11])
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 10) == [10, 11])
        #expect(pieceEnds(of: text, 1..<11, pieceBytes: 5) == [6, 11])
        #expect(pieceEnds(of: text, 0..<0, pieceBytes: 4) == [])
        // What is no text is cut where it must be.
        #expect(pieceEnds(of: [UInt8](repeating: 0x80, count: 9), 0..<9, pieceBytes: 4) == [4, 8, 9])
    }
}
