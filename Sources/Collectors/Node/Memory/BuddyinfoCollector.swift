// How fragmented the free memory is, from /proc/buddyinfo.

internal import Metrics
internal import Procfs
internal import Settings

struct BuddyinfoCollector: Collector {
    static let name = "buddyinfo"
    static let isEnabledByDefault = false
    static let metrics = [blocks]

    private static let blocks = MetricDescriptor(
        "node_buddyinfo_blocks", .gauge, labels: ["node", "size", "zone"],
        help: "Free blocks of two to the power of `size` pages.")

    private let file: KernelFile
    private var numbers = NumberLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/buddyinfo")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for zone in try file.value(BuddyInfo.parse) {
            var labels = [numbers[zone.node], "", zone.zone]
            for (size, count) in zone.blocks.enumerated() {
                labels[1] = numbers[size]
                snapshot.add(Self.blocks, Double(count), labels: labels)
            }
        }
    }
}
