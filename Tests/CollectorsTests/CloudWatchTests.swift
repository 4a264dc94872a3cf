// The CloudWatch vocabulary: which names, which values, which documents.

import Bytes
import Foundation
import Metrics
import Platform
import Settings
import TestSupport
import Testing

@testable import Collectors
@testable import Procfs

@Suite struct CloudWatchTests {
    private func values(_ group: EMFGroup) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: group.metrics.map { ($0.name, $0.value) })
    }

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

    // MARK: CPU

    @Test func firstReadingHasNoUsage() {
        let groups = CPUUsage.groups(stat(times(nil, user: 300, idle: 700), []), since: nil)
        #expect(groups.count == 1 && groups[0].dimensions == [.init("cpu", "cpu-total")])
        #expect(groups[0].metrics.map(\.name) == CloudWatchNames.cpuTimes)
        #expect(values(groups[0])["cpu_time_user"] == 300 / Double(KernelUnits.ticksPerSecond))
    }

    @Test func usageIsOfTheTimeBetween() {
        let before = stat(times(nil, user: 100, idle: 900), [times(0, user: 100, idle: 900)])
        let after = stat(
            times(nil, user: 130, idle: 950, iowait: 20, guest: 10),
            [times(0, user: 130, idle: 950, iowait: 20, guest: 10), times(1, user: 5, idle: 5)])
        let groups = CPUUsage.groups(after, since: before)
        #expect(groups.map { $0.dimensions[0].value } == ["cpu-total", "cpu0", "cpu1"])
        let usage = values(groups[0])
        #expect(usage["cpu_usage_idle"] == 50 && usage["cpu_usage_active"] == 50 && usage["cpu_usage_iowait"] == 20)
        #expect(usage["cpu_usage_user"] == 20 && usage["cpu_usage_guest"] == 10, "a guest's time is counted once")
        #expect(groups[0].metrics.filter { $0.unit == .percent }.map(\.name) == CloudWatchNames.cpuUsage)
        #expect(values(groups[2])["cpu_usage_idle"] == nil, "a CPU that was not there has no usage")
    }

    @Test func aClockThatWentBackHasNoUsage() {
        let before = stat(times(nil, user: 100, idle: 900, iowait: 50), [])
        let reset = CPUUsage.groups(stat(times(nil, user: 1, idle: 2), []), since: before)
        #expect(values(reset[0])["cpu_usage_idle"] == nil)
        let still = CPUUsage.groups(before, since: before)
        #expect(values(still[0])["cpu_usage_idle"] == nil)
        // iowait alone may go back: it is 0 then, not negative.
        let after = CPUUsage.groups(stat(times(nil, user: 200, idle: 1000, iowait: 40), []), since: before)
        #expect(values(after[0])["cpu_usage_iowait"] == 0)
    }

    // MARK: Memory, disk, net

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
            Shmem: 10 kB
            SReclaimable: 50 kB

            """)
        let memory = values(try #require(MemoryUse.group(try Meminfo.parse(&cursor))))
        #expect(Set(memory.keys) == Set(CloudWatchNames.memory))
        #expect(memory["mem_used"] == 400 * 1024 && memory["mem_used_percent"] == 40)
        #expect(memory["mem_cached"] == 350 * 1024 && memory["mem_available_percent"] == 60)
        var empty = ByteCursor("MemFree: 1 kB\n")
        #expect(MemoryUse.group(try Meminfo.parse(&empty)) == nil)
    }

    @Test func diskIsThatOfDf() {
        let mount = Mount(
            number: 30, parent: 28, major: 8, minor: 1, mountPoint: "/srv", fsType: "xfs",
            device: "/dev/mapper/vg0-srv", isReadOnly: false)
        let group = DiskUse.group(
            mount,
            FileSystemSpace(totalBytes: 1000, freeBytes: 500, availableBytes: 300, inodes: 70, freeInodes: 50))
        #expect(
            group.dimensions == [.init("device", "mapper/vg0-srv"), .init("fstype", "xfs"), .init("path", "/srv")])
        let disk = values(group)
        #expect(Set(disk.keys) == Set(CloudWatchNames.disk))
        #expect(disk["disk_used"] == 500 && disk["disk_free"] == 300 && disk["disk_used_percent"] == 62.5)
        #expect(disk["disk_inodes_used"] == 20)
        let empty = DiskUse.group(
            mount, FileSystemSpace(totalBytes: 0, freeBytes: 0, availableBytes: 0, inodes: 0, freeInodes: 0))
        let documents = EMFDocument.encode(empty, namespace: "N", unixMilliseconds: 1, isHighResolution: false)
        #expect(!String(decoding: documents[0], as: UTF8.self).contains("disk_used_percent"), "0 of 0 is no number")
    }

    @Test func netIsTheDifference() throws {
        var cursor = ByteCursor(try readWhole("\(Repository.fixtures)/hosts/composed-devices/proc/net/dev"))
        let before = try NetDev.parse(&cursor)
        #expect(NetTraffic.groups(before, since: []).isEmpty, "the first reading has no traffic")
        var after = before
        after[1].bytesReceived += 1_000
        after[1].sendDrops += 3
        after[2].packetsSent = 1  // reset
        after.append(after[1])
        after[3].name = "new0"
        let groups = NetTraffic.groups(after, since: before)
        #expect(groups.map { $0.dimensions } == [[.init("interface", "veth4B09XN0")], [.init("interface", "eth0")]])
        #expect(values(groups[0])["net_bytes_recv"] == 1_000 && values(groups[0])["net_drop_out"] == 3)
        #expect(Set(values(groups[0]).keys) == Set(CloudWatchNames.net))
        #expect(values(groups[1])["net_packets_sent"] == nil && values(groups[1])["net_packets_recv"] == 0)
    }

    // MARK: Selection

    @Test(arguments: [
        ("cpu_usage_*", "cpu_usage_idle", true), ("cpu_usage_*", "cpu_time_idle", false), ("*", "mem_used", true),
        ("*_percent", "mem_used_percent", true), ("net_?rr_in", "net_err_in", true), ("", "mem_used", false),
        ("mem_used", "mem_used_percent", false), ("net_{err,drop}_in", "net_drop_in", true), ("[", "mem_used", false),
    ]) func patternsChoose(pattern: String, name: String, isChosen: Bool) {
        #expect(MetricSelection([pattern]).takes(name) == isChosen)
    }

    @Test func selectionNamesItsMistakes() {
        let selection = MetricSelection(["cpu_usage_*", "mem_used_percnt"])
        #expect(selection.unmatched == ["mem_used_percnt"] && selection.names.count == 11)
        #expect(CloudWatchNames.all.count == 22 + 11 + 7 + 8)
    }

    // MARK: Documents

    @Test func documentsHoldToTheFormat() throws {
        let group = EMFGroup(
            dimensions: [
                .init("host", "web \"1\""), .init("empty", ""), .init("path", String(repeating: "x", count: 2_000)),
            ],
            metrics: (0..<250).map { EMFMetric("m\($0)", .bytes, Double($0) * 1e18) }
                + [EMFMetric("not_a_number", .percent, .nan), EMFMetric("endless", .percent, .infinity)])
        let documents = EMFDocument.encode(
            group, namespace: "CWAgent", unixMilliseconds: 1_795_230_523_015, isHighResolution: true)
        #expect(documents.count == 3)
        var names: [String] = []
        for document in documents {
            let json = try parseJSON(document)
            #expect(emfProblems(json).isEmpty, "\(emfProblems(json))")
            #expect(json["host"]?.string == "web \"1\"" && json["empty"] == nil)
            names += (json["_aws"]?["CloudWatchMetrics"]?.array?[0]["Metrics"]?.array ?? []).map {
                $0["Name"]?.string ?? ""
            }
        }
        #expect(names == (0..<250).map { "m\($0)" })
    }

    @Test func theCheckOfTheFormatFindsFaults() throws {
        let good =
            #"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["d"]],"#
            + #""Metrics":[{"Name":"m","Unit":"Count"}]}]},"d":"v","m":1}"#
        #expect(emfProblems(try parseJSON(Array(good.utf8))).isEmpty)
        for (from, to) in [
            (#""m":1}"#, #""m":"1"}"#), (#""d":"v""#, #""d":1"#), ("Count", "Counts"), (#""Timestamp":1,"#, ""),
            (#"[["d"]]"#, "[]"), (#""m":1}"#, #""n":1}"#), (#""Namespace":"N""#, #""Namespace":"""#),
        ] {
            let bad = good.replacingOccurrences(of: from, with: to)
            #expect(!emfProblems(try parseJSON(Array(bad.utf8))).isEmpty, "\(bad)")
        }
    }

    @Test func readsAFixtureTwice() throws {
        let host = Procfs.Host(
            proc: "\(Repository.fixtures)/hosts/debian12-6.18-vm/proc",
            sys: "\(Repository.fixtures)/hosts/debian12-6.18-vm/sys")
        let metrics = try HostMetrics(
            HostMetricsPlan(
                host: host, selection: MetricSelection(["*"]), namespace: "CWAgent", dimensions: [("host", "fixture")],
                isHighResolution: false))
        let first = metrics.documents(unixNanoseconds: 1_795_230_523_015_000_000)
        // The mounts are those of the machine that the files were taken from: another may lack some.
        #expect(first.problems.allSatisfy { $0.hasPrefix("/mnt/") }, "\(first.problems)")
        let firstText = first.documents.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        #expect(firstText.contains("mem_used_percent") && firstText.contains("cpu_time_idle"))
        #expect(firstText.contains("\"path\":\"/\"") && !firstText.contains("cpu_usage") && !firstText.contains("net_"))
        let second = metrics.documents(unixNanoseconds: 1_795_230_583_015_000_000)
        let secondText = second.documents.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        #expect(secondText.contains("\"interface\":\"eth0\"") && secondText.contains("net_bytes_recv"))
        for document in first.documents + second.documents {
            let json = try parseJSON(document)
            #expect(emfProblems(json).isEmpty, "\(emfProblems(json))")
            #expect(json["host"]?.string == "fixture")
        }
    }

    @Test func readsOnlyWhatIsWanted() throws {
        let host = Procfs.Host(proc: "/nonexistent")
        let metrics = try HostMetrics(
            HostMetricsPlan(
                host: host, selection: MetricSelection(["mem_*"]), namespace: "N", dimensions: [],
                isHighResolution: false))
        let (documents, problems) = metrics.documents(unixNanoseconds: 0)
        #expect(documents.isEmpty && problems == ["this kernel has no /nonexistent/meminfo"])
    }
}

/// What emf.schema.json asks for, and what it cannot say: that targets are members, and how many there may be.
func emfProblems(_ json: JSONValue) -> [String] {
    let units: Set<String> = [
        "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits",
        "Percent", "Count", "None",
    ]
    var problems: [String] = []
    func check(_ isRight: Bool, _ what: String) { if !isRight { problems.append(what) } }
    check((json["_aws"]?["Timestamp"]?.unsigned ?? 0) > 0, "Timestamp")
    let directives = json["_aws"]?["CloudWatchMetrics"]?.array ?? []
    check(!directives.isEmpty, "CloudWatchMetrics")
    for directive in directives {
        check((1...1024).contains(directive["Namespace"]?.string?.count ?? 0), "Namespace")
        let sets = directive["Dimensions"]?.array ?? []
        check(!sets.isEmpty, "Dimensions")
        for set in sets {
            let names = set.array?.map { $0.string ?? "" } ?? ["", ""]
            check(names.count <= 30 && Set(names).count == names.count, "dimensions of a set")
            for name in names {
                check((1...250).contains(name.count), "name of a dimension")
                check((1...1024).contains(json[name]?.string?.count ?? 0), "value of the dimension \(name)")
            }
        }
        let metrics = directive["Metrics"]?.array ?? []
        check((1...100).contains(metrics.count), "number of metrics")
        for metric in metrics {
            let name = metric["Name"]?.string ?? ""
            check((1...1024).contains(name.count), "name of a metric")
            check(json[name]?.double?.isFinite == true, "value of the metric \(name)")
            check(units.contains(metric["Unit"]?.string ?? "None"), "unit of \(name)")
            if let resolution = metric["StorageResolution"]?.unsigned {
                check([1, 60].contains(resolution), "resolution")
            }
        }
    }
    return problems
}
