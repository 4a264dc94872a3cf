// node_disk_*: what block devices read and write, and what they are.
//
// Counters are in /proc/diskstats, names and serial numbers in udev's data base, whether it rotates in sysfs.

internal import Bytes
package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Traffic of block devices, and their identity as udev knows it.
package struct DiskstatsCollector: Collector {
    package static let name = "diskstats"
    package static let isEnabledByDefault = true
    package static let metrics =
        counters.map(\.descriptor) + discards.map(\.descriptor) + flushes.map(\.descriptor)
        + ataAttributes.map(\.descriptor) + [info, filesystemInfo, deviceMapperInfo]

    /// Partitions, and devices that are seldom in use: their disks have the same traffic.
    static let excludedDevices = #"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#

    static let info = MetricDescriptor(
        "node_disk_info", .gauge,
        labels: ["device", "major", "minor", "model", "path", "revision", "rotational", "serial", "wwn"],
        help: "What a block device is; always 1.")
    static let filesystemInfo = MetricDescriptor(
        "node_disk_filesystem_info", .gauge, labels: ["device", "type", "usage", "uuid", "version"],
        help: "The file system on a block device; always 1.")
    static let deviceMapperInfo = MetricDescriptor(
        "node_disk_device_mapper_info", .gauge,
        labels: ["device", "lv_layer", "lv_name", "name", "uuid", "vg_name"],
        help: "What a device of the device mapper is; always 1.")

    private typealias Reading<Value> = (descriptor: MetricDescriptor, value: @Sendable (Value) -> Double)

    private static func reading<Value>(
        _ name: String, _ kind: MetricKind, _ help: String, _ value: @escaping @Sendable (Value) -> Double
    ) -> Reading<Value> {
        (MetricDescriptor("node_disk_" + name, kind, labels: ["device"], help: help), value)
    }

    private static let counters: [Reading<DiskStats>] = [
        reading("reads_completed_total", .counter, "Reads that were completed.") { Double($0.readsCompleted) },
        reading("reads_merged_total", .counter, "Reads that were merged with others.") { Double($0.readsMerged) },
        reading("read_bytes_total", .counter, "Bytes read.") { bytes($0.sectorsRead) },
        reading("read_time_seconds_total", .counter, "Time that reads took, added up.") {
            seconds($0.readMilliseconds)
        },
        reading("writes_completed_total", .counter, "Writes that were completed.") { Double($0.writesCompleted) },
        reading("writes_merged_total", .counter, "Writes that were merged with others.") { Double($0.writesMerged) },
        reading("written_bytes_total", .counter, "Bytes written.") { bytes($0.sectorsWritten) },
        reading("write_time_seconds_total", .counter, "Time that writes took, added up.") {
            seconds($0.writeMilliseconds)
        },
        reading("io_now", .gauge, "Requests under way.") { Double($0.inProgress) },
        reading("io_time_seconds_total", .counter, "Time in which requests were under way.") {
            seconds($0.ioMilliseconds)
        },
        reading(
            "io_time_weighted_seconds_total", .counter, "Time in which requests were under way, times their number."
        ) { seconds($0.weightedMilliseconds) },
    ]

    private static let discards: [Reading<DiskStats.Discards>] = [
        reading("discards_completed_total", .counter, "Discards that were completed.") { Double($0.completed) },
        reading("discards_merged_total", .counter, "Discards that were merged with others.") { Double($0.merged) },
        reading("discarded_sectors_total", .counter, "Sectors of 512 bytes that were discarded.") {
            Double($0.sectors)
        },
        reading("discard_time_seconds_total", .counter, "Time that discards took, added up.") {
            seconds($0.milliseconds)
        },
    ]

    private static let flushes: [Reading<DiskStats.Flushes>] = [
        reading("flush_requests_total", .counter, "Flushes that were completed.") { Double($0.completed) },
        reading("flush_requests_time_seconds_total", .counter, "Time that flushes took, added up.") {
            seconds($0.milliseconds)
        },
    ]

    private static let ataAttributes: [(property: String, descriptor: MetricDescriptor)] = [
        ("WRITE_CACHE", "write_cache", "1 when an ATA disk has a write cache."),
        ("WRITE_CACHE_ENABLED", "write_cache_enabled", "1 when the write cache of an ATA disk is in use."),
        ("ROTATION_RATE_RPM", "rotation_rate_rpm", "Rotations a minute of an ATA disk, 0 when it has none."),
    ].map { property, name, help in
        ("ID_ATA_" + property, MetricDescriptor("node_disk_ata_" + name, .gauge, labels: ["device"], help: help))
    }

    private static func bytes(_ sectors: UInt64) -> Double { Double(sectors) * Double(DiskStats.sectorBytes) }
    private static func seconds(_ milliseconds: UInt64) -> Double { Double(milliseconds) / 1_000 }

    private let filter: NameFilter
    private let file: KernelFile
    private var identities: DiskIdentities

    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        filter = try NameFilter(&section, "device", excluding: Self.excludedDevices)
        file = KernelFile("\(host.proc)/diskstats")
        identities = DiskIdentities(host: host, describe: Self.samples)
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let disks = try file.value(DiskStats.parse)
        let now = Instant.now
        var problem = FirstProblem()
        problem.noteSuccess()
        for disk in disks where filter.takes(disk.name) {
            for (descriptor, value) in Self.counters { snapshot.add(descriptor, value(disk), disk.name) }
            if let discards = disk.discards {
                for (descriptor, value) in Self.discards { snapshot.add(descriptor, value(discards), disk.name) }
            }
            if let flushes = disk.flushes {
                for (descriptor, value) in Self.flushes { snapshot.add(descriptor, value(flushes), disk.name) }
            }
            do throws(KernelFileError) {
                for sample in try identities.samples(of: disk, at: now) {
                    snapshot.add(sample.descriptor, sample.value, labels: sample.labels)
                }
            } catch { problem.note(error) }
        }
        identities.forget(notSeenAt: now)
        try problem.throwIfAny()
    }

    private static func samples(of disk: DiskStats, _ identity: DiskIdentity) -> [InfoSample] {
        let udev = identity.udev
        var samples = [
            InfoSample(
                descriptor: info,
                labels: [
                    disk.name, "\(disk.major)", "\(disk.minor)", udev["ID_MODEL"], udev["ID_PATH"], udev["ID_REVISION"],
                    identity.rotational, identity.serial, udev["ID_WWN"],
                ])
        ]
        if !udev["ID_FS_TYPE"].isEmpty {
            let labels = ["ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION"].map { udev[$0] }
            samples.append(InfoSample(descriptor: filesystemInfo, labels: [disk.name] + labels))
        }
        if !udev["DM_NAME"].isEmpty {
            let labels = ["DM_LV_LAYER", "DM_LV_NAME", "DM_NAME", "DM_UUID", "DM_VG_NAME"].map { udev[$0] }
            samples.append(InfoSample(descriptor: deviceMapperInfo, labels: [disk.name] + labels))
        }
        guard !udev["ID_ATA"].isEmpty else { return samples }
        for (property, descriptor) in ataAttributes {
            guard let value = Double(udev[property]) else { continue }
            samples.append(InfoSample(descriptor: descriptor, value: value, labels: [disk.name]))
        }
        return samples
    }
}
