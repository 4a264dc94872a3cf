// /proc/buddyinfo: free memory by the size of its blocks. See Documentation/filesystems/proc.rst.
//
//     Node 0, zone      DMA      0      4      5      4      4      3
//     Node 0, zone   Normal      1      0      0      1    101      8

package import Bytes

/// One zone of a memory node.
package struct BuddyInfo: Equatable, Sendable {
    package var node: Int
    package var zone: String
    /// Free blocks of 1, 2, 4, … pages.
    package var blocks: [UInt64] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [BuddyInfo] {
        var zones: [BuddyInfo] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard let (node, zone) = text.zoneHeading() else { throw text.error(ZoneInfo.heading) }
                var info = BuddyInfo(node: node, zone: text.text(zone))
                text.skipSpaces()
                while !text.isAtLineEnd {
                    info.blocks.append(try text.column("Node <N>, zone <name> <blocks>…"))
                    text.skipSpaces()
                }
                guard !info.blocks.isEmpty else { throw text.error("Node <N>, zone <name> <blocks>…") }
                zones.append(info)
            }
        }
        return zones
    }
}
