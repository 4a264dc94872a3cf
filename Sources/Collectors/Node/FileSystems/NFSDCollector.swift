// What the NFS server of this host was asked for, from /proc/net/rpc/nfsd.

internal import Metrics
internal import Procfs
internal import Settings

struct NFSDCollector: Collector {
    static let name = "nfsd"
    static let isEnabledByDefault = true
    static let metrics = readings.map(\.descriptor) + [packets, errors, requests]

    private typealias Reading = (descriptor: MetricDescriptor, line: RPCStats.Line, index: Int)

    private static func reading(
        _ name: String, _ kind: MetricKind, _ line: RPCStats.Line, _ index: Int, _ help: String
    ) -> Reading {
        (MetricDescriptor("node_nfsd_" + name, kind, help: help), line, index)
    }

    private static let readings = [
        reading("reply_cache_hits_total", .counter, .rc, 0, "Calls answered from the reply cache."),
        reading("reply_cache_misses_total", .counter, .rc, 1, "Calls whose answers were put into the reply cache."),
        reading("reply_cache_nocache_total", .counter, .rc, 2, "Calls whose answers need no reply cache."),
        reading("file_handles_stale_total", .counter, .fh, 0, "File handles that were stale."),
        reading("disk_bytes_read_total", .counter, .io, 0, "Bytes that clients read."),
        reading("disk_bytes_written_total", .counter, .io, 1, "Bytes that clients wrote."),
        reading("server_threads", .gauge, .th, 0, "Threads of the NFS server."),
        reading("read_ahead_cache_size_blocks", .gauge, .ra, 0, "Size of the read-ahead cache; 0 since Linux 5.4."),
        reading(
            "read_ahead_cache_not_found_total", .counter, .ra, 11, "Reads not found in the read-ahead cache."),
        reading("connections_total", .counter, .net, 3, "TCP connections to the NFS server."),
        reading("server_rpcs_total", .counter, .rpc, 0, "Calls to the NFS server."),
    ]

    private static let packets = MetricDescriptor(
        "node_nfsd_packets_total", .counter, labels: ["proto"], help: "Packets of the NFS server.")
    private static let errors = MetricDescriptor(
        "node_nfsd_rpc_errors_total", .counter, labels: ["error"], help: "Calls that were refused as bad.")
    private static let requests = MetricDescriptor(
        "node_nfsd_requests_total", .counter, labels: ["method", "proto"],
        help: "Calls to the NFS server by procedure and version of NFS; of version 4, operations.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/net/rpc/nfsd")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let stats = try file.value(RPCStats.parse)
        for (descriptor, line, index) in Self.readings { snapshot.add(descriptor, Double(stats[line, index])) }
        snapshot.add(Self.packets, Double(stats[.net, 1]), "udp")
        snapshot.add(Self.packets, Double(stats[.net, 2]), "tcp")
        snapshot.add(Self.errors, Double(stats[.rpc, 2]), "fmt")
        snapshot.add(Self.errors, Double(stats[.rpc, 3]), "auth")
        snapshot.add(Self.errors, Double(stats[.rpc, 4]), "cInt")
        // The server's null calls are pings, and node_exporter does not count them.
        for (index, method) in NFSMethods.v2.enumerated() where index > 0 {
            snapshot.add(Self.requests, Double(stats[.proc2, index]), method, "2")
        }
        for (index, method) in NFSMethods.v3.enumerated() where index > 0 {
            snapshot.add(Self.requests, Double(stats[.proc3, index]), method, "3")
        }
        for (index, method) in NFSMethods.v4Server.enumerated() where !method.isEmpty {
            snapshot.add(Self.requests, Double(stats[.proc4ops, index]), method, "4")
        }
        snapshot.add(Self.requests, Double(stats[.wdelegGetattr, 0]), "WdelegGetattr", "4")
    }
}
