// What the kernel did since the boot, from /proc/stat; the CPUs of that file are CPUCollector's.

internal import Metrics
internal import Procfs
internal import Settings

struct StatCollector: Collector {
    static let name = "stat"
    static let isEnabledByDefault = true
    static let metrics = [interrupts, contextSwitches, forks, bootTime, running, blocked, softirqs]

    private static let interrupts = MetricDescriptor(
        "node_intr_total", .counter, help: "Interrupts that were served.")
    private static let contextSwitches = MetricDescriptor(
        "node_context_switches_total", .counter, help: "Switches of a CPU from one task to another.")
    private static let forks = MetricDescriptor("node_forks_total", .counter, help: "Tasks that were created.")
    private static let bootTime = MetricDescriptor(
        "node_boot_time_seconds", .gauge, help: "When the host was booted, in seconds since 1970.")
    private static let running = MetricDescriptor(
        "node_procs_running", .gauge, help: "Tasks that run or could run.")
    private static let blocked = MetricDescriptor(
        "node_procs_blocked", .gauge, help: "Tasks that wait for I/O to finish.")
    private static let softirqs = MetricDescriptor(
        "node_softirqs_total", .counter, labels: ["vector"], help: "Soft interrupts that were served, by vector.")

    private let file: KernelFile
    private let withSoftirqs: Bool

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/stat")
        withSoftirqs = try section.bool("softirq", default: false)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let stat = try file.value(Stat.parse)
        add(Self.interrupts, stat.interrupts, to: &snapshot)
        add(Self.contextSwitches, stat.contextSwitches, to: &snapshot)
        add(Self.forks, stat.processes, to: &snapshot)
        add(Self.bootTime, stat.bootUnixSeconds, to: &snapshot)
        add(Self.running, stat.running, to: &snapshot)
        add(Self.blocked, stat.blocked, to: &snapshot)
        guard withSoftirqs else { return }
        for (vector, count) in zip(Stat.softirqVectors, stat.softirqs) {
            snapshot.add(Self.softirqs, Double(count), vector)
        }
    }

    private func add(_ metric: MetricDescriptor, _ value: UInt64?, to snapshot: inout Snapshot) {
        if let value { snapshot.add(metric, Double(value)) }
    }
}
