// What btrfs, ZFS, bcache, bcachefs and multipath serve of odd files. Their golden text is in StorageCollectorsTests.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host
import class Procfs.SkippedRows

@testable import Collectors

@Suite struct FileSystemCollectorsTests {
    private func one<One: Collector>(_ type: One.Type, _ host: TemporaryHost, _ options: String = "{}") throws -> One {
        var section = try section(options)
        return try One(&section, host: host.host)
    }

    /// What is served in spite of an error, by names and values.
    private func served(
        _ collector: inout some Collector, failing path: String
    ) throws -> [String] {
        var snapshot = Snapshot()
        let skipped = SkippedRows()
        do throws(CollectError) {
            try skipped.gather { () throws(CollectError) in try collector.collect(into: &snapshot) }
            #expect(skipped.files.contains { "\($0.path): \($0.problem)".contains(path) }, "\(skipped.files)")
        } catch {
            #expect(error.description.contains(path), "\(error)")
        }
        return snapshot.samples.map { "\(snapshot.families[$0.family].name) \($0.value)" }
    }

    // MARK: btrfs

    private static let uuid = "514b47e2-84e6-4679-88aa-d725408dd584"
    private static let mounts = """
        1 0 8:0 / / rw - ext4 /dev/root rw
        2 1 0:40 / /data rw - btrfs /dev/sda rw
        3 1 0:41 /home /home rw - btrfs /dev/sda rw
        4 1 0:42 / /gone rw - btrfs /dev/sdz rw
        5 1 0:43 / /hidden rw - btrfs /dev/sdy rw
        6 5 0:44 / /hidden rw - nfs server:/ rw

        """

    @Test func devicesOfBtrfsAreServedAsTheFileSystemKnowsThem() throws {
        let host = try TemporaryHost([
            "proc/1/mountinfo": Self.mounts, "sys/fs/btrfs/\(Self.uuid)/label": "data\n",
            "sys/fs/btrfs/\(Self.uuid)/devices/sda/size": "16\n",
        ])
        var btrfs = try one(BtrfsCollector.self, host)
        var asked: [Path] = []
        btrfs.mounts.ask = { path throws(Errno) in
            asked.append(path)
            guard path == "/data" else { throw Errno.notFound }
            return BtrfsFileSystem(
                uuid: Self.uuid,
                devices: [
                    .init(
                        uuid: "a", path: "/dev/mapper/x", sizeBytes: 8_192, allocatedBytes: 4_096,
                        errors: .init(write: 1, read: 2, flush: 3, corruption: 4, generation: 5)),
                    .init(uuid: "b", path: "", sizeBytes: 4_096, allocatedBytes: 8_192),
                ])
        }
        let expected = [
            "node_btrfs_info{data,\(Self.uuid)} 1", "node_btrfs_device_size_bytes{a,x,\(Self.uuid)} 8192",
            "node_btrfs_device_unused_bytes{a,x,\(Self.uuid)} 4096",
            "node_btrfs_device_errors_total{a,x,write,\(Self.uuid)} 1",
            "node_btrfs_device_errors_total{a,x,read,\(Self.uuid)} 2",
            "node_btrfs_device_errors_total{a,x,flush,\(Self.uuid)} 3",
            "node_btrfs_device_errors_total{a,x,corruption,\(Self.uuid)} 4",
            "node_btrfs_device_errors_total{a,x,generation,\(Self.uuid)} 5",
            "node_btrfs_device_size_bytes{b,,\(Self.uuid)} 4096", "node_btrfs_device_unused_bytes{b,,\(Self.uuid)} 0",
        ]
        #expect(try samples(&btrfs).prefix(10) == expected[...])
        #expect(try samples(&btrfs).prefix(10) == expected[...], "mounts that are known already")
        #expect(asked == ["/data", "/gone", "/data", "/gone"], "what lies under another mount is not asked")
        try host.write("proc/1/mountinfo", "1 0 8:0 / / rw - ext4 /dev/root rw\n")
        #expect(
            try samples(&btrfs) == [
                "node_btrfs_info{data,\(Self.uuid)} 1", "node_btrfs_device_size_bytes{sda,\(Self.uuid)} 8192",
            ])
    }

    @Test(arguments: [
        ("single", 1, 1.0), ("raid0", 3, 1), ("dup", 1, 2), ("raid1", 2, 2), ("raid10", 4, 2), ("raid1c3", 3, 3),
        ("raid1c4", 4, 4), ("raid5", 3, 1.5), ("raid6", 4, 2), ("raid5", 1, 1), ("raid6", 2, 1), ("flags", 2, nil),
    ]) func aByteOfDataTakesMore(profile: String, devices: Int, ratio: Double?) {
        #expect(BtrfsBlockGroups.ratio(of: profile, devices: devices) == ratio)
    }

    @Test func aBrokenFileSystemDoesNotHideTheOthers() throws {
        let host = try TemporaryHost([
            "sys/fs/btrfs/1/label": "one\n", "sys/fs/btrfs/1/commit_stats": "commits many\n",
            "sys/fs/btrfs/2/label": "two\n", "sys/fs/btrfs/2/commit_stats": "commits 7\nnew 1\n",
            "sys/fs/btrfs/2/allocation/data/raid0/total_bytes": "8\n", "sys/fs/btrfs/features/acl": "1\n",
        ])
        var btrfs = try one(BtrfsCollector.self, host)
        #expect(
            try served(&btrfs, failing: "btrfs/1/commit_stats: line 1: expected <name> <number>") == [
                "node_btrfs_info 1.0", "node_btrfs_info 1.0", "node_btrfs_commits_total 7.0",
            ], "a profile that does not say what is used of it is left out")
    }

    @Test func btrfsSaysNothingOfAnotherFileSystem() {
        #expect(throws: Errno.self) { try BtrfsFileSystem(at: "/proc", inside: "/") }
        #expect(throws: Errno.notFound) { try BtrfsFileSystem(at: "/nonexistent", inside: "/") }
    }

    // MARK: ZFS

    private func kstat(_ lines: String...) -> String {
        "1 1 0x01 1 272 1 2\nname                            type data\n" + lines.joined(separator: "\n") + "\n"
    }

    @Test func onlyNumbersOf64BitsAreServed() throws {
        let host = try TemporaryHost([
            "proc/spl/kstat/zfs/arcstats": kstat(
                "a-b 4 18446744073709551615", "c 3 -5", "d 2 7", "e 7 text", "a_b 4 9", "c 4 1"),
            "proc/spl/kstat/zfs/zil": "no kstat\n", "proc/spl/kstat/zfs/fm": kstat("x 4 1"),
        ])
        var zfs = try one(ZFSCollector.self, host)
        let expected = ["node_zfs_arc_a_b 1.8446744073709552e+19", "node_zfs_arc_c -5.0", "node_zfs_fm_x 1.0"]
        #expect(try served(&zfs, failing: "zfs/zil: line 2: expected name type data") == expected)
        #expect(try served(&zfs, failing: "zfs/zil: line 2: expected name type data") == expected)
    }

    @Test func dataSetsWithDifferentFieldsShareTheirFamilies() throws {
        let host = try TemporaryHost([
            "proc/spl/kstat/zfs/p/objset-0x1": kstat("dataset_name 7 p/a b", "writes 4 1", "reads 4 2"),
            "proc/spl/kstat/zfs/p/objset-0x2": kstat("dataset_name 7 p/c", "writes 4 3", "new 4 4", "new 4 5"),
            "proc/spl/kstat/zfs/q/objset-0x1": kstat("dataset_name 7 q", "writes 4 6", "reads 4 7"),
            "proc/spl/kstat/zfs/q/state": "ONLINE\n",
        ])
        var zfs = try one(ZFSCollector.self, host)
        let dataSets = [
            "node_zfs_zpool_dataset_writes{p/a b,p} 1", "node_zfs_zpool_dataset_reads{p/a b,p} 2",
            "node_zfs_zpool_dataset_writes{p/c,p} 3", "node_zfs_zpool_dataset_new{p/c,p} 4",
        ]
        #expect(try Array(samples(&zfs).prefix(4)) == dataSets)
        var snapshot = Snapshot()
        try zfs.collect(into: &snapshot)
        let names = snapshot.families.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(try samples(&zfs).contains("node_zfs_zpool_state{online,q} 1"))
        try FileManager.default.removeItem(atPath: "\(host.root)/proc/spl/kstat/zfs/q")
        #expect(try samples(&zfs) == dataSets)
    }

    @Test func withoutZFS() throws {
        var zfs = try one(ZFSCollector.self, try TemporaryHost())
        var snapshot = Snapshot()
        do throws(CollectError) { try zfs.collect(into: &snapshot) } catch {
            guard case .absent(let what) = error else { throw error }
            #expect(what.hasPrefix("ZFS is not loaded: there is no "))
        }
    }

    // MARK: bcache and bcachefs

    @Test func prioritiesAreReadOnlyWhenAskedFor() throws {
        let host = try TemporaryHost([
            "sys/fs/bcache/u/tree_depth": "1\n", "sys/fs/bcache/u/cache0/priority_stats": "Unused:\t\t7%\n",
            "sys/fs/bcache/u/cachex/priority_stats": "Unused:\t\t8%\n", "sys/fs/bcache/register": "",
        ])
        var bcache = try one(BcacheCollector.self, host)
        #expect(try samples(&bcache) == ["node_bcache_tree_depth{u} 1"])
        bcache = try one(BcacheCollector.self, host, #"{"priorityStats": true}"#)
        #expect(
            try samples(&bcache) == [
                "node_bcache_tree_depth{u} 1", "node_bcache_priority_stats_unused_percent{cache0,u} 7",
            ])
        try host.write("sys/fs/bcache/u/cache0/priority_stats", "Unused: all\n")
        #expect(
            try served(&bcache, failing: "cache0/priority_stats: line 1: expected <number>%")
                == ["node_bcache_tree_depth 1.0"])
    }

    @Test(arguments: [
        ("512", 512.0), ("20.5k", 20_992), ("-1.5M", -1_572_864), ("1.0T", 1_099_511_627_776), ("0.1K", 102),
        ("3B", nil), ("", nil), ("k", nil), ("1..5", nil),
    ]) func readsSizesForPeople(text: String, bytes: Double?) throws {
        let host = try TemporaryHost(["value": text + "\n"])
        let attribute = Attribute("\(host.root)/value")
        if bytes == nil, !text.isEmpty {
            #expect(throws: KernelFileError.self) { try attribute.humanSize() }
        } else {
            #expect(try attribute.humanSize() == bytes)
        }
    }

    @Test func aCounterThatCannotBeReadDoesNotHideTheOthers() throws {
        let host = try TemporaryHost([
            "sys/fs/bcachefs/u/counters/data-read": "since mount:\t1\nsince filesystem creation:\t2.5k\n",
            "sys/fs/bcachefs/u/counters/fsync": "since mount:\t1\n", "sys/fs/bcachefs/u/errors": "a 1 2\nb x\n",
            "sys/fs/bcachefs/u/dev-3/nbuckets": "9\n", "sys/fs/bcachefs/u/compression_stats": "type c u\nlz4 1k 2k\n",
        ])
        var bcachefs = try one(BcachefsCollector.self, host)
        #expect(
            try served(&bcachefs, failing: "bcachefs/u/errors: line 2: expected <kind> <count>") == [
                "node_bcachefs_info 1.0", "node_bcachefs_compression_compressed_bytes 1024.0",
                "node_bcachefs_compression_uncompressed_bytes 2048.0", "node_bcachefs_errors_total 1.0",
                "node_bcachefs_data_read_total 2560.0", "node_bcachefs_device_info 1.0",
                "node_bcachefs_device_buckets 9.0",
            ])
    }

    @Test func aCounterIsNotServedUnderTheNameOfAnother() throws {
        let count = "since filesystem creation:\t1\n"
        let host = try TemporaryHost([
            "sys/fs/bcachefs/u/counters/errors": count, "sys/fs/bcachefs/u/counters/fsync": count,
            "sys/fs/bcachefs/v/counters/fsync": count, "sys/fs/bcachefs/v/counters/data-read": count,
            "sys/fs/bcachefs/u/counters/data_read": count,
        ])
        var bcachefs = try one(BcachefsCollector.self, host)
        var snapshot = Snapshot()
        try bcachefs.collect(into: &snapshot)
        #expect(
            snapshot.families.map(\.name).sorted() == [
                "node_bcachefs_data_read_total", "node_bcachefs_fsync_total", "node_bcachefs_info",
            ])
        #expect(snapshot.samples.count == 6)
    }

    // MARK: Multipath

    @Test func aPathThatFailsIsCounted() throws {
        let host = try TemporaryHost([
            "sys/block/dm-0/dm/uuid": "mpath-1\n", "sys/block/dm-0/dm/name": "a\n", "sys/block/dm-0/slaves/sda/dev": "",
            "sys/block/sda/device/state": "running\n", "sys/block/dm-1/dm/uuid": "LVM-1\n",
            "sys/block/dm-2/size": "8\n",
        ])
        var multipath = try one(DMMultipathCollector.self, host)
        func expected(_ state: String, _ active: Int) -> [String] {
            [
                "node_dmmultipath_device_info{a,dm-0,mpath-1} 1", "node_dmmultipath_path_state{a,sda,\(state)} 1",
                "node_dmmultipath_device_paths{a,dm-0} 1", "node_dmmultipath_device_paths_active{a,dm-0} \(active)",
                "node_dmmultipath_device_paths_failed{a,dm-0} \(1 - active)",
            ]
        }
        #expect(try samples(&multipath) == expected("running", 1))
        try host.write("sys/block/sda/device/state", "offline\n")
        #expect(try samples(&multipath) == expected("offline", 0))
        try FileManager.default.removeItem(atPath: "\(host.root)/sys/block/sda/device/state")
        // Unlike sysfs, this file system goes on reading what is removed.
        multipath = try one(DMMultipathCollector.self, host)
        #expect(try samples(&multipath) == expected("unknown", 0))
    }
}
