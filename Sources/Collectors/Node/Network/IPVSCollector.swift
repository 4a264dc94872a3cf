// The load balancer IPVS: its totals and its servers, from /proc/net/ip_vs_stats and /proc/net/ip_vs.

internal import Metrics
internal import Procfs
internal import Settings

struct IPVSCollector: Collector {
    static let name = "ipvs"
    static let isEnabledByDefault = true
    static let metrics = totals.map(\.descriptor) + backendMetrics(Label.allCases)

    /// What servers may be told apart by, in the order in which labels are written.
    private enum Label: String, CaseIterable {
        case localAddress = "local_address"
        case localMark = "local_mark"
        case localPort = "local_port"
        case proto
        case remoteAddress = "remote_address"
        case remotePort = "remote_port"

        func value(_ backend: IPVSBackend) -> String {
            switch self {
            case .localAddress: backend.local.address
            case .localMark: backend.localMark
            case .localPort: "\(backend.local.port)"
            case .proto: backend.proto
            case .remoteAddress: backend.remote.address
            case .remotePort: "\(backend.remote.port)"
            }
        }
    }

    private typealias Total = (descriptor: MetricDescriptor, value: @Sendable (IPVSStats) -> UInt64)

    private static func total(
        _ name: String, _ help: String, _ value: @escaping @Sendable (IPVSStats) -> UInt64
    ) -> Total {
        (MetricDescriptor("node_ipvs_\(name)_total", .counter, help: help), value)
    }

    private static let totals = [
        total("connections", "Connections that were made.") { $0.connections },
        total("incoming_packets", "Packets from clients.") { $0.incomingPackets },
        total("outgoing_packets", "Packets to clients.") { $0.outgoingPackets },
        total("incoming_bytes", "Bytes from clients.") { $0.incomingBytes },
        total("outgoing_bytes", "Bytes to clients.") { $0.outgoingBytes },
    ]

    private static func backendMetrics(_ labels: [Label]) -> [MetricDescriptor] {
        [
            ("connections_active", "Active connections to a server."),
            ("connections_inactive", "Inactive connections to a server."),
            ("weight", "The weight of a server."),
        ].map { name, help in
            MetricDescriptor("node_ipvs_backend_" + name, .gauge, labels: labels.map(\.rawValue), help: help)
        }
    }

    private let statistics: KernelFile
    private let servers: KernelFile
    private let labels: [Label]
    private let backends: [MetricDescriptor]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        statistics = KernelFile("\(host.proc)/net/ip_vs_stats")
        servers = KernelFile("\(host.proc)/net/ip_vs")
        let known = Label.allCases.map(\.rawValue)
        let chosen = try section.string("backend_labels", default: known.joined(separator: ","))
            .split(separator: ",").map(String.init)
        if let unknown = chosen.first(where: { !known.contains($0) }) {
            throw section.error(
                "backend_labels: \"\(unknown)\" is no label; known are \(known.joined(separator: ", "))")
        }
        labels = Label.allCases.filter { chosen.contains($0.rawValue) }
        backends = Self.backendMetrics(labels)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        if let stats = try problem.noted(statistics, IPVSStats.parse) {
            for (descriptor, value) in Self.totals { snapshot.add(descriptor, Double(value(stats))) }
        }
        let all = problem.noted { () throws(KernelFileError) in try servers.read(IPVSBackend.parse) }
        if let all { add(all, to: &snapshot) }
        try problem.throwIfAny()
    }

    private func add(_ all: [IPVSBackend], to snapshot: inout Snapshot) {
        // Servers that have the chosen labels in common are one series, their sum.
        var sums: [[String]: [Double]] = [:]
        var order: [[String]] = []
        for backend in all {
            let values = labels.map { $0.value(backend) }
            if sums[values] == nil { order.append(values) }
            var sum = sums[values] ?? [0, 0, 0]
            sum[0] += Double(backend.activeConnections)
            sum[1] += Double(backend.inactiveConnections)
            sum[2] += Double(backend.weight)
            sums[values] = sum
        }
        for (index, descriptor) in backends.enumerated() {
            for values in order { snapshot.add(descriptor, sums[values]?[index] ?? 0, labels: values) }
        }
    }
}
