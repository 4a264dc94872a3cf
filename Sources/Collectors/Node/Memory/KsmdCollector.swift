// Pages of equal content that the kernel merges, from /sys/kernel/mm/ksm. See Documentation/admin-guide/mm/ksm.rst.

internal import Metrics
internal import Procfs
internal import Settings

struct KsmdCollector: Collector {
    static let name = "ksmd"
    static let isEnabledByDefault = false
    static let metrics = readings.map(\.descriptor)

    private static let readings: [(file: String, descriptor: MetricDescriptor, factor: Double)] = [
        ("full_scans", metric("full_scans_total", .counter, "Times that all memory was searched."), 1),
        ("general_profit", metric("general_profit_bytes", .gauge, "Memory saved, less what the search needs."), 1),
        ("merge_across_nodes", metric("merge_across_nodes", .gauge, "1 when memory nodes share merged pages."), 1),
        ("pages_shared", metric("pages_shared", .gauge, "Merged pages."), 1),
        ("pages_sharing", metric("pages_sharing", .gauge, "Pages that were saved by merging."), 1),
        ("pages_to_scan", metric("pages_to_scan", .gauge, "Pages that are searched before a pause."), 1),
        ("pages_unshared", metric("pages_unshared", .gauge, "Pages that are searched again and again for nothing."), 1),
        ("pages_volatile", metric("pages_volatile", .gauge, "Pages that change too fast to be merged."), 1),
        ("run", metric("run", .gauge, "0 stopped, 1 running, 2 stopped and all that was merged is separated."), 1),
        ("sleep_millisecs", metric("sleep_seconds", .gauge, "How long the search pauses."), 0.001),
    ]

    private static func metric(_ name: String, _ kind: MetricKind, _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_ksmd_\(name)", kind, help: help)
    }

    private let directory: String
    private let files: [Attribute]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let directory = "\(host.sys)/kernel/mm/ksm"
        self.directory = directory
        files = Self.readings.map { Attribute("\(directory)/\($0.file)") }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        var isThere = false
        for (file, (_, descriptor, factor)) in zip(files, Self.readings) {
            guard let value = problem.number(file) else { continue }
            isThere = true
            snapshot.add(descriptor, value * factor)
        }
        try problem.throwIfAny()
        guard isThere else { throw .absent("this kernel has no \(directory)") }
    }
}
