// node_tcp_connection_states: how many TCP sockets are in which state.

package import Metrics
package import Procfs
package import Settings

/// TCP sockets by state, and what waits in their queues.
package struct TCPStatCollector: Collector {
    package static let name = "tcpstat"
    package static let isEnabledByDefault = false
    package static let metrics = [states]

    static let states = MetricDescriptor(
        "node_tcp_connection_states", .gauge, labels: ["state"],
        help: "TCP sockets in a state; bytes in their queues under rx_queued_bytes and tx_queued_bytes.")

    private let table: TCPSocketTable

    /// Asks the kernel for its own network namespace, wherever `host.proc` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        table = TCPSocketTable(host: host, usesFiles: false)
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        Self.add(try table.read(), to: &snapshot)
    }

    /// Only states that some socket is in, as node_exporter has it.
    static func add(_ sockets: TCPSockets, to snapshot: inout Snapshot) {
        guard !sockets.isEmpty else { return }
        for (state, count) in zip(TCPSockets.states, sockets.counts) where count > 0 {
            snapshot.add(states, Double(count), state)
        }
        snapshot.add(states, Double(sockets.receiveQueueBytes), "rx_queued_bytes")
        snapshot.add(states, Double(sockets.sendQueueBytes), "tx_queued_bytes")
    }
}
