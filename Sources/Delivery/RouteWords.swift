// What a route says in the agent's log of its receiver: when an outage begins, why deliveries fail, and when it ends.

internal import Inputs
internal import Logs
internal import Platform

extension Route {
    func say(_ trouble: Trouble, isOpen: Bool, _ event: Outage.Event?) {
        if event == .begun { log.endFolding(["input": inputName, "output": outputName]) }
        let labels: KeyValuePairs = ["input": inputName, "output": outputName, "reason": trouble.reason]
        switch trouble.kind {
        case .notAllowed:
            log.error(
                "receiver refuses our credentials or address: fix the settings or the receiver; "
                    + "nothing is lost, retrying now and then", labels)
        case .refusesAll where isOpen:
            log.error(
                "receiver takes no record at all: fix the settings or the receiver; "
                    + "the records are held, retrying one now and then", labels)
        case .refusesAll:
            log.warning("record refused; it waits to see whether the receiver takes others", labels)
        case .failed, .refusedInPart:
            log.warning("delivery failed; will retry", labels)
        }
    }

    func sayOutageIsOver(after duration: Duration) {
        log.endFolding(["input": inputName, "output": outputName])
        let (records, bytes) = exchange.with { state in
            // With filters, fewer are sent than read: what is under way counts.
            var records = 0
            state.window.forEach { records += $0.batch.records.count }
            return (records, state.status.reading.lagBytes)
        }
        log.info(
            "delivers again",
            [
                "input": inputName, "output": outputName, "duration": roughText(duration),
                "records_behind": "\(records)", "bytes_behind": bytes.map { "\($0)" } ?? "unknown",
            ])
    }

    /// In seconds and tenths of them.
    private func roughText(_ duration: Duration) -> String {
        let tenths = duration.nanoseconds / 100_000_000
        return "\(tenths / 10).\(tenths % 10)s"
    }
}
