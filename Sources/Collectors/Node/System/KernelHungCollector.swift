// Tasks that the kernel found to hang, from /proc/sys/kernel/hung_task_detect_count (since Linux 6.13, with
// CONFIG_DETECT_HUNG_TASK). See Documentation/admin-guide/sysctl/kernel.rst.

internal import Metrics
internal import Procfs
internal import Settings

struct KernelHungCollector: Collector {
    static let name = "kernel_hung"
    static let isEnabledByDefault = true
    static let metrics = [tasks]

    private static let tasks = MetricDescriptor(
        "node_kernel_hung_tasks_total", .counter, help: "Tasks that were found to hang since the boot.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/sys/kernel/hung_task_detect_count")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        snapshot.add(Self.tasks, Double(try file.value(SingleNumber.parse)))
    }
}
