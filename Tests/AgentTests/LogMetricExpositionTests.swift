// Metrics from logs among the others: their form, and names that do not clash.

import Bytes
import Collectors
import HTTP
import Platform
import Settings
import TestSupport
import Testing

@testable import Agent
@testable import Delivery
@testable import Logs
@testable import Metrics

@Suite struct LogMetricExpositionTests {
    private func status(_ settings: String, _ texts: [String], input: String = "web") throws -> RouteStatus {
        var section = try section(settings)
        var pipeline = try RecordPipeline(&section)
        var raw = LogBatch()
        for text in texts {
            raw.append(
                Array(text.utf8), 0..<text.utf8.count, fields: 0..<0, at: 0, next: Position(source: 0, offset: 0))
        }
        var batch = LogBatch()
        var next = 0
        pipeline.process(raw, from: &next, into: &batch, at: .now)
        var status = RouteStatus(input: input, inputType: "file", output: "out", outputType: "stdout")
        status.logMetrics = pipeline.metrics.map(\.values)
        return status
    }

    private func exposition(_ routes: [RouteStatus], _ format: ExpositionFormat = .prometheusText) -> String {
        let metrics = LogMetricExposition()
        var text: [UInt8] = []
        var encoder = PrometheusText()
        var snapshot = Snapshot()
        // The second scrape is what counts: descriptors are known by then.
        for _ in 0..<2 {
            snapshot.removeAll()
            text.removeAll()
            metrics.add(routes, to: &snapshot)
            encoder.encode([snapshot], as: format, into: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func countersAndHistograms() throws {
        let settings = #"""
            { "metrics": [
                { "name": "requests", "help": "Requests.", "count": { "pattern": " (\\d\\d\\d) " },
                  "labels": { "status": "$1" } },
                { "full_name": "app_seconds", "histogram": { "pattern": "(\\d+)ms", "scale": 0.001 },
                  "buckets": [0.1, 1] }
            ] }
            """#
        let web = try status(settings, ["a 200 50ms", "b 404 100ms", "c 200 2000ms", "say \"x\" 500 "])
        let other = try status(settings, [" 200 "], input: "other")
        #expect(
            exposition([web, other]) == """
                # HELP app_seconds Numbers in log records; see metrics in the settings of the input.
                # TYPE app_seconds histogram
                app_seconds_bucket{input="web",le="0.1"} 2
                app_seconds_bucket{input="web",le="1.0"} 2
                app_seconds_bucket{input="web",le="+Inf"} 3
                app_seconds_sum{input="web"} 2.15
                app_seconds_count{input="web"} 3
                app_seconds_bucket{input="other",le="0.1"} 0
                app_seconds_bucket{input="other",le="1.0"} 0
                app_seconds_bucket{input="other",le="+Inf"} 0
                app_seconds_sum{input="other"} 0
                app_seconds_count{input="other"} 0
                # HELP vitals_log_requests_total Requests.
                # TYPE vitals_log_requests_total counter
                vitals_log_requests_total{input="web",status="200"} 2
                vitals_log_requests_total{input="web",status="404"} 1
                vitals_log_requests_total{input="web",status="500"} 1
                vitals_log_requests_total{input="other",status="200"} 1

                """)
        #expect(exposition([web], .openMetrics).hasPrefix("# TYPE app_seconds histogram\n# UNIT app_seconds seconds\n"))
    }

    /// No setting can give a name that Vitals serves itself.
    @Test func ownNamesAreRefused() {
        let own = allCollectors.flatMap { $0.metrics } + SelfMetrics.all
        #expect(own.count > 400)
        for descriptor in own {
            for isHistogram in [true, false] {
                #expect(
                    LogMetric.fault(ofName: descriptor.family, isHistogram: isHistogram) != nil, "\(descriptor.name)")
            }
        }
    }

    private func errorOfAgent(_ one: String, _ other: String, routes: String = "") throws -> String {
        let directory = try TemporaryDirectory()
        let text = """
            { "state_directory": "\(directory.path)", "endpoint": { "listen": [] },
              "inputs": { "a": { "type": "file", "paths": ["/nowhere/a"], "metrics": [ \(one) ] },
                          "b": { "type": "file", "paths": ["/nowhere/b"], "metrics": [ \(other) ] } },
              "outputs": { "out": { "type": "stdout" } }, "routes": [] }
            """
        do {
            let settings = try AgentSettings(try settingsTree(text), known: Parts.all.known)
            _ = try checkAgent(settings, parts: .all, log: .silent)
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test func oneNameMeansTheSameInAllInputs() throws {
        let counter = #"{ "name": "n", "count": {}, "labels": { "a": "b" } }"#
        #expect(try errorOfAgent(counter, counter) == "accepted")
        let others = [
            #"{ "name": "n_total", "count": {} }"#, #"{ "full_name": "vitals_log_n_total", "count": {}, "help": "x" }"#,
        ]
        for other in others {
            let said = try errorOfAgent(counter, other)
            #expect(said.contains("inputs.b.metrics[0].") && said.contains("name: vitals_log_n_total has"), "\(said)")
            #expect(said.contains("inputs.a"))
        }
        let said = try errorOfAgent(counter, #"{ "name": "x", "count": { "pattern": "(" } }"#)
        #expect(said.contains("inputs.b.metrics[0].count.pattern"), "check compiles every pattern: \(said)")
    }
}
