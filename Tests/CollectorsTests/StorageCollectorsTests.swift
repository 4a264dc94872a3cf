// What the collectors of arrays, disks and file systems serve: on a composed host as golden text, and on odd files.
// `UPDATE_GOLDEN=1 swift test --filter StorageCollectors` writes Tests/Fixtures/golden/composed-storage/ anew: read the
// diff.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct StorageCollectorsTests {
    static let root = "\(Repository.fixtures)/hosts/composed-storage"

    private func text(_ snapshot: Snapshot) -> String {
        var output: [UInt8] = []
        var encoder = PrometheusText()
        encoder.encode([snapshot], into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func made(_ name: String, _ host: Host, _ options: String = "{}") throws -> any Collector {
        var section = try section(options)
        let type = try #require(allCollectors.first { $0.name == name })
        let collector = try type.init(&section, host: host)
        try section.finish()
        return collector
    }

    private func one<One: Collector>(_ type: One.Type, _ host: TemporaryHost, _ options: String = "{}") throws -> One {
        var section = try section(options)
        return try One(&section, host: host.host)
    }

    @Test(arguments: [
        ("bcache", #"{"priorityStats": true}"#), ("bcachefs", "{}"), ("btrfs", "{}"), ("dmmultipath", "{}"),
        ("mdadm", "{}"), ("nvme", "{}"), ("nvmesubsystem", "{}"), ("xfs", "{}"), ("zfs", "{}"),
    ])
    func serves(name: String, options: String) throws {
        var collector = try made(name, Host(proc: "\(Self.root)/proc", sys: "\(Self.root)/sys"), options)
        // Twice: the second time all is known already, and nothing may be different.
        for _ in 0..<2 {
            var snapshot = Snapshot()
            try collector.collect(into: &snapshot)
            let served = text(snapshot)
            try Golden.expect("composed-storage/\(name)", served)
            let types = served.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
            #expect(Set(types).count == types.count, "a family stands there twice")
            let series = served.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != "}" } }
            #expect(Set(series).count == series.count, "a series stands there twice")
            expectGoodNames(snapshot, name)
        }
    }

    /// All fixed names are served, and no others but those that are data. Only a mounted btrfs tells of its devices.
    private func expectGoodNames(_ snapshot: Snapshot, _ collector: String) {
        let served = Set(snapshot.families.map(\.name))
        let fixed = Set(allCollectors.first { $0.name == collector }?.metrics.map(\.name) ?? [])
        let fromMounts: Set = ["node_btrfs_device_unused_bytes", "node_btrfs_device_errors_total"]
        #expect(fixed.subtracting(served).subtracting(fromMounts).isEmpty)
        for family in snapshot.families where !fixed.contains(family.name) {
            #expect(family.labels == family.labels.sorted() && family.help.hasSuffix("."), "\(family.name)")
            switch collector {
            case "zfs": #expect(family.kind == .untyped && family.name.hasPrefix("node_zfs_"), "\(family.name)")
            case "bcachefs":
                #expect(family.kind == .counter && family.name.hasSuffix("_total"), "\(family.name)")
                #expect(family.labels == ["uuid"])
            default: Issue.record("\(family.name) is not in the metrics of \(collector)")
            }
        }
    }

    @Test(arguments: [
        ("mdadm", "/nonexistent/mdstat"), ("nvme", "/nonexistent/class/nvme"),
        ("nvmesubsystem", "/nonexistent/class/nvme-subsystem"), ("xfs", "/nonexistent/fs/xfs"),
        ("bcache", "/nonexistent/fs/bcache"), ("bcachefs", "/nonexistent/fs/bcachefs"),
        ("btrfs", "/nonexistent/fs/btrfs"), ("dmmultipath", "/nonexistent/block"),
    ]) func saysWhatIsNotThere(name: String, path: String) throws {
        var collector = try made(name, Host(proc: "/nonexistent", sys: "/nonexistent"))
        var snapshot = Snapshot()
        #expect(throws: CollectError.absent("this kernel has no \(path)")) { try collector.collect(into: &snapshot) }
        #expect(snapshot.samples.isEmpty)
    }

    // MARK: mdadm

    private func array(_ text: String) throws -> MDStat {
        var cursor = ByteCursor(text)
        let arrays = try MDStat.parse(&cursor)
        if let problem = cursor.rows.firstProblem { throw problem }
        return try #require(arrays.first)
    }

    @Test func anArrayIsServedWhereSysfsHasNone() throws {
        let host = try TemporaryHost([
            "proc/mdstat": "Personalities : \nmd1 : active raid0 sdb[0] sdc[1]\n      10 blocks 64k chunks\n      \n"
        ])
        var mdadm = try one(MdadmCollector.self, host)
        #expect(
            try samples(&mdadm) == [
                "node_md_state{md1,active} 1", "node_md_state{md1,inactive} 0", "node_md_state{md1,recovering} 0",
                "node_md_state{md1,resync} 0", "node_md_state{md1,check} 0", "node_md_disks{md1,active} 2",
                "node_md_disks{md1,failed} 0", "node_md_disks{md1,spare} 0", "node_md_disks_required{md1} 2",
                "node_md_blocks{md1} 10", "node_md_blocks_synced{md1} 10",
            ])
    }

    @Test func whatIsWrongWithOneArrayInSysfsDoesNotHideTheOthers() throws {
        let host = try TemporaryHost([
            "proc/mdstat": "Personalities : \nunused devices: <none>\n",
            "sys/block/md1/md/level": "raid1\n", "sys/block/md1/md/raid_disks": "two\n",
            "sys/block/md2/md/level": "raid5\n", "sys/block/md2/md/raid_disks": "5 (4)\n",
            "sys/block/md2/md/degraded": "1\n", "sys/block/mdx/size": "0\n", "sys/block/sda/md/level": "no array\n",
        ])
        var mdadm = try one(MdadmCollector.self, host)
        var snapshot = Snapshot()
        let odd = try leftOut(below: host.root) { try mdadm.collect(into: &snapshot) }
        #expect(odd == ["sys/block/md1/md/raid_disks: line 1: expected a number of disks"])
        #expect(snapshot.samples.map(\.value) == [0, 5, 1], "that it lacks no disk can still be read")
        try host.write("sys/block/md1/md/raid_disks", "2\n")
        #expect(
            try samples(&mdadm) == [
                "node_md_raid_disks{md1} 2", "node_md_degraded{md1} 0", "node_md_raid_disks{md2} 5",
                "node_md_degraded{md2} 1",
            ])
    }

    @Test func arraysThatWaitHaveSyncedNothing() throws {
        for word in ["resync=DELAYED", "resync=PENDING", "resync=REMOTE"] {
            let array = try array("md1 : active raid1 sdb[0] sdc[1]\n  9 blocks [2/2] [UU]\n  \t\(word)\n\n")
            #expect(array.activity == .resyncing && array.blocksSynced == 0 && array.blocks == 9)
        }
    }

    /// A broken array has its status like an active one: md_seq_show asks for it whenever there is a personality.
    @Test(arguments: [
        ("md0 : broken raid1 sdb1[1](F) sda1[0](F)\n      9 blocks super 1.2 [2/0] [__]\n", 2, 0, 2),
        ("md0 : broken raid5 sdc1[3](F) sdb1[1](F) sda1[0]\n      9 blocks level 5, 512k chunk [3/1] [U__]\n", 3, 1, 2),
        ("md0 : broken (read-only) raid10 sdb1[1](F) sda1[0](F)\n      9 blocks 2 near-copies [2/0] [__]\n", 2, 0, 2),
        ("md0 : broken raid0 sdb1[1] sda1[0]\n      9 blocks super 1.2 512k chunks\n", 2, 2, 0),
        ("md0 : broken linear sdc1[2] sdb1[1] sda1[0]\n      9 blocks super 1.2 0k rounding\n", 3, 3, 0),
    ]) func aBrokenArrayHasItsNumberOfDisks(text: String, required: UInt64, active: UInt64, failed: UInt64) throws {
        let array = try array(text + "      \n")
        #expect(array.activity == .broken)
        #expect(array.disksRequired == required && array.disksActive == active && array.disksFailed == failed)
        #expect(array.blocks == 9 && array.blocksSynced == 9)
    }

    @Test func aBrokenArrayIsInNoStateThatNodeExporterHas() throws {
        let host = try TemporaryHost([
            "proc/mdstat": "md0 : broken raid1 sda[0](F)\n      9 blocks [2/0] [__]\n      \n"
        ])
        var mdadm = try one(MdadmCollector.self, host)
        let states = try samples(&mdadm).filter { $0.hasPrefix("node_md_state") }
        #expect(states.count == 5 && states.allSatisfy { $0.hasSuffix(" 0") })
    }

    @Test(arguments: [
        "md1\n", "md1 :active raid1\n", "md1 : active raid1 sda[0]\n", "md1 : active raid1 sda[0]\n      9 blocks\n",
        "md1 : active raid1 sda[0]\n      99999999999999999999 blocks [1/1] [U]\n",
        "md1 : active raid1 sda[0]\n      9 blocks [1/x] [U]\n",
        "md1 : active raid1 sda[0]\n      9 blocks [1/1] [U]\n      [>..]  resync =  1.0% (x/9) finish=1min\n",
    ]) func namesWhatIsWrongInMDStat(text: String) { #expect(throws: ParseError.self) { try array(text) } }

    // MARK: NVMe

    @Test(arguments: [
        ("live", "live"), ("new", "new"), ("deleting", "deleting"), ("deleting (no IO)", "deleting"),
        ("connecting", "connecting"), ("resetting", "resetting"), ("dead", "dead"), ("unknown", "unknown"),
        ("something else", "unknown"), ("", "unknown"),
    ]) func aPathIsInOneState(word: String, state: String) throws {
        let subsystem = "sys/class/nvme-subsystem/nvme-subsys0"
        let host = try TemporaryHost(["\(subsystem)/nvme1/state": "\(word)\n", "\(subsystem)/nvme1/transport": "tcp\n"])
        var collector = try one(NVMeSubsystemCollector.self, host)
        let states = try samples(&collector).filter { $0.hasPrefix("node_nvmesubsystem_path_state{") }
        #expect(states.count == 7)
        #expect(
            states.filter { $0.hasSuffix(" 1") }
                == ["node_nvmesubsystem_path_state{nvme1,\(state),nvme-subsys0,tcp} 1"])
    }

    @Test(arguments: [
        ("nvme0n1", "1"), ("nvme10c3n42", "42"), ("nvme0", nil), ("nvme0n1p1", nil), ("ng0n1", nil), ("nvme0cn1", nil),
        ("nvme0n", nil), ("power", nil), ("hwmon0", nil),
    ]) func knowsNamespacesByTheirNames(name: String, number: String?) {
        #expect(NVMeCollector.namespaceNumber(name) == number)
    }

    @Test func anNVMeControllerThatGoesIsGone() throws {
        let host = try TemporaryHost(["sys/class/nvme/nvme0/state": "live\n", "sys/class/nvme/nvme1/state": "live\n"])
        var nvme = try one(NVMeCollector.self, host)
        #expect(try samples(&nvme) == ["node_nvme_info{,nvme0,,,,live} 1", "node_nvme_info{,nvme1,,,,live} 1"])
        try FileManager.default.removeItem(atPath: "\(host.root)/sys/class/nvme/nvme0")
        try host.write("sys/class/nvme/nvme1/state", "resetting\n")
        try host.write("sys/class/nvme/nvme1/nvme1n1/size", "8\n")
        #expect(
            try samples(&nvme) == [
                "node_nvme_info{,nvme1,,,,resetting} 1", "node_nvme_namespace_info{unknown,nvme1,1} 1",
                "node_nvme_namespace_capacity_bytes{nvme1,1} 4096", "node_nvme_namespace_size_bytes{nvme1,1} 4096",
            ])
        try host.write("sys/class/nvme/nvme1/nvme1n1/size", "-\n")
        var snapshot = Snapshot()
        let odd = try leftOut(below: host.root) { try nvme.collect(into: &snapshot) }
        #expect(odd == ["sys/class/nvme/nvme1/nvme1n1/size: line 1: expected a number"])
    }

    // MARK: XFS

    @Test func columnsThatAKernelDoesNotHaveAreNotServed() throws {
        let host = try TemporaryHost([
            "sys/fs/xfs/sda1/stats/stats": "rw 7\nfuture 1 2 x\nextent_alloc 1 2 3 4 5 6 7 8 9 x\n",
            "sys/fs/xfs/stats/stats": "rw 9 9\n",
        ])
        var xfs = try one(XFSCollector.self, host)
        #expect(
            try samples(&xfs) == [
                "node_xfs_extent_allocation_extents_allocated_total{sda1} 1",
                "node_xfs_extent_allocation_blocks_allocated_total{sda1} 2",
                "node_xfs_extent_allocation_extents_freed_total{sda1} 3",
                "node_xfs_extent_allocation_blocks_freed_total{sda1} 4", "node_xfs_write_calls_total{sda1} 7",
            ])
        try host.write("sys/fs/xfs/sda1/stats/stats", "rw 7 x\n")
        var snapshot = Snapshot()
        #expect(
            throws: CollectError.failed("\(host.root)/sys/fs/xfs/sda1/stats/stats: line 1: expected numbers")
        ) { try xfs.collect(into: &snapshot) }
    }
}
