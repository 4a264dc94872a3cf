// What a group of processes uses, and the metrics of it.

internal import Metrics
internal import Procfs

struct ProcessGroupUsage {
    /// Files that may be another user's, and how many of them could not be read.
    struct Denied: Equatable {
        var io = 0
        var openFiles = 0
        var proportional = 0
    }

    /// Of the members that are there now.
    struct Members {
        var processes = 0
        var threads: UInt64 = 0
        var residentPages: UInt64 = 0
        var virtualBytes: UInt64 = 0
        var swapBytes: UInt64 = 0
        var proportionalBytes: UInt64 = 0
        var openFiles: UInt64 = 0
        var oldestStartTicks: UInt64?
        var denied = Denied()

        mutating func add(_ stat: ProcessStat) {
            processes += 1
            threads &+= stat.threads
            residentPages &+= stat.residentPages
            virtualBytes &+= stat.virtualBytes
            oldestStartTicks = min(oldestStartTicks ?? .max, stat.startTicks)
        }
    }

    var members = Members()
    /// Since the agent began; what members used that have ended stays in them.
    var userTicks: UInt64 = 0
    var systemTicks: UInt64 = 0
    var io = ProcessIO()
    /// Once it could be read it is served, also while the group is empty.
    private var hasIO = false

    mutating func count(_ more: ProcessIO) {
        io.readBytes &+= more.readBytes
        io.writtenBytes &+= more.writtenBytes
        hasIO = true
    }

    // MARK: Metrics

    static let descriptors =
        [
            processes, threads, cpu, resident, virtual, swap, proportional, read, written, openFiles, oldestStart,
            unreadable,
        ]

    private static let processes = metric("processes", .gauge, "Processes, with those that nobody has waited for.")
    private static let threads = metric("threads", .gauge, "Threads.")
    private static let cpu = metric(
        "cpu_seconds_total", .counter, "Time on a CPU, also of members that have ended.", labels: ["group", "mode"])
    private static let resident = metric(
        "resident_memory_bytes", .gauge, "Memory in RAM; what members share is counted for each.")
    private static let virtual = metric("virtual_memory_bytes", .gauge, "Address space.")
    private static let swap = metric("swap_bytes", .gauge, "Memory in swap.")
    private static let proportional = metric(
        "proportional_memory_bytes", .gauge, "Memory in RAM; what is shared is divided by those who share it.")
    private static let read = metric("read_bytes_total", .counter, "Bytes read from disks.")
    private static let written = metric("written_bytes_total", .counter, "Bytes written to disks.")
    private static let openFiles = metric("open_files", .gauge, "Open file descriptors.")
    private static let oldestStart = metric(
        "oldest_start_time_seconds", .gauge, "When the oldest member began, in seconds since 1970.")
    private static let unreadable = metric(
        "unreadable", .gauge, "Members of which a file may not be read.", labels: ["file", "group"])

    private static func metric(
        _ name: String, _ kind: MetricKind, _ help: String, labels: [String] = ["group"]
    ) -> MetricDescriptor {
        MetricDescriptor("vitals_process_group_\(name)", kind, labels: labels, help: help)
    }

    /// What of it is read besides the numbers of `stat` depends on the settings.
    func add(to snapshot: inout Snapshot, _ group: String, bootUnixSeconds: UInt64?, options: ProcessGroupOptions) {
        let ticksPerSecond = Double(KernelUnits.ticksPerSecond)
        snapshot.add(Self.processes, Double(members.processes), group)
        snapshot.add(Self.threads, Double(members.threads), group)
        snapshot.add(Self.cpu, Double(userTicks) / ticksPerSecond, group, "user")
        snapshot.add(Self.cpu, Double(systemTicks) / ticksPerSecond, group, "system")
        snapshot.add(Self.resident, Double(members.residentPages) * Double(KernelUnits.pageBytes), group)
        snapshot.add(Self.virtual, Double(members.virtualBytes), group)
        if let boot = bootUnixSeconds, let start = members.oldestStartTicks {
            snapshot.add(Self.oldestStart, Double(boot) + Double(start) / ticksPerSecond, group)
        }
        if options.hasSwap { snapshot.add(Self.swap, Double(members.swapBytes), group) }
        let denied = members.denied
        if options.hasIO {
            // A zero would say that there was no traffic.
            if hasIO || denied.io == 0 {
                snapshot.add(Self.read, Double(io.readBytes), group)
                snapshot.add(Self.written, Double(io.writtenBytes), group)
            }
            snapshot.add(Self.unreadable, Double(denied.io), "io", group)
        }
        if options.hasOpenFiles {
            if isKnown(denied.openFiles) { snapshot.add(Self.openFiles, Double(members.openFiles), group) }
            snapshot.add(Self.unreadable, Double(denied.openFiles), "fd", group)
        }
        if options.hasProportional {
            if isKnown(denied.proportional) {
                snapshot.add(Self.proportional, Double(members.proportionalBytes), group)
            }
            snapshot.add(Self.unreadable, Double(denied.proportional), "smaps_rollup", group)
        }
    }

    private func isKnown(_ denied: Int) -> Bool { denied == 0 || denied < members.processes }
}

/// Which files of the members are read besides `stat`.
struct ProcessGroupOptions {
    var hasIO = true
    var hasOpenFiles = true
    var hasSwap = true
    /// The kernel walks all pages of a process for it.
    var hasProportional = false
}
