// How many control groups each controller has, from /proc/cgroups.

internal import Metrics
internal import Procfs
internal import Settings

struct CgroupsCollector: Collector {
    static let name = "cgroups"
    static let isEnabledByDefault = false
    static let metrics = [groups, enabled]

    private static let groups = MetricDescriptor(
        "node_cgroups_cgroups", .gauge, labels: ["subsys_name"], help: "Control groups of a controller.")
    private static let enabled = MetricDescriptor(
        "node_cgroups_enabled", .gauge, labels: ["subsys_name"], help: "1 when a controller is enabled.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/cgroups")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for controller in try file.value(CgroupController.parse) {
            snapshot.add(Self.groups, Double(controller.groupCount), controller.name)
            snapshot.add(Self.enabled, controller.isEnabled ? 1 : 0, controller.name)
        }
    }
}
