// Settings of filters and of metrics from logs: what is accepted does what it says, what is wrong is said where it
// stands.

import Bytes
import Inputs
import Outputs
import Settings
import TestSupport
import Testing

@testable import Delivery
@testable import Logs

@Suite struct FilterSettingsTests {
    private func error(_ settings: String) -> String {
        do {
            var section = try section(settings, path: "inputs.in")
            _ = try RecordPipeline(&section)
            try section.finish()
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        #"{ "exclude": ["a", "b"], "field": "level" }"#, #"{ "include": "a", "field": "message" }"#,
        #"{ "sample": 10 }"#,
        #"{ "sample": 0.1, "by": "trace_id" }"#, #"{ "sample": 1 }"#, #"{ "rate_limit": 100 }"#,
        #"{ "rate_limit": 1000000, "per": "1h", "burst": 1000000, "by": "unit" }"#, #"{ "redact": "a", "with": "$0" }"#,
        #"{ "redact": ["(a)", "(b)"], "with": "$1", "field": "user" }"#, #"{ "preset": "email" }"#,
        #"{ "preset": ["email", "ipv4", "credit_card", "aws_key", "bearer"], "redact": "x", "with": "" }"#,
    ])
    func accepted(entry: String) { #expect(error(#"{ "filters": [ \#(entry) ] }"#) == "accepted") }

    @Test(arguments: [
        (#"{ "exclude": ["a", "("] }"#, "filters[0].exclude[1]"), (#"{ "exclude": [] }"#, "filters[0].exclude"),
        (#"{ "exclude": 1 }"#, "filters[0].exclude"), (#"{ "exclude": "a", "field": "" }"#, "filters[0].field"),
        (#"{ "exclude": "a", "feild": "x" }"#, "did you mean \"field\""), (#"{ "sample": 0 }"#, "filters[0].sample"),
        (#"{ "sample": -1 }"#, "filters[0].sample"), (#"{ "sample": 1.5 }"#, "filters[0].sample"),
        (#"{ "sample": "10" }"#, "filters[0].sample"), (#"{ "sample": 10, "field": "a" }"#, "filters[0].field"),
        (#"{ "rate_limit": 0 }"#, "filters[0].rate_limit"), (#"{ "rate_limit": 1, "per": "1d" }"#, "filters[0].per"),
        (#"{ "rate_limit": 1, "burst": 0 }"#, "filters[0].burst"), (#"{ "redact": "(" }"#, "filters[0].redact"),
        (#"{ "redact": "a", "with": "$1" }"#, "filters[0].with"),
        (#"{ "redact": ["(a)", "b"], "with": "$1" }"#, "with"),
        (#"{ "preset": "emial" }"#, "filters[0].preset"), (#"{ "preset": ["email", "x"] }"#, "filters[0].preset[1]"),
        (#"{ "preset": "email", "with": "$1" }"#, "filters[0].with"), (#"{ "with": "x" }"#, "filters[0].with"),
        (#"{ "sample": 1, "rate_limit": 1 }"#, "expected one of"), (#"{ "redakt": "a" }"#, "did you mean \"redact\""),
    ])
    func refused(entry: String, words: String) {
        let said = error(#"{ "filters": [ \#(entry) ] }"#)
        #expect(said.contains(words) && said.hasPrefix("agent.json:1:"), "\(said)")
    }

    @Test(arguments: [
        #"{ "name": "lines", "count": {} }"#,
        #"{ "name": "vitals_log_x_total", "count": { "pattern": "(a)" }, "labels": { "a": "$1", "b": "$0" } }"#,
        #"{ "full_name": "app:errors", "count": { "field": "level", "pattern": "^E" }, "help": "Errors." }"#,
        #"{ "name": "t", "histogram": { "field": "ms", "scale": 0.001 }, "buckets": [-1, 0, 1e3], "max_series": 5 }"#,
        #"{ "name": "t", "histogram": { "pattern": "took (\\d+)" } }"#,
        #"{ "name": "t", "histogram": { "pattern": "(a)(\\d+)", "group": 2, "field": "x" } }"#,
    ])
    func acceptedMetrics(entry: String) { #expect(error(#"{ "metrics": [ \#(entry) ] }"#) == "accepted") }

    @Test(arguments: [
        (#"{ "count": {} }"#, "expected \"name\" or"), (#"{ "name": "a" }"#, "expected \"count\" or \"histogram\""),
        (#"{ "name": "a", "cuont": {} }"#, "did you mean \"count\""), (#"{ "name": "a-b", "count": {} }"#, "[0].name"),
        (#"{ "name": "", "count": {} }"#, "[0].name"), (#"{ "full_name": "node_x", "count": {} }"#, "[0].full_name"),
        (#"{ "name": "messages", "count": {} }"#, "[0].name: vitals_log_messages_total"),
        (#"{ "full_name": "vitals_route_x", "count": {} }"#, "[0].full_name"),
        (#"{ "full_name": "x_count", "count": {} }"#, "[0].full_name"),
        (#"{ "full_name": "up", "count": {} }"#, "full"),
        (#"{ "name": "x_total", "histogram": { "field": "a" } }"#, "[0].name"),
        (#"{ "name": "x", "full_name": "y", "count": {} }"#, "expected \"name\" or"),
        (#"{ "name": "a", "count": { "pattern": "(" } }"#, "[0].count.pattern"),
        (#"{ "name": "a", "count": { "field": "x" } }"#, "[0].count"), (#"{ "name": "a", "count": [] }"#, "[0].count"),
        (#"{ "name": "a", "count": { "group": 1 } }"#, "[0].count.group"),
        (#"{ "name": "a", "count": {}, "labels": { "b": "$1" } }"#, "[0].labels.b: there is no pattern"),
        (#"{ "name": "a", "count": { "pattern": "a" }, "labels": { "b": "$1" } }"#, "[0].labels.b"),
        (#"{ "name": "a", "count": {}, "labels": { "input": "x" } }"#, "[0].labels.input"),
        (#"{ "name": "a", "count": {}, "labels": { "__x": "x" } }"#, "[0].labels.__x"),
        (#"{ "name": "a", "count": {}, "labels": { "a b": "x" } }"#, "[0].labels.a b"),
        (#"{ "name": "a", "count": {}, "labels": { "b": "" } }"#, "[0].labels.b"),
        (#"{ "name": "a", "count": {}, "buckets": [1] }"#, "[0].buckets"),
        (#"{ "name": "a", "histogram": {} }"#, "[0].histogram: expected"),
        (#"{ "name": "a", "histogram": { "field": "x", "group": 1 } }"#, "[0].histogram.group"),
        (#"{ "name": "a", "histogram": { "pattern": "x", "group": 1 } }"#, "[0].histogram.group"),
        (#"{ "name": "a", "histogram": { "field": "x", "scale": 0 } }"#, "[0].histogram.scale"),
        (#"{ "name": "a", "histogram": { "field": "x" }, "buckets": [1, 1] }"#, "[0].buckets[1]"),
        (#"{ "name": "a", "histogram": { "field": "x" }, "buckets": [] }"#, "[0].buckets"),
        (#"{ "name": "a", "histogram": { "field": "x" }, "buckets": ["1"] }"#, "[0].buckets[0]"),
        (#"{ "name": "a", "count": {}, "max_series": 0 }"#, "[0].max_series"),
        (
            #"{ "name": "a", "count": {} }, { "name": "a_total", "count": {} }"#,
            "[1].name: vitals_log_a_total stands twice"
        ),
    ])
    func refusedMetrics(entries: String, words: String) {
        let said = error(#"{ "metrics": [ \#(entries) ] }"#)
        #expect(said.contains(words) && said.hasPrefix("agent.json:1:"), "\(said)")
    }

    // MARK: In a route

    @Test func countsOfARouteAreExact() throws {
        let world = try World()
        world.write(10_000)
        let route = try world.route(
            pipeline: #"""
                { "filters": [ { "exclude": "9$" }, { "sample": 10 } ],
                  "metrics": [ { "name": "n", "count": { "pattern": "(\\d)$" }, "labels": { "digit": "$1" } } ] }
                """#)
        route.start()
        #expect(eventually { world.received.count == 900 })
        #expect(eventually { route.status.recordsDropped.map(\.count).reduce(0, +) == 9_100 })
        #expect(
            Dictionary(uniqueKeysWithValues: route.status.recordsDropped.map { ($0.reason, $0.count) })
                == ["filter": 1_000, "sample": 8_100])
        let values = try #require(route.status.logMetrics.first)
        #expect(values.labels.map { $0[0] }.sorted() == (0..<9).map(String.init))
        #expect(values.counts == Array(repeating: 1_000, count: 9))
        #expect(route.stopAndWait())
        #expect(world.savedCursor() == 10_000)
    }

    @Test func whatIsRejectedHasNoSecretsEither() throws {
        let world = try World()
        world.write(20)
        world.answer { numbers in numbers.contains(70) ? .rejected(reason: "no sevens") : nil }
        // 7 becomes 70, and no secret stays.
        let route = try world.route(
            pipeline: #"{ "filters": [ { "redact": "7", "with": "70" }, { "exclude": "^1" } ] }"#)
        route.start()
        #expect(eventually { world.rejectedLines().count == 1 })
        #expect(world.rejectedLines()[0].contains(#""message":"70""#))
        #expect(eventually { route.status.recordsRejected == 1 })
        #expect(route.stopAndWait())
        #expect(route.status.reading.counts.contains { $0.0 == "redacted" && $0.1 == 2 })
    }
}
