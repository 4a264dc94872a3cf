// Pages of each memory zone, from /proc/zoneinfo.

internal import Metrics
internal import Procfs
internal import Settings

struct ZoneinfoCollector: Collector {
    static let name = "zoneinfo"
    static let isEnabledByDefault = false
    static let metrics = descriptors + protections

    /// Most zones that a kernel has: DMA, DMA32, Normal, HighMem, Movable, Device.
    private static let zoneLimit = 6

    private static let descriptors = ZoneInfo.fields.map { field in
        let name = field.description
        switch name {
        case "nr_dirtied", "nr_written":
            return counter("\(name)_total", "Pages that were \(name.dropFirst(3)), as \(name) counts them.")
        case "nr_free_pages": return gauge(name, "Free pages.")
        case "nr_anon_transparent_hugepages": return gauge(name, "Huge pages of anonymous memory.")
        case "nr_kernel_stack": return gauge("nr_kernel_stacks", "Stacks of the kernel, in KiB.")
        case "nr_anon_pages", "nr_file_pages": return gauge(name, "Pages as \(name) counts them.")
        case "min", "low", "high": return gauge("\(name)_pages", "The watermark \(name) of the free pages.")
        case "numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local", "numa_other":
            return counter("\(name)_total", "Allocations of pages, as \(name) counts them.")
        default: return gauge("\(name)_pages", "Pages as \(name) counts them.")
        }
    }

    private static let protections = (0..<zoneLimit).map {
        gauge("protection_\($0)", "Pages that are kept from who could use zone \($0).")
    }

    private static func gauge(_ name: String, _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_zoneinfo_\(name)", .gauge, labels: ["node", "zone"], help: help)
    }

    private static func counter(_ name: String, _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_zoneinfo_\(name)", .counter, labels: ["node", "zone"], help: help)
    }

    private let file: KernelFile
    private var nodes = NumberLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/zoneinfo")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for zone in try file.value(ZoneInfo.parse) {
            let node = nodes[zone.node]
            for (descriptor, value) in zip(Self.descriptors, zone.values) {
                if let value { snapshot.add(descriptor, Double(value), node, zone.zone) }
            }
            for (descriptor, value) in zip(Self.protections, zone.protection) {
                snapshot.add(descriptor, Double(value), node, zone.zone)
            }
        }
    }
}
