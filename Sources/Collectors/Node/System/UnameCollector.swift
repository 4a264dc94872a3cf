// What uname(2) says of the host.

internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct UnameCollector: Collector {
    static let name = "uname"
    static let isEnabledByDefault = true
    static let metrics = [info]

    private static let info = MetricDescriptor(
        "node_uname_info", .gauge,
        labels: ["domainname", "machine", "nodename", "release", "sysname", "version"],
        help: "The host as uname(2) names it; always 1.")

    /// A test puts another host here.
    var read: () throws(Errno) -> SystemName = SystemName.current

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {}

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let name: SystemName
        do throws(Errno) { name = try read() } catch { throw .failed("uname: \(error)") }
        snapshot.add(
            Self.info, 1,
            labels: [name.domainname, name.machine, name.nodename, name.release, name.sysname, name.version])
    }
}
