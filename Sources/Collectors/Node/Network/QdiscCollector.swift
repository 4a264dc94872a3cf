// node_qdisc_*: what went through the queueing disciplines of network interfaces.

package import Metrics
internal import Platform
package import Procfs
package import Settings

/// The root discipline of each interface.
package struct QdiscCollector: Collector {
    package static let name = "qdisc"
    package static let isEnabledByDefault = false
    package static let metrics = readings.map(\.descriptor)

    private typealias Reading = (descriptor: MetricDescriptor, value: @Sendable (QueueDiscipline) -> Double)

    private static func reading(
        _ name: String, _ kind: MetricKind, _ help: String, _ value: @escaping @Sendable (QueueDiscipline) -> Double
    ) -> Reading {
        (MetricDescriptor("node_qdisc_" + name, kind, labels: ["device", "kind"], help: help), value)
    }

    private static let readings: [Reading] = [
        reading("bytes_total", .counter, "Bytes sent.") { Double($0.bytes) },
        reading("packets_total", .counter, "Packets sent.") { Double($0.packets) },
        reading("drops_total", .counter, "Packets dropped.") { Double($0.drops) },
        reading("requeues_total", .counter, "Packets put back into the queue.") { Double($0.requeues) },
        reading("overlimits_total", .counter, "Packets that had to wait since a limit was reached.") {
            Double($0.overlimits)
        },
        reading("current_queue_length", .gauge, "Packets that wait.") { Double($0.queueLength) },
        reading("backlog", .gauge, "Bytes that wait.") { Double($0.backlogBytes) },
    ]

    private let filter: NameFilter
    private let client = NetlinkClient(.route)
    private var disciplines: [QueueDiscipline] = []

    /// Asks the kernel for its own network namespace, wherever `host.proc` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        filter = try NameFilter(&section, "device")
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(NetlinkFailure) {
            let isWhole = try client.ask(
                QueueDiscipline.request, begin: { disciplines.removeAll(keepingCapacity: true) }
            ) { bytes, count, sequence throws(NetlinkError) in
                try QueueDiscipline.forEach(bytes, count: count, sequence: sequence) { discipline in
                    if discipline.isRoot { disciplines.append(discipline) }
                }
            }
            if !isWhole {
                // Still changing: what stands twice is taken once.
                var seen: Set<UInt32> = []
                disciplines.removeAll { !seen.insert($0.interface).inserted }
            }
            for discipline in disciplines {
                guard let name = try client.interfaceName(discipline.interface), filter.takes(name) else { continue }
                Self.add(discipline, of: name, to: &snapshot)
            }
        } catch {
            throw error.isAbsence ? .absent("this kernel has no queueing disciplines") : CollectError(error)
        }
    }

    static func add(_ discipline: QueueDiscipline, of device: String, to snapshot: inout Snapshot) {
        for (descriptor, value) in readings { snapshot.add(descriptor, value(discipline), device, discipline.kind) }
    }
}
