// `parse`, `time`, `trace` in the settings, from the text of agent.json to records and to errors.

import Bytes
import Foundation
import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

@testable import Delivery

@Suite struct ParseSettingsTests {
    private func pipeline(_ settings: String) throws -> RecordPipeline {
        var section = try section(settings)
        let pipeline = try RecordPipeline(&section, reserving: ["app"])
        try section.finish()
        return pipeline
    }

    /// The message and the time of a line, read in the northern summer of 2026.
    private func read(_ settings: String, _ line: String) throws -> (message: String, unixSeconds: Int64) {
        var pipeline = try pipeline(settings)
        var input = LogBatch()
        let bytes = Array(line.utf8)
        input.append(bytes, 0..<bytes.count, fields: 0..<0, at: 0, next: Position(source: 1, offset: 1))
        var batch = LogBatch()
        var next = 0
        let now = Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 1_784_116_800_000_000_000)
        pipeline.process(input, from: &next, into: &batch, at: now)
        return (batch.text(of: batch.records[0]), batch.records[0].unixNanoseconds / 1_000_000_000)
    }

    /// A program that logs JSON in a container may call a field as the runtime does.
    @Test func noFieldStandsTwice() throws {
        var pipeline = try pipeline(#"{ "format": "cri", "parse": "json" }"#)
        var input = LogBatch()
        let bytes = Array(#"2026-01-02T03:04:05Z stdout F {"stream":"mine","msg":"hi"}"#.utf8)
        input.append(bytes, 0..<bytes.count, fields: 0..<0, at: 0, next: Position(source: 1, offset: 1))
        var (batch, next) = (LogBatch(), 0)
        pipeline.process(
            input, from: &next, into: &batch, at: Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 0))
        let record = try #require(batch.records.first)
        let names = batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map {
            String(decoding: batch.bytes[$0.name.range], as: UTF8.self)
        }
        #expect(batch.text(of: record) == "hi")
        #expect(names.count == Set(names).count && names.contains("stream"), "\(names)")
    }

    @Test(arguments: [
        (#"{ "parse": "json" }"#, #"{"ts":1784116000,"msg":"hi"}"#, "hi", 1_784_116_000),
        (#"{ "parse": "logfmt" }"#, "ts=1784116000 msg=hi", "hi", 1_784_116_000),
        (#"{ "parse": { "regex": "^(?<ts>\\d+) (?<message>.*)" } }"#, "1784116000 hi", "hi", 1_784_116_000),
        (
            #"{ "parse": "syslog", "time": { "zone": "Europe/Berlin" } }"#, "Jul 15 13:30:00 h a: hi", "hi",
            1_784_115_000
        ),
        (#"{ "parse": "syslog", "time": { "zone": "+02:00" } }"#, "Jul 15 13:30:00 h a: hi", "hi", 1_784_115_000),
        (#"{ "parse": "syslog", "time": { "zone": "UTC" } }"#, "Jul 15 11:30:00 h a: hi", "hi", 1_784_115_000),
        (
            #"{ "parse": "nginx" }"#, #"1 - - [15/Jul/2026:13:30:00 +0200] "" 400 0"#,
            #"1 - - [15/Jul/2026:13:30:00 +0200] "" 400 0"#, 1_784_115_000
        ),
        (
            #"{ "parse": "json", "time": { "field": "at", "format": "%d.%m.%Y %H:%M", "zone": "America/New_York" } }"#,
            #"{"at":"15.07.2026 07:30","msg":"hi"}"#, "hi", 1_784_115_000
        ),
        (
            #"{ "parse": "json", "time": { "format": "epoch_ms" } }"#, #"{"time":1784115000,"msg":"hi"}"#, "hi",
            1_784_115
        ),
        (#"{ "trace": true }"#, "hi", "hi", 0),
    ])
    func settings(text: String, line: String, message: String, unixSeconds: Int64) throws {
        let found = try read(text, line)
        #expect(found.message == message)
        #expect(found.unixSeconds == unixSeconds)
    }

    /// What a container's format or the path of its log gives is no name for a field of the settings.
    @Test func namesOfContainersAreTakenWhereTheyAreGiven() throws {
        func said(_ options: String, _ name: String) throws -> String {
            var own = try section(#"{ "fields": { "\#(name)": "x" } \#(options) }"#, path: "inputs.in")
            do throws(SettingsError) { _ = try RecordPipeline(&own, reserving: [name]) } catch { return "\(error)" }
            return "accepted"
        }
        let refused = "is a name that records of this input have already"
        for name in ["stream", "namespace", "pod", "container"] {
            for format in ["docker", "cri"] {
                let error = try said(#", "format": "\#(format)""#, name)
                #expect(
                    error.hasPrefix("agent.json:1:") && error.hasSuffix("inputs.in.fields.\(name): \(refused)"),
                    "\(error)")
            }
            #expect(try said("", name) == "accepted")
            #expect(try said(#", "format": "plain""#, name) == "accepted")
        }
        #expect(try said(#", "kubernetes": true"#, "pod").contains(refused))
        #expect(try said(#", "kubernetes": true"#, "stream") == "accepted")
        #expect(try said(#", "format": "cri", "kubernetes": false"#, "pod") == "accepted")
        #expect(try said(#", "format": "cri", "kubernetes": false"#, "stream").contains(refused))
    }

    /// A parser makes `severity` of a level: who asks for the level finds nothing, and is told so.
    @Test func fieldsThatAreNamedAsTheLogDoesArePointedAt() throws {
        func hints(_ text: String) throws -> [String] { misnamedFields(in: try section(text, path: "inputs.in")) }
        let settings = #"""
            { "parse": "json",
              "filters": [ { "include": "error", "field": "level" }, { "sample": 2, "by": "traceId" },
                           { "redact": "x", "field": "msg" }, { "exclude": "x", "field": "severity" },
                           { "exclude": "x", "field": "message" }, { "exclude": "x", "field": "user" } ],
              "metrics": [ { "name": "a", "count": { "field": "lvl", "pattern": "x" },
                             "labels": { "l": "levelname" } } ] }
            """#
        let expected = [
            (2, "filters[0].field", "level", "severity"), (2, "filters[1].by", "traceId", "trace_id"),
            (3, "filters[2].field", "msg", "message"), (5, "metrics[0].count.field", "lvl", "severity"),
            (6, "metrics[0].labels", "levelname", "severity"),
        ]
        let said = try hints(settings)
        #expect(said.count == expected.count)
        for (hint, (line, path, name, understood)) in zip(said, expected) {
            let reason = "what \"parse\" understands of a field \"\(name)\" is \"\(understood)\" in a record"
            #expect(
                hint.hasPrefix("agent.json:\(line):") && hint.hasSuffix(": inputs.in.\(path): \(reason)"), "\(hint)")
        }
        #expect(try hints(settings.replacingOccurrences(of: #""parse": "json","#, with: "")) == [])
        #expect(try hints(#"{ "parse": "json", "filters": 3 }"#) == [])
    }

    @Test func nothingIsAskedFor() throws {
        #expect(try pipeline("{}").isEmpty)
        #expect(try pipeline(#"{ "trace": false }"#).isEmpty)
        #expect(try !pipeline(#"{ "trace": true }"#).isEmpty)
    }

    /// Errors point at the very key: the column is that of the value.
    @Test(arguments: [
        (#"{ "parse": "xml" }"#, 12, "test.parse: expected \"json\""),
        (#"{ "parse": 1 }"#, 12, "test.parse: expected \"json\""),
        (#"{ "parse": { } }"#, 12, "test.parse: \"regex\" is missing"),
        (#"{ "parse": { "regex": "(" } }"#, 23, "test.parse.regex: missing closing parenthesis"),
        (#"{ "parse": { "regex": "a(b)" } }"#, 23, "test.parse.regex: has no named group"),
        (#"{ "parse": { "regexp": "(?<a>b)" } }"#, 14, "test.parse.regexp: unknown key, did you mean \"regex\"?"),
        (#"{ "time": { "field": "a" } }"#, 11, "test.time: has no effect without \"parse\""),
        (#"{ "keep_original": true }"#, 20, "test.keep_original: has no effect without \"parse\""),
        (#"{ "parse": "json", "time": { "zone": "Europe/Berlyn" } }"#, 38, "test.time.zone: no zone \"Europe/Berlyn\""),
        (#"{ "parse": "json", "time": { "zone": "../../../etc/passwd" } }"#, 38, "test.time.zone: no zone"),
        (#"{ "parse": "json", "time": { "zone": "Europe" } }"#, 38, "test.time.zone: no zone"),
        (#"{ "parse": "json", "time": { "zone": "zone.tab" } }"#, 38, "zone.tab is no time zone"),
        (#"{ "parse": "json", "time": { "zone": "+2" } }"#, 38, "test.time.zone: expected an offset"),
        (#"{ "parse": "json", "time": { "zone": "" } }"#, 38, "test.time.zone: no zone"),
        (#"{ "parse": "json", "time": { "format": "iso" } }"#, 40, "test.time.format: expected \"rfc3339\""),
        (#"{ "parse": "json", "time": { "format": "%Q" } }"#, 40, "test.time.format: %Q is not known"),
        (#"{ "parse": "json", "time": { "format": "%H:%M" } }"#, 40, "test.time.format: the pattern has no day"),
        (#"{ "parse": "json", "time": { "feld": "x" } }"#, 30, "test.time.feld: unknown key, did you mean \"field\"?"),
        (#"{ "parse": "syslog", "time": { "format": "rfc3339" } }"#, 42, "test.time.format: needs \"field\""),
        (#"{ "trace": "yes" }"#, 12, "test.trace: expected true or false"),
    ])
    func wrongSettingsAreRefused(settings: String, column: Int, words: String) throws {
        do {
            _ = try pipeline(settings)
            Issue.record("was accepted")
        } catch let error as SettingsError {
            #expect("\(error)".contains(words), "\(error)")
            #expect(error.position.column == column, "\(error)")
        }
    }

    @Test func aRouteCountsWhatItMeets() throws {
        let world = try World()
        world.write(100)
        let route = try world.route(pipeline: #"{ "parse": "json" }"#)
        route.start()
        #expect(eventually { world.received.count == 100 })
        #expect(route.stopAndWait())
        #expect(route.status.reading.counts.first { $0.reason == "parse_failed" }?.count == 100)
    }
}
