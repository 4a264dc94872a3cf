// The host_metrics input: settings, the upgrade from an earlier cursor, and documents of this machine.

import Bytes
import Collectors
import Durable
import Foundation
import Logs
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@testable import Inputs

@Suite struct HostMetricsInputTests {
    private func input(
        _ settings: String = "{}", resume: JSONValue? = nil
    ) throws -> HostMetricsInput {
        var section = try section(settings, path: "inputs.host")
        let input = try HostMetricsInput(
            &section,
            InputContext(
                name: "host", host: Procfs.Host(), hostName: "web-1", log: .silent,
                resume: resume.map { CursorReplay($0) }, now: .now))
        try section.finish()
        return input
    }

    // MARK: Settings

    @Test func takesTheSettingsOfTheDesign() throws {
        let input = try input(
            """
            { "interval": "10s", "vocabulary": "cloudwatch", "namespace": "My/Host",
              "metrics": ["cpu_usage_*", "mem_used_percent"],
              "dimensions": { "host": "{hostname}.example", "stage": "prod" } }
            """)
        #expect(input.interval == .seconds(10) && input.sampleInterval == .seconds(10))
        #expect(input.plan.namespace == "My/Host" && input.plan.selection.takes("cpu_usage_idle"))
        #expect(input.plan.dimensions.map { "\($0.name)=\($0.now.value)" } == ["host=web-1.example", "stage=prod"])
        #expect(!input.plan.selection.takes("cpu_time_idle"))
        let plain = try self.input()
        #expect(plain.interval == .seconds(60) && plain.plan.selection.takes("cpu_time_idle"))
        #expect(plain.plan.dimensions.map { "\($0.name)=\($0.now.value)" } == ["host=web-1"])
        let sampled = try self.input(#"{ "interval": "5m", "sample_interval": "10s" }"#)
        #expect(sampled.interval == .seconds(300) && sampled.sampleInterval == .seconds(10))
    }

    @Test func refusesIntervalsThatDoNotFit() throws {
        let wrong = [
            #"{ "interval": "500ms" }"#, #"{ "interval": "2h" }"#, #"{ "intervall": "60s" }"#,
            #"{ "sample_interval": "7s" }"#, #"{ "interval": "10s", "sample_interval": "20s" }"#,
            #"{ "metrics": ["cpu_usge_*"] }"#,
        ]
        for settings in wrong {
            _ = try section(settings)  // It is JSON: the error is not about that.
            #expect(throws: SettingsError.self, "\(settings)") { _ = try input(settings) }
        }
    }

    @Test func pointsOfASecondAreForShortIntervals() throws {
        for (interval, isHigh) in [("59s", true), ("60s", false), ("1h", false)] {
            let metric = try input("{ \"interval\": \"\(interval)\" }").plan.selection.metric("mem_used", .bytes)
            let metrics = try HostMetrics(try input("{ \"interval\": \"\(interval)\", \"metrics\": [\"mem_*\"] }").plan)
            #expect(metric?.name == "mem_used" && metrics.sample(at: .now).isEmpty)
            let text = String(decoding: metrics.documents(unixNanoseconds: 0).first ?? [], as: UTF8.self)
            #expect(text.contains("mem_used") && text.contains("\"StorageResolution\":1}") == isHigh)
        }
    }

    // MARK: Upgrade

    @Test func takesUpWhatAnEarlierFormOfTheCursorHeld() throws {
        let old = #"{"documents":[{"time":5,"text":"{\"a\":1}"},{"time":6,"text":"{\"b\":2}"}]}"#
        let input = try input(#"{ "interval": "1h" }"#, resume: try parseJSON(Array(old.utf8)))
        var batch = LogBatch()
        _ = input.read(into: &batch, at: .now)
        #expect(batch.records.prefix(2).map { batch.text(of: $0) } == [#"{"a":1}"#, #"{"b":2}"#])
        #expect(batch.records.prefix(2).map(\.unixNanoseconds) == [5, 6])
        #expect(batch.records.allSatisfy { $0.isDocument })
        input.close()
    }

    @Test(arguments: [
        "{}", "[]", "null", #"{"documents":3}"#, #"{"documents":[1,{"time":"x","text":"a"},{"time":1}]}"#,
        #"{"spool":3}"#, #"{"spool":{"next":-1}}"#,
    ])
    func aForeignCursorGivesNothing(text: String) throws {
        let input = try input(resume: try parseJSON(Array(text.utf8)))
        #expect(input.status(at: .now).lagBytes == 0)
    }

    // MARK: This machine

    @Test func measuresThisMachineWhileNobodyReads() throws {
        let input = try input(#"{ "interval": "1s", "metrics": ["cpu_*", "mem_*"] }"#)
        let signal = try #require(input.wakeDescriptor)
        var batch = LogBatch()
        let wait = input.read(into: &batch, at: .now)
        #expect(batch.isEmpty || !batch.records.isEmpty)
        if case .notAtAll = wait { Issue.record("nothing was measured yet, so there is nothing more") }
        // Two intervals come without anybody reading; the descriptor says so.
        let deadline = Instant.now + .seconds(20)
        var text = ""
        while !text.contains("cpu_usage_idle") {
            try #require(Instant.now < deadline, "no second measurement; problems: \(input.status(at: .now).problems)")
            var watched = pollfd(fd: signal, events: Int16(POLLIN), revents: 0)
            #expect(poll(&watched, 1, 20_000) == 1)
            _ = input.read(into: &batch, at: .now)
            text = batch.records.map { batch.text(of: $0) }.joined(separator: "\n")
        }
        #expect(text.contains("mem_used_percent") && text.contains("\"host\":\"web-1\"") && !text.contains("net_"))
        #expect(text.contains("\"StorageResolution\":1"))
        let status = input.status(at: .now)
        #expect(status.lagBytes ?? 0 > 0 && status.problems.isEmpty)
        for position in batch.positions(ofFirst: batch.records.count) { input.acknowledge(position) }
        for record in batch.records { _ = try parseJSON(Array(batch.text(of: record).utf8)) }
    }

    @Test func sendsTheReadingsOfAnIntervalTogether() throws {
        let input = try input(
            #"{ "interval": "2s", "sample_interval": "1s", "metrics": ["mem_free", "cpu_usage_idle"] }"#)
        let signal = try #require(input.wakeDescriptor)
        var batch = LogBatch()
        _ = input.read(into: &batch, at: .now)
        var watched = pollfd(fd: signal, events: Int16(POLLIN), revents: 0)
        #expect(poll(&watched, 1, 30_000) == 1)
        _ = input.read(into: &batch, at: .now)
        let documents = try batch.records.map { try parseJSON(Array(batch.text(of: $0).utf8)) }
        #expect(documents.first { $0["mem_free"] != nil }?["mem_free"]?.array?.count == 2)
        // Of two readings there is one difference.
        #expect(documents.first { $0["cpu_usage_idle"] != nil }?["cpu_usage_idle"]?.double != nil)
    }

    @Test func checkNamesWhatWillBeSent() throws {
        let report = try input(#"{ "metrics": ["mem_used*"] }"#).check()
        #expect(report.problems.isEmpty && report.notes[0] == "every 1m: mem_used, mem_used_percent")
        #expect(report.notes[1].hasPrefix("1 documents, "))
    }
}
