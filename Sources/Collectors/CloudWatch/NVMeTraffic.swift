// diskio_ebs_* and diskio_instance_store_*: what Amazon's NVMe disks count by themselves.

internal import Metrics
internal import Platform
internal import Procfs

enum NVMeTraffic {
    static let subject = CloudWatchSubject(
        name: "diskio (EBS volumes)", dimensions: ["VolumeId"], metrics: ebs.metrics)
    static let instanceStoreSubject = CloudWatchSubject(
        name: "diskio (instance store)", dimensions: ["SerialId"], metrics: instanceStore.metrics)

    private static let ebs = Family("diskio_ebs", instancePrefix: "diskio_ebs_ec2_instance", isVolume: true)
    private static let instanceStore = Family(
        "diskio_instance_store", instancePrefix: "diskio_instance_store", isVolume: false)

    private struct Family: Sendable {
        let readOperations, writeOperations, readBytes, writeBytes, readTime, writeTime, queue: CloudWatchMetric
        let operationsExceeded, throughputExceeded: CloudWatchMetric
        var volumeOperationsExceeded: CloudWatchMetric?
        var volumeThroughputExceeded: CloudWatchMetric?

        init(_ prefix: String, instancePrefix: String, isVolume: Bool) {
            func metric(_ name: String, _ unit: EMFUnit, _ what: String) -> CloudWatchMetric {
                CloudWatchMetric(name, unit, "\(what) since the reading before.")
            }
            func exceeded(_ prefix: String, _ name: String, _ what: String) -> CloudWatchMetric {
                metric("\(prefix)_performance_exceeded_\(name)", .microseconds, "Time in which \(what) was exceeded")
            }
            readOperations = metric("\(prefix)_total_read_ops", .count, "Reads")
            writeOperations = metric("\(prefix)_total_write_ops", .count, "Writes")
            readBytes = metric("\(prefix)_total_read_bytes", .bytes, "Bytes read")
            writeBytes = metric("\(prefix)_total_write_bytes", .bytes, "Bytes written")
            readTime = metric("\(prefix)_total_read_time", .microseconds, "Time of reads")
            writeTime = metric("\(prefix)_total_write_time", .microseconds, "Time of writes")
            queue = CloudWatchMetric("\(prefix)_volume_queue_length", .count, "Requests under way, now.")
            operationsExceeded = exceeded(instancePrefix, "iops", "the instance's limit of operations")
            throughputExceeded = exceeded(instancePrefix, "tp", "the instance's limit of throughput")
            if isVolume {
                volumeOperationsExceeded = exceeded("\(prefix)_volume", "iops", "the volume's limit of operations")
                volumeThroughputExceeded = exceeded("\(prefix)_volume", "tp", "the volume's limit of throughput")
            }
        }

        var metrics: [CloudWatchMetric] {
            [
                readOperations, writeOperations, readBytes, writeBytes, readTime, writeTime, queue, operationsExceeded,
                throughputExceeded,
            ] + [volumeOperationsExceeded, volumeThroughputExceeded].compactMap { $0 }
        }
    }

    static func add(
        _ disk: AmazonDisk, since old: AmazonDisk?, serial: String, _ kind: AmazonDisk.Kind,
        to points: inout MetricPoints
    ) {
        let family = kind == .ebs ? ebs : instanceStore
        points.begin([
            kind == .ebs
                ? EMFDimension("VolumeId", AmazonDisk.volumeID(serial)) : EMFDimension("SerialId", serial)
        ])
        points.add(family.queue, Double(disk.queueLength))
        guard let old else { return }
        points.add(family.readOperations, from: old.reads, to: disk.reads)
        points.add(family.writeOperations, from: old.writes, to: disk.writes)
        points.add(family.readBytes, from: old.readBytes, to: disk.readBytes)
        points.add(family.writeBytes, from: old.writtenBytes, to: disk.writtenBytes)
        // Nanoseconds are no unit of CloudWatch.
        let unit = 0.001
        points.add(family.readTime, from: old.readTime, to: disk.readTime, times: unit)
        points.add(family.writeTime, from: old.writeTime, to: disk.writeTime, times: unit)
        points.add(
            family.operationsExceeded, from: old.instanceOperationsExceeded, to: disk.instanceOperationsExceeded,
            times: unit)
        points.add(
            family.throughputExceeded, from: old.instanceThroughputExceeded, to: disk.instanceThroughputExceeded,
            times: unit)
        if let volume = disk.volume, let before = old.volume, let operations = family.volumeOperationsExceeded,
            let throughput = family.volumeThroughputExceeded
        {
            points.add(operations, from: before.operationsExceeded, to: volume.operationsExceeded, times: unit)
            points.add(throughput, from: before.throughputExceeded, to: volume.throughputExceeded, times: unit)
        }
    }
}

/// The disks of a host that are Amazon's, and what they have counted.
final class AmazonDisks {
    private final class Disk {
        let kind: AmazonDisk.Kind
        let serial: String
        /// `nvme0n1`
        let device: String
        var last: AmazonDisk?

        init(_ kind: AmazonDisk.Kind, serial: String, device: String) {
            self.kind = kind
            self.serial = serial
            self.device = device
        }
    }

    private let disks: DeviceList<Disk>
    private let ask: (UInt8, String) throws(Errno) -> [UInt8]

    convenience init(host: Host) {
        let root = host.root
        self.init(host: host) { page, path throws(Errno) in try NVMeLogPage.read(page, of: path, inside: root) }
    }

    /// `ask` reads a log page of the disk at a path of the host: a test can be the disks.
    init(host: Host, asking ask: @escaping (UInt8, String) throws(Errno) -> [UInt8]) {
        self.ask = ask
        disks = DeviceList("\(host.sys)/class/nvme") { name, path throws(KernelFileError) in
            let model = try Attribute("\(path)/model").text()
            guard let kind = AmazonDisk.Kind.allCases.first(where: { $0.model == model }),
                let serial = try Attribute("\(path)/serial").text()
            else { return nil }
            return Disk(kind, serial: serial, device: "\(name)n1")
        }
    }

    /// Returns the devices that could not be asked, and why.
    func read(
        where isWanted: (String) -> Bool, to points: inout MetricPoints
    ) throws(KernelFileError) -> [(device: String, reason: Errno)] {
        guard try disks.refresh() else { return [] }
        var refused: [(String, Errno)] = []
        for disk in disks.devices where isWanted(disk.device) {
            do throws(Errno) {
                let page = try ask(disk.kind.logPage, "/dev/\(disk.device)")
                guard let now = AmazonDisk(page, disk.kind) else {
                    SkippedRows.note(of: "/dev/\(disk.device)", "its log page is none of Amazon's")
                    continue
                }
                NVMeTraffic.add(now, since: disk.last, serial: disk.serial, disk.kind, to: &points)
                disk.last = now
            } catch {
                disk.last = nil
                refused.append((disk.device, error))
            }
        }
        return refused
    }
}
