// The metrics of control groups, and the fields of the kernel's files that they are made of.

internal import Metrics
internal import Procfs

enum CgroupMetrics {
    /// A file of names and numbers, and what is served of it.
    struct FlatFile {
        let path: StaticString
        let fields: [StaticString]
        /// For each field; the divisor leads from the kernel's unit to that of the metric.
        let series: [(descriptor: MetricDescriptor, divisor: Double)]

        init(_ path: StaticString, _ table: [(field: StaticString, descriptor: MetricDescriptor, divisor: Double)]) {
            self.path = path
            fields = table.map(\.field)
            series = table.map { ($0.descriptor, $0.divisor) }
        }
    }

    static let all =
        [info, leftOut, devicesLeftOut] + cpu.series.map(\.descriptor) + [cpuLimit, memory, memoryLimit, swap]
        + memoryStat.series.map(\.descriptor) + [memoryEvents] + io.map(\.descriptor)
        + [pids, pidsLimit, waiting, stalled]

    static let info = metric(
        "info", .gauge, "What the name of a control group tells; always 1.",
        labels: ["container", "pod", "runtime", "unit"])
    static let leftOut = MetricDescriptor(
        "vitals_cgroup_left_out", .gauge, help: "Control groups that are not served because there are too many.")
    static let devicesLeftOut = MetricDescriptor(
        "vitals_cgroup_devices_left_out", .gauge,
        help: "Devices that are not served because a control group has too many.")

    static let cpu = FlatFile(
        "/cpu.stat",
        [
            ("usage_usec", metric("cpu_usage_seconds_total", .counter, "Time on a CPU."), 1_000_000),
            ("user_usec", metric("cpu_user_seconds_total", .counter, "Time on a CPU in programs."), 1_000_000),
            ("system_usec", metric("cpu_system_seconds_total", .counter, "Time on a CPU in the kernel."), 1_000_000),
            ("nr_periods", metric("cpu_periods_total", .counter, "Periods of the CPU limit that passed."), 1),
            (
                "nr_throttled",
                metric("cpu_throttled_periods_total", .counter, "Periods in which the CPU limit was reached."), 1
            ),
            (
                "throttled_usec",
                metric("cpu_throttled_seconds_total", .counter, "Time in which the CPU limit held tasks up."), 1_000_000
            ),
        ])
    static let cpuLimit = metric("cpu_limit_cpus", .gauge, "CPUs that may be used on average, where that is limited.")

    static let memory = metric("memory_usage_bytes", .gauge, "Memory in use, with the page cache.")
    static let memoryLimit = metric("memory_limit_bytes", .gauge, "Memory that may be used, where that is limited.")
    static let swap = metric("memory_swap_bytes", .gauge, "Swap in use.")
    static let memoryStat = FlatFile(
        "/memory.stat",
        [
            ("anon", metric("memory_anonymous_bytes", .gauge, "Memory that no file stands behind."), 1),
            ("file", metric("memory_file_bytes", .gauge, "Page cache, with tmpfs and shared memory."), 1),
            (
                "inactive_file",
                metric("memory_inactive_file_bytes", .gauge, "Page cache that was not used for long."), 1
            ),
            ("shmem", metric("memory_shared_bytes", .gauge, "Page cache of tmpfs and shared memory."), 1),
            ("kernel", metric("memory_kernel_bytes", .gauge, "Memory of the kernel for this group."), 1),
            ("slab", metric("memory_slab_bytes", .gauge, "The kernel's objects for this group."), 1),
            ("pgmajfault", metric("memory_major_faults_total", .counter, "Page faults that waited for a disk."), 1),
        ])
    static let memoryEvents = metric(
        "memory_events_total", .counter, "Times that a limit of memory was met, by what came of it.", labels: ["event"])
    static let memoryEventFields: [StaticString] = ["low", "high", "max", "oom", "oom_kill", "oom_group_kill"]
    static let memoryEventLabels = memoryEventFields.map(\.description)

    static let io: [(descriptor: MetricDescriptor, value: @Sendable (CgroupIO) -> UInt64)] = [
        (metric("io_read_bytes_total", .counter, "Bytes read.", labels: ["device"]), { $0.readBytes }),
        (metric("io_written_bytes_total", .counter, "Bytes written.", labels: ["device"]), { $0.writtenBytes }),
        (metric("io_reads_total", .counter, "Reads.", labels: ["device"]), { $0.reads }),
        (metric("io_writes_total", .counter, "Writes.", labels: ["device"]), { $0.writes }),
    ]

    static let pids = metric("pids", .gauge, "Processes and threads.")
    static let pidsLimit = metric("pids_limit", .gauge, "Processes and threads that there may be, where it is limited.")

    static let pressureFiles: [(file: StaticString, resource: String)] = [
        ("/cpu.pressure", "cpu"), ("/io.pressure", "io"), ("/memory.pressure", "memory"),
    ]
    static let waiting = metric(
        "pressure_waiting_seconds_total", .counter, "Time in which some task waited for a resource.",
        labels: ["resource"])
    static let stalled = metric(
        "pressure_stalled_seconds_total", .counter,
        "Time in which all tasks that were not idle waited for a resource.", labels: ["resource"])

    private static func metric(
        _ name: String, _ kind: MetricKind, _ help: String, labels: [String] = []
    ) -> MetricDescriptor {
        MetricDescriptor("vitals_cgroup_\(name)", kind, labels: ["cgroup"] + labels, help: help)
    }
}
