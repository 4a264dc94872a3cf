// /proc/net/udp and udp6: the UDP sockets, one on a line. See Documentation/networking/proc_net_tcp.rst, which has the
// same columns.
//
//       sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode …
//      410: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17113 …

package import Bytes

/// What waits in the queues of all sockets of one file, in bytes.
package struct UDPSockets: Sendable, Equatable {
    package var sendQueue: UInt64 = 0
    package var receiveQueue: UInt64 = 0

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> UDPSockets {
        text.skipSpaces()
        guard text.skip("sl ") else { throw text.error("a line of headings") }
        text.skipToNextLine()
        var sockets = UDPSockets()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                // Number, both addresses and the state.
                for _ in 0..<4 {
                    text.skipSpaces()
                    guard !text.word().isEmpty else { throw text.error("<slot>: <address> <address> <state>") }
                }
                text.skipSpaces()
                guard let sent = text.hexadecimal(), text.skip(":"), let received = text.hexadecimal(),
                    text.isAtWordEnd
                else {
                    throw text.error("<send queue>:<receive queue>")
                }
                sockets.sendQueue &+= sent
                sockets.receiveQueue &+= received
            }
        }
        return sockets
    }
}
