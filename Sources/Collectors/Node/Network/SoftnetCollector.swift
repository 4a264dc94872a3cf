// What each CPU took from its backlog of packets, from /proc/net/softnet_stat.

internal import Metrics
internal import Procfs
internal import Settings

struct SoftnetCollector: Collector {
    static let name = "softnet"
    static let isEnabledByDefault = true
    static let metrics = readings.map(\.descriptor)

    private typealias Reading = (descriptor: MetricDescriptor, value: @Sendable (SoftnetStat) -> UInt64)

    private static func reading(
        _ name: String, _ kind: MetricKind, _ help: String, _ value: @escaping @Sendable (SoftnetStat) -> UInt64
    ) -> Reading {
        (MetricDescriptor("node_softnet_" + name, kind, labels: ["cpu"], help: help), value)
    }

    private static let readings = [
        reading("processed_total", .counter, "Packets processed.") { $0.processed },
        reading("dropped_total", .counter, "Packets dropped because the backlog was full.") { $0.dropped },
        reading("times_squeezed_total", .counter, "Times that work was left over when budget or time was used up.") {
            $0.timesSqueezed
        },
        reading("cpu_collision_total", .counter, "Times that a device was locked by another CPU while sending.") {
            $0.cpuCollisions
        },
        reading("received_rps_total", .counter, "Times that another CPU woke this one to receive packets (RPS).") {
            $0.receivedRPS
        },
        reading("flow_limit_count_total", .counter, "Packets dropped because of the limit for one flow.") {
            $0.flowLimits
        },
        reading("backlog_len", .gauge, "Packets in the backlog.") { $0.backlogLength },
    ]

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/net/softnet_stat")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for stat in try file.value(SoftnetStat.parse) {
            let cpu = "\(stat.cpu)"
            for (descriptor, value) in Self.readings { snapshot.add(descriptor, Double(value(stat)), cpu) }
        }
    }
}
