// procstat_*: the CloudWatch agent's view of single processes, from the files of /proc/<pid>.

internal import Metrics
internal import Procfs

enum ProcessUse {
    /// What was read of one process; nil for a file that nobody wants, or that may not be read.
    struct Reading {
        var process: UInt32
        var stat: ProcessStat
        var rest: ProcessStatRest?
        var status: ProcessStatus?
        var limits: ProcessLimits?
        var io: ProcessIO?
        var calls: ProcessCalls?
        var openFiles: Int?
        /// Since the reading before, of one CPU.
        var cpuPercent: Double?
    }

    static let subject = CloudWatchSubject(
        name: "procstat", dimensions: ["process_name", "exe | pattern | pidfile | systemd_unit"],
        metrics: (ofStat + ofRest + ofStatus + ofIO + ofLimits + [openFiles]).sorted { $0.name < $1.name })

    static let lookupSubject = CloudWatchSubject(
        name: "procstat_lookup", dimensions: ["exe | pattern | pidfile | systemd_unit", "pid_finder"],
        metrics: [pidCount])

    // MARK: From stat

    static let ofStat =
        [cpuTime, system, user, threads, pid, nice, cpuUsage] + unaccounted

    private static let cpuUsage = metric(
        "cpu_usage", .percent, "Share of one CPU since the reading before: more than 100 for one that uses several.")
    private static let cpuTime = metric("cpu_time", "Time on a CPU since its start, in seconds.")
    private static let system = metric("cpu_time_system", "Time in the kernel since its start, in seconds.")
    private static let user = metric("cpu_time_user", "Time in its program since its start, in seconds.")
    private static let threads = metric("num_threads", "Threads.")
    private static let pid = metric("pid", "Its number.")
    private static let nice = metric("nice_priority", "20 less its nice value, as rlimit_nice_priority has it.")
    private static let unaccounted = [
        "guest_nice", "idle", "irq", "nice", "soft_irq", "steal", "stolen",
    ].map { metric("cpu_time_\($0)", "Always 0: Linux does not count it for a process.") }

    static let ofRest = [guest, iowait, realtimePriority]

    private static let guest = metric("cpu_time_guest", "Time running virtual CPUs since its start, in seconds.")
    private static let iowait = metric("cpu_time_iowait", "Time waiting for disks since its start, in seconds.")
    private static let realtimePriority = metric("realtime_priority", "0 for what is not scheduled in real time.")

    // MARK: From status, io, fd

    static let ofStatus = [
        data, locked, resident, stack, swap, virtual, voluntarySwitches, involuntarySwitches, signalsPending,
    ]

    private static let data = metric("memory_data", .bytes, "Memory for its data.")
    private static let locked = metric("memory_locked", .bytes, "Memory that is locked.")
    private static let resident = metric("memory_rss", .bytes, "Memory in RAM.")
    private static let stack = metric("memory_stack", .bytes, "Memory for its stack.")
    private static let swap = metric("memory_swap", .bytes, "Memory in swap.")
    private static let virtual = metric("memory_vms", .bytes, "Address space.")
    private static let voluntarySwitches = metric("voluntary_context_switches", "Times that it gave up the CPU.")
    private static let involuntarySwitches = metric(
        "involuntary_context_switches", "Times that the CPU was taken from it.")
    private static let signalsPending = metric("signals_pending", "Kinds of signals that wait for it.")

    static let ofIO = [readBytes, readCount, writeBytes, writeCount]

    private static let readBytes = metric("read_bytes", .bytes, "Bytes read from disks since its start.")
    private static let readCount = metric("read_count", "Calls that read anything since its start.")
    private static let writeBytes = metric("write_bytes", .bytes, "Bytes written to disks since its start.")
    private static let writeCount = metric("write_count", "Calls that wrote anything since its start.")

    static let openFiles = metric("num_fds", "Open file descriptors.")

    // MARK: From limits

    static let ofLimits = limits.flatMap { [$0.soft, $0.hard] }

    private static let limits: [(limit: ProcessLimit, soft: CloudWatchMetric, hard: CloudWatchMetric)] = [
        limit(.cpuTime, "cpu_time", .none, "time on a CPU, in seconds"),
        limit(.fileLocks, "file_locks", .none, "locks of files"),
        limit(.dataSize, "memory_data", .bytes, "its data"),
        limit(.lockedMemory, "memory_locked", .bytes, "locked memory"),
        limit(.residentSet, "memory_rss", .bytes, "memory in RAM"),
        limit(.stackSize, "memory_stack", .bytes, "its stack"),
        limit(.addressSpace, "memory_vms", .bytes, "its address space"),
        limit(.niceOf, "nice_priority", .none, "20 less its nice value"),
        limit(.openFiles, "num_fds", .none, "open file descriptors"),
        limit(.realtimePriority, "realtime_priority", .none, "its real-time priority"),
        limit(.pendingSignals, "signals_pending", .none, "signals that wait for its user's processes"),
    ]

    private static func limit(
        _ limit: ProcessLimit, _ name: String, _ unit: EMFUnit, _ what: String
    ) -> (ProcessLimit, CloudWatchMetric, CloudWatchMetric) {
        (
            limit, metric("rlimit_\(name)_soft", unit, "Soft limit of \(what); 2^64 for none."),
            metric("rlimit_\(name)_hard", unit, "Hard limit of \(what); 2^64 for none.")
        )
    }

    // MARK: Lookup

    private static let pidCount = metric("lookup_pid_count", "Processes that were found.")

    static func add(processCount: Int, _ selector: EMFDimension, to points: inout MetricPoints) {
        points.begin([selector, EMFDimension("pid_finder", "native")], isShared: true)
        points.add(pidCount, Double(processCount))
    }

    private static func metric(_ name: String, _ unit: EMFUnit, _ meaning: String) -> CloudWatchMetric {
        CloudWatchMetric("procstat_\(name)", unit, meaning)
    }

    private static func metric(_ name: String, _ meaning: String) -> CloudWatchMetric {
        metric(name, .none, meaning)
    }

    // MARK: Values

    /// Adds one process. Several of the same name have the same dimensions: their values stand side by side.
    static func add(_ reading: Reading, _ dimensions: [EMFDimension], to points: inout MetricPoints) {
        let ticksPerSecond = Double(KernelUnits.ticksPerSecond)
        let stat = reading.stat
        points.begin(dimensions, isShared: true)
        points.add(cpuTime, (Double(stat.userTicks) + Double(stat.systemTicks)) / ticksPerSecond)
        points.add(system, Double(stat.systemTicks) / ticksPerSecond)
        points.add(user, Double(stat.userTicks) / ticksPerSecond)
        points.add(threads, Double(stat.threads))
        points.add(pid, Double(reading.process))
        points.add(nice, 20 - Double(stat.nice))
        for metric in unaccounted { points.add(metric, 0) }
        if let percent = reading.cpuPercent { points.add(cpuUsage, percent) }
        if let rest = reading.rest {
            points.add(guest, Double(rest.guestTicks) / ticksPerSecond)
            points.add(iowait, Double(rest.blockTicks) / ticksPerSecond)
            points.add(realtimePriority, Double(rest.realtimePriority))
        }
        if let status = reading.status { add(status, to: &points) }
        if let io = reading.io {
            points.add(readBytes, Double(io.readBytes))
            points.add(writeBytes, Double(io.writtenBytes))
        }
        if let calls = reading.calls {
            points.add(readCount, Double(calls.reads))
            points.add(writeCount, Double(calls.writes))
        }
        if let count = reading.openFiles { points.add(openFiles, Double(count)) }
        if let known = reading.limits {
            for (limit, soft, hard) in limits {
                guard let pair = known[limit] else { continue }
                points.add(soft, Double(pair.soft))
                points.add(hard, Double(pair.hard))
            }
        }
    }

    private static func add(_ status: ProcessStatus, to points: inout MetricPoints) {
        points.add(data, Double(status.dataBytes))
        points.add(locked, Double(status.lockedBytes))
        points.add(resident, Double(status.residentBytes))
        points.add(stack, Double(status.stackBytes))
        points.add(swap, Double(status.swapBytes))
        points.add(virtual, Double(status.virtualBytes))
        points.add(voluntarySwitches, Double(status.voluntarySwitches))
        points.add(involuntarySwitches, Double(status.involuntarySwitches))
        points.add(signalsPending, Double(status.pendingSignals))
    }
}
