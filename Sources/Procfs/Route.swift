// The routes of a network namespace, from a dump of RTM_GETROUTE.
//
//     struct rtmsg (12 bytes: family, destination length, source length, TOS, table, protocol, scope, type, flags (4)),
//     then attributes; RTA_MULTIPATH holds a struct rtnexthop (8 bytes: length (2), flags, hops, interface (4)) with
//     attributes of its own for each way that packets may go
//
// See rtnetlink(7), include/uapi/linux/rtnetlink.h.

internal import Platform

/// One way to a destination. A route that is shared between several ways is several of these.
package struct Route: Sendable, Hashable {
    /// nil for the default route.
    package private(set) var destination: IPAddress?
    package private(set) var prefixLength: UInt8
    package private(set) var gateway: IPAddress?
    /// The address that packets are sent from.
    package private(set) var source: IPAddress?
    /// The number of the interface.
    package private(set) var interface: UInt32 = 0
    package private(set) var priority: UInt32 = 0
    private let protocolNumber: UInt8
    /// The share of this way; nil when there is only one.
    package private(set) var weight: Int?

    private static let headerBytes = 12
    private static let nextHopBytes = 8
    private static let unicast: UInt8 = 1  // RTN_UNICAST
    private static let cloned: UInt32 = 0x200  // RTM_F_CLONED: of the cache, not of the table

    /// The routes of all address families and tables.
    package static let request: NetlinkRequest = {
        var request = NetlinkRequest("RTM_GETROUTE", type: 26, .dump)
        request.append(zeros: headerBytes)
        return request
    }()

    /// Who made the route: RTPROT_… in node_exporter's words.
    package var protocolName: String {
        switch protocolNumber {
        case 0: "unspec"
        case 1: "redirect"
        case 2: "kernel"
        case 3: "boot"
        case 4: "static"
        case 8: "gated"
        case 9: "ra"
        case 10: "mrt"
        case 11: "zebra"
        case 12: "bird"
        case 13: "dnrouted"
        case 14: "xorp"
        case 15: "ntk"
        case 16: "dhcp"
        case 17: "mrouted"
        case 42: "babel"
        case 186: "bgp"
        case 187: "isis"
        case 188: "ospf"
        case 189: "rip"
        case 192: "eigrp"
        default: "unknown"
        }
    }

    /// Calls `body` with each way of each unicast route of IPv4 and IPv6 in one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, _ body: (Route) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(24, sequence: sequence, in: bytes, count: count) {  // RTM_NEWROUTE
            message throws(NetlinkError) in
            let start = message.lowerBound
            guard message.count >= headerBytes else { throw .malformed(offset: start) }
            let isIP = bytes[start] == 2 || bytes[start] == 10  // AF_INET, AF_INET6
            guard isIP, bytes[start + 7] == unicast, bytes.native32(at: start + 8) & cloned == 0 else { return }
            var route = Route(prefixLength: bytes[start + 1], protocolNumber: bytes[start + 5])
            var ways = 0..<0
            try NetlinkDump.forEachAttribute(in: bytes, start + headerBytes..<message.upperBound) {
                type, value throws(NetlinkError) in
                switch type {
                case 1: route.destination = IPAddress(bytes[value])  // RTA_DST
                case 4: route.interface = try bytes.number32(value)  // RTA_OIF
                case 5: route.gateway = IPAddress(bytes[value])  // RTA_GATEWAY
                case 6: route.priority = try bytes.number32(value)  // RTA_PRIORITY
                case 7: route.source = IPAddress(bytes[value])  // RTA_PREFSRC
                case 9: ways = value  // RTA_MULTIPATH
                default: break
                }
            }
            if ways.isEmpty { body(route) } else { try route.ways(bytes, ways).forEach(body) }
        }
    }

    private init(prefixLength: UInt8, protocolNumber: UInt8) {
        self.prefixLength = prefixLength
        self.protocolNumber = protocolNumber
    }

    /// All or none: of a route with an odd way nothing is told.
    private func ways(_ bytes: [UInt8], _ range: Range<Int>) throws(NetlinkError) -> [Route] {
        var ways: [Route] = []
        var index = range.lowerBound
        while index < range.upperBound {
            guard index + Self.nextHopBytes <= range.upperBound else { throw .malformed(offset: index) }
            let length = Int(bytes.native16(at: index))
            guard length >= Self.nextHopBytes, length <= range.upperBound - index else {
                throw .malformed(offset: index)
            }
            var way = self
            way.weight = Int(bytes[index + 3]) + 1
            way.interface = bytes.native32(at: index + 4)
            way.gateway = nil
            try NetlinkDump.forEachAttribute(in: bytes, index + Self.nextHopBytes..<index + length) { type, value in
                if type == 5 { way.gateway = IPAddress(bytes[value]) }  // RTA_GATEWAY
            }
            ways.append(way)
            index += NetlinkDump.aligned(length)
        }
        return ways
    }
}
