// Whatever a log line says, what is sent for it is one line of valid JSON in which no key stands twice.

import Bytes
import Foundation
import Logs
import Outputs
import Platform
import TestSupport
import Testing

@Suite struct ParsedRecordTests {
    private func encode(_ lines: [[UInt8]]) throws -> [Substring] {
        var input = LogBatch(byteLimit: 64 << 20, recordLimit: 1_000_000)
        let file = input.addField("file", Array("/a.log".utf8))
        for line in lines {
            input.append(
                line, 0..<line.count, fields: file..<file + 1, at: someTime, next: Position(source: 1, offset: 1))
        }
        var pipeline = RecordPipeline()
        pipeline.parsing = RecordParsing(.json, keepsOriginal: true, reserving: ["app"])
        var batch = LogBatch(byteLimit: 64 << 20, recordLimit: 1_000_000)
        var next = 0
        pipeline.process(
            input, from: &next, into: &batch, at: Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 0))
        var body: [UInt8] = []
        var json = RecordJSON(context(fields: [("app", "shop")]))
        _ = json.encode(batch, 0..<batch.records.count, into: &body)
        return String(decoding: body, as: UTF8.self).split(separator: "\n")
    }

    @Test func numbersAndWordsStayWhatTheyAre() throws {
        let line = try #require(
            try encode([
                Array(#"{"a":1,"b":-0.25,"c":1e5,"d":true,"e":123456789012345678901,"f":1e999,"g":"1","h":[1]}"#.utf8)
            ]).first)
        #expect(
            line.contains(
                #""a":1,"b":-0.25,"c":1e5,"d":true,"e":"123456789012345678901","f":"1e999","g":"1","h":"[1]""#))
        #expect(line.hasSuffix(#","app":"shop"}"#))
    }

    /// Digit for digit, and what readers give up at as a text.
    @Test(arguments: [
        "0", "-0", "-0.0", "123456789012345678", "1234567890123456789", "-9223372036854775808", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "99999999999999999999", "0.12345678901234567890",
        "12345678901234567890.12345678901234567890", "1e5", "1E+5", "1e-7", "6.02214076e23", "1e100", "1e308",
        "1.7976931348623157e308", "1e-400", "5e-324", "0e999",
    ])
    func numbersStayDigitForDigit(number: String) throws {
        let line = try #require(try encode([Array("{\"n\":\(number),\"o\":{\"n\":\(number)}}".utf8)]).first)
        #expect(line.contains("\"n\":\(number),\"o.n\":\(number),"))
    }

    @Test(arguments: [
        "123456789012345678901", "-123456789012345678901", "1e309", "1e400", "-1e400", "1e99999999999999999999",
        "99999999999999999999e300", "0." + String(repeating: "1", count: 600),
    ])
    func numbersThatReadersGiveUpAt(number: String) throws {
        let line = try #require(try encode([Array("{\"n\":\(number)}".utf8)]).first)
        #expect(line.contains("\"n\":\"\(number)\","))
    }

    @Test func whatTheSettingsGiveIsNotOverridden() throws {
        let line = try #require(
            try encode([Array(#"{"app":"evil","host":"evil","input":"evil","msg":"x"}"#.utf8)]).first)
        #expect(line.contains(#""app_":"evil","host_":"evil","input_":"evil""#))
        #expect(line.contains(#""app":"shop""#) && line.contains(#""host":"web1""#))
    }

    @Test func hostileLines() throws {
        var random = SeededRandom()
        let names = [
            "a", "a_", "a.b", "host", "host_", "message", "msg", "app", "severity", "level", "original", "é", "\\u0061",
            "", "x\\ny", "timestamp", "trace_id", "file", "truncated", String(repeating: "n", count: 300),
        ]
        let values = [
            "1", "-0.5", "1e999", "true", "null", #""x\"\\\n""#, #""\ud800""#, #""\u0000""#, "[1,{}]",
            #"{"b":1,"a":{"b":2}}"#, #""info""#, #""2026-11-21T02:38:30Z""#, "\"\u{1}\u{2028}\"", "00", "{}",
            #""4bf92f3577b34da6a3ce929d0e0e4736""#,
        ]
        var lines: [[UInt8]] = []
        for _ in 0..<3_000 {
            let members = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                "\"\(names.randomElement(using: &random) ?? "")\":\(values.randomElement(using: &random) ?? "")"
            }
            var line = Array("{\(members.joined(separator: ","))}".utf8)
            if Int.random(in: 0..<4, using: &random) == 0 {
                line[Int.random(in: 0..<line.count, using: &random)] = .random(in: 0 ... .max, using: &random)
            }
            lines.append(line)
        }
        let encoded = try encode(lines)
        #expect(encoded.count == lines.count)
        var parsedLines = 0
        for (text, line) in zip(encoded, lines) {
            let comment: Comment = "seed \(random.seed): \(String(decoding: line, as: UTF8.self)) gave \(text)"
            let value = try parseJSON(Array(text.utf8))
            guard case .object(let members) = value.content else { continue }
            // As text: Swift's strings are equal when they only mean the same.
            let keys = members.map { Array($0.key.utf8) }
            #expect(Set(keys).count == keys.count, comment)
            #expect(value["app"]?.string == "shop" && value["host"]?.string == "web1", comment)
            #expect(throws: Never.self, comment) { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
            if members.count > 6 { parsedLines += 1 }
        }
        #expect(parsedLines > 500)
    }
}
