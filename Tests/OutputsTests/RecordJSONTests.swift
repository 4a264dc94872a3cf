import Bytes
import Foundation
import Logs
import Outputs
import Platform
import Settings
import TestSupport
import Testing

@Suite struct RecordJSONTests {
    private func encode(
        _ batch: LogBatch, _ range: Range<Int>? = nil, context: OutputContext = context()
    ) throws -> (text: String, replaced: Int) {
        var json = RecordJSON(context)
        var body: [UInt8] = []
        let replaced = json.encode(batch, range ?? 0..<batch.records.count, into: &body)
        return (String(decoding: body, as: UTF8.self), replaced)
    }

    @Test func golden() throws {
        let (text, replaced) = try encode(
            batch(["started", "say \"hi\"\tC:\\x"]), context: context(fields: [("app", "system"), ("site", "a\nb")]))
        #expect(replaced == 0)
        let tail =
            #","host":"web1","input":"syslog","file":"/var/log/syslog","app":"system","site":"a\nb"}"# + "\n"
        #expect(
            text == #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"started""# + tail
                + #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"say \"hi\"\tC:\\x""# + tail)
    }

    @Test func journalFields() throws {
        var batch = LogBatch()
        let first = batch.addField("unit", Array("ssh.service".utf8))
        _ = batch.addField("priority", Array("6".utf8), isNumber: true)
        _ = batch.addField("identifier", Array("sshd".utf8))
        _ = batch.addField("pid", Array("812".utf8), isNumber: true)
        let odd = batch.addField("pid", Array("012; rm".utf8), isNumber: true)
        let next = Position(source: 1, offset: 1)
        batch.append(Array("a".utf8), 0..<1, fields: first..<odd, at: someTime, next: next)
        batch.append(Array("b".utf8), 0..<1, fields: odd..<odd + 1, at: someTime, next: next, isCut: true)
        batch.append(Array("c".utf8), 0..<1, fields: 0..<0, at: someTime + 1, next: next)
        let lines = try encode(batch).text.split(separator: "\n")
        let head = #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"#
        let source = #","host":"web1","input":"syslog""#
        #expect(
            lines
                == [
                    head + #""a""# + source + #","unit":"ssh.service","priority":6,"identifier":"sshd","pid":812}"#,
                    head + #""b""# + source + #","pid":"012; rm","truncated":true}"#,
                    #"{"timestamp":"2026-11-21T02:38:30.123456790Z","message":"c""# + source + "}",
                ].map { Substring($0) })
    }

    /// The cached parts must not outlive what they were made of.
    @Test func cachesFollowTheRecords() throws {
        var json = RecordJSON(context())
        var body: [UInt8] = []
        _ = json.encode(batch(["one"]), 0..<1, into: &body)
        var other = LogBatch()
        let file = other.addField("file", Array("/var/log/other".utf8))
        for (index, time) in [someTime, someTime + 1_000_000_000, -1, someTime].enumerated() {
            other.append(
                Array("two".utf8), 0..<3, fields: file..<file + 1, at: time, next: Position(source: 1, offset: 1),
                isCut: index == 2)
        }
        _ = json.encode(other, 0..<4, into: &body)
        let lines = String(decoding: body, as: UTF8.self).split(separator: "\n")
        #expect(lines[0].contains(#""file":"/var/log/syslog"}"#))
        #expect(lines[1].contains("02:38:30.123456789Z") && lines[1].hasSuffix(#""file":"/var/log/other"}"#))
        #expect(lines[2].contains("02:38:31.123456789Z"))
        #expect(lines[3].contains("1969-12-31T23:59:59.999999999Z") && lines[3].hasSuffix(#","truncated":true}"#))
        #expect(lines[4].contains("02:38:30.123456789Z") && lines[4].hasSuffix(#""file":"/var/log/other"}"#))
    }

    /// A line of a log cannot pass for a record of another host, whatever JSON it is.
    @Test func aLineCannotSayWhereItComesFrom() throws {
        let directives = #""_aws":{"CloudWatchMetrics":[],"Timestamp":1}"#
        let lines = [
            #"{\#(directives),"host":"evil","input":"evil","file":"/evil","message":"m","timestamp":"t"}"#,
            #"{\#(directives),"h\u006fst":"evil"}"#, #"{\#(directives),"m":1}"#,
        ]
        var batch = batch(lines)
        var pipeline = RecordPipeline()
        pipeline.recogniseDocuments(in: &batch, from: 0, at: Moment(monotonic: .now, unixNanoseconds: someTime))
        #expect(batch.records.map(\.isDocument) == [true, true, true])
        let sent = try encode(batch).text.split(separator: "\n").map(String.init)
        for (line, text) in zip(lines, sent).dropLast() {
            let value = try parseJSON(Array(text.utf8))
            #expect(value["message"]?.string == line)
            #expect(value["host"]?.string == "web1" && value["input"]?.string == "syslog")
            #expect(value["file"]?.string == "/var/log/syslog")
        }
        #expect(sent[2] == lines[2])
        // Whoever makes metrics of them needs the documents.
        var json = RecordJSON(context(), enclosesClaims: false)
        var body: [UInt8] = []
        _ = json.encode(batch, 0..<3, into: &body)
        #expect(String(decoding: body, as: UTF8.self).split(separator: "\n").map(String.init) == lines)
    }

    @Test func documentsAreWrittenAsTheyAre() throws {
        var batch = LogBatch()
        let text = Array("{\"_aws\":\n {},\r\n\"cpu\":1}".utf8)
        batch.append(
            text, 0..<text.count, fields: 0..<0, at: someTime, next: Position(source: 1, offset: 1), isDocument: true)
        #expect(try encode(batch).text == "{\"_aws\":  {},  \"cpu\":1}\n")
    }

    /// A receiver would refuse the whole body.
    @Test func documentsAreText() throws {
        var batch = LogBatch()
        let text = Array("{\"_aws\":{},\"a\":\"\u{E9}".utf8) + [0xFF, 0xC3] + Array("\"}".utf8)
        batch.append(
            text, 0..<text.count, fields: 0..<0, at: someTime, next: Position(source: 1, offset: 1), isDocument: true)
        var json = RecordJSON(context())
        var body: [UInt8] = []
        #expect(json.encode(batch, 0..<1, into: &body) == 2)
        #expect(String(validating: body, as: UTF8.self) == "{\"_aws\":{},\"a\":\"\u{E9}\u{FFFD}\u{FFFD}\"}\n")
    }

    @Test func onlyTheRangeIsEncoded() throws {
        let lines = try encode(batch(["a", "b", "c", "d"]), 1..<3).text.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""message":"b""#) && lines[1].contains(#""message":"c""#))
    }

    @Test func fieldsMayNotHaveNamesOfRecords() throws {
        for name in ["message", "timestamp", "host", "input", "file", "pid", "truncated"] {
            #expect(RecordJSON.fault(ofField: name) != nil, "\(name)")
        }
        for name in ["", "app", "Message", "facility"] {
            #expect(RecordJSON.fault(ofField: name) == nil, "\(name)")
        }
    }

    /// A name that only some input's records have: the record's own value stays.
    @Test func noKeyTwice() throws {
        var batch = LogBatch()
        let own = batch.addField("facility", Array("3".utf8), isNumber: true)
        let next = Position(source: 1, offset: 1)
        batch.append([], 0..<0, fields: own..<own + 1, at: someTime, next: next)
        batch.append([], 0..<0, fields: own..<own, at: someTime, next: next)
        let lines = try encode(batch, context: context(fields: [("facility", "web")])).text.split(separator: "\n")
        #expect(lines[0].hasSuffix(#""input":"syslog","facility":3}"#))
        #expect(lines[1].hasSuffix(#""input":"syslog","facility":"web"}"#))
    }

    /// Bytes of every kind, also around the blocks of 8 and pieces of 4096 in which strings are written. What the JSON
    /// says must be what Swift's own decoder makes of the bytes, which knows nothing of ours.
    @Test func everyLineParsesAndRoundTrips() throws {
        var random = SeededRandom()
        var texts: [[UInt8]] = [
            [], [0], [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
            [0xF0, 0x9F, 0x98],
            Array(0...255), Array("\u{7F}\u{80}é€😀\u{10FFFF}".utf8), [UInt8](repeating: 0x22, count: 20_000),
            [UInt8](repeating: 1, count: 9_000), [UInt8](repeating: 0x80, count: 9_000),
        ]
        for length in [15, 16, 17, 4_094, 4_095, 4_096, 4_097, 8_192] {
            for special in ["\"", "\\", "\n", "é", "€", "😀"] {
                for before in [0, 1, length - 4, length - 3, length - 2, length - 1] where before >= 0 {
                    var text = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                    text.insert(contentsOf: special.utf8, at: before)
                    texts.append(text)
                }
            }
        }
        let kinds: [ClosedRange<UInt8>] = [0...255, 0x20...0x7E, 0x80...0xFF, 0...0x22, 0xC0...0xF4]
        for _ in 0..<400 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                guard let kind = kinds.randomElement(using: &random) else { continue }
                for _ in 0..<Int.random(in: 1...40, using: &random) { text.append(.random(in: kind, using: &random)) }
            }
            texts.append(text)
        }
        let (body, replaced) = try encode(batch(texts))
        #expect(replaced > 0)
        let lines = body.split(separator: "\n")
        #expect(lines.count == texts.count)
        for (line, text) in zip(lines, texts) {
            let value = try parseJSON(Array(line.utf8))
            let message = try #require(value["message"]?.string)
            // Decoders differ in how many U+FFFD they make of one torn sequence: runs of them count as one.
            #expect(
                squeezed(message) == squeezed(String(decoding: text, as: UTF8.self)),
                "seed \(random.seed), bytes \(text)")
            if String(validating: text, as: UTF8.self) != nil {
                #expect(Array(message.utf8) == text, "seed \(random.seed)")
            }
        }
    }

    private func squeezed(_ text: String) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars where scalar != "\u{FFFD}" || scalars.last != "\u{FFFD}" {
            scalars.append(scalar)
        }
        return scalars
    }

    @Test func textFormatIsTheMessageAlone() throws {
        var body: [UInt8] = []
        var encoder = RecordEncoding(.text, RecordJSON(context()))
        #expect(encoder.encode(batch(["a \"b\"", "c"]), 0..<2, into: &body) == 0)
        #expect(String(decoding: body, as: UTF8.self) == "a \"b\"\nc\n")
    }
}
