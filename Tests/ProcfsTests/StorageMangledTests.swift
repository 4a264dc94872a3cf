// The parsers of arrays and file systems against Mangled.swift.

import Bytes
import Testing

@testable import Procfs

@Suite struct StorageMangledTests {
    private func texts(_ paths: String...) -> [[UInt8]] {
        paths.compactMap { Fixtures.bytes("composed-storage", $0) }
    }

    @Test func mdstat() { expectUnbroken("mdstat", texts("proc/mdstat"), MDStat.parse) }
    @Test func xfs() {
        expectUnbroken(
            "XFS", texts("sys/fs/xfs/loop0/stats/stats", "sys/fs/xfs/dm-0/stats/stats"), XFSStats.parse,
            use: { for column in 0..<8 { _ = $0[.vnode, column] } })
    }

    @Test func kstats() {
        let files = ["arcstats", "fm", "tank/objset-0x10a", "backup pool/objset-0x1e"]
        expectUnbroken(
            "kstat", files.compactMap { Fixtures.bytes("composed-storage", "proc/spl/kstat/zfs/\($0)") }, KStat.parse
        ) { stat in
            #expect(stat.fields.hasLayout(stat.fields.layout))
            for field in stat.fields.fields { _ = stat.fields.name(of: field) }
        }
        expectUnbroken("io", texts("proc/spl/kstat/zfs/tank/io"), KStatIO.parse) { list in
            #expect(list.hasLayout(list.layout))
        }
    }

    @Test func bcache() {
        let set = "sys/fs/bcache/deaddd54-c735-46d5-868e-f331c5fd7c74"
        expectUnbroken(
            "writeback", texts("\(set)/bdev0/writeback_rate_debug", "\(set)/bdev1/writeback_rate_debug"),
            BcacheWriteback.parse)
        expectUnbroken("priorities", texts("\(set)/cache0/priority_stats"), BcachePriorities.parse)
    }

    @Test func bcachefs() {
        let fileSystem = "sys/fs/bcachefs/deadbeef-1234-5678-9012-abcdefabcdef"
        expectUnbroken("counter", texts("\(fileSystem)/counters/data_read"), BcachefsCounter.parse)
        expectUnbroken(
            "table", texts("\(fileSystem)/compression_stats", "\(fileSystem)/btree_write_stats"), BcachefsTable.parse)
        expectUnbroken("errors", texts("\(fileSystem)/errors"), BcachefsErrors.parse)
        expectUnbroken(
            "device", texts("\(fileSystem)/dev-0/io_done", "\(fileSystem)/dev-0/io_errors"), BcachefsDeviceIO.parse)
    }

    @Test func btrfs() {
        expectUnbroken(
            "commits", texts("sys/fs/btrfs/7f07c59f-6136-449c-ab87-e1cf2328731b/commit_stats"), VMStat.parse)
    }
}
