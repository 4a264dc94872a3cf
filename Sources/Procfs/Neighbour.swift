// The neighbours that this host has spoken to, from a dump of RTM_GETNEIGH.
//
//     struct ndmsg (12 bytes: family, padding (3), interface (4), state (2), flags, type), then attributes
//
// See rtnetlink(7), and Documentation/networking/proc_net_arp or arp(7) for the file that has the same.

internal import Bytes
internal import Platform

/// One entry of the neighbour table.
package struct Neighbour: Sendable, Equatable {
    private static let headerBytes = 12
    private static let withoutProtocol: UInt16 = 0x40  // NUD_NOARP

    /// The number of its interface.
    package let interface: UInt32
    private let state: UInt16

    /// Was found by ARP, or is looked for; the file has only these.
    package var isResolved: Bool { state & Self.withoutProtocol == 0 }

    /// All neighbours of an address family: AF_INET is 2.
    package static func request(addressFamily: UInt8) -> NetlinkRequest {
        var request = NetlinkRequest("RTM_GETNEIGH", type: 30, .dump)
        request.append(addressFamily)
        request.append(zeros: headerBytes - 1)
        return request
    }

    /// Calls `body` with each neighbour of one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, _ body: (Neighbour) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(28, sequence: sequence, in: bytes, count: count) {  // RTM_NEWNEIGH
            message throws(NetlinkError) in
            guard message.count >= headerBytes else { throw .malformed(offset: message.lowerBound) }
            body(
                Neighbour(
                    interface: bytes.native32(at: message.lowerBound + 4),
                    state: bytes.native16(at: message.lowerBound + 8)))
        }
    }
}
