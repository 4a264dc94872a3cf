// Memory of the host, from /proc/meminfo: one gauge for each field that the kernel has.

internal import Metrics
internal import Procfs
internal import Settings

struct MeminfoCollector: Collector {
    static let name = "meminfo"
    static let isEnabledByDefault = true
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    private let file: KernelFile
    private var families = FieldFamilies(Self.describe)

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/meminfo")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        families.add(try file.value(Meminfo.parse), to: &snapshot)
    }

    private static func describe(_ group: String, _ name: String, _ isBytes: Bool) -> [FieldFamilies.Series] {
        let suffix = isBytes ? "_bytes" : ""
        let unit = isBytes ? ", in bytes" : ""
        let metric = MetricDescriptor(
            "node_memory_\(metricNamePart(name))\(suffix)", .gauge,
            help: "\(name) as /proc/meminfo counts it\(unit).")
        return [.init(descriptor: metric)]
    }
}
