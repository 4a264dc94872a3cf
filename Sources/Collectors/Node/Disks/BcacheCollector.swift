// Caches of disks by bcache, from /sys/fs/bcache/<uuid>: a set of caches, with the disks behind them and the caches as
// its members. See Documentation/admin-guide/bcache.rst.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct BcacheCollector: Collector {
    static let name = "bcache"
    static let isEnabledByDefault = true
    static let metrics = readings.map(\.descriptor) + BcacheMember.metrics

    static func metric(_ name: String, _ kind: MetricKind, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_bcache_" + name, kind, labels: labels, help: help)
    }

    /// A file, what it is served as, and what a unit of it is in the metric's.
    private typealias Reading = (path: String, descriptor: MetricDescriptor, factor: Double)

    private static func reading(
        _ path: String, _ name: String, _ help: String, _ kind: MetricKind = .gauge, factor: Double = 1
    ) -> Reading {
        (path, metric(name, kind, ["uuid"], help), factor)
    }

    private static let readings: [Reading] = [
        reading("average_key_size", "average_key_size_sectors", "Data for each key of the B-tree, on average."),
        reading("btree_cache_size", "btree_cache_size_bytes", "Memory that caches the B-tree."),
        reading("cache_available_percent", "cache_available_percent", "Part of the cache that can be overwritten."),
        reading("congested", "congested", "How far the caches are too slow to be used."),
        reading("root_usage_percent", "root_usage_percent", "How full the root of the B-tree is."),
        reading("tree_depth", "tree_depth", "Levels of the B-tree."),
        reading("internal/active_journal_entries", "active_journal_entries", "Entries of the journal in use."),
        reading("internal/btree_nodes", "btree_nodes", "Nodes of the B-tree."),
        reading(
            "internal/btree_read_average_duration_us", "btree_read_average_duration_seconds",
            "Time to read a node of the B-tree, on average.", factor: 1e-6),
        reading(
            "internal/cache_read_races", "cache_read_races_total",
            "Readings of the cache whose data was overwritten meanwhile.", .counter),
    ]

    private final class CacheSet {
        let uuid: String
        let attributes: [Attribute]
        let members: DeviceList<BcacheMember>

        init(_ uuid: String, _ path: String) {
            self.uuid = uuid
            attributes = BcacheCollector.readings.map { Attribute("\(path)/\($0.path)") }
            members = DeviceList(path) { name, path throws(KernelFileError) in BcacheMember(name, path) }
        }
    }

    private let readsPriorities: Bool
    private let sets: DeviceList<CacheSet>

    /// `priorityStats`: the kernel sorts all buckets of a cache to tell what they are used for.
    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        readsPriorities = try section.bool("priorityStats", default: false)
        sets = DeviceList("\(host.sys)/fs/bcache") { name, path throws(KernelFileError) in
            // Beside the sets lie files that caches are registered through.
            try Attribute("\(path)/tree_depth").text() == nil ? nil : CacheSet(name, path)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try sets.forEach { set, problem throws(KernelFileError) in
            for (reading, attribute) in zip(Self.readings, set.attributes) {
                if let value = problem.humanSize(attribute) {
                    snapshot.add(reading.descriptor, value * reading.factor, set.uuid)
                }
            }
            set.members.forEach(noting: &problem) { member, problem throws(KernelFileError) in
                member.add(of: set.uuid, readingPriorities: readsPriorities, to: &snapshot, &problem)
            }
        }
    }
}
