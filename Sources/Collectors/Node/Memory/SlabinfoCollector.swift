// Caches of the kernel's own objects, from /proc/slabinfo.

internal import Metrics
internal import Procfs
internal import Settings

struct SlabinfoCollector: Collector {
    static let name = "slabinfo"
    static let isEnabledByDefault = false
    static let metrics = readings.map(\.descriptor)

    private typealias Reading = (descriptor: MetricDescriptor, value: @Sendable (SlabInfo.Slab) -> UInt64)

    private static let readings: [Reading] = [
        reading("active_objects", "Objects in use.") { $0.activeObjects },
        reading("objects", "Objects that there is memory for.") { $0.objects },
        reading("object_size_bytes", "The size of an object.") { $0.objectBytes },
        reading("objects_per_slab", "Objects in a slab.") { $0.objectsPerSlab },
        reading("pages_per_slab", "Pages in a slab.") { $0.pagesPerSlab },
    ]

    private static func reading(
        _ name: String, _ help: String, _ value: @escaping @Sendable (SlabInfo.Slab) -> UInt64
    ) -> Reading {
        (MetricDescriptor("node_slabinfo_\(name)", .gauge, labels: ["slab"], help: help), value)
    }

    private let file: KernelFile
    private let filter: NameFilter
    private var labels = TextLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/slabinfo")
        filter = try NameFilter(&section, "slabs", isExclusive: false)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let list = try file.value(SlabInfo.parse)
        // A module may make a cache under a name that is taken: the first is served.
        var seen: Set<ExactText> = []
        for (index, slab) in list.slabs.enumerated() {
            let name = labels.text(at: index, list.text[slab.name])
            guard filter.takes(name), seen.insert(ExactText(name)).inserted else { continue }
            for (descriptor, value) in Self.readings { snapshot.add(descriptor, Double(value(slab)), name) }
        }
    }
}
