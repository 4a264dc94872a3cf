// What a network interface is and how it is set up, from a dump of RTM_GETLINK without counters.
//
//     struct ifinfomsg (16 bytes: family, padding, type (2), index (4), flags (4), change (4)), then attributes
//
// See rtnetlink(7), include/uapi/linux/if_link.h, and Documentation/ABI/testing/sysfs-class-net for what the same
// numbers mean in sysfs.

internal import Platform

/// One interface. Text and addresses are given as where they stand in the datagram: most of them stay the same.
package struct LinkAttributes: Sendable {
    /// Bits of `flags`, from linux/if.h.
    package enum Flag {
        package static let up: UInt32 = 0x1
        package static let promiscuous: UInt32 = 0x100
        package static let allMulticast: UInt32 = 0x200
        package static let dormant: UInt32 = 0x2_0000
        /// What netlink adds to the flags that sysfs shows: IFF_RUNNING, IFF_LOWER_UP, IFF_DORMANT.
        static let ofNetlink: UInt32 = 0x40 | 0x1_0000 | dormant
    }

    package private(set) var index: UInt32 = 0
    /// ARPHRD_…
    package private(set) var hardwareType: UInt16 = 0
    package private(set) var flags: UInt32 = 0
    package private(set) var name = 0..<0
    package private(set) var alias = 0..<0
    package private(set) var alternativeNames: [Range<Int>] = []
    package private(set) var address = 0..<0
    package private(set) var broadcast = 0..<0
    /// The interface that this one stands on; its own number when it stands on none.
    package private(set) var link: UInt32 = 0
    package private(set) var mtu: UInt32?
    package private(set) var transmitQueueLength: UInt32?
    package private(set) var group: UInt32?
    package private(set) var operationalState: UInt8?
    package private(set) var linkMode: UInt8?
    package private(set) var carrier: UInt8?
    package private(set) var carrierChanges: UInt32?
    /// Since Linux 4.16.
    package private(set) var carrierUpChanges: UInt32?
    package private(set) var carrierDownChanges: UInt32?

    /// The flags as sysfs has them: netlink tells by a counter whether someone listens to all packets.
    private var promiscuity: UInt32?
    private var allMulticast: UInt32?

    package var sysfsFlags: UInt32 {
        var flags = flags & ~Flag.ofNetlink
        if let promiscuity { flags.set(Flag.promiscuous, promiscuity > 0) }
        if let allMulticast { flags.set(Flag.allMulticast, allMulticast > 0) }
        return flags
    }

    package var isUp: Bool { flags & Flag.up != 0 }
    package var isDormant: Bool { flags & Flag.dormant != 0 }

    /// All interfaces. The counters, most of what the kernel would have to gather, are left out where it knows how
    /// (RTEXT_FILTER_SKIP_STATS, since Linux 4.4).
    package static let request: NetlinkRequest = {
        var request = NetlinkRequest("RTM_GETLINK", type: LinkStatistics.requestType, .dump)
        request.append(zeros: LinkStatistics.headerBytes)
        request.append(attribute: 29, UInt32(1 << 3))  // IFLA_EXT_MASK
        return request
    }()

    /// Calls `body` with each interface of one datagram. Those without a name are left out.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, _ body: (LinkAttributes) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(LinkStatistics.messageType, sequence: sequence, in: bytes, count: count) {
            message throws(NetlinkError) in
            guard message.count >= LinkStatistics.headerBytes else { throw .malformed(offset: message.lowerBound) }
            var link = LinkAttributes()
            link.hardwareType = bytes.native16(at: message.lowerBound + 2)
            link.index = bytes.native32(at: message.lowerBound + 4)
            link.flags = bytes.native32(at: message.lowerBound + 8)
            link.link = link.index
            let attributes = message.lowerBound + LinkStatistics.headerBytes..<message.upperBound
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                try link.take(type, bytes, value)
            }
            if !link.name.isEmpty { body(link) }
        }
    }

    private mutating func take(_ type: UInt16, _ bytes: [UInt8], _ value: Range<Int>) throws(NetlinkError) {
        switch type {
        case 1: address = value  // IFLA_ADDRESS
        case 2: broadcast = value  // IFLA_BROADCAST
        case 3: name = bytes.upToZero(value)  // IFLA_IFNAME
        case 4: mtu = try bytes.number32(value)  // IFLA_MTU
        case 5: link = try bytes.number32(value)  // IFLA_LINK
        case 13: transmitQueueLength = try bytes.number32(value)  // IFLA_TXQLEN
        case 16: operationalState = try bytes.number8(value)  // IFLA_OPERSTATE
        case 17: linkMode = try bytes.number8(value)  // IFLA_LINKMODE
        case 20: alias = bytes.upToZero(value)  // IFLA_IFALIAS
        case 27: group = try bytes.number32(value)  // IFLA_GROUP
        case 30: promiscuity = try bytes.number32(value)  // IFLA_PROMISCUITY
        case 33: carrier = try bytes.number8(value)  // IFLA_CARRIER
        case 35: carrierChanges = try bytes.number32(value)  // IFLA_CARRIER_CHANGES
        case 47: carrierUpChanges = try bytes.number32(value)  // IFLA_CARRIER_UP_COUNT
        case 48: carrierDownChanges = try bytes.number32(value)  // IFLA_CARRIER_DOWN_COUNT
        case 61: allMulticast = try bytes.number32(value)  // IFLA_ALLMULTI, since Linux 6.0
        case 52:  // IFLA_PROP_LIST
            try NetlinkDump.forEachAttribute(in: bytes, value) { type, name throws(NetlinkError) in
                if type == 53 { alternativeNames.append(bytes.upToZero(name)) }  // IFLA_ALT_IFNAME
            }
        default: break
        }
    }
}

extension UInt32 {
    fileprivate mutating func set(_ flag: UInt32, _ isSet: Bool) { self = isSet ? self | flag : self & ~flag }
}

extension [UInt8] {
    /// The number that an attribute holds.
    func number8(_ range: Range<Int>) throws(NetlinkError) -> UInt8 {
        guard range.count >= 1 else { throw .malformed(offset: range.lowerBound) }
        return self[range.lowerBound]
    }

    func number32(_ range: Range<Int>) throws(NetlinkError) -> UInt32 {
        guard range.count >= 4 else { throw .malformed(offset: range.lowerBound) }
        return native32(at: range.lowerBound)
    }

    func number64(_ range: Range<Int>) throws(NetlinkError) -> UInt64 {
        guard range.count >= 8 else { throw .malformed(offset: range.lowerBound) }
        return native64(at: range.lowerBound)
    }

    /// Where text ends at the first zero, or with the range.
    func upToZero(_ range: Range<Int>) -> Range<Int> {
        range.lowerBound..<(self[range].firstIndex(of: 0) ?? range.upperBound)
    }

    /// An address of a link as sysfs writes it: `02:fc:00:00:00:01`.
    package func hardwareAddress(_ range: Range<Int>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self[range] {
            if !text.isEmpty { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
