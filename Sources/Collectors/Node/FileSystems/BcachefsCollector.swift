// File systems of bcachefs, from /sys/fs/bcachefs/<uuid>. What it counts is named after its own counters.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct BcachefsCollector: Collector {
    static let name = "bcachefs"
    static let isEnabledByDefault = true
    /// With them go the counters, whose names are the file system's.
    static let metrics =
        [info, cacheSize, compressed, uncompressed, errors, writes, writeSize] + BcachefsDevice.metrics

    private static let info = metric("info", .gauge, ["uuid"], "A file system that is mounted; always 1.")
    private static let cacheSize = metric(
        "btree_cache_size_bytes", .gauge, ["uuid"], "Memory that caches the B-trees.")
    private static let compressed = metric(
        "compression_compressed_bytes", .gauge, ["algorithm", "uuid"], "Data that was compressed, as it is on disk.")
    private static let uncompressed = metric(
        "compression_uncompressed_bytes", .gauge, ["algorithm", "uuid"], "Data that was compressed, as it was before.")
    private static let errors = metric(
        "errors_total", .counter, ["error_type", "uuid"], "Inconsistencies found in the file system.")
    private static let writes = metric(
        "btree_writes_total", .counter, ["type", "uuid"], "Nodes of B-trees written, by why.")
    private static let writeSize = metric(
        "btree_write_average_size_bytes", .gauge, ["type", "uuid"], "Size of a written node, on average, by why.")

    static func metric(_ name: String, _ kind: MetricKind, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_bcachefs_" + name, kind, labels: labels, help: help)
    }

    private final class FileSystem {
        let uuid: String
        let cacheSize: Attribute
        let compression: Attribute
        let errors: Attribute
        let writes: Attribute
        let counters: DeviceList<(descriptor: MetricDescriptor, count: Attribute)>
        let devices: DeviceList<BcachefsDevice>

        init(_ uuid: String, _ path: String, _ families: NamedFamilies) {
            self.uuid = uuid
            cacheSize = Attribute("\(path)/btree_cache_size")
            compression = Attribute("\(path)/compression_stats")
            errors = Attribute("\(path)/errors")
            writes = Attribute("\(path)/btree_write_stats")
            counters = DeviceList("\(path)/counters") { name, path throws(KernelFileError) in
                families.descriptor(name).map { ($0, Attribute(path)) }
            }
            devices = DeviceList(path) { name, path throws(KernelFileError) in
                name.hasPrefix("dev-") ? BcachefsDevice(String(name.dropFirst(4)), path) : nil
            }
        }
    }

    private let fileSystems: DeviceList<FileSystem>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let families = NamedFamilies(besides: Self.metrics) { name in
            Self.metric(
                "\(name)_total", .counter, ["uuid"], "\(name) as bcachefs counts it, since the file system was made.")
        }
        fileSystems = DeviceList("\(host.sys)/fs/bcachefs") { name, path throws(KernelFileError) in
            FileSystem(name, path, families)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try fileSystems.forEach { fileSystem, problem throws(KernelFileError) in
            Self.add(fileSystem, to: &snapshot, &problem)
        }
    }

    private static func add(
        _ fileSystem: FileSystem, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        let uuid = fileSystem.uuid
        snapshot.add(info, 1, uuid)
        if let size = problem.humanSize(fileSystem.cacheSize) { snapshot.add(cacheSize, size, uuid) }
        problem.keep { () throws(KernelFileError) in
            for row in try fileSystem.compression.value(BcachefsTable.parse) ?? [] {
                snapshot.add(compressed, row.first, row.name, uuid)
                snapshot.add(uncompressed, row.second, row.name, uuid)
            }
        }
        problem.keep { () throws(KernelFileError) in
            for error in try fileSystem.errors.value(BcachefsErrors.parse) ?? [] {
                snapshot.add(errors, Double(error.count), error.kind, uuid)
            }
        }
        problem.keep { () throws(KernelFileError) in
            for row in try fileSystem.writes.value(BcachefsTable.parse) ?? [] {
                snapshot.add(writes, row.first, row.name, uuid)
                snapshot.add(writeSize, row.second, row.name, uuid)
            }
        }
        fileSystem.counters.forEach(noting: &problem) { counter, _ throws(KernelFileError) in
            guard let count = try counter.count.value(BcachefsCounter.parse) else { return }
            snapshot.add(counter.descriptor, count, uuid)
        }
        fileSystem.devices.forEach(noting: &problem) { device, problem throws(KernelFileError) in
            device.add(of: uuid, to: &snapshot, &problem)
        }
    }
}
