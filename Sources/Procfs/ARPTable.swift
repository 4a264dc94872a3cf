// /proc/net/arp: the IPv4 neighbours. See arp(7), proc_net(5).
//
//     IP address       HW type     Flags       HW address            Mask     Device
//     192.0.2.1        0x1         0x2         02:00:00:00:00:02     *        eth0

package import Bytes

package enum ARPTable {
    /// Calls `body` with where the name of the device stands in each line.
    package static func forEachDevice(
        _ cursor: inout ByteCursor, _ body: (Range<Int>, borrowing ByteCursor) -> Void
    ) throws(ParseError) {
        guard cursor.skip("IP address") else { throw cursor.error("\"IP address\"") }
        cursor.skipToNextLine()
        while !cursor.isAtEnd {
            cursor.row { cursor throws(ParseError) in
                var words = 0
                var (mask, device) = (0..<0, 0..<0)
                cursor.skipSpaces()
                while !cursor.isAtLineEnd {
                    (mask, device) = (device, cursor.word())
                    words += 1
                    cursor.skipSpaces()
                }
                // A device whose addresses have no bytes has a field less. The kernel has no masks, and writes a star.
                guard words == 5 || words == 6, cursor.has(mask, "*") else {
                    throw cursor.error("six fields, the last one the device")
                }
                body(device, cursor)
            }
        }
    }
}
