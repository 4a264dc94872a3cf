// Counters of the memory management, from /proc/vmstat: those whose names match `fields`.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct VMStatCollector: Collector {
    static let name = "vmstat"
    static let isEnabledByDefault = true
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    private let file: KernelFile
    private var families: FieldFamilies

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/vmstat")
        let fields = try section.pattern("fields", default: "^(oom_kill|pgpg|pswp|pg.*fault).*")
        families = FieldFamilies { _, name, _ in
            guard fields?.matches(name) ?? true else { return [] }
            // Counters and gauges stand side by side in the file, and it does not say which is which.
            let metric = MetricDescriptor(
                "node_vmstat_\(metricNamePart(name))", .untyped, help: "\(name) as /proc/vmstat counts it.")
            return [.init(descriptor: metric)]
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        families.add(try file.value(VMStat.parse), to: &snapshot)
    }
}
