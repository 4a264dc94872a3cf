// The CloudWatch vocabulary: which names, and the arithmetic from two readings to values.

import Bytes
import Foundation
import Metrics
import Platform
import Settings
import TestSupport
import Testing

@testable import Collectors
@testable import Procfs

/// The points as text: `{dimension=value} name value`, or by name.
struct ReadPoints {
    let groups: [(dimensions: String, values: [String: Double])]

    init(_ points: MetricPoints) {
        groups = points.groups.indices.map { index in
            (
                points.groups[index].dimensions.map { "\($0.name)=\($0.value)" }.joined(separator: ","),
                Dictionary(points.points(of: index).map { ($0.metric.name, $0.value) }) { one, _ in
                    Issue.record("\(one) twice in a group")
                    return one
                }
            )
        }
    }

    init(_ add: (inout MetricPoints) throws -> Void) rethrows {
        var points = MetricPoints()
        try add(&points)
        self.init(points)
    }

    subscript(dimensions: String) -> [String: Double]? {
        let found = groups.filter { $0.dimensions == dimensions }
        return found.isEmpty ? nil : found.reduce(into: [:]) { $0.merge($1.values) { one, _ in one } }
    }
}

@Suite struct CloudWatchTests {
    private func times(_ cpu: Int?, user: UInt64, idle: UInt64, iowait: UInt64 = 0, guest: UInt64 = 0) -> CPUTimes {
        var times = CPUTimes()
        times.cpu = cpu
        times.user = user
        times.idle = idle
        times.iowait = iowait
        times.guest = guest
        return times
    }

    private func stat(_ total: CPUTimes, _ cpus: [CPUTimes]) -> Stat {
        var stat = Stat()
        stat.total = total
        stat.cpus = cpus
        return stat
    }

    private func names(_ metrics: [CloudWatchMetric]) -> Set<String> { Set(metrics.map(\.name)) }

    // MARK: The table

    /// Name by name and unit by unit what the agent has, and nothing else.
    @Test func theVocabularyIsThatOfTheAgent() throws {
        let table = try String(contentsOfFile: "\(Repository.fixtures)/cloudwatch/agent-metrics.tsv", encoding: .utf8)
        var wanted: Set<String> = []
        for row in table.split(separator: "\n") where !row.hasPrefix("#") {
            let cells = row.split(separator: "\t").map(String.init)
            try #require(cells.count == 3, "\(row)")
            // The agent's exporter turns nanoseconds into the smallest unit of time that CloudWatch has.
            let unit = cells[1] == "ns" ? .microseconds : try #require(EMFUnit(rawValue: cells[1]), "\(row)")
            wanted.insert("\(cells[0]) \(cells[2]) in \(unit.rawValue)")
        }
        #expect(wanted.count == 157)
        let ours = allCloudWatchSubjects.flatMap { subject in
            // `diskio (EBS volumes)` is a part of `diskio`, `procstat_lookup` of `procstat`.
            subject.metrics.map { "\(subject.name.prefix(while: \.isLetter)) \($0.name) in \($0.unit.rawValue)" }
        }
        #expect(ours.count == allCloudWatchMetrics.count)
        #expect(Set(ours).count == ours.count, "each once")
        #expect(Set(ours).symmetricDifference(wanted).sorted() == [])
    }

    @Test func theDimensionsAreKnownToTheSettings() {
        let dimensions = Set(allCloudWatchSubjects.flatMap(\.dimensions))
        for dimension in dimensions where !dimension.contains(" ") {
            #expect(HostMetricsPlan.subjectDimensions.contains(dimension))
        }
    }

    // MARK: CPU

    @Test func firstReadingHasNoUsage() {
        let read = ReadPoints { CPUUsage.add(stat(times(nil, user: 300, idle: 700), []), since: nil, to: &$0) }
        #expect(read.groups.count == 1)
        #expect(Set(read["cpu=cpu-total"]?.keys.map { $0 } ?? []) == names(CPUUsage.times))
        #expect(read["cpu=cpu-total"]?["cpu_time_user"] == 300 / Double(KernelUnits.ticksPerSecond))
    }

    @Test func usageIsOfTheTimeBetween() {
        let before = stat(
            times(nil, user: 100, idle: 900), [times(0, user: 100, idle: 900), times(2, user: 1, idle: 1)])
        let after = stat(
            times(nil, user: 130, idle: 950, iowait: 20, guest: 10),
            [
                times(0, user: 130, idle: 950, iowait: 20, guest: 10), times(1, user: 5, idle: 5),
                times(2, user: 1, idle: 5),
            ])
        let read = ReadPoints { CPUUsage.add(after, since: before, to: &$0) }
        #expect(read.groups.map(\.dimensions) == ["cpu=cpu-total", "cpu=cpu0", "cpu=cpu1", "cpu=cpu2"])
        let usage = read.groups[0].values
        #expect(usage["cpu_usage_idle"] == 50 && usage["cpu_usage_active"] == 50 && usage["cpu_usage_iowait"] == 20)
        #expect(usage["cpu_usage_user"] == 20 && usage["cpu_usage_guest"] == 10, "a guest's time is counted once")
        #expect(names(CPUUsage.subject.metrics) == Set(usage.keys))
        #expect(read.groups[2].values["cpu_usage_idle"] == nil, "a CPU that was not there has no usage")
        #expect(read.groups[3].values["cpu_usage_idle"] == 100)
        let total = ReadPoints { CPUUsage.add(after, since: before, .init(hasEach: false), to: &$0) }
        #expect(total.groups.map(\.dimensions) == ["cpu=cpu-total"])
        let each = ReadPoints { CPUUsage.add(after, since: before, .init(hasTotal: false), to: &$0) }
        #expect(each.groups.map(\.dimensions) == ["cpu=cpu0", "cpu=cpu1", "cpu=cpu2"])
    }

    @Test func aClockThatWentBackHasNoUsage() {
        let before = stat(times(nil, user: 100, idle: 900, iowait: 50), [])
        func usage(_ stat: Stat, _ name: String) -> Double? {
            ReadPoints { CPUUsage.add(stat, since: before, to: &$0) }.groups[0].values[name]
        }
        #expect(usage(stat(times(nil, user: 1, idle: 2), []), "cpu_usage_idle") == nil)
        #expect(usage(before, "cpu_usage_idle") == nil)
        // iowait alone may go back: it is 0 then, not negative.
        #expect(usage(stat(times(nil, user: 200, idle: 1000, iowait: 40), []), "cpu_usage_iowait") == 0)
    }

    // MARK: Memory and disks

    @Test func memoryIsThatOfFree() throws {
        var cursor = ByteCursor(
            """
            MemTotal: 1000 kB
            MemFree: 200 kB
            MemAvailable: 600 kB
            Buffers: 50 kB
            Cached: 300 kB
            Active: 70 kB
            Inactive: 60 kB
            SwapTotal: 400 kB
            SwapFree: 100 kB
            Shmem: 10 kB
            SReclaimable: 50 kB

            """)
        let fields = try Meminfo.parse(&cursor)
        let read = ReadPoints { #expect(MemoryUse.add(fields, to: &$0)) }
        let memory = read.groups[0].values
        #expect(Set(memory.keys) == names(MemoryUse.subject.metrics))
        #expect(memory["mem_used"] == 400 * 1024 && memory["mem_used_percent"] == 40)
        #expect(memory["mem_cached"] == 350 * 1024 && memory["mem_available_percent"] == 60)
        let swap = ReadPoints { SwapUse.add(fields, to: &$0) }
        #expect(
            swap.groups[0].values
                == ["swap_free": 102_400, "swap_used": 307_200, "swap_used_percent": 75])
    }

    @Test func memoryOfAnotherKind() throws {
        var empty = ByteCursor("MemFree: 1 kB\n")
        let little = try Meminfo.parse(&empty)
        var points = MetricPoints()
        #expect(!MemoryUse.add(little, to: &points) && points.groups.isEmpty)
        #expect(ReadPoints { SwapUse.add(little, to: &$0) }.groups.isEmpty)
        var none = ByteCursor("SwapTotal: 0 kB\nSwapFree: 0 kB\n")
        let swapless = try Meminfo.parse(&none)
        #expect(ReadPoints { SwapUse.add(swapless, to: &$0) }.groups[0].values["swap_used_percent"] == 0)
    }

    @Test func diskIsThatOfDf() {
        let mount = Mount(
            number: 30, parent: 28, major: 8, minor: 1, mountPoint: "/srv", fsType: "xfs",
            device: "/dev/mapper/vg0-srv", isReadOnly: false)
        let space = FileSystemSpace(totalBytes: 1000, freeBytes: 500, availableBytes: 300, inodes: 70, freeInodes: 50)
        let read = ReadPoints { DiskUse.add(mount, space, to: &$0) }
        #expect(read.groups[0].dimensions == "device=mapper/vg0-srv,fstype=xfs,path=/srv")
        let disk = read.groups[0].values
        #expect(Set(disk.keys) == names(DiskUse.subject.metrics))
        #expect(disk["disk_used"] == 500 && disk["disk_free"] == 300 && disk["disk_used_percent"] == 62.5)
        #expect(disk["disk_inodes_used"] == 20)
        let bare = ReadPoints { DiskUse.add(mount, space, withDevice: false, to: &$0) }
        #expect(bare.groups[0].dimensions == "fstype=xfs,path=/srv")
        let empty = FileSystemSpace(totalBytes: 0, freeBytes: 0, availableBytes: 0, inodes: 0, freeInodes: 0)
        let nothing = ReadPoints { DiskUse.add(mount, empty, to: &$0) }
        #expect(nothing.groups[0].values["disk_used_percent"]?.isNaN == true, "0 of 0 is no number")
    }

    @Test func diskTrafficIsTheDifference() throws {
        var cursor = ByteCursor(try readWhole("\(Repository.fixtures)/hosts/debian12-6.18-vm/proc/diskstats"))
        let before = try DiskStats.parse(&cursor)
        let first = ReadPoints { DiskTraffic.add(before, since: [], to: &$0) }
        #expect(first.groups.count == before.count)
        #expect(first.groups.allSatisfy { Array($0.values.keys) == ["diskio_iops_in_progress"] })
        var after = before
        let index = try #require(after.firstIndex { $0.name == "vda" })
        after[index].sectorsRead += 3
        after[index].readsCompleted += 2
        after[index].ioMilliseconds += 7
        after[index].inProgress = 5
        after[index].writesCompleted = 0  // reset
        after.swapAt(0, after.count - 1)  // another order
        let read = ReadPoints { DiskTraffic.add(after, since: before, where: { $0 == "vda" }, to: &$0) }
        #expect(
            read.groups.map(\.dimensions) == ["name=vda"]
                && read.groups[0].values == [
                    "diskio_io_time": 7, "diskio_iops_in_progress": 5, "diskio_read_bytes": 1_536,
                    "diskio_read_time": 0, "diskio_reads": 2, "diskio_write_bytes": 0, "diskio_write_time": 0,
                ], "\(read.groups)")
    }

    // MARK: Network

    @Test func netIsTheDifference() throws {
        var cursor = ByteCursor(try readWhole("\(Repository.fixtures)/hosts/composed-devices/proc/net/dev"))
        let before = try NetDev.parse(&cursor)
        #expect(ReadPoints { NetTraffic.add(before, since: [], to: &$0) }.groups.isEmpty, "no traffic at first")
        var after = before
        after[1].bytesReceived += 1_000
        after[1].sendDrops += 3
        after[2].packetsSent = 1  // reset
        after.append(after[1])
        after[3].name = "new0"
        let read = ReadPoints { NetTraffic.add(after, since: before, to: &$0) }
        #expect(read.groups.map(\.dimensions) == ["interface=veth4B09XN0", "interface=eth0"])
        let values = read.groups[0].values
        #expect(values["net_bytes_recv"] == 1_000 && values["net_drop_out"] == 3)
        #expect(Set(values.keys) == names(NetTraffic.subject.metrics))
        #expect(read.groups[1].values["net_packets_sent"] == nil && read.groups[1].values["net_packets_recv"] == 0)
    }

    @Test func socketsAreByState() throws {
        var cursor = ByteCursor(
            """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 00000000:07E8 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 3160 1
               1: 0100007F:8D6A 0100007F:9647 06 00000001:00000000 03:000011C9 00000000     0        0 0 3
               2: 0100007F:8D6A 0100007F:9647 0A 00000000:00000000 03:000011C9 00000000     0        0 0 3
               3: 0100007F:8D6A 0100007F:9647 0D 00000000:00000000 03:000011C9 00000000     0        0 0 3

            """)
        let sockets = try TCPSockets.parse(&cursor)
        #expect(sockets.sendQueueBytes == 1 && sockets.receiveQueueBytes == 2)
        let read = ReadPoints {
            SocketStates.add(tcp: sockets, to: &$0)
            SocketStates.add(udp: 4, to: &$0)
        }
        let values = try #require(read[""])
        #expect(Set(values.keys) == names(SocketStates.subject.metrics))
        #expect(
            values.filter { $0.value != 0 } == [
                "netstat_tcp_listen": 2, "netstat_tcp_time_wait": 1, "netstat_udp_socket": 4,
            ])
    }

    // MARK: Amazon's disks

    private func page(_ magic: UInt32, _ numbers: [UInt64]) -> [UInt8] {
        var bytes = withUnsafeBytes(of: UInt64(magic).littleEndian) { Array($0) }
        for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
        return bytes + [UInt8](repeating: 0, count: 512 - bytes.count)
    }

    @Test func amazonDisksCountForThemselves() throws {
        let host = try TemporaryHost([
            "sys/class/nvme/nvme0/model": "Amazon Elastic Block Store              \n",
            "sys/class/nvme/nvme0/serial": "vol0123456789abcdef0\n",
            "sys/class/nvme/nvme1/model": "Amazon EC2 NVMe Instance Storage        \n",
            "sys/class/nvme/nvme1/serial": "AWS22A4E8CEDA3DAF5E1\n",
            "sys/class/nvme/nvme2/model": "Samsung SSD 980\n", "sys/class/nvme/nvme2/serial": "S1\n",
        ])
        var pages: [String: [UInt8]] = [
            "/dev/nvme0n1": page(0x3C23_B510, [1, 2, 3, 4, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 11]),
            "/dev/nvme1n1": page(0xEC2C_0D7E, [1, 2, 3, 4, 5_000, 6_000, 9_000, 10_000, 11]),
        ]
        var asked: [String] = []
        let disks = AmazonDisks(host: host.host) { page, path throws(Errno) in
            asked.append("\(String(page, radix: 16)) \(path)")
            guard let bytes = pages[path] else { throw .notPermitted }
            return bytes
        }
        func read() throws -> (ReadPoints, [(device: String, reason: Errno)]) {
            var points = MetricPoints()
            let refused = try disks.read(where: { _ in true }, to: &points)
            return (ReadPoints(points), refused)
        }
        let first = try read()
        #expect(first.0["VolumeId=vol-0123456789abcdef0"] == ["diskio_ebs_volume_queue_length": 11])
        #expect(first.0["SerialId=AWS22A4E8CEDA3DAF5E1"] == ["diskio_instance_store_volume_queue_length": 11])
        #expect(asked == ["d0 /dev/nvme0n1", "c0 /dev/nvme1n1"])
        pages["/dev/nvme0n1"] = page(0x3C23_B510, [11, 2, 1_003, 4, 7_000, 6_000, 17_000, 8_000, 9_000, 10_500, 0])
        pages["/dev/nvme1n1"] = nil
        let (second, refused) = try read()
        #expect(refused.count == 1 && refused[0].device == "nvme1n1" && refused[0].reason == .notPermitted)
        let values = try #require(second["VolumeId=vol-0123456789abcdef0"])
        #expect(Set(values.keys) == names(NVMeTraffic.subject.metrics))
        #expect(
            values.filter { $0.value != 0 } == [
                "diskio_ebs_total_read_ops": 10, "diskio_ebs_total_read_bytes": 1_000,
                "diskio_ebs_total_read_time": 2, "diskio_ebs_volume_performance_exceeded_iops": 10,
                "diskio_ebs_ec2_instance_performance_exceeded_tp": 0.5,
            ], "\(values)")
    }

    @Test func aPageOfAnotherKindIsNone() {
        let good = page(0x3C23_B510, [1, 2, 3])
        #expect(AmazonDisk(good, .ebs) != nil && AmazonDisk(good, .instanceStore) == nil)
        for count in 0..<96 { #expect(AmazonDisk(Array(good.prefix(count)), .ebs) == nil) }
        #expect(AmazonDisk.volumeID("vol-1") == "vol-1" && AmazonDisk.volumeID("x") == "x")
    }
}
