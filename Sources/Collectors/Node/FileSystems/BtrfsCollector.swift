// File systems of btrfs, from /sys/fs/btrfs/<uuid>; of their devices, what BtrfsMounts finds out. See
// Documentation/filesystems/btrfs.rst and fs/btrfs/sysfs.c.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct BtrfsCollector: Collector {
    static let name = "btrfs"
    static let isEnabledByDefault = true
    static let metrics =
        [info, globalReserve] + commits.map(\.1) + [deviceSize, deviceUnused, deviceErrors] + BtrfsBlockGroups.metrics

    private static let info = metric("info", .gauge, ["label", "uuid"], "A file system that is mounted; always 1.")
    private static let globalReserve = metric(
        "global_rsv_size_bytes", .gauge, ["uuid"], "Space that is kept so that space can be freed.")
    /// By the names in commit_stats, which is there since Linux 6.0; with what makes a unit of the metric.
    private static let commits = [
        ("commits", metric("commits_total", .counter, ["uuid"], "Transactions committed."), 1.0),
        (
            "last_commit_ms", metric("last_commit_seconds", .gauge, ["uuid"], "Time that the last commit took."),
            1_000
        ),
        (
            "max_commit_ms",
            metric("max_commit_seconds", .gauge, ["uuid"], "Time that the longest commit took."), 1_000
        ),
        (
            "total_commit_ms",
            metric("commit_seconds_total", .counter, ["uuid"], "Time that commits took, added up."), 1_000
        ),
    ]

    /// The UUID of a device is known only from the file system itself; without it there is no such label.
    private static let deviceLabels = ["btrfs_dev_uuid", "device", "uuid"]
    private static let deviceSize = metric("device_size_bytes", .gauge, deviceLabels, "Size of a device.")
    private static let sizeWithoutUUID = metric(
        "device_size_bytes", .gauge, ["device", "uuid"], deviceSize.help)
    private static let deviceUnused = metric(
        "device_unused_bytes", .gauge, deviceLabels, "Space of a device that is not allocated to anything.")
    private static let deviceErrors = metric(
        "device_errors_total", .counter, ["btrfs_dev_uuid", "device", "type", "uuid"], "Errors of a device.")

    static func metric(_ name: String, _ kind: MetricKind, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_btrfs_" + name, kind, labels: labels, help: help)
    }

    private static let sectorBytes = 512.0

    private final class FileSystem {
        let uuid: String
        let label: Attribute
        let globalReserve: Attribute
        let commits: Attribute
        let devices: DeviceList<(name: String, sectors: Attribute)>
        var groups: [BtrfsBlockGroups]

        init(_ uuid: String, _ path: String) {
            self.uuid = uuid
            label = Attribute("\(path)/label")
            globalReserve = Attribute("\(path)/allocation/global_rsv_size")
            commits = Attribute("\(path)/commit_stats")
            devices = DeviceList("\(path)/devices") { name, path throws(KernelFileError) in
                (name, Attribute("\(path)/size"))
            }
            groups = BtrfsBlockGroups.types.map { BtrfsBlockGroups($0, "\(path)/allocation/\($0)") }
        }
    }

    private let fileSystems: DeviceList<FileSystem>
    var mounts: BtrfsMounts

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        mounts = BtrfsMounts(host: host)
        fileSystems = DeviceList("\(host.sys)/fs/btrfs") { name, path throws(KernelFileError) in
            // `features` is of the module, and `debug` for developers.
            try Attribute("\(path)/label").text() == nil ? nil : FileSystem(name, path)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        // Asked once, and only where there is a file system.
        var mounted: [BtrfsFileSystem]?
        try fileSystems.forEach { fileSystem, problem throws(KernelFileError) in
            let uuid = fileSystem.uuid
            if mounted == nil { mounted = problem.noted { () throws(KernelFileError) in try mounts.read() } ?? [] }
            Self.add(fileSystem, to: &snapshot, &problem)
            let known = mounted?.first { $0.uuid == uuid }
            let count = Self.addDevices(of: fileSystem, known, to: &snapshot, &problem)
            for group in fileSystem.groups { group.add(of: uuid, devices: count, to: &snapshot, &problem) }
        }
    }

    private static func add(
        _ fileSystem: FileSystem, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        let uuid = fileSystem.uuid
        snapshot.add(info, 1, problem.text(fileSystem.label) ?? "", uuid)
        if let bytes = problem.number(fileSystem.globalReserve) { snapshot.add(globalReserve, bytes, uuid) }
        let stats = problem.noted { () throws(KernelFileError) in try fileSystem.commits.value(VMStat.parse) }
        for (field, descriptor, divisor) in commits {
            if let value = stats?[field] { snapshot.add(descriptor, value / divisor, uuid) }
        }
    }

    /// The last part of its path, as node_exporter has it: `sda1`, and `data` for /dev/mapper/data.
    private static func name(ofDevice path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// Returns how many devices there are.
    private static func addDevices(
        of fileSystem: FileSystem, _ known: BtrfsFileSystem?, to snapshot: inout Snapshot,
        _ problem: inout FirstProblem
    ) -> Int {
        var count = 0
        fileSystem.devices.forEach(noting: &problem) { device, problem throws(KernelFileError) in
            count += 1
            if known != nil { return }
            guard let sectors = problem.number(device.sectors) else { return }
            snapshot.add(sizeWithoutUUID, sectors * sectorBytes, device.name, fileSystem.uuid)
        }
        for device in known?.devices ?? [] {
            let name = Self.name(ofDevice: device.path)
            let labels = [device.uuid, name, fileSystem.uuid]
            snapshot.add(deviceSize, Double(device.sizeBytes), labels: labels)
            // Not below 0 while a device shrinks.
            let free = device.sizeBytes - min(device.sizeBytes, device.allocatedBytes)
            snapshot.add(deviceUnused, Double(free), labels: labels)
            guard let errors = device.errors else { continue }
            for (type, count) in [
                ("write", errors.write), ("read", errors.read), ("flush", errors.flush),
                ("corruption", errors.corruption), ("generation", errors.generation),
            ] { snapshot.add(deviceErrors, Double(count), labels: [device.uuid, name, type, fileSystem.uuid]) }
        }
        return count
    }
}
