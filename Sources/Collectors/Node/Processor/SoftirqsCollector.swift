// Soft interrupts by CPU, from /proc/softirqs.

internal import Metrics
internal import Procfs
internal import Settings

struct SoftirqsCollector: Collector {
    static let name = "softirqs"
    static let isEnabledByDefault = false
    static let metrics = [functions]

    private static let functions = MetricDescriptor(
        "node_softirqs_functions_total", .counter, labels: ["cpu", "type"],
        help: "Soft interrupts that a CPU served, by their kind.")

    private let file: KernelFile
    private var cpuLabels = NumberLabels()
    private var types = TextLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/softirqs")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let table = try file.value(InterruptTable.parse)
        for (index, row) in table.rows.enumerated() {
            let type = types.text(at: index, table.text[row.name])
            for (cpu, count) in zip(table.cpus, table.counts(ofRow: index)) {
                snapshot.add(Self.functions, Double(count), cpuLabels[cpu], type)
            }
        }
    }
}
