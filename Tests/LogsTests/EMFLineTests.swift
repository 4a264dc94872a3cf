// Documents with metrics among lines of text: what is one, what is none, and that the others pay next to nothing.

import Bytes
import Platform
import TestSupport
import Testing

@testable import Logs

@Suite struct EMFLineTests {
    private static let directives =
        #""CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["d"]],"Metrics":[{"Name":"m"}]}]"#

    private func batch(_ lines: [String]) -> LogBatch {
        var batch = LogBatch()
        let file = batch.addField("file", Array("/var/log/a".utf8))
        for (index, line) in lines.enumerated() {
            let bytes = Array(line.utf8)
            batch.append(
                bytes, 0..<bytes.count, fields: file..<file + 1, at: 1, next: Position(source: 0, offset: UInt64(index))
            )
        }
        return batch
    }

    private func fields(_ record: LogBatch.Record, _ batch: LogBatch) -> [String] {
        batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map { field in
            [field.name, field.value].map { String(decoding: batch.bytes[$0.range], as: UTF8.self) }
                .joined(separator: "=")
        }
    }

    private let documents = [
        #"{"_aws":{"Timestamp":1,\#(directives)},"d":"x","m":1}"#,
        #"  {"d":"x","m":[1,2],"_aws":{\#(directives),"Timestamp":1}} "#.trimmed,
        #"{ "a_b_c" : { "_aws": 3 }, "_aws" : { "CloudWatchMetrics" : [] } }"#,
    ]

    private let others = [
        "", "{", "{}", "plain text", #"{"message":"_aws"}"#, #"{"message":"\"_aws\""}"#, #"{"_aws":{}}"#,
        #"{"_aws":{"CloudWatchMetrics":{}}}"#, #"{"x":{"_aws":{\#(directives)}}}"#, #"{"_aws":[]}"#,
        #"{"_aws":{\#(directives)}} and more"#, #"{"_aws":{\#(directives)}"#, #"[{"_aws":{\#(directives)}}]"#,
        #"{"_aws":{"CloudWatchMetrics":[1}}"#, #"{"_aws":{"CloudWatchMetrics":[}}"#,
        #"{"_aws":{"CloudWatchMetrics":[1,]}}"#, #"{"_aws":{"CloudWatchMetrics":[{]}]}}"#,
        #"{"_aws":{"CloudWatchMetrics":[nothing]}}"#, #"{"_aws":{\#(directives)},"a":[01]}"#,
        #"{"_aws":{\#(directives)},"a":"\q"}"#, #"{"_aws":{\#(directives)},"a":"\u12"}"#,
        #"{"_aws":{\#(directives)},"a\q":1}"#, "{\"_aws\":{\(directives)},\"a\":\"\t\"}",
        #"{"aws_":{\#(directives)}}"#, #"{"_aws"#, #"{_aws"}"#,
    ]

    @Test func recognisesDocumentsAndNothingElse() {
        for pipelined in [false, true] {
            let input = batch(documents + others)
            var found = input
            var pipeline = RecordPipeline()
            if pipelined {
                found = LogBatch()
                var next = 0
                pipeline.process(input, from: &next, into: &found, at: .init(monotonic: .now, unixNanoseconds: 0))
            } else {
                pipeline.recogniseDocuments(in: &found, from: 0, at: .now)
            }
            #expect(found.records.map(\.isDocument) == documents.map { _ in true } + others.map { _ in false })
            #expect(found.records.map { found.text(of: $0) } == documents + others)
            #expect(found.records.allSatisfy { fields($0, found) == ["file=/var/log/a"] })
        }
    }

    /// They would be sent as they are, and a receiver would refuse all that is sent with them.
    @Test(
        arguments: [
            [0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x00], [0x1F],
        ] as [[UInt8]])
    func bytesThatAreNoJSONMakeNoDocument(bytes: [UInt8]) {
        for (start, end) in [
            (#"{"_aws":{"CloudWatchMetrics":["#, "]}}"), (#"{"_aws":{"CloudWatchMetrics":[""#, #""]}}"#),
            (#"{"_aws":{"CloudWatchMetrics":[]},"x":""#, #""}"#), (#"{"_aws":{"CloudWatchMetrics":[]},""#, #"":1}"#),
        ] {
            let line = Array(start.utf8) + bytes + Array(end.utf8)
            var batch = LogBatch()
            batch.append(line, 0..<line.count, fields: 0..<0, at: 1, next: Position(source: 0, offset: 1))
            var pipeline = RecordPipeline()
            pipeline.recogniseDocuments(in: &batch, from: 0, at: .now)
            #expect(batch.records.map(\.isDocument) == [false])
        }
    }

    @Test(arguments: [
        (#""host":"x""#, true), (#""a":1,"file":null"#, true), (#""ho\u0073t":1"#, true), (#""input":{"a":1}"#, true),
        (#""a":{"host":1}"#, false), (#""hosts":1,"Host":2,"message":"host""#, false),
    ])
    func knowsDocumentsThatSayWhereTheyComeFrom(members: String, claims: Bool) {
        let input = batch([#"{"_aws":{\#(Self.directives)},\#(members)}"#])
        var direct = input
        var pipeline = RecordPipeline()
        pipeline.recogniseDocuments(in: &direct, from: 0, at: .now)
        var piped = LogBatch()
        var next = 0
        pipeline.process(input, from: &next, into: &piped, at: .init(monotonic: .now, unixNanoseconds: 0))
        for found in [direct, piped] {
            #expect(found.records.map(\.isDocument) == [true])
            #expect(found.records.map(\.claimsSource) == [claims])
        }
    }

    @Test func givesTheGroupAndTheStreamThatADocumentNames() {
        let named = #"{"_aws":{"LogGroupName":"\/my\u002dgroup","LogStreamName":"s 1",\#(Self.directives)},"m":1}"#
        let half = #"{"_aws":{\#(Self.directives),"LogGroupName":"","LogStreamName":"s"},"LogGroupName":"no"}"#
        let expected = [
            ["file=/var/log/a", "log_group=/my-group", "log_stream=s 1"], ["file=/var/log/a", "log_stream=s"],
        ]
        var found = batch([named, half])
        RecordPipeline.recognise(&found)
        #expect(found.records.map { fields($0, found) } == expected)
        #expect(found.records.map { found.text(of: $0) } == [named, half])

        var piped = LogBatch()
        var next = 0
        var pipeline = RecordPipeline()
        let input = batch([named, half])
        pipeline.process(input, from: &next, into: &piped, at: .init(monotonic: .now, unixNanoseconds: 0))
        #expect(piped.records.map { fields($0, piped) } == expected && piped.records.allSatisfy { $0.isDocument })
    }

    /// Milliseconds since 1970, from 14 days ago to two hours ahead; else the record keeps its own time.
    @Test func hasTheTimeOfTheDocument() {
        let now: Int64 = 1_795_230_000_123
        let good = [now - 14 * 86_400_000, now - 3_600_000, now, now + 7_200_000]
        let others = [
            "1.795230000124e12", "1795230000125.0", "\(now - 14 * 86_400_000 - 1)", "\(now + 7_200_001)", "\"\(now)\"",
            "9223372036854775807", "-9223372036854775808", "1e300", "\(now).5", "null",
        ]
        let texts = (good.map { "\($0)" } + others).map { "\"Timestamp\":\($0)," } + [""]
        let expected = (good + [1_795_230_000_124, 1_795_230_000_125]).map { $0 * 1_000_000 }
        let lines = texts.map { "{\"_aws\":{\($0)\(Self.directives)},\"d\":\"x\",\"m\":1}" }
        let moment = Moment(monotonic: .now, unixNanoseconds: now * 1_000_000 + 5)
        var (found, piped, next) = (batch(lines), LogBatch(), 0)
        var (plain, pipeline) = (RecordPipeline(), RecordPipeline())
        plain.recogniseDocuments(in: &found, from: 0, at: moment)
        pipeline.process(batch(lines), from: &next, into: &piped, at: moment)
        for batch in [found, piped] {
            let times = batch.records.map(\.unixNanoseconds)
            #expect(Array(times.prefix(6)) == expected)
            #expect(times.dropFirst(6).allSatisfy { $0 == 1 } && times.count == 15, "\(times)")
        }
        for one in [plain, pipeline] {
            #expect(one.eventCounts.contains { $0.event == .documentTime && $0.count == 9 })
        }
    }

    @Test func goesOnlyWhereTheSettingsAllowIt() throws {
        let names = ["/shop/a", "/shop/a/b", "/bank", ""]
        let lines = names.map {
            #"{"_aws":{"LogGroupName":"\#($0)","LogStreamName":"s",\#(Self.directives)},"d":"x","m":1}"#
        }
        for (patterns, allowed) in [(["/shop/*"], [0]), (["/shop/**", "/b*"], [0, 1, 2]), ([], [])] {
            var (found, piped, next) = (batch(lines), LogBatch(), 0)
            var (plain, pipeline) = (RecordPipeline(), RecordPipeline())
            plain.documents = DocumentRules(logGroups: try patterns.map { try Glob($0) })
            pipeline.documents = plain.documents
            plain.recogniseDocuments(in: &found, from: 0, at: .now)
            pipeline.process(batch(lines), from: &next, into: &piped, at: .now)
            for batch in [found, piped] {
                for (index, name) in names.enumerated() {
                    let group = name.isEmpty ? [] : ["log_group=\(name)"]
                    let own = name.isEmpty || allowed.contains(index) ? group + ["log_stream=s"] : []
                    #expect(fields(batch.records[index], batch) == ["file=/var/log/a"] + own, "\(patterns)")
                }
            }
            for one in [plain, pipeline] {
                #expect(one.documents.groupsRefused == UInt64(3 - allowed.count))
                #expect(one.documents.lastRefusedGroup == (allowed.contains(2) ? nil : "/bank"))
            }
        }
    }

    @Test func isAskedNothingWhereTheSettingsSaySo() {
        var pipeline = RecordPipeline()
        pipeline.recognisesDocuments = false
        var found = batch(documents)
        pipeline.recogniseDocuments(in: &found, from: 0, at: .now)
        #expect(!found.records.contains { $0.isDocument })
    }

    @Test func anyBytesAreAnAnswer() {
        var random = SeededRandom()
        var members: [JSONMember] = []
        let alphabet = Array(#"{}[]":,_aws \CloudWatchMetrics1"#.utf8)
        for _ in 0..<3_000 {
            let bytes = random.bytes(0...80, from: alphabet)
            _ = EMFLine(bytes, 0..<bytes.count, &members)
            let mixed = Array(#"{"_aws":{"CloudWatchMetrics":["#.utf8) + bytes
            _ = EMFLine(mixed, 0..<mixed.count, &members)
        }
        let whole = Array(documents[0].utf8)
        for end in whole.indices { #expect(EMFLine(whole, 0..<end, &members) == nil) }
    }
}

extension RecordPipeline {
    fileprivate static func recognise(_ batch: inout LogBatch) {
        var pipeline = RecordPipeline()
        pipeline.recogniseDocuments(in: &batch, from: 0, at: .now)
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
