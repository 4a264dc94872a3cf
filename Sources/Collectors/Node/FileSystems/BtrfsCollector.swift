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
        [info, globalReserve, commits, lastCommit, longestCommit, commitTime, deviceSize, deviceUnused, deviceErrors]
        + BtrfsBlockGroups.metrics

    private static let info = metric("info", .gauge, ["label", "uuid"], "A file system that is mounted; always 1.")
    private static let globalReserve = metric(
        "global_rsv_size_bytes", .gauge, ["uuid"], "Space that is kept so that space can be freed.")
    private static let commits = metric("commits_total", .counter, ["uuid"], "Transactions committed.")
    private static let lastCommit = metric(
        "last_commit_seconds", .gauge, ["uuid"], "Time that the last commit took.")
    private static let longestCommit = metric(
        "max_commit_seconds", .gauge, ["uuid"], "Time that the longest commit took.")
    private static let commitTime = metric(
        "commit_seconds_total", .counter, ["uuid"], "Time that commits took, added up.")

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
        var devices: DeviceList<(name: String, sectors: Attribute)>
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

    private var fileSystems: DeviceList<FileSystem>
    var mounts: BtrfsMounts

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        mounts = BtrfsMounts(host: host)
        fileSystems = DeviceList("\(host.sys)/fs/btrfs") { name, path throws(KernelFileError) in
            // `features` is of the module, and `debug` for developers.
            try Attribute("\(path)/label").text() == nil ? nil : FileSystem(name, path)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        guard try reading({ () throws(KernelFileError) in try fileSystems.refresh() }) else {
            throw .absent("this kernel has no \(fileSystems.path)")
        }
        if fileSystems.devices.isEmpty { return }
        var problem = FirstProblem()
        var mounted: [BtrfsFileSystem] = []
        problem.keep { () throws(KernelFileError) in mounted = try mounts.read() }
        for fileSystem in fileSystems.devices {
            problem.keep { () throws(KernelFileError) in try Self.add(fileSystem, to: &snapshot) }
            problem.keep { () throws(KernelFileError) in
                let known = mounted.first { $0.uuid == fileSystem.uuid }
                let count = try Self.addDevices(of: fileSystem, known, to: &snapshot)
                for index in fileSystem.groups.indices {
                    try fileSystem.groups[index].add(of: fileSystem.uuid, devices: count, to: &snapshot)
                }
            }
        }
        try problem.throwIfAny()
    }

    private static func add(_ fileSystem: FileSystem, to snapshot: inout Snapshot) throws(KernelFileError) {
        let uuid = fileSystem.uuid
        snapshot.add(info, 1, try fileSystem.label.text() ?? "", uuid)
        if let bytes = try fileSystem.globalReserve.number() { snapshot.add(globalReserve, bytes, uuid) }
        guard let stats = try fileSystem.commits.value(BtrfsCommits.parse) else { return }
        if let count = stats.count { snapshot.add(commits, Double(count), uuid) }
        if let time = stats.lastMilliseconds { snapshot.add(lastCommit, Double(time) / 1_000, uuid) }
        if let time = stats.longestMilliseconds { snapshot.add(longestCommit, Double(time) / 1_000, uuid) }
        if let time = stats.totalMilliseconds { snapshot.add(commitTime, Double(time) / 1_000, uuid) }
    }

    /// The last part of its path, as node_exporter has it: `sda1`, and `data` for /dev/mapper/data.
    private static func name(ofDevice path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// Returns how many devices there are.
    private static func addDevices(
        of fileSystem: FileSystem, _ known: BtrfsFileSystem?, to snapshot: inout Snapshot
    ) throws(KernelFileError) -> Int {
        _ = try fileSystem.devices.refresh()
        guard let known else {
            for device in fileSystem.devices.devices {
                guard let sectors = try device.sectors.number() else { continue }
                snapshot.add(sizeWithoutUUID, sectors * sectorBytes, device.name, fileSystem.uuid)
            }
            return fileSystem.devices.devices.count
        }
        for device in known.devices {
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
        return fileSystem.devices.devices.count
    }
}
