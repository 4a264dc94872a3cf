// Devices of the device mapper with several paths to one disk, from /sys/block/dm-*. See
// Documentation/admin-guide/device-mapper and Documentation/ABI/testing/sysfs-block-dm.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct DMMultipathCollector: Collector {
    static let name = "dmmultipath"
    static let isEnabledByDefault = true
    static let metrics = [info, active, size, paths, activePaths, failedPaths, pathState]

    private static let info = metric(
        "device_info", ["device", "sysfs_name", "uuid"], "What a device with several paths is; always 1.")
    private static let active = metric("device_active", deviceLabels, "1 when it takes I/O, 0 when it is suspended.")
    private static let size = metric("device_size_bytes", deviceLabels, "Size of a device with several paths.")
    private static let paths = metric("device_paths", deviceLabels, "Paths to it.")
    private static let activePaths = metric("device_paths_active", deviceLabels, "Paths to it that are in order.")
    private static let failedPaths = metric("device_paths_failed", deviceLabels, "Paths to it that are not in order.")
    private static let pathState = metric(
        "path_state", ["device", "path", "state"], "What the driver of a path says of it; always 1.")

    private static let deviceLabels = ["device", "sysfs_name"]

    private static func metric(_ name: String, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_dmmultipath_" + name, .gauge, labels: labels, help: help)
    }

    private static let sectorBytes = 512.0

    private final class Device {
        let sysfsName: String
        let uuid: String
        /// It can be renamed.
        let name: Attribute
        let suspended: Attribute
        let sectors: Attribute
        let paths: DeviceList<(name: String, state: Attribute)>

        init(_ sysfsName: String, uuid: String, _ path: String, block: String) {
            self.sysfsName = sysfsName
            self.uuid = uuid
            name = Attribute("\(path)/dm/name")
            suspended = Attribute("\(path)/dm/suspended")
            sectors = Attribute("\(path)/size")
            paths = DeviceList("\(path)/slaves") { name, _ throws(KernelFileError) in
                (name, Attribute("\(block)/\(name)/device/state"))
            }
        }
    }

    private let devices: DeviceList<Device>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let block = "\(host.sys)/block"
        devices = DeviceList(block) { name, path throws(KernelFileError) in
            guard name.hasPrefix("dm-"), let uuid = try Attribute("\(path)/dm/uuid").text(), uuid.hasPrefix("mpath-")
            else { return nil }
            return Device(name, uuid: uuid, path, block: block)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try devices.forEach { device, problem throws(KernelFileError) in
            try Self.add(device, to: &snapshot, &problem)
        }
    }

    private static func add(
        _ device: Device, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) throws(KernelFileError) {
        // It has gone since the directory was looked at.
        guard let name = try device.name.text() else { return }
        snapshot.add(info, 1, labels: [name, device.sysfsName, device.uuid])
        if let suspended = problem.number(device.suspended) {
            snapshot.add(active, suspended == 0 ? 1 : 0, name, device.sysfsName)
        }
        if let sectors = problem.number(device.sectors) {
            snapshot.add(size, sectors * sectorBytes, name, device.sysfsName)
        }
        var (count, activeCount) = (0, 0)
        device.paths.forEach(noting: &problem) { path, problem throws(KernelFileError) in
            count += 1
            let state = problem.text(path.state) ?? "unknown"
            // What SCSI and what NVMe call a path in order.
            if state == "running" || state == "live" { activeCount += 1 }
            snapshot.add(pathState, 1, labels: [name, path.name, state])
        }
        snapshot.add(paths, Double(count), name, device.sysfsName)
        snapshot.add(activePaths, Double(activeCount), name, device.sysfsName)
        snapshot.add(failedPaths, Double(count - activeCount), name, device.sysfsName)
    }
}
