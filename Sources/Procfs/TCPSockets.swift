// The TCP sockets of a network namespace, from a dump of sock_diag, or from /proc/net/tcp and tcp6.
//
//     struct inet_diag_msg (72 bytes: family, state, timer, retransmissions, addresses (48), expires (4),
//     receive queue (4), send queue (4), …), then attributes, which are not read
//
//       sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode …
//        0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3160 …
//
// See sock_diag(7), include/uapi/linux/inet_diag.h, Documentation/networking/proc_net_tcp.rst; the states are those of
// net/tcp_states.h.

package import Bytes
internal import Platform

/// How many sockets are in each state. Counted while they are read: a host may have a million.
package struct TCPSockets: Sendable, Equatable {
    /// From TCP_ESTABLISHED, which is 1, in node_exporter's words.
    package static let states = [
        "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack",
        "listen", "closing",
    ]

    private static let headerBytes = 72
    private static let type: UInt16 = 20  // SOCK_DIAG_BY_FAMILY

    /// By `states`.
    package private(set) var counts = [Int](repeating: 0, count: states.count)
    /// Not yet read by their owners; of a socket that listens, connections that wait to be accepted.
    package private(set) var receiveQueueBytes: UInt64 = 0
    /// Not yet acknowledged by the other side; of a socket that listens, how many connections may wait.
    package private(set) var sendQueueBytes: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    /// All sockets of an address family: AF_INET is 2, AF_INET6 is 10. `struct inet_diag_req_v2`.
    package static func request(addressFamily: UInt8) -> NetlinkRequest {
        var request = NetlinkRequest("SOCK_DIAG_BY_FAMILY", type: type, .dump)
        request.append(addressFamily)
        request.append(UInt8(6))  // IPPROTO_TCP
        request.append(UInt16(0))  // no extensions
        request.append(UInt32((1 << (states.count + 1)) - 1))  // a bit for each state
        request.append(zeros: 48)
        return request
    }

    package mutating func removeAll() {
        for index in counts.indices { counts[index] = 0 }
        receiveQueueBytes = 0
        sendQueueBytes = 0
    }

    /// Adds the sockets of one datagram.
    package mutating func count(
        _ bytes: [UInt8], count: Int, sequence: UInt32
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(Self.type, sequence: sequence, in: bytes, count: count) {
            message throws(NetlinkError) in
            guard message.count >= Self.headerBytes else { throw .malformed(offset: message.lowerBound) }
            let state = Int(bytes[message.lowerBound + 1])
            guard (1...Self.states.count).contains(state) else { return }
            counts[state - 1] += 1
            receiveQueueBytes += UInt64(bytes.native32(at: message.lowerBound + 56))
            sendQueueBytes += UInt64(bytes.native32(at: message.lowerBound + 60))
        }
    }

    /// One of the files. A state that there is no name for is not counted.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> TCPSockets {
        text.skipSpaces()
        guard text.skip("sl ") else { throw text.error("a line of headings") }
        text.skipToNextLine()
        var sockets = TCPSockets()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in try sockets.line(&text) }
        }
        return sockets
    }

    private mutating func line(_ text: inout ByteCursor) throws(ParseError) {
        // Number and both addresses.
        for _ in 0..<3 {
            text.skipSpaces()
            guard !text.word().isEmpty else { throw text.error("<slot>: <address> <address> <state>") }
        }
        let state = try text.hexadecimalColumn("a state")
        text.skipSpaces()
        guard let sent = text.hexadecimal(), text.skip(":"), let received = text.hexadecimal(), text.isAtWordEnd
        else {
            throw text.error("<send queue>:<receive queue>")
        }
        if (1...UInt64(Self.states.count)).contains(state) { counts[Int(state) - 1] += 1 }
        sendQueueBytes &+= sent
        receiveQueueBytes &+= received
    }

    package static func + (left: TCPSockets, right: TCPSockets) -> TCPSockets {
        var sum = left
        for index in sum.counts.indices { sum.counts[index] += right.counts[index] }
        sum.receiveQueueBytes &+= right.receiveQueueBytes
        sum.sendQueueBytes &+= right.sendQueueBytes
        return sum
    }
}
