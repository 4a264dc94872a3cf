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
}
