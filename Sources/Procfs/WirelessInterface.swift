// Wireless interfaces, the networks that they are in and the stations that they hear, from dumps of the generic netlink
// family `nl80211`.
//
//     NL80211_CMD_GET_INTERFACE: NL80211_ATTR_IFINDEX, _IFNAME, _WIPHY_FREQ …
//     NL80211_CMD_GET_SCAN:      NL80211_ATTR_BSS, in it _BSSID, _INFORMATION_ELEMENTS, _STATUS (of ours only) …
//     NL80211_CMD_GET_STATION:   NL80211_ATTR_MAC, NL80211_ATTR_STA_INFO, in it what was counted
//
// See include/uapi/linux/nl80211.h.

internal import Platform

/// One wireless interface.
package struct WirelessInterface: Sendable, Equatable {
    package static let familyName = "nl80211"

    package private(set) var index: UInt32 = 0
    package private(set) var name = ""
    package private(set) var megahertz: UInt32?

    /// All wireless interfaces.
    package static func request(family: UInt16) -> NetlinkRequest {
        NetlinkRequest("NL80211_CMD_GET_INTERFACE", family: family, command: 5, version: 1, .dump)
    }

    /// Calls `body` with each interface of one datagram; those without a name are no network interfaces.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, family: UInt16, _ body: (WirelessInterface) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try GenericNetlink.forEach(of: family, command: 7, sequence: sequence, in: bytes, count: count) {
            attributes throws(NetlinkError) in
            var interface = WirelessInterface()
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 3: interface.index = try bytes.number32(value)
                case 4: interface.name = bytes.text(upToZeroIn: value)
                case 38: interface.megahertz = try bytes.number32(value)
                default: break
                }
            }
            if !interface.name.isEmpty { body(interface) }
        }
    }
}

/// The network that an interface is in.
package struct WirelessNetwork: Sendable, Equatable {
    package enum Mode: String, Sendable {
        /// Authenticated with, or associated to, an access point.
        case client
        case adHoc = "ad-hoc"
        case unknown
    }

    /// The address of the access point.
    package private(set) var address = ""
    /// The name of the network; any bytes that are not UTF-8 are replaced.
    package private(set) var name = ""
    /// nil for a network that was only heard of.
    package private(set) var mode: Mode?

    /// The networks that an interface has heard of; asking makes it listen no more than it does.
    package static func request(family: UInt16, interface: UInt32) -> NetlinkRequest {
        var request = NetlinkRequest("NL80211_CMD_GET_SCAN", family: family, command: 32, version: 1, .dump)
        request.append(attribute: 3, interface)
        return request
    }

    /// Calls `body` with each network of one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, family: UInt16, _ body: (WirelessNetwork) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try GenericNetlink.forEach(of: family, command: 34, sequence: sequence, in: bytes, count: count) {
            attributes throws(NetlinkError) in
            var network = WirelessNetwork()
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                guard type == 47 else { return }  // NL80211_ATTR_BSS
                try NetlinkDump.forEachAttribute(in: bytes, value) { type, value throws(NetlinkError) in
                    switch type {
                    case 1: network.address = bytes.hardwareAddress(value)
                    case 6: network.name = serviceSet(bytes, value)
                    case 9: network.mode = mode(try bytes.number32(value))
                    default: break
                    }
                }
            }
            body(network)
        }
    }

    private static func mode(_ status: UInt32) -> Mode {
        switch status {
        case 0, 1: .client
        case 2: .adHoc
        default: .unknown
        }
    }

    /// The SSID among the information elements: number (1 byte), length (1), value.
    private static func serviceSet(_ bytes: [UInt8], _ elements: Range<Int>) -> String {
        var index = elements.lowerBound
        while index + 2 <= elements.upperBound {
            let end = index + 2 + Int(bytes[index + 1])
            guard end <= elements.upperBound else { break }
            if bytes[index] == 0 { return String(decoding: bytes[index + 2..<end], as: UTF8.self) }
            index = end
        }
        return ""
    }
}

/// What an interface has counted of one other station. nil is what the driver does not tell.
package struct WirelessStation: Sendable, Equatable {
    package private(set) var address = ""
    package private(set) var connectedSeconds: UInt32?
    package private(set) var inactiveMilliseconds: UInt32?
    package private(set) var bytesReceived: UInt64?
    package private(set) var bytesSent: UInt64?
    package private(set) var packetsReceived: UInt32?
    package private(set) var packetsSent: UInt32?
    package private(set) var receiveBitsPerSecond: UInt64?
    package private(set) var sendBitsPerSecond: UInt64?
    package private(set) var signalDBm: Int8?
    package private(set) var sendRetries: UInt32?
    package private(set) var sendFailures: UInt32?
    package private(set) var beaconLosses: UInt32?

    /// The stations of an interface.
    package static func request(family: UInt16, interface: UInt32) -> NetlinkRequest {
        var request = NetlinkRequest("NL80211_CMD_GET_STATION", family: family, command: 17, version: 1, .dump)
        request.append(attribute: 3, interface)
        return request
    }

    /// Calls `body` with each station of one datagram.
    package static func forEach(
        _ bytes: [UInt8], count: Int, sequence: UInt32, family: UInt16, _ body: (WirelessStation) -> Void
    ) throws(NetlinkError) -> NetlinkPart {
        try GenericNetlink.forEach(of: family, command: 19, sequence: sequence, in: bytes, count: count) {
            attributes throws(NetlinkError) in
            var station = WirelessStation()
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 6: station.address = bytes.hardwareAddress(value)
                case 21:
                    try NetlinkDump.forEachAttribute(in: bytes, value) { type, value throws(NetlinkError) in
                        try station.take(type, bytes, value)
                    }
                default: break
                }
            }
            body(station)
        }
    }

    private mutating func take(_ type: UInt16, _ bytes: [UInt8], _ value: Range<Int>) throws(NetlinkError) {
        switch type {
        case 1: inactiveMilliseconds = try bytes.number32(value)
        // The numbers of 32 bits wrap; those of 64 come after them.
        case 2: bytesReceived = UInt64(try bytes.number32(value))
        case 3: bytesSent = UInt64(try bytes.number32(value))
        case 7: signalDBm = Int8(bitPattern: try bytes.number8(value))
        case 8: sendBitsPerSecond = try Self.rate(bytes, value)
        case 9: packetsReceived = try bytes.number32(value)
        case 10: packetsSent = try bytes.number32(value)
        case 11: sendRetries = try bytes.number32(value)
        case 12: sendFailures = try bytes.number32(value)
        case 14: receiveBitsPerSecond = try Self.rate(bytes, value)
        case 16: connectedSeconds = try bytes.number32(value)
        case 18: beaconLosses = try bytes.number32(value)
        case 23: bytesReceived = try bytes.number64(value)
        case 24: bytesSent = try bytes.number64(value)
        default: break
        }
    }

    /// NL80211_RATE_INFO_BITRATE32, or NL80211_RATE_INFO_BITRATE in 16 bits where the kernel is older; both in units of
    /// 100 kbit/s.
    private static func rate(_ bytes: [UInt8], _ range: Range<Int>) throws(NetlinkError) -> UInt64? {
        var short: UInt64?
        var long: UInt64?
        try NetlinkDump.forEachAttribute(in: bytes, range) { type, value throws(NetlinkError) in
            switch type {
            case 1:
                guard value.count >= 2 else { throw .malformed(offset: value.lowerBound) }
                short = UInt64(bytes.native16(at: value.lowerBound))
            case 5: long = UInt64(try bytes.number32(value))
            default: break
            }
        }
        return (long ?? short).map { $0 * 100_000 }
    }
}
