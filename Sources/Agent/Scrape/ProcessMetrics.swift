// What the agent costs, read from /proc/self: always the agent's own, whatever `host.proc` says. See proc_pid_stat(5).
//
// The names process_* are those that every Prometheus client library serves, and that dashboards ask for:
// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics

internal import Bytes
internal import CLinux
internal import Glibc
internal import Metrics
internal import Platform
internal import Procfs

/// The fields of `/proc/self/stat` that are served.
struct ProcessStat: Equatable, Sendable {
    /// In clock ticks, of the process itself.
    var userTicks: UInt64
    var systemTicks: UInt64
    var threadCount: UInt64
    /// Since the boot, in clock ticks.
    var startTicks: UInt64
    var virtualBytes: UInt64
    var residentPages: UInt64

    /// `pid (comm) state …`: the name may have spaces and parentheses, so the fields are counted from the last
    /// parenthesis.
    static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessStat {
        guard text.upTo(UInt8(ascii: ")")) != nil else { throw text.error("the name of a process") }
        while text.upTo(UInt8(ascii: ")")) != nil {}
        // The state is field 3 of the manual page.
        var next = 3
        func field(_ number: Int) throws(ParseError) -> UInt64 {
            while next < number {
                text.skipSpaces()
                _ = text.word()
                next += 1
            }
            text.skipSpaces()
            guard let value = text.unsigned() else { throw text.error("a number as field \(number)") }
            next += 1
            return value
        }
        return ProcessStat(
            userTicks: try field(14), systemTicks: try field(15), threadCount: try field(20), startTicks: try field(22),
            virtualBytes: try field(23), residentPages: try field(24))
    }
}

/// Reads them for each exposition; the file stays open.
struct ProcessMetrics {
    private let stat = KernelFile("/proc/self/stat")

    func add(to snapshot: inout Snapshot) {
        snapshot.add(Names.build, 1, vitalsVersion)
        snapshot.add(Names.nodeExporterBuild, 1, labels: [Names.architecture, "linux", vitalsVersion])
        if let usage = readUsage() {
            // All counters of the agent itself begin with it.
            snapshot.countersBeginUnixSeconds = usage[Names.startIndex]
            for (value, names) in zip(usage, Names.all) { for name in names { snapshot.add(name, value) } }
        }
        if let openCount { for name in Names.openDescriptors { snapshot.add(name, Double(openCount)) } }
        for (resource, names) in [(RLIMIT_NOFILE, Names.maxDescriptors), (RLIMIT_AS, Names.maxVirtualMemory)] {
            var limit = rlimit()
            // Without a limit it is 2^64 - 1, as other programs serve it too.
            guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { continue }
            for name in names { snapshot.add(name, Double(limit.rlim_cur)) }
        }
    }

    private var openCount: Int? {
        do throws(Errno) {
            // Since Linux 6.2 its size is their number.
            let size = try FileStatus(of: "/proc/self/fd").sizeBytes
            // One of those listed is the descriptor that lists them.
            return size > 0 ? Int(size) : try textEntries("/proc/self/fd").count - 1
        } catch { return nil }
    }

    /// In the order of `Names.all`; nil when there is no /proc.
    private func readUsage() -> [Double]? {
        do throws(KernelFileError) {
            guard let stat = try stat.read(ProcessStat.parse) else { return nil }
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            return [
                Double(stat.userTicks &+ stat.systemTicks) / ticks,
                Double(stat.residentPages) * Double(sysconf(Int32(_SC_PAGESIZE))),
                Double(stat.virtualBytes),
                bootUnixSeconds() + Double(stat.startTicks) / ticks,
                Double(stat.threadCount),
            ]
        } catch {
            // A host without /proc/self serves the rest.
            return nil
        }
    }

    /// The wall clock less the time since the boot: what `btime` in /proc/stat is, but finer.
    private func bootUnixSeconds() -> Double {
        var boot = timespec()
        unsafe _ = clock_gettime(CLOCK_BOOTTIME, &boot)
        let sinceBoot = Double(boot.tv_sec) + Double(boot.tv_nsec) / 1e9
        return ((Double(Moment.now.unixNanoseconds) / 1e9 - sinceBoot) * 100).rounded() / 100
    }

    private enum Names {
        static let build = MetricDescriptor(
            "vitals_build_info", .gauge, labels: ["version"], help: "Always 1; which version of Vitals this is.")
        /// Dashboards list the hosts by it.
        static let nodeExporterBuild = MetricDescriptor(
            "node_exporter_build_info", .gauge, labels: ["goarch", "goos", "version"],
            help: "Always 1; which version of Vitals this is, under the name that node_exporter has for its own.")
        /// As Go calls it.
        static let architecture: String = {
            #if arch(x86_64)
                "amd64"
            #elseif arch(arm64)
                "arm64"
            #else
                "unknown"
            #endif
        }()
        static let all = [
            both("cpu_seconds_total", .counter, "User and system CPU time spent, in seconds."),
            both("resident_memory_bytes", .gauge, "Resident memory size in bytes."),
            both("virtual_memory_bytes", .gauge, "Virtual memory size in bytes."),
            both("start_time_seconds", .gauge, "Start time of the process since the Unix epoch, in seconds."),
            [MetricDescriptor("vitals_process_threads", .gauge, help: "Threads of the process.")],
        ]
        static let startIndex = 3
        static let openDescriptors = both("open_fds", .gauge, "Number of open file descriptors.")
        static let maxDescriptors = both("max_fds", .gauge, "Maximum number of open file descriptors.")
        static let maxVirtualMemory = both(
            "virtual_memory_max_bytes", .gauge, "Maximum amount of virtual memory available, in bytes.")

        /// Under the name that all programs share, and under one that is this program's alone.
        private static func both(_ name: String, _ kind: MetricKind, _ help: String) -> [MetricDescriptor] {
            ["process_", "vitals_process_"].map { MetricDescriptor($0 + name, kind, help: help) }
        }
    }
}
