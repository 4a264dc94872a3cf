// How long tasks ran and waited on each CPU, from /proc/schedstat.

internal import Metrics
internal import Procfs
internal import Settings

struct SchedstatCollector: Collector {
    static let name = "schedstat"
    static let isEnabledByDefault = true
    static let metrics = [running, waiting, timeslices]

    private static let running = MetricDescriptor(
        "node_schedstat_running_seconds_total", .counter, labels: ["cpu"], help: "Time in which a CPU ran tasks.")
    private static let waiting = MetricDescriptor(
        "node_schedstat_waiting_seconds_total", .counter, labels: ["cpu"],
        help: "Time that tasks waited for a CPU, added up.")
    private static let timeslices = MetricDescriptor(
        "node_schedstat_timeslices_total", .counter, labels: ["cpu"], help: "Turns that tasks had on a CPU.")

    private let file: KernelFile
    private var labels = NumberLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/schedstat")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for cpu in try file.value(SchedStat.parse) {
            let label = labels[cpu.cpu]
            snapshot.add(Self.running, Double(cpu.runningNanoseconds) / 1e9, label)
            snapshot.add(Self.waiting, Double(cpu.waitingNanoseconds) / 1e9, label)
            snapshot.add(Self.timeslices, Double(cpu.timeslices), label)
        }
    }
}
