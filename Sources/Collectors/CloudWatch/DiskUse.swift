// disk_*: the CloudWatch agent's view of statfs(2), which is that of df(1).

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

enum DiskUse {
    static let subject = CloudWatchSubject(
        name: "disk", dimensions: ["device", "fstype", "path"],
        metrics: [free, inodesFree, inodesTotal, inodesUsed, total, used, usedPercent])

    private static let free = CloudWatchMetric("disk_free", .bytes, "Free space for users other than root.")
    private static let inodesFree = CloudWatchMetric("disk_inodes_free", .count, "Inodes that are free.")
    private static let inodesTotal = CloudWatchMetric("disk_inodes_total", .count, "Inodes that it can hold.")
    private static let inodesUsed = CloudWatchMetric("disk_inodes_used", .count, "Inodes that are in use.")
    private static let total = CloudWatchMetric("disk_total", .bytes, "Size of the file system.")
    private static let used = CloudWatchMetric("disk_used", .bytes, "Space that is taken.")
    private static let usedPercent = CloudWatchMetric(
        "disk_used_percent", .percent, "Of what is taken and what is free for users together, that which is taken.")

    /// `disk_free` is what users may have, `disk_used` all that is taken: they do not add up to `disk_total`, and
    /// the percentage is of the two, as df(1) has it.
    static func add(
        _ mount: Mount, _ space: FileSystemSpace, withDevice hasDevice: Bool = true, to points: inout MetricPoints
    ) {
        let used = Double(space.totalBytes) - Double(space.freeBytes)
        let free = Double(space.availableBytes)
        var dimensions = [EMFDimension("fstype", mount.fsType), EMFDimension("path", mount.mountPoint.label)]
        if hasDevice {
            let isPath = mount.device.hasPrefix("/dev/")
            dimensions.insert(
                EMFDimension("device", isPath ? String(mount.device.dropFirst(5)) : mount.device), at: 0)
        }
        points.begin(dimensions)
        points.add(Self.free, free)
        points.add(inodesFree, Double(space.freeInodes))
        points.add(inodesTotal, Double(space.inodes))
        points.add(inodesUsed, Double(space.inodes) - Double(space.freeInodes))
        points.add(total, Double(space.totalBytes))
        points.add(Self.used, used)
        // 0 of 0 is no number, and is left out.
        points.add(usedPercent, 100 * used / (used + free))
    }
}
