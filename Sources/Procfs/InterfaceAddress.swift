// The addresses of network interfaces, from a dump of RTM_GETADDR.
//
//     struct ifaddrmsg (8 bytes: family, prefix length, flags, scope, interface), then attributes: IFA_ADDRESS …
//
// On a point-to-point link IFA_ADDRESS is the address of the other end, and IFA_LOCAL our own. See rtnetlink(7).

internal import Platform

/// One address of an interface.
package struct InterfaceAddress: Sendable, Hashable {
    private static let messageType: UInt16 = 20  // RTM_NEWADDR
    private static let headerBytes = 8

    /// All addresses.
    package static let request: NetlinkRequest = {
        var request = NetlinkRequest("RTM_GETADDR", type: 22, .dump)
        request.append(zeros: headerBytes)
        return request
    }()

    /// The number of its interface: `LinkStatistics.index`.
    package var linkIndex: UInt32
    /// 4 bytes or 16.
    package var bytes: [UInt8]
    package var prefixLength: UInt8

    package init(linkIndex: UInt32, bytes: [UInt8], prefixLength: UInt8) {
        self.linkIndex = linkIndex
        self.bytes = bytes
        self.prefixLength = prefixLength
    }

    /// Appends the IPv4 and IPv6 addresses of one datagram.
    package static func parse(
        _ bytes: [UInt8], count: Int, sequence: UInt32, into addresses: inout [InterfaceAddress]
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(messageType, sequence: sequence, in: bytes, count: count) {
            message throws(NetlinkError) in
            guard message.count >= headerBytes else { throw .malformed(offset: message.lowerBound) }
            var address: Range<Int>?
            var local: Range<Int>?
            let attributes = message.lowerBound + headerBytes..<message.upperBound
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 1: address = value  // IFA_ADDRESS
                case 2: local = value  // IFA_LOCAL
                default: break
                }
            }
            guard let value = local ?? address, value.count == 4 || value.count == 16 else { return }
            addresses.append(
                InterfaceAddress(
                    linkIndex: bytes.native32(at: message.lowerBound + 4), bytes: Array(bytes[value]),
                    prefixLength: bytes[message.lowerBound + 1]))
        }
    }

    /// `192.0.2.1`, or as RFC 5952 wants it: `fe80::1`.
    package var text: String { IPAddress.text(of: bytes) }

    /// How far it reaches, in node_exporter's words: loopback counts as `link-local`; empty for multicast and
    /// unspecified.
    package var scope: String {
        if bytes.count == 4 {
            switch (bytes[0], bytes[1], bytes[2]) {
            case (127, _, _), (169, 254, _), (224, 0, 0): return "link-local"
            case (224...239, _, _): return ""
            default: return bytes == [0, 0, 0, 0] || bytes == [255, 255, 255, 255] ? "" : "global"
            }
        }
        if bytes.dropLast().allSatisfy({ $0 == 0 }), bytes[15] <= 1 { return bytes[15] == 1 ? "link-local" : "" }
        switch (bytes[0], bytes[1]) {
        case (0xFE, 0x80...0xBF): return "link-local"
        case (0xFF, let flags) where flags & 0xF == 2: return "link-local"
        case (0xFF, let flags) where flags & 0xF == 1: return "interface-local"
        case (0xFF, _): return ""
        default: return "global"
        }
    }
}
