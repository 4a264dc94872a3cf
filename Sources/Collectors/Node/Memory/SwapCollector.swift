// Each area of swap space, from /proc/swaps. All of them together are MeminfoCollector's.

internal import Metrics
internal import Procfs
internal import Settings

struct SwapCollector: Collector {
    static let name = "swap"
    static let isEnabledByDefault = false
    static let metrics = [size, used, priority]

    private static let labels = ["device", "swap_type"]
    private static let size = MetricDescriptor(
        "node_swap_size_bytes", .gauge, labels: labels, help: "The size of an area of swap space.")
    private static let used = MetricDescriptor(
        "node_swap_used_bytes", .gauge, labels: labels, help: "What is in use of an area of swap space.")
    private static let priority = MetricDescriptor(
        "node_swap_priority", .gauge, labels: labels, help: "Areas of a higher priority are filled first.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/swaps")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for area in try file.value(SwapArea.parse) {
            snapshot.add(Self.size, Double(area.sizeKiB) * 1_024, area.path, area.type)
            snapshot.add(Self.used, Double(area.usedKiB) * 1_024, area.path, area.type)
            snapshot.add(Self.priority, Double(area.priority), area.path, area.type)
        }
    }
}
