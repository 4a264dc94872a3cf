// What every parser of messages must stand: each truncation of real lines, and lines with random bytes in them. A line
// gives fields or passes whole; a trap ends the whole test run.

import Bytes
import Logs
import TestSupport
import Testing

@Suite struct ParserMangledTests {
    static let samples = [
        #"{"time":"2026-11-21T02:38:30.123Z","level":"warn","msg":"a \"b\" \ud83d\ude00\n","n":-1.5e3,"ok":true,"#
            + #""none":null,"o":{"p":{"q":"é","r":[1,{"s":"}"}]},"":2},"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
        #"{"ts":1795228710.123,"lvl":30,"X-Amzn-Trace-Id":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent="#
            + #"53995c3f42cd8ad8","dd":{"trace_id":"255","span_id":"9"},"message":"x","message_":1,"host":"h"}"#,
        #"time=2026-11-21T02:38:30Z level=info msg="it \"works\" \u00e9" took=12ms done traceparent=00-4bf92f3577b34d"#
            + #"a6a3ce929d0e0e4736-00f067aa0ba902b7-01"#,
        #"<165>1 2003-10-11T22:14:15.003Z h evntslog 12 ID47 [ex@32473 iut="3" src="Ap\"p\]\\\n"]"#
            + #"[e@1 class="high"] hi"#,
        "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed for lonvick",
        "2026-11-21T02:38:30.123456+01:00 web1 kernel: [   12.3] eth0: up",
        #"192.0.2.1 - al ice [21/Nov/2026:02:38:30 +0100] "GET /a\x22?b=1 HTTP/1.1" 200 612 "https://ref/" "c/8" "x""#,
        "GET / 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 Root=1-5759e988-bd862e3fe1be46a994272793",
    ].map { Array($0.utf8) }

    private static func parsings() throws -> [RecordParsing] {
        let traces = try TraceFinder()
        let berlin = TimeZoneRules(posix: Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)) ?? .utc
        return [
            RecordParsing(.json, zone: berlin, traces: traces, reserving: ["app"]),
            RecordParsing(.json, keepsOriginal: true, timeField: "o.p.q", time: .epoch(nanoseconds: 1)),
            RecordParsing(.logfmt, zone: berlin, traces: traces),
            RecordParsing(.syslog, zone: berlin, traces: traces),
            RecordParsing(.accessLog, zone: berlin, traces: traces),
            RecordParsing(
                .regex(try Pattern(#"(?s)^(?<time>\S+)\s(?<level>\S*)\s?(?<a>[^=]*=)?(?<message>.*)$"#)),
                time: .pattern(try TimePattern("%Y-%m-%dT%H:%M:%S"))),
            RecordParsing(nil, traces: traces),
        ]
    }

    private func expectUnbroken(_ lines: [[UInt8]], _ seed: UInt64) throws {
        for parsing in try Self.parsings() {
            for (line, parsed) in zip(lines, parse(parsing, lines)) {
                let comment: Comment = "seed \(seed): \(String(decoding: line, as: UTF8.self))"
                let names = parsed.fields.map { String($0.prefix { $0 != "=" }) }
                // 128 found ones, severity, two of a trace, the original.
                #expect(names.count <= 132, comment)
                if parsed.events.contains("parse_failed") {
                    #expect(parsed.message == String(decoding: line, as: UTF8.self), comment)
                    #expect(names.allSatisfy { $0 == "trace_id" || $0 == "span_id" }, comment)
                    #expect(parsed.time == readingTime, comment)
                }
                for id in [("trace_id", 32), ("span_id", 16)] {
                    guard let value = parsed[id.0] else { continue }
                    let digits = value.dropFirst().dropLast()
                    #expect(digits.count == id.1 && digits.allSatisfy { "0123456789abcdef".contains($0) }, comment)
                }
            }
        }
    }

    @Test func everyTruncation() throws {
        try expectUnbroken(Self.samples.flatMap { sample in (0...sample.count).map { Array(sample.prefix($0)) } }, 0)
    }

    @Test func randomBytes() throws {
        var random = SeededRandom()
        let likely = Array(#"{}[]:,"\="#.utf8) + Array("0123456789-+.eEtfnu T_<>\u{FEFF}\n".utf8)
        var lines: [[UInt8]] = []
        for sample in Self.samples {
            for _ in 0..<150 {
                var line = sample
                let start = Int.random(in: 0..<line.count, using: &random)
                let end = min(line.count, start + Int.random(in: 0...20, using: &random))
                switch Int.random(in: 0..<5, using: &random) {
                case 0: line[start] = .random(in: 0 ... .max, using: &random)
                case 1:
                    for _ in 0..<4 {
                        line[Int.random(in: 0..<line.count, using: &random)] = likely.randomElement(using: &random) ?? 0
                    }
                case 2: line.removeSubrange(start..<end)
                case 3: line.insert(contentsOf: line[start..<end], at: start)
                default: line.replaceSubrange(start..<end, with: random.bytes(0...20))
                }
                lines.append(line)
            }
        }
        for _ in 0..<300 { lines.append(random.bytes(0...60, from: likely)) }
        try expectUnbroken(lines, random.seed)
    }

    /// What the strict reader of documents takes for an object, the scanner takes as well, with the same members.
    @Test func theScannerAgreesWithTheReader() throws {
        var random = SeededRandom()
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\\\"\"", "\"\\u00e9\"", "1", "-0.5e3", "01", "true", "null", " ",
            "{\"a\":1}", "\"c\":2", "{\"x\":{\"y\":[]}}", "\"", "\\", "tru",
        ]
        var agreed = 0
        for _ in 0..<30_000 {
            var text = "{"
            for _ in 0..<Int.random(in: 0...10, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
            let bytes = Array((text + "}").utf8)
            var members: [JSONMember] = []
            let scan = bytes.scanJSONObject(0..<bytes.count, depthLimit: 64, memberLimit: 100, into: &members)
            guard let value = try? parseJSON(bytes), case .object(let expected) = value.content else { continue }
            agreed += 1
            #expect(scan == .isObject, "seed \(random.seed): \(text)}")
            var decoded = bytes
            let names = members.filter { $0.parent < 0 }.map { member in
                let range = decoded.append(decodingJSON: member.name)
                return String(decoding: decoded[range], as: UTF8.self)
            }
            #expect(names == expected.map(\.key), "seed \(random.seed): \(text)}")
        }
        #expect(agreed > 50)
    }
}
