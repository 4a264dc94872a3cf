// What SCSI tapes read and wrote, from /sys/class/scsi_tape. See "Sysfs and statistics for tape devices" in
// Documentation/scsi/st.rst.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct TapestatsCollector: Collector {
    static let name = "tapestats"
    static let isEnabledByDefault = true
    static let metrics = statistics.map(\.descriptor)

    private typealias Statistic = (descriptor: MetricDescriptor, file: String, factor: Double)

    private static func statistic(
        _ name: String, _ kind: MetricKind, _ file: String, _ factor: Double, _ help: String
    ) -> Statistic {
        (MetricDescriptor("node_tape_" + name, kind, labels: ["device"], help: help), file, factor)
    }

    private static let nanosecond = 0.000_000_001

    private static let statistics = [
        statistic("io_now", .gauge, "in_flight", 1, "Requests under way."),
        statistic("io_time_seconds_total", .counter, "io_ns", nanosecond, "Time that all requests took."),
        statistic("io_others_total", .counter, "other_cnt", 1, "Requests other than reads and writes."),
        statistic("read_bytes_total", .counter, "read_byte_cnt", 1, "Bytes read."),
        statistic("reads_completed_total", .counter, "read_cnt", 1, "Reads."),
        statistic("read_time_seconds_total", .counter, "read_ns", nanosecond, "Time that reads took."),
        statistic("written_bytes_total", .counter, "write_byte_cnt", 1, "Bytes written."),
        statistic("writes_completed_total", .counter, "write_cnt", 1, "Writes."),
        statistic("write_time_seconds_total", .counter, "write_ns", nanosecond, "Time that writes took."),
        statistic("residual_total", .counter, "resid_cnt", 1, "Reads and writes that were not done in full."),
    ]

    private struct Tape {
        let name: String
        /// In the order of `statistics`.
        let attributes: [Attribute]
    }

    private let tapes: DeviceList<Tape>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let ignored = try section.pattern("ignored_devices", default: "^$")
        tapes = DeviceList("\(host.sys)/class/scsi_tape") { name, path throws(KernelFileError) in
            guard Self.isTape(name), !(ignored?.matches(name) ?? false) else { return nil }
            return Tape(name: name, attributes: Self.statistics.map { Attribute("\(path)/stats/\($0.file)") })
        }
    }

    /// `st0`; the same drive is also there as `nst0`, `st0a`, `st0l`, `st0m`: other ways to open it.
    private static func isTape(_ name: String) -> Bool {
        var cursor = ByteCursor(name)
        return cursor.skip("st") && cursor.unsigned() != nil && cursor.isAtEnd
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try tapes.forEach { tape, problem throws(KernelFileError) in
            for (statistic, attribute) in zip(Self.statistics, tape.attributes) {
                if let value = problem.number(attribute) {
                    snapshot.add(statistic.descriptor, value * statistic.factor, tape.name)
                }
            }
        }
    }
}
