// The service manager is told how the agent is: sd_notify(3), which is one datagram to the socket of $NOTIFY_SOCKET.

internal import Bytes
package import Platform

/// Does nothing when the agent was not started by a service manager that wants to know.
package struct ServiceNotifier: Sendable {
    private let socket: String?
    private let log: AgentLog
    /// How often the manager wants to hear from us: twice within the time after which it kills. nil when it does not.
    package let watchdogInterval: Duration?

    /// `environment` is asked for `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    package init(environment: (String) -> String?, processID: Int, log: AgentLog) {
        let name = environment("NOTIFY_SOCKET")
        // Others that systemd knows (vsock:) are for machines that boot, not for services.
        socket = name.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        self.log = log
        if let name, socket == nil { log.warning("NOTIFY_SOCKET is not understood", ["socket": name]) }
        // WATCHDOG_PID is there when the wish is not for us but for the process that we may have been started by.
        let isForUs = environment("WATCHDOG_PID").map { $0 == "\(processID)" } ?? true
        let limit = environment("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        watchdogInterval = socket != nil && isForUs && limit > 0 ? .microseconds(limit / 2) : nil
    }

    package func ready(status: String) { send("READY=1\nSTATUS=\(oneLine(status))\n") }
    package func status(_ status: String) { send("STATUS=\(oneLine(status))\n") }
    package func watchdog() { send("WATCHDOG=1\n") }
    package func stopping(status: String) { send("STOPPING=1\nSTATUS=\(oneLine(status))\n") }

    private func send(_ message: String) {
        guard let socket else { return }
        do throws(Errno) { try sendDatagram(Array(message.utf8), toUnixSocket: socket) } catch {
            log.warning("cannot notify the service manager", ["socket": socket, "error": error.description])
        }
    }

    private func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
