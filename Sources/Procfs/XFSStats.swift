// /sys/fs/xfs/<device>/stats/stats: what a mounted XFS file system has done. See fs/xfs/xfs_stats.c and xfs_stats.h.
//
//     extent_alloc 5 7696 0 0
//     blk_map 0 39 3 6 3 48 0
//     ig 7 0 0 7 0 0 0

package import Bytes

/// The numbers of the lines that are served, by line and column. A kernel may add lines, and numbers at their ends.
package struct XFSStats: Sendable {
    package enum Line: Int, Sendable {
        case extentAllocation, allocationBtree, blockMapping, blockMapBtree, directory, inode, readWrite, vnode

        fileprivate init?(_ name: Range<Int>, in text: ByteCursor) {
            if text.has(name, "extent_alloc") {
                self = .extentAllocation
            } else if text.has(name, "abt") {
                self = .allocationBtree
            } else if text.has(name, "blk_map") {
                self = .blockMapping
            } else if text.has(name, "bmbt") {
                self = .blockMapBtree
            } else if text.has(name, "dir") {
                self = .directory
            } else if text.has(name, "ig") {
                self = .inode
            } else if text.has(name, "rw") {
                self = .readWrite
            } else if text.has(name, "vnodes") {
                self = .vnode
            } else {
                return nil
            }
        }
    }

    /// No line above has more.
    private static let columnLimit = 8
    private var numbers = [UInt64](repeating: 0, count: (Line.vnode.rawValue + 1) * columnLimit)
    /// A bit for each of `numbers` that the file has.
    private var present: UInt64 = 0

    /// Columns count from 0.
    package subscript(_ line: Line, _ column: Int) -> UInt64? {
        let index = line.rawValue * Self.columnLimit + column
        return present >> UInt64(index) & 1 == 1 ? numbers[index] : nil
    }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> XFSStats {
        var stats = XFSStats()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let name = text.word()
                if let line = Line(name, in: text) { try stats.read(line, &text) }
            }
        }
        guard stats.present != 0 else { throw text.error("extent_alloc <numbers>") }
        return stats
    }

    private mutating func read(_ line: Line, _ text: inout ByteCursor) throws(ParseError) {
        // Numbers that stand before an odd one hold: columns are of their own meaning.
        var column = 0
        text.skipSpaces()
        while !text.isAtLineEnd, column < Self.columnLimit {
            let number = try text.column("numbers")
            let index = line.rawValue * Self.columnLimit + column
            numbers[index] = number
            present |= 1 << UInt64(index)
            column += 1
            text.skipSpaces()
        }
    }
}
