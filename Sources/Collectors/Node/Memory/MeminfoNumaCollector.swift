// Memory of each NUMA node, from /sys/devices/system/node/node*/{meminfo,numastat}. See
// Documentation/admin-guide/numastat.rst.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct MeminfoNumaCollector: Collector {
    static let name = "meminfo_numa"
    static let isEnabledByDefault = false
    /// None has a fixed name.
    static let metrics: [MetricDescriptor] = []

    /// All nodes share their descriptors; as many as there are fields in the kernel.
    private final class Descriptors {
        private var known: [String: MetricDescriptor] = [:]

        func series(_ name: String, _ kind: MetricKind, help: String) -> [FieldFamilies.Series] {
            let metric = known[name] ?? MetricDescriptor(name, kind, labels: ["node"], help: help)
            known[name] = metric
            return [.init(descriptor: metric)]
        }
    }

    private final class Node {
        let number: String
        let meminfo: KernelFile
        let numastat: KernelFile
        var memory: FieldFamilies
        var counters: FieldFamilies

        init(_ number: String, _ path: String, _ descriptors: Descriptors) {
            self.number = number
            meminfo = KernelFile("\(path)/meminfo")
            numastat = KernelFile("\(path)/numastat")
            memory = FieldFamilies { _, field, isBytes in
                descriptors.series(
                    "node_memory_numa_\(metricNamePart(field))", .gauge,
                    help: "\(field) of a memory node\(isBytes ? ", in bytes" : "").")
            }
            counters = FieldFamilies { _, field, _ in
                descriptors.series(
                    "node_memory_numa_\(metricNamePart(field))_total", .counter,
                    help: "Pages as \(field) of a memory node's numastat counts them.")
            }
        }
    }

    private let nodes: DeviceList<Node>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let descriptors = Descriptors()
        nodes = DeviceList("\(host.sys)/devices/system/node") { name, path throws(KernelFileError) in
            var text = ByteCursor(name)
            guard text.skip("node"), text.unsigned() != nil, text.isAtEnd else { return nil }
            return Node(String(name.dropFirst("node".count)), path, descriptors)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try nodes.forEach { node, problem throws(KernelFileError) in
            let memory = problem.noted { () throws(KernelFileError) in try node.meminfo.read(Meminfo.parse) }
            if let memory { node.memory.add(memory, to: &snapshot, node.number) }
            let counters = problem.noted { () throws(KernelFileError) in try node.numastat.read(VMStat.parse) }
            if let counters { node.counters.add(counters, to: &snapshot, node.number) }
        }
    }
}
