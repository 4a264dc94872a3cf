// What mounted XFS file systems have done, from /sys/fs/xfs/<device>/stats/stats.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct XFSCollector: Collector {
    static let name = "xfs"
    static let isEnabledByDefault = true
    static let metrics = readings.map(\.descriptor)

    private typealias Reading = (line: XFSStats.Line, column: Int, descriptor: MetricDescriptor)

    /// The columns of a line in their order.
    private static func readings(
        _ line: XFSStats.Line, _ prefix: String, _ columns: [(name: String, help: String)]
    ) -> [Reading] {
        columns.enumerated().map { column, metric in
            (
                line, column,
                MetricDescriptor(
                    "node_xfs_\(prefix)\(metric.name)_total", .counter, labels: ["device"], help: metric.help)
            )
        }
    }

    private static func btree(_ line: XFSStats.Line, _ prefix: String, _ tree: String) -> [Reading] {
        readings(
            line, prefix,
            [
                ("lookups", "Lookups in the B-tree \(tree)."),
                ("compares", "Comparisons in the B-tree \(tree)."),
                ("records_inserted", "Records put into the B-tree \(tree)."),
                ("records_deleted", "Records taken out of the B-tree \(tree)."),
            ])
    }

    private static let readings: [Reading] =
        readings(
            .extentAllocation, "extent_allocation_",
            [
                ("extents_allocated", "Extents allocated."), ("blocks_allocated", "Blocks allocated."),
                ("extents_freed", "Extents freed."), ("blocks_freed", "Blocks freed."),
            ])
        + btree(.allocationBtree, "allocation_btree_", "of free space")
        + readings(
            .blockMapping, "block_mapping_",
            [
                ("reads", "Mappings of blocks of a file that were looked up to read."),
                ("writes", "Mappings of blocks of a file that were looked up to write."),
                ("unmaps", "Mappings of blocks of a file that were removed."),
                ("extent_list_insertions", "Extents put into the lists of files."),
                ("extent_list_deletions", "Extents taken out of the lists of files."),
                ("extent_list_lookups", "Lookups in the lists of extents of files."),
                ("extent_list_compares", "Comparisons in the lists of extents of files."),
            ])
        + btree(.blockMapBtree, "block_map_btree_", "of the blocks of files")
        + readings(
            .directory, "directory_operation_",
            [
                ("lookup", "Names looked up in directories, which the kernel's cache of names did not have."),
                ("create", "Entries made in directories."), ("remove", "Entries removed from directories."),
                ("getdents", "Readings of directories."),
            ])
        + readings(
            .inode, "inode_operation_",
            [
                ("attempts", "Inodes looked for in the cache."), ("found", "Inodes found in the cache."),
                ("recycled", "Inodes found in the cache while they were being freed."),
                ("missed", "Inodes that the cache did not have."),
                ("duplicates", "Inodes that another task had put into the cache meanwhile."),
                ("reclaims", "Inodes that the cache gave up for memory."),
                ("attribute_changes", "Changes of the attributes of inodes."),
            ])
        + readings(
            .readWrite, "",
            [("write_calls", "Calls of write(2) and its like."), ("read_calls", "Calls of read(2) and its like.")])
        + readings(
            .vnode, "vnode_",
            [
                ("active", "Inodes in use."), ("allocate", "Inodes allocated in memory."),
                ("get", "Inodes taken by vn_get."), ("hold", "Inodes taken by vn_hold."),
                ("release", "Inodes released."), ("reclaim", "Inodes whose memory was taken back."),
                ("remove", "Inodes removed."),
            ])

    private struct FileSystem {
        let device: String
        let stats: Attribute
    }

    private let fileSystems: DeviceList<FileSystem>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        fileSystems = DeviceList("\(host.sys)/fs/xfs") { name, path throws(KernelFileError) in
            // The sum of all, and switches for developers.
            if name == "stats" || name == "debug" { return nil }
            return FileSystem(device: name, stats: Attribute("\(path)/stats/stats"))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try fileSystems.forEach { fileSystem, _ throws(KernelFileError) in
            guard let stats = try fileSystem.stats.value(XFSStats.parse) else { return }
            for (line, column, descriptor) in Self.readings {
                if let number = stats[line, column] { snapshot.add(descriptor, Double(number), fileSystem.device) }
            }
        }
    }
}
