// Sockets in use by protocol, from /proc/net/sockstat and sockstat6.

internal import Metrics
internal import Procfs
internal import Settings

struct SockstatCollector: Collector {
    static let name = "sockstat"
    static let isEnabledByDefault = true
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    private let file: KernelFile
    private let file6: KernelFile
    private var families = FieldFamilies(Self.describe)
    private var families6 = FieldFamilies(Self.describe)

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/net/sockstat")
        file6 = KernelFile("\(host.proc)/net/sockstat6")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        let list = problem.noted { () throws(KernelFileError) in try file.read(SockStat.parse) }
        if let list { families.add(list, to: &snapshot) }
        let list6 = problem.noted { () throws(KernelFileError) in try file6.read(SockStat.parse) }
        if let list6 { families6.add(list6, to: &snapshot) }
        try problem.throwIfAny()
        if list == nil, list6 == nil { throw .absent("this kernel has neither \(file.path) nor \(file6.path)") }
    }

    private static func describe(_ group: String, _ name: String, _ isBytes: Bool) -> [FieldFamilies.Series] {
        let metric = "node_sockstat_\(metricNamePart(group))_\(metricNamePart(name))"
        var series = [
            FieldFamilies.Series(
                descriptor: MetricDescriptor(metric, .gauge, help: "Sockets of \(group): \(name), as the kernel says."))
        ]
        if name == "mem" {
            let bytes = MetricDescriptor(
                "\(metric)_bytes", .gauge, help: "Memory of \(group) sockets, from the pages that the kernel says.")
            series.append(.init(descriptor: bytes, factor: Double(KernelUnits.pageBytes)))
        }
        return series
    }
}
