// The load averages, from /proc/loadavg.

internal import Metrics
internal import Procfs
internal import Settings

struct LoadavgCollector: Collector {
    static let name = "loadavg"
    static let isEnabledByDefault = true
    static let metrics = [load1, load5, load15]

    private static let load1 = MetricDescriptor("node_load1", .gauge, help: "Load average of one minute.")
    private static let load5 = MetricDescriptor("node_load5", .gauge, help: "Load average of five minutes.")
    private static let load15 = MetricDescriptor("node_load15", .gauge, help: "Load average of fifteen minutes.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/loadavg")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let load = try file.value(LoadAverage.parse)
        snapshot.add(Self.load1, load.oneMinute)
        snapshot.add(Self.load5, load.fiveMinutes)
        snapshot.add(Self.load15, load.fifteenMinutes)
    }
}
