// How the agent is, as JSON: what /api/v1/status serves and `vitals status` prints as a table (StatusTable.swift).
//
//     {"version":"0.1.0","host":"web1","process_id":812,"started":"2026-11-21T…Z","uptime_seconds":12.5,
//      "state":"running","health":"ok","state_directory":"/var/lib/vitals","warnings":["…"],
//      "problems":["…"],
//      "routes":[{"input":"syslog","input_type":"file","output":"central","output_type":"http","state":"retrying",
//        "records_read":12,…,"last_error":{"message":"…","at":"…"},"problems":["…"]}],
//      "collectors":[{"name":"cpu","status":"ok","reason":null},…]}

internal import Bytes
package import Delivery
internal import Inputs

/// The whole of it at one moment.
package struct AgentStatus: Sendable {
    package enum State: String, Sendable { case starting, running, stopping }

    /// What is wrong, for whoever asks.
    package var health: Health { Health(state: state, problems: problems, routes: routes) }

    package var version: String
    package var hostName: String
    package var processID: Int
    package var startedUnixNanoseconds: Int64
    package var nowUnixNanoseconds: Int64
    package var state: State
    package var stateDirectory: String
    /// Of the settings, as `vitals check` says them.
    package var warnings: [String]
    /// What is wrong now with the agent itself, beyond its routes: an address that cannot be had, too few threads.
    package var problems: [String]
    package var routes: [RouteStatus]
    package var collectors: [CollectorState]

    package init(
        version: String, hostName: String, processID: Int, startedUnixNanoseconds: Int64, nowUnixNanoseconds: Int64,
        state: State, stateDirectory: String, warnings: [String], problems: [String] = [], routes: [RouteStatus],
        collectors: [CollectorState]
    ) {
        self.version = version
        self.hostName = hostName
        self.processID = processID
        self.startedUnixNanoseconds = startedUnixNanoseconds
        self.nowUnixNanoseconds = nowUnixNanoseconds
        self.state = state
        self.stateDirectory = stateDirectory
        self.warnings = warnings
        self.problems = problems
        self.routes = routes
        self.collectors = collectors
    }

    /// One line of JSON, with a newline at its end.
    package func json() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("version", version)
            json.member("host", hostName)
            json.key("process_id")
            json.number(processID)
            json.member("started", timeText(startedUnixNanoseconds))
            json.key("uptime_seconds")
            json.number(Double(nowUnixNanoseconds - startedUnixNanoseconds) / 1e9)
            json.member("state", state.rawValue)
            json.member("health", health.worst ?? "ok")
            json.member("state_directory", stateDirectory)
            json.member("warnings", warnings)
            json.member("problems", problems)
            json.key("routes")
            json.array { json in
                for route in routes { json.object { Self.write(route, into: &$0) } }
            }
            json.key("collectors")
            json.array { json in
                for collector in collectors where collector.isEnabled {
                    json.object { Self.write(collector, into: &$0) }
                }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(_ collector: CollectorState, into json: inout JSONWriter) {
        json.member("name", collector.name)
        json.key("status")
        if let status = collector.status { json.string(status.rawValue) } else { json.null() }
        json.key("reason")
        if let reason = collector.reason { json.string(reason) } else { json.null() }
    }

    private static func write(_ route: RouteStatus, into json: inout JSONWriter) {
        json.member("input", route.input)
        json.member("input_type", route.inputType)
        json.member("output", route.output)
        json.member("output_type", route.outputType)
        json.member("state", Health.state(of: route))
        json.member("records_read", route.recordsRead)
        json.member("bytes_read", route.bytesRead)
        json.member("records_acknowledged", route.recordsAcknowledged)
        json.member("bytes_acknowledged", route.bytesAcknowledged)
        json.member("retries", route.retries)
        json.member("records_rejected", route.recordsRejected)
        json.member("records_dropped", route.recordsDropped)
        json.member("invalid_sequences_replaced", route.invalidSequencesReplaced)
        json.member("cursor_files_damaged", route.cursorFilesDamaged)
        json.member("cursor_lines_damaged", route.cursorLinesDamaged)
        json.member("cursor_save_failures", route.cursorSaveFailures)
        json.key("batches_in_flight")
        json.number(route.batchesInFlight)
        json.key("lag_bytes")
        if let bytes = route.reading.lagBytes { json.number(bytes) } else { json.null() }
        json.key("lag_seconds")
        json.number(route.lagSeconds)
        json.key("sources")
        json.number(route.reading.sourceCount)
        json.member("events", route.reading.counts)
        json.member("problems", Health.problems(of: route))
        json.member("address", route.address)
        json.key("last_success")
        json.time(route.lastSuccessUnixNanoseconds)
        json.key("next_try")
        json.time(route.nextTryUnixNanoseconds)
        json.key("last_error")
        guard let message = route.lastError else { return json.null() }
        json.object { json in
            json.member("message", message)
            json.member("at", timeText(route.lastErrorUnixNanoseconds))
        }
    }
}

private func timeText(_ unixNanoseconds: Int64) -> String {
    var text: [UInt8] = []
    text.append(rfc3339: unixNanoseconds)
    return String(decoding: text, as: UTF8.self)
}

extension JSONWriter {
    /// null for 0.
    fileprivate mutating func time(_ unixNanoseconds: Int64) {
        if unixNanoseconds == 0 { null() } else { string(timeText(unixNanoseconds)) }
    }

    fileprivate mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    fileprivate mutating func member(_ name: String, _ value: UInt64) {
        key(name)
        number(value)
    }

    fileprivate mutating func member(_ name: String, _ values: [String]) {
        key(name)
        array { json in for value in values { json.string(value) } }
    }

    fileprivate mutating func member(_ name: String, _ counts: [(reason: String, count: UInt64)]) {
        key(name)
        object { json in for (reason, count) in counts { json.member(reason, count) } }
    }
}
