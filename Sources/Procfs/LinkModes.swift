// How fast network interfaces run, from a dump of ETHTOOL_MSG_LINKMODES_GET of the generic netlink family `ethtool`.
//
//     struct genlmsghdr, then attributes: ETHTOOL_A_LINKMODES_HEADER (in it ETHTOOL_A_HEADER_DEV_INDEX),
//     ETHTOOL_A_LINKMODES_SPEED, ETHTOOL_A_LINKMODES_DUPLEX and more
//
// Interfaces whose driver does not know are not in it. Since Linux 5.6. See
// Documentation/networking/ethtool-netlink.rst.

internal import Platform

/// Speed and duplex of one interface.
package struct LinkModes: Sendable, Equatable {
    package static let familyName = "ethtool"

    package private(set) var interface: UInt32 = 0
    /// -1 when it is not known.
    package private(set) var megabitsPerSecond: Int32 = -1
    private var duplexNumber: UInt8 = 0xFF

    /// As sysfs writes it.
    package var duplex: String {
        switch duplexNumber {
        case 0: "half"
        case 1: "full"
        default: "unknown"
        }
    }

    /// `family` is the number of `familyName`. The sets of modes, which are not read here, come as bits and not as
    /// lists of names (ETHTOOL_FLAG_COMPACT_BITSETS).
    package static func request(family: UInt16) -> NetlinkRequest {
        var request = NetlinkRequest("ETHTOOL_MSG_LINKMODES_GET", family: family, command: 4, version: 1, .dump)
        request.append(nested: 1) { header in header.append(attribute: 3, UInt32(1)) }
        return request
    }

    /// Calls `body` with each interface of one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, family: UInt16, _ body: (LinkModes) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try GenericNetlink.forEach(of: family, command: 4, sequence: sequence, in: bytes, count: count) {
            attributes throws(NetlinkError) in
            var modes = LinkModes()
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 1:  // ETHTOOL_A_LINKMODES_HEADER
                    try NetlinkDump.forEachAttribute(in: bytes, value) { type, value throws(NetlinkError) in
                        if type == 1 { modes.interface = try bytes.number32(value) }
                    }
                case 5: modes.megabitsPerSecond = Int32(bitPattern: try bytes.number32(value))
                case 6: modes.duplexNumber = try bytes.number8(value)
                default: break
                }
            }
            if modes.interface != 0 { body(modes) }
        }
    }
}
