// Connections that the firewall tracks, from /proc/sys/net/netfilter and /proc/net/stat/nf_conntrack.

internal import Metrics
internal import Procfs
internal import Settings

struct ConntrackCollector: Collector {
    static let name = "conntrack"
    static let isEnabledByDefault = true
    static let metrics = [entries, limit] + statistics.map(\.descriptor)

    private static let entries = MetricDescriptor(
        "node_nf_conntrack_entries", .gauge, help: "Connections that are tracked.")
    private static let limit = MetricDescriptor(
        "node_nf_conntrack_entries_limit", .gauge, help: "Connections that are tracked at most.")

    /// Counters, though node_exporter calls them gauges.
    private static let statistics = [
        ("found", "Lookups that found a connection."),
        ("invalid", "Packets that cannot be tracked."),
        ("ignore", "Packets that are not tracked, since they have a connection already."),
        ("insert", "Connections put into the table."),
        ("insert_failed", "Connections that could not be put into the table, most often since they were there."),
        ("drop", "Packets dropped for want of an entry, or by a helper."),
        ("early_drop", "Connections dropped to make room for new ones."),
        ("search_restart", "Lookups begun again since the table was resized meanwhile."),
    ].map { name, help in
        (name: name, descriptor: MetricDescriptor("node_nf_conntrack_stat_" + name, .gauge, help: help))
    }

    private let count: KernelFile
    private let maximum: KernelFile
    private let perCPU: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        count = KernelFile("\(host.proc)/sys/net/netfilter/nf_conntrack_count")
        maximum = KernelFile("\(host.proc)/sys/net/netfilter/nf_conntrack_max")
        perCPU = KernelFile("\(host.proc)/net/stat/nf_conntrack")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        if let count = try problem.noted(count, SingleNumber.parse) { snapshot.add(Self.entries, Double(count)) }
        if let limit = try problem.noted(maximum, SingleNumber.parse) { snapshot.add(Self.limit, Double(limit)) }
        // Kernels may be built without it (CONFIG_NF_CONNTRACK_PROCFS).
        if let table = problem.noted({ () throws(KernelFileError) in try perCPU.read(NetStatTable.parse) }) {
            for (name, descriptor) in Self.statistics { snapshot.add(descriptor, Double(table.sum(name))) }
        }
        try problem.throwIfAny()
    }
}
