// The counters of network interfaces, from a dump of RTM_GETLINK.
//
//     struct ifinfomsg (16 bytes), then attributes: IFLA_IFNAME, IFLA_IFALIAS, IFLA_STATS64 and many more
//
// IFLA_STATS64 is struct rtnl_link_stats64 of include/uapi/linux/if_link.h: 64-bit counters, 23 of them, 24 since
// Linux 4.6 (rx_nohandler), more at its end in newer kernels. See rtnetlink(7),
// Documentation/networking/statistics.rst.

internal import Platform

/// One interface, with the counters that the kernel keeps.
package struct LinkStatistics: Sendable, Equatable {
    /// RTM_GETLINK, and what answers it.
    static let requestType: UInt16 = 18
    static let messageType: UInt16 = 16
    static let headerBytes = 16

    /// All interfaces.
    package static let request: NetlinkRequest = {
        var request = NetlinkRequest("RTM_GETLINK", type: requestType, .dump)
        request.append(zeros: headerBytes)
        return request
    }()

    /// Its number, unique in the network namespace.
    package var index: UInt32 = 0
    package var name = ""
    /// What `ip link set alias` set; mostly empty.
    package var alias = ""

    package var packetsReceived: UInt64 = 0
    package var packetsSent: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var bytesSent: UInt64 = 0
    package var receiveErrors: UInt64 = 0
    package var sendErrors: UInt64 = 0
    package var receiveDropped: UInt64 = 0
    package var sendDropped: UInt64 = 0
    package var multicast: UInt64 = 0
    package var collisions: UInt64 = 0
    package var receiveLengthErrors: UInt64 = 0
    package var receiveOverErrors: UInt64 = 0
    package var receiveCRCErrors: UInt64 = 0
    package var receiveFrameErrors: UInt64 = 0
    package var receiveFIFOErrors: UInt64 = 0
    package var receiveMissedErrors: UInt64 = 0
    package var sendAbortedErrors: UInt64 = 0
    package var sendCarrierErrors: UInt64 = 0
    package var sendFIFOErrors: UInt64 = 0
    package var sendHeartbeatErrors: UInt64 = 0
    package var sendWindowErrors: UInt64 = 0
    package var compressedReceived: UInt64 = 0
    package var compressedSent: UInt64 = 0
    /// Came in on an interface that was not in use; nil before Linux 4.6.
    package var receivedWithoutHandler: UInt64?

    /// Appends the interfaces of one datagram. Interfaces without counters are left out.
    package static func parse(
        _ bytes: [UInt8], count: Int, sequence: UInt32, into links: inout [LinkStatistics]
    ) throws(NetlinkError) -> NetlinkPart {
        try NetlinkDump.forEach(messageType, sequence: sequence, in: bytes, count: count) {
            message throws(NetlinkError) in
            guard message.count >= headerBytes else { throw .malformed(offset: message.lowerBound) }
            var link = LinkStatistics()
            link.index = bytes.native32(at: message.lowerBound + 4)
            var hasCounters = false
            let attributes = message.lowerBound + headerBytes..<message.upperBound
            try NetlinkDump.forEachAttribute(in: bytes, attributes) { type, value throws(NetlinkError) in
                switch type {
                case 3: link.name = bytes.text(upToZeroIn: value)  // IFLA_IFNAME
                case 20: link.alias = bytes.text(upToZeroIn: value)  // IFLA_IFALIAS
                case 23:  // IFLA_STATS64
                    try link.takeCounters(bytes, value)
                    hasCounters = true
                default: break
                }
            }
            if hasCounters, !link.name.isEmpty { links.append(link) }
        }
    }

    private mutating func takeCounters(_ bytes: [UInt8], _ range: Range<Int>) throws(NetlinkError) {
        guard range.count >= 23 * 8 else { throw .malformed(offset: range.lowerBound) }
        func counter(_ number: Int) -> UInt64 { bytes.native64(at: range.lowerBound + number * 8) }
        packetsReceived = counter(0)
        packetsSent = counter(1)
        bytesReceived = counter(2)
        bytesSent = counter(3)
        receiveErrors = counter(4)
        sendErrors = counter(5)
        receiveDropped = counter(6)
        sendDropped = counter(7)
        multicast = counter(8)
        collisions = counter(9)
        receiveLengthErrors = counter(10)
        receiveOverErrors = counter(11)
        receiveCRCErrors = counter(12)
        receiveFrameErrors = counter(13)
        receiveFIFOErrors = counter(14)
        receiveMissedErrors = counter(15)
        sendAbortedErrors = counter(16)
        sendCarrierErrors = counter(17)
        sendFIFOErrors = counter(18)
        sendHeartbeatErrors = counter(19)
        sendWindowErrors = counter(20)
        compressedReceived = counter(21)
        compressedSent = counter(22)
        receivedWithoutHandler = range.count >= 24 * 8 ? counter(23) : nil
    }
}
