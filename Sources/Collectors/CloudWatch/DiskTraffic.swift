// diskio_*: the CloudWatch agent's view of /proc/diskstats.

internal import Metrics
internal import Procfs

enum DiskTraffic {
    static let subject = CloudWatchSubject(
        name: "diskio", dimensions: ["name"],
        metrics: [ioTime, inProgress, readBytes, readTime, reads, writeBytes, writeTime, writes])

    private static let ioTime = CloudWatchMetric(
        "diskio_io_time", .milliseconds, "Time in which requests were under way, since the reading before.")
    private static let inProgress = CloudWatchMetric(
        "diskio_iops_in_progress", .count, "Requests under way, now.")
    private static let readBytes = CloudWatchMetric(
        "diskio_read_bytes", .bytes, "Bytes read since the reading before.")
    private static let readTime = CloudWatchMetric(
        "diskio_read_time", .milliseconds, "Time that reads took, added up, since the reading before.")
    private static let reads = CloudWatchMetric(
        "diskio_reads", .count, "Reads that were completed since the reading before.")
    private static let writeBytes = CloudWatchMetric(
        "diskio_write_bytes", .bytes, "Bytes written since the reading before.")
    private static let writeTime = CloudWatchMetric(
        "diskio_write_time", .milliseconds, "Time that writes took, added up, since the reading before.")
    private static let writes = CloudWatchMetric(
        "diskio_writes", .count, "Writes that were completed since the reading before.")

    /// Devices that were there at the reading before; of a new one only what is under way.
    static func add(
        _ disks: [DiskStats], since previous: [DiskStats], where isWanted: (String) -> Bool = { _ in true },
        to points: inout MetricPoints
    ) {
        let sector = Double(DiskStats.sectorBytes)
        for (index, disk) in disks.enumerated() where isWanted(disk.name) {
            points.begin([EMFDimension("name", disk.name)])
            points.add(inProgress, Double(disk.inProgress))
            guard let old = previous.earlier(disk.name, at: index, \.name) else { continue }
            points.add(ioTime, from: old.ioMilliseconds, to: disk.ioMilliseconds)
            points.add(readBytes, from: old.sectorsRead, to: disk.sectorsRead, times: sector)
            points.add(readTime, from: old.readMilliseconds, to: disk.readMilliseconds)
            points.add(reads, from: old.readsCompleted, to: disk.readsCompleted)
            points.add(writeBytes, from: old.sectorsWritten, to: disk.sectorsWritten, times: sector)
            points.add(writeTime, from: old.writeMilliseconds, to: disk.writeMilliseconds)
            points.add(writes, from: old.writesCompleted, to: disk.writesCompleted)
        }
    }
}
