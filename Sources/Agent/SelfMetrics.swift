// What the agent says about its own routes and log on /metrics. Names begin with `vitals_`; what the process and the
// collectors cost is added by the endpoint and the scraper.

package import Delivery
internal import Inputs
package import Metrics
package import Platform

package enum SelfMetrics {
    private static let route = ["input", "output"]

    private static let recordsRead = counter("records_read", "Records that the input read for this route.")
    private static let bytesRead = counter("bytes_read", "Bytes of text that the input read for this route.")
    private static let recordsAcknowledged = counter(
        "records_acknowledged", "Records that the receiver has for good.")
    private static let bytesAcknowledged = counter(
        "bytes_acknowledged", "Bytes of text that the receiver has for good.")
    private static let retries = counter("retries", "Deliveries that failed and were tried again.")
    private static let recordsRejected = counter(
        "records_rejected", "Records that the receiver will never accept, kept in the state directory.")
    private static let invalidSequences = counter(
        "invalid_sequences_replaced", "Invalid UTF-8 sequences that were replaced by U+FFFD.")
    private static let cursorsDamaged = counter(
        "cursor_files_damaged", "Cursor files that were there at the start and could not be used.")
    private static let cursorLinesDamaged = counter(
        "cursor_lines_damaged", "Lines of a cursor file that could not be used at the start.")
    private static let cursorSaveFailures = counter(
        "cursor_save_failures", "Times that the cursor could not be saved; it is tried again.")
    private static let recordsDropped = MetricDescriptor(
        "vitals_route_records_dropped_total", .counter, labels: route + ["reason"],
        help: "Records that no receiver will get, by reason.")
    private static let events = MetricDescriptor(
        "vitals_input_events_total", .counter, labels: route + ["reason"],
        help: "What the input met: lines cut, bytes lost, sources that cannot be read, by reason.")

    private static let lagBytes = gauge("lag_bytes", "Bytes that are there to be read and not acknowledged.")
    private static let lagSeconds = gauge(
        "lag_seconds", "How long the oldest record that was read has waited for its acknowledgement.")
    private static let inFlight = gauge("batches_in_flight", "Batches that are being sent.")
    private static let memory = gauge("memory_bytes", "Memory kept for batches and the bodies made of them.")
    private static let state = MetricDescriptor(
        "vitals_route_state", .gauge, labels: route + ["state"],
        help: "1 for the state that the route is in, 0 for the others.")
    private static let isRetrying = gauge("retrying", "1 while deliveries fail and are tried again, else 0.")
    private static let lastError = gauge(
        "last_error_timestamp_seconds", "When a delivery last failed, in seconds since 1970; absent when none did.")
    private static let sources = gauge("sources", "Sources that the input reads: files, or 1 for a journal.")
    private static let problems = gauge("problems", "What is wrong with the input's sources right now; see status.")

    private static let memoryLimit = MetricDescriptor(
        "vitals_delivery_memory_limit_bytes", .gauge,
        help: "Memory that the batches of all routes and their bodies may take.")
    private static let findings = MetricDescriptor(
        "vitals_problems", .gauge,
        help: "What is wrong with the agent and its routes right now; vitals status says it, the worst first.")
    private static let logMessages = MetricDescriptor(
        "vitals_log_messages_total", .counter, labels: ["level"],
        help: "Messages of the agent's own log, by level, those that were folded into one line included.")

    /// All of them: a test lints the names and the helps.
    package static let all = [
        recordsRead, bytesRead, recordsAcknowledged, bytesAcknowledged, retries, recordsRejected, invalidSequences,
        cursorsDamaged, cursorLinesDamaged, cursorSaveFailures, recordsDropped, events, lagBytes, lagSeconds, inFlight,
        memory,
        state, isRetrying, lastError, sources, problems, memoryLimit, findings, logMessages,
    ]

    package static func add(_ routes: [RouteStatus], to snapshot: inout Snapshot) {
        for status in routes {
            let (input, output) = (status.input, status.output)
            snapshot.add(recordsRead, Double(status.recordsRead), input, output)
            snapshot.add(bytesRead, Double(status.bytesRead), input, output)
            snapshot.add(recordsAcknowledged, Double(status.recordsAcknowledged), input, output)
            snapshot.add(bytesAcknowledged, Double(status.bytesAcknowledged), input, output)
            snapshot.add(retries, Double(status.retries), input, output)
            snapshot.add(recordsRejected, Double(status.recordsRejected), input, output)
            snapshot.add(invalidSequences, Double(status.invalidSequencesReplaced), input, output)
            snapshot.add(cursorsDamaged, Double(status.cursorFilesDamaged), input, output)
            snapshot.add(cursorLinesDamaged, Double(status.cursorLinesDamaged), input, output)
            snapshot.add(cursorSaveFailures, Double(status.cursorSaveFailures), input, output)
            let quiet = status.dropReasons.filter { reason in
                !status.recordsDropped.contains { $0.reason == reason }
            }
            for (reason, count) in status.recordsDropped + quiet.map({ ($0, 0) }) {
                snapshot.add(recordsDropped, Double(count), labels: [input, output, reason])
            }
            for (reason, count) in status.reading.counts {
                snapshot.add(events, Double(count), labels: [input, output, reason])
            }
            if let bytes = status.reading.lagBytes { snapshot.add(lagBytes, Double(bytes), input, output) }
            snapshot.add(lagSeconds, status.lagSeconds, input, output)
            snapshot.add(inFlight, Double(status.batchesInFlight), input, output)
            snapshot.add(memory, Double(status.memoryBytes), input, output)
            for state in RouteStatus.State.allCases {
                snapshot.add(Self.state, status.state == state ? 1 : 0, labels: [input, output, state.rawValue])
            }
            snapshot.add(isRetrying, status.isRetrying ? 1 : 0, input, output)
            if status.lastErrorUnixNanoseconds > 0 {
                snapshot.add(lastError, Double(status.lastErrorUnixNanoseconds) / 1e9, input, output)
            }
            snapshot.add(sources, Double(status.reading.sourceCount), input, output)
            snapshot.add(problems, Double(status.reading.problems.count), input, output)
        }
    }

    package static func add(memoryLimit bytes: Int, to snapshot: inout Snapshot) {
        snapshot.add(memoryLimit, Double(bytes))
    }

    package static func add(_ health: Health, to snapshot: inout Snapshot) {
        snapshot.add(findings, Double(health.findings.count))
    }

    package static func add(_ log: AgentLog, to snapshot: inout Snapshot) {
        for (level, count) in log.messageCounts { snapshot.add(logMessages, Double(count), level.name) }
    }

    private static func counter(_ name: String, _ help: String) -> MetricDescriptor {
        MetricDescriptor("vitals_route_\(name)_total", .counter, labels: route, help: help)
    }

    private static func gauge(_ name: String, _ help: String) -> MetricDescriptor {
        MetricDescriptor("vitals_route_\(name)", .gauge, labels: route, help: help)
    }
}
