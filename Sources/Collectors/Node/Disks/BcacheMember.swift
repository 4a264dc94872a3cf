// One disk behind a cache (bdev<n>) or one cache (cache<n>) of a set of bcache: the part of BcacheCollector that is
// about members of a set.

internal import Bytes
internal import Metrics
internal import Procfs

struct BcacheMember {
    static let metrics =
        ofBacking.map(\.descriptor) + ofCache.map(\.descriptor) + ofWriteback.map(\.1) + [unused, metadata]

    private typealias Reading = (path: String, descriptor: MetricDescriptor)

    private static func backing(_ name: String, _ kind: MetricKind, _ help: String) -> MetricDescriptor {
        BcacheCollector.metric(name, kind, ["backing_device", "uuid"], help)
    }

    private static func cache(_ name: String, _ kind: MetricKind, _ help: String) -> MetricDescriptor {
        BcacheCollector.metric(name, kind, ["cache_device", "uuid"], help)
    }

    private static func total(_ path: String, _ name: String, _ help: String) -> Reading {
        ("stats_total/" + path, backing(name + "_total", .counter, help))
    }

    private static let ofBacking: [Reading] = [
        ("dirty_data", backing("dirty_data_bytes", .gauge, "Data in the cache to be written back.")),
        total("bypassed", "bypassed_bytes", "Bytes that went past the cache."),
        total("cache_hits", "cache_hits", "Requests that the cache answered."),
        total("cache_misses", "cache_misses", "Requests that the cache did not answer."),
        total("cache_bypass_hits", "cache_bypass_hits", "Requests past the cache that it could have answered."),
        total("cache_bypass_misses", "cache_bypass_misses", "Requests past the cache that it could not have answered."),
        total("cache_miss_collisions", "cache_miss_collisions", "Misses whose data was written meanwhile."),
        // Before Linux 5.7.
        total("cache_readaheads", "cache_readaheads", "Misses after which more was read than was asked for."),
    ]

    private static let ofCache: [Reading] = [
        ("io_errors", cache("io_errors", .gauge, "Errors of a cache, halved now and then.")),
        ("written", cache("written_bytes_total", .counter, "Bytes written to a cache.")),
        ("metadata_written", cache("metadata_written_bytes_total", .counter, "Bytes of these that were not data.")),
    ]

    private static let ofWriteback = [
        ("rate", backing("writeback_rate", .gauge, "Bytes a second to be written back.")),
        ("target", backing("dirty_target_bytes", .gauge, "Dirty data that the writing back aims at.")),
        ("proportional", backing("writeback_rate_proportional_term", .gauge, "Proportional part of the rate.")),
        ("integral", backing("writeback_rate_integral_term", .gauge, "Integral part of the rate.")),
        ("change", backing("writeback_change", .gauge, "How the rate was changed last.")),
    ]

    private static let unused = cache("priority_stats_unused_percent", .gauge, "Part of a cache that has no data.")
    private static let metadata = cache("priority_stats_metadata_percent", .gauge, "Part of a cache with metadata.")

    private let name: String
    private let isCache: Bool
    private let attributes: [Attribute]
    /// writeback_rate_debug of a backing device, priority_stats of a cache.
    private let report: Attribute

    /// nil for the attributes of a set.
    init?(_ name: String, _ path: String) {
        var cursor = ByteCursor(name)
        isCache = cursor.skip("cache")
        guard isCache || cursor.skip("bdev"), cursor.unsigned() != nil, cursor.isAtEnd else { return nil }
        self.name = name
        let readings = isCache ? Self.ofCache : Self.ofBacking
        attributes = readings.map { Attribute("\(path)/\($0.path)") }
        report = Attribute("\(path)/\(isCache ? "priority_stats" : "writeback_rate_debug")")
    }

    func add(
        of uuid: String, readingPriorities: Bool, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        for (reading, attribute) in zip(isCache ? Self.ofCache : Self.ofBacking, attributes) {
            if let value = problem.humanSize(attribute) { snapshot.add(reading.descriptor, value, name, uuid) }
        }
        problem.keep { () throws(KernelFileError) in
            if !isCache {
                guard let writeback = try report.value(BcacheWriteback.parse) else { return }
                for (field, descriptor) in Self.ofWriteback {
                    if let value = writeback[field] { snapshot.add(descriptor, value, name, uuid) }
                }
            } else if readingPriorities, let priorities = try report.value(BcachePriorities.parse) {
                if let percent = priorities.unusedPercent { snapshot.add(Self.unused, percent, name, uuid) }
                if let percent = priorities.metadataPercent { snapshot.add(Self.metadata, percent, name, uuid) }
            }
        }
    }
}
