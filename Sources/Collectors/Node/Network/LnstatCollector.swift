// All tables of /proc/net/stat: counters of the network stack by CPU, as lnstat(8) shows them.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct LnstatCollector: Collector {
    static let name = "lnstat"
    static let isEnabledByDefault = false
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    private let directory: KeptDirectory
    private var files: [(name: String, file: KernelFile)] = []
    /// By the names of the columns, which several tables have in common. The kernel has a few dozen.
    private var descriptors: [String: MetricDescriptor] = [:]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        directory = KeptDirectory("\(host.proc)/net/stat")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(Errno) {
            if try directory.refresh() {
                files = directory.names.compactMap(\.text).map { ($0, KernelFile("\(directory.path)/\($0)")) }
            }
        } catch {
            files = []
            if error == .notFound { throw .absent("this kernel has no \(directory.path)") }
            throw .failed("\(directory.path): \(error)")
        }
        var problem: CollectError?
        for (name, file) in files {
            do throws(CollectError) {
                guard let table = try file.valueIfThere(NetStatTable.parse) else { continue }
                add(table, name, to: &snapshot)
            } catch {
                problem = error
            }
        }
        if let problem { throw problem }
    }

    private mutating func add(_ table: NetStatTable, _ subsystem: String, to snapshot: inout Snapshot) {
        for (column, name) in table.names.enumerated() {
            // A name that stands there twice is served once: two samples of one series break the whole answer.
            guard table.names.firstIndex(of: name) == column else { continue }
            let descriptor = descriptor(name)
            for cpu in 0..<table.cpuCount {
                snapshot.add(descriptor, Double(table.number(column, cpu: cpu)), "\(cpu)", subsystem)
            }
        }
    }

    private mutating func descriptor(_ name: String) -> MetricDescriptor {
        if let known = descriptors[name] { return known }
        let descriptor = MetricDescriptor(
            "node_lnstat_\(metricNamePart(name))_total", .counter, labels: ["cpu", "subsystem"],
            help: "\(name) as the tables in /proc/net/stat count it.")
        descriptors[name] = descriptor
        return descriptor
    }
}
