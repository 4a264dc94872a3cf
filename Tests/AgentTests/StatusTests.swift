// Status values as JSON, as a table, and as samples.

import Agent
import Bytes
import Delivery
import Foundation
import Inputs
import Metrics
import Platform
import TestSupport
import Testing

private func route() -> RouteStatus {
    var route = RouteStatus(input: "syslog", inputType: "file", output: "central", outputType: "http")
    route.recordsRead = 1_200
    route.bytesRead = 204_000
    route.recordsAcknowledged = 1_000
    route.bytesAcknowledged = 170_000
    route.retries = 3
    route.recordsRejected = 2
    route.recordsDropped = [("rejected_store_full", 7)]
    route.batchesInFlight = 1
    route.lagSeconds = 12.25
    route.lastError = "HTTP 503: \"busy\"\n"
    route.lastErrorUnixNanoseconds = 1_500_000_000_500_000_000
    route.isRetrying = true
    route.reading.lagBytes = 34_000
    route.reading.sourceCount = 4
    route.reading.counts = [("line_cut", 5), ("file_unreadable", 0)]
    route.reading.problems = ["/var/log/secret: Permission denied"]
    return route
}

private func collector(_ name: String, _ status: CollectorStatus?, _ reason: String? = nil) -> CollectorState {
    CollectorState(
        name: name, isEnabled: status != nil, isEnabledByDefault: true, metrics: [], status: status, reason: reason)
}

private let collectors = [
    collector("cpu", .ok), collector("stat", .failed, "/proc/stat: line 3"), collector("off", nil),
    collector("ipvs", .absent, "no ip_vs"),
]

private func status(
    _ routes: [RouteStatus], warnings: [String] = [], collectors: [CollectorState] = []
) -> AgentStatus {
    AgentStatus(
        version: "0.1.0", hostName: "web1", processID: 812, startedUnixNanoseconds: 1_500_000_000_000_000_000,
        nowUnixNanoseconds: 1_500_000_000_000_000_000 + 3_725_500_000_000, state: .running,
        stateDirectory: "/var/lib/vitals", warnings: warnings, routes: routes,
        collectors: collectors)
}

@Suite struct StatusTests {
    @Test func problemsOfTheAgentItselfAreSaid() throws {
        var status = status([route()])
        status.problems = ["endpoint: 192.0.2.7:1 is taken\n"]
        #expect(try parseJSON(status.json())["problems"]?.array?.map(\.string) == ["endpoint: 192.0.2.7:1 is taken\n"])
        #expect(try #require(statusTable(status.json())).contains("\nproblem: endpoint: 192.0.2.7:1 is taken\n"))
    }

    /// The worst first, in one sentence; what is merely a count, or a collector, is none.
    @Test func theHealthIsTheWorstThatIsWrong() throws {
        var good = RouteStatus(input: "a", inputType: "journald", output: "b", outputType: "http")
        #expect(status([good], warnings: ["w"], collectors: collectors).health.worst == nil)
        #expect(isHealthy(status([good]).json()) && isHealthy(status([]).json()))
        good.cursorSaveFailures = 7
        #expect(status([good]).health.worst == nil, "it has been saved since")
        var files = RouteStatus(input: "app", inputType: "file", output: "b", outputType: "http")
        #expect(status([good, files]).health.worst == "route app to b: problem: no file matches its paths")
        files.reading.hasLooked = false
        #expect(status([good, files]).health.worst == nil, "it has just begun")
        (files.reading.hasLooked, files.reading.sourceCount) = (true, 1)
        #expect(status([good, files]).health.worst == nil)
        var unsaved = files
        unsaved.isCursorUnsaved = true
        let saving = "route app to b: problem: the cursor cannot be saved"
        #expect(status([unsaved]).health.worst?.hasPrefix(saving) == true)
        let retrying = route()
        #expect(status([unsaved, retrying]).health.worst == "route syslog to central: retrying: HTTP 503: \"busy\"\n")
        var refused = retrying
        (refused.input, refused.isNotAllowed) = ("web", true)
        let refusal = status([unsaved, retrying, refused]).health.worst
        #expect(refusal?.hasPrefix("route web to central: not allowed: ") == true)
        var all = status([refused])
        all.problems = ["endpoint: taken"]
        #expect(all.health.worst == "endpoint: taken")
        var (held, stopped) = (good, good)
        (held.isWaitingForMemory, stopped.isStopped) = (true, true)
        all.routes = [held, good, unsaved, retrying, stopped, refused, files]
        let order = ["endpoint: taken", "web to", "a to b: stopped", "syslog to", "app to", "a to b: held"]
        let findings = all.health.findings
        #expect(findings.count == order.count && zip(findings, order).allSatisfy { $0.contains($1) }, "\(findings)")
        // When the agent stops, its routes do.
        all.state = .stopping
        #expect(!all.health.findings.contains { $0.contains("stopped") })
        #expect(!isHealthy(all.json()) && !isHealthy([]) && isHealthy(Array("{}".utf8)))
    }

    @Test func whereAndWhenItIsTriedNext() throws {
        var route = route()
        route.address = "https://logs.example.com/ingest"
        route.lastSuccessUnixNanoseconds = 1_500_000_000_000_000_000
        route.nextTryUnixNanoseconds = 1_500_000_001_000_000_000
        let table = try #require(statusTable(status([route]).json()))
        let expected =
            "syslog -> central: sends to https://logs.example.com/ingest; last success: "
            + "2017-07-14T02:40:00.000000000Z; next try: 2017-07-14T02:40:01.000000000Z\n"
        #expect(table.contains(expected), "\(table)")
    }

    @Test func theJSONSaysEverything() throws {
        let json = try parseJSON(status([route()], warnings: ["w"]).json())
        #expect(json["version"]?.string == "0.1.0")
        #expect(json["process_id"]?.unsigned == 812)
        #expect(json["started"]?.string == "2017-07-14T02:40:00.000000000Z")
        #expect(json["uptime_seconds"]?.double == 3_725.5)
        #expect(json["state"]?.string == "running")
        #expect(json["warnings"]?.array?.first?.string == "w")
        let route = try #require(json["routes"]?.array?.first)
        #expect(route["state"]?.string == "retrying")
        #expect(route["records_read"]?.unsigned == 1_200)
        #expect(route["records_dropped"]?["rejected_store_full"]?.unsigned == 7)
        #expect(route["lag_bytes"]?.unsigned == 34_000)
        #expect(route["lag_seconds"]?.double == 12.25)
        #expect(route["events"]?["line_cut"]?.unsigned == 5)
        #expect(route["last_error"]?["message"]?.string == "HTTP 503: \"busy\"\n")
        #expect(route["last_error"]?["at"]?.string == "2017-07-14T02:40:00.500000000Z")
    }

    @Test func whatIsNotKnownIsNull() throws {
        var route = route()
        route.reading.lagBytes = nil
        route.lastError = nil
        route.isRetrying = false
        let json = try #require(try parseJSON(status([route]).json())["routes"]?.array?.first)
        guard case .null? = json["lag_bytes"]?.content, case .null? = json["last_error"]?.content else {
            Issue.record("expected null")
            return
        }
        #expect(json["state"]?.string == "problem")
        (route.reading.problems, route.reading.sourceCount) = ([], 1)
        #expect(try parseJSON(status([route]).json())["routes"]?.array?.first?["state"]?.string == "ok")
    }

    @Test func theTable() throws {
        var other = RouteStatus(input: "journal", inputType: "journald", output: "local", outputType: "file")
        other.recordsRead = 5
        other.recordsAcknowledged = 5
        let expected = """
            vitals 0.1.0 on web1, process 812, running for 1 h 2 min
            NOT OK: route syslog to central: retrying: HTTP 503: "busy"
            warning: w

            INPUT    OUTPUT   STATE     READ  ACKNOWLEDGED  LAG BYTES     LAG  RETRIES  REJECTED  LOST
            syslog   central  retrying  1200          1000   33.2 KiB  12.3 s        3         2     7
            journal  local    ok           5             5          -       0        0         0     0

            syslog -> central: last success: none yet
            syslog -> central: last error at 2017-07-14T02:40:00.500000000Z: HTTP 503: "busy"
            syslog -> central: problem: /var/log/secret: Permission denied
            syslog -> central: lost: 7 rejected_store_full
            syslog -> central: line_cut: 5

            """
        #expect(statusTable(status([route(), other], warnings: ["w"]).json()) == expected)
        #expect(
            statusTable(status([]).json()) == "vitals 0.1.0 on web1, process 812, running for 1 h 2 min\nno routes\n")
    }

    /// What a filter leaves out is missed by nobody; documents that had no room are, whoever has counted them.
    @Test func lostIsWhatSomebodyMayMiss() throws {
        var route = route()
        route.recordsDropped = [("filter", 5_000), ("too_old", 2), ("rate_limit", 7)]
        route.reading.counts = [
            ("spool_dropped", 10), ("spool_dropped_bytes", 9_999), ("spool_dropped_unstored", 100),
            ("spool_damaged", 0),
            ("document_received", 3),
        ]
        let table = try #require(statusTable(status([route]).json()))
        #expect(table.split(separator: "\n")[3].hasSuffix("  112"))
        let lines = table.split(separator: "\n").suffix(8).map { $0.dropFirst("syslog -> central: ".count) }
        #expect(
            lines == [
                "problem: /var/log/secret: Permission denied", "lost: 2 too_old", "lost: 10 spool_dropped",
                "lost: 100 spool_dropped_unstored", "left out: 5000 filter", "left out: 7 rate_limit",
                "spool_dropped_bytes: 9999", "document_received: 3",
            ])
    }

    /// What the shipped alert fires for is what a person then sees under LOST. Bytes are no records.
    @Test func whatTheAlertCallsLostIsLostInTheTable() throws {
        let rules = try String(
            contentsOfFile: "\(Repository.path)/packaging/prometheus/vitals.rules.yml", encoding: .utf8)
        let pattern = try #require(rules.firstMatch(of: /reason=~"(bytes_lost_[^"]*)"/)?.output.1)
        let reasons = pattern.split(separator: "|").filter { !$0.hasPrefix("bytes_lost_") }
        #expect(reasons.contains("entry_lost") && reasons.count >= 5)
        for reason in reasons {
            var route = route()
            route.recordsDropped = []
            route.reading.counts = [(String(reason), 34)]
            let table = try #require(statusTable(status([route]).json()))
            #expect(table.contains("  34\n") && table.contains("lost: 34 \(reason)\n"), "\(reason)")
        }
    }

    @Test(arguments: [(UInt64(1), "a cursor file"), (2, "2 cursor files")])
    func aDamagedCursorIsSaid(count: UInt64, files: String) throws {
        var route = route()
        route.cursorFilesDamaged = count
        let table = try #require(statusTable(status([route]).json()))
        #expect(table.contains("syslog -> central: \(files) could not be used at the start: "))
    }

    @Test func collectorsThatDoNotWorkAreNamed() throws {
        let bytes = status([], collectors: collectors).json()
        let json = try parseJSON(bytes)
        #expect(json["collectors"]?.array?.map { $0["name"]?.string } == ["cpu", "stat", "ipvs"])
        let table = try #require(statusTable(bytes))
        #expect(table.contains("\ncollector stat is failed: /proc/stat: line 3\n"))
        #expect(!table.contains("ipvs"))
    }

    @Test func everyTruncationIsNoTable() {
        let bytes = status([route()]).json()
        for count in 0..<bytes.count - 1 { #expect(statusTable(Array(bytes.prefix(count))) == nil) }
        for text in ["{\"routes\":[]}", "[]", "{\"version\":1,\"routes\":[]}"] {
            #expect(statusTable(Array(text.utf8)) == nil)
        }
        #expect(statusTable(Array("<html>".utf8)) == nil)
    }

    @Test func anotherAgentsNumbersDoNotTrap() {
        let text = """
            {"version":"9","host":"h","state":"s","uptime_seconds":1e300,"routes":[{"lag_seconds":1e300,
            "lag_bytes":18446744073709551615,"records_dropped":{"a":18446744073709551615,"b":2}}]}
            """
        #expect(statusTable(Array(text.utf8)) != nil)
    }
}

@Suite struct SelfMetricsTests {
    private func text(_ routes: [RouteStatus]) -> String {
        var snapshot = Snapshot()
        SelfMetrics.add(routes, to: &snapshot)
        var encoder = PrometheusText()
        var bytes: [UInt8] = []
        encoder.encode([snapshot], into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func everyRouteHasItsSamples() {
        let text = text([route()])
        let labels = "{input=\"syslog\",output=\"central\"}"
        #expect(text.contains("# TYPE vitals_route_records_read_total counter\n"))
        #expect(text.contains("vitals_route_records_read_total\(labels) 1200\n"))
        #expect(text.contains("vitals_route_lag_bytes\(labels) 34000\n"))
        #expect(text.contains("vitals_route_lag_seconds\(labels) 12.25\n"))
        #expect(text.contains("vitals_route_retrying\(labels) 1\n"))
        #expect(text.contains("vitals_route_last_error_timestamp_seconds\(labels) 1500000000.5\n"))
        #expect(
            text.contains(
                "vitals_route_records_dropped_total{input=\"syslog\",output=\"central\","
                    + "reason=\"rejected_store_full\"} 7\n"))
        #expect(
            text.contains("vitals_input_events_total{input=\"syslog\",output=\"central\",reason=\"line_cut\"} 5\n"))
    }

    /// The increase of a series that is born at 4 000 is 0: each is there before anything happens.
    @Test func everyReasonIsServedFromTheStart() {
        let quiet = text([RouteStatus(input: "a", inputType: "file", output: "b", outputType: "http")])
        for reason in ["rejected_store_full", "rejected_store_failed", "given_up", "filter", "sample", "rate_limit"] {
            #expect(
                quiet.contains("vitals_route_records_dropped_total{input=\"a\",output=\"b\",reason=\"\(reason)\"} 0\n"))
        }
        let lossy = text([route()])
        #expect(lossy.contains("reason=\"rejected_store_full\"} 7\n") && lossy.contains("reason=\"given_up\"} 0\n"))
        #expect(!lossy.contains("reason=\"rejected_store_full\"} 0\n"))
    }

    @Test func oneStateAtATime() {
        for (expected, change) in [
            ("ok", { _ in }), ("retrying", { $0.isRetrying = true }),
            ("not_allowed", { ($0.isRetrying, $0.isNotAllowed) = (true, true) }),
            ("held", { $0.isWaitingForMemory = true }), ("stopped", { ($0.isStopped, $0.isRetrying) = (true, true) }),
        ] as [(String, (inout RouteStatus) -> Void)] {
            var route = RouteStatus(input: "a", inputType: "file", output: "b", outputType: "http")
            change(&route)
            let lines = text([route]).split(separator: "\n").filter { $0.hasPrefix("vitals_route_state{") }
            #expect(lines.count == 5)
            let set = lines.filter { $0.hasSuffix(" 1") }
            #expect(set == ["vitals_route_state{input=\"a\",output=\"b\",state=\"\(expected)\"} 1"])
        }
    }

    @Test func theMemoryLimitIsOneForAll() {
        var snapshot = Snapshot()
        SelfMetrics.add(memoryLimit: 64 << 20, to: &snapshot)
        #expect(snapshot.samples.map(\.value) == [67_108_864])
    }

    @Test func whatIsNotKnownIsAbsent() {
        var route = route()
        route.reading.lagBytes = nil
        route.lastErrorUnixNanoseconds = 0
        #expect(!text([route]).contains("lag_bytes"))
        #expect(!text([route]).contains("last_error"))
        #expect(text([]).isEmpty)
    }

    @Test func namesAreThoseOfPrometheus() {
        for metric in SelfMetrics.all {
            #expect(metric.name.hasPrefix("vitals_"))
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
            #expect(Set(metric.labels).count == metric.labels.count)
        }
        #expect(Set(SelfMetrics.all.map(\.name)).count == SelfMetrics.all.count)
    }

    @Test func theLogIsCounted() {
        let log = AgentLog(level: .info, underSystemd: false, sink: { _ in })
        log.warning("x")
        log.warning("x")
        log.debug("not written, not counted")
        var snapshot = Snapshot()
        SelfMetrics.add(log, to: &snapshot)
        #expect(snapshot.samples.map(\.value) == [0, 2, 0, 0])
    }
}
