// What the NFS client of this host asked for, from /proc/net/rpc/nfs.

internal import Metrics
internal import Procfs
internal import Settings

struct NFSCollector: Collector {
    static let name = "nfs"
    static let isEnabledByDefault = true
    static let metrics = [packets, connections, calls, retransmissions, refreshes, requests]

    private static let packets = MetricDescriptor(
        "node_nfs_packets_total", .counter, labels: ["protocol"], help: "Packets of the NFS client.")
    private static let connections = MetricDescriptor(
        "node_nfs_connections_total", .counter, help: "TCP connections that the NFS client made.")
    private static let calls = MetricDescriptor("node_nfs_rpcs_total", .counter, help: "Calls of the NFS client.")
    private static let retransmissions = MetricDescriptor(
        "node_nfs_rpc_retransmissions_total", .counter, help: "Calls that the NFS client sent again.")
    private static let refreshes = MetricDescriptor(
        "node_nfs_rpc_authentication_refreshes_total", .counter, help: "Times that credentials were refreshed.")
    private static let requests = MetricDescriptor(
        "node_nfs_requests_total", .counter, labels: ["method", "proto"],
        help: "Calls of the NFS client by procedure and version of NFS.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/net/rpc/nfs")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let stats = try file.value(RPCStats.parse)
        snapshot.add(Self.packets, Double(stats[.net, 1]), "udp")
        snapshot.add(Self.packets, Double(stats[.net, 2]), "tcp")
        snapshot.add(Self.connections, Double(stats[.net, 3]))
        snapshot.add(Self.calls, Double(stats[.rpc, 0]))
        snapshot.add(Self.retransmissions, Double(stats[.rpc, 1]))
        snapshot.add(Self.refreshes, Double(stats[.rpc, 2]))
        for (index, method) in NFSMethods.v2.enumerated() {
            snapshot.add(Self.requests, Double(stats[.proc2, index]), method, "2")
        }
        for (index, method) in NFSMethods.v3.enumerated() {
            snapshot.add(Self.requests, Double(stats[.proc3, index]), method, "3")
        }
        for (index, method) in NFSMethods.v4Client.enumerated() {
            snapshot.add(Self.requests, Double(stats[.proc4, index]), method, "4")
        }
    }
}
