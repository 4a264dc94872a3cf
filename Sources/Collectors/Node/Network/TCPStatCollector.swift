// node_tcp_connection_states: how many TCP sockets are in which state.

package import Metrics
internal import Platform
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

    private let client = NetlinkClient(.socketDiagnosis)
    private let requests = [TCPSockets.request(addressFamily: 2), TCPSockets.request(addressFamily: 10)]  // AF_INET, 6

    /// Asks the kernel for its own network namespace, wherever `host.proc` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {}

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var all = TCPSockets()
        var answers = 0
        for request in requests {
            var sockets = TCPSockets()
            do throws(NetlinkFailure) {
                try client.ask(request, begin: { sockets.removeAll() }) {
                    bytes, count, sequence throws(NetlinkError) in
                    try sockets.count(bytes, count: count, sequence: sequence)
                }
            } catch {
                // A kernel without IPv6, or without tcp_diag.
                guard error.isAbsence else { throw CollectError(error) }
                continue
            }
            answers += 1
            all = all + sockets
        }
        guard answers > 0 else { throw .absent("this kernel has no tcp_diag") }
        Self.add(all, to: &snapshot)
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
