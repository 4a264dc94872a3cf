// /proc/net/dev: what each network interface of this network namespace received and sent.
//
//     Inter-|   Receive                                      |  Transmit
//      face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls …
//         lo: 61754   61    0    0    0    0          0         0   61754      61    0    0    0     0 …
//
// See proc_pid_net(5), and dev_seq_printf_stats in net/core/net-procfs.c for which of the kernel's counters are
// summed here.

package import Bytes

/// One interface of /proc/net/dev: some of the numbers are sums of finer counters, see `init(_:LinkStatistics)`.
package struct NetDev: Sendable, Equatable {
    package var name: String
    package var bytesReceived: UInt64
    package var packetsReceived: UInt64
    package var receiveErrors: UInt64
    /// Dropped, and missed because the device had no room.
    package var receiveDrops: UInt64
    package var receiveFIFOErrors: UInt64
    /// Wrong length, too large, wrong checksum, wrong alignment.
    package var receiveFrameErrors: UInt64
    package var compressedReceived: UInt64
    package var multicastReceived: UInt64
    package var bytesSent: UInt64
    package var packetsSent: UInt64
    package var sendErrors: UInt64
    package var sendDrops: UInt64
    package var sendFIFOErrors: UInt64
    package var collisions: UInt64
    /// No carrier, aborted, late collision, no heartbeat.
    package var carrierErrors: UInt64
    package var compressedSent: UInt64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [NetDev] {
        var devices: [NetDev] = []
        var hasHeadings = false
        while !text.isAtEnd {
            if skipHeading(&text) {
                hasHeadings = true
            } else {
                text.row { text throws(ParseError) in devices.append(try line(&text)) }
            }
        }
        guard hasHeadings || !devices.isEmpty else { throw text.error("two lines of headings") }
        return devices
    }

    /// A line with bars between its columns, and without a colon, which every interface has behind its name.
    private static func skipHeading(_ text: inout ByteCursor) -> Bool {
        let line = text.bytes[text.index..<text.end].prefix { $0 != UInt8(ascii: "\n") }
        guard line.contains(UInt8(ascii: "|")), !line.contains(UInt8(ascii: ":")) else { return false }
        text.skipToNextLine()
        return true
    }

    private static func line(_ text: inout ByteCursor) throws(ParseError) -> NetDev {
        text.skipSpaces()
        // The kernel refuses a name with a colon today; an old one writes `ibr10:30:` for an alias. The numbers have no
        // colon.
        guard var name = text.upTo(UInt8(ascii: ":")) else { throw text.error("<interface>:") }
        while let more = text.upTo(UInt8(ascii: ":")) { name = name.lowerBound..<more.upperBound }
        guard !name.isEmpty else { throw text.error("<interface>:") }
        func next(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
            text.skipSpaces()
            guard let number = text.unsigned() else { throw text.error("16 numbers") }
            return number
        }
        let device = NetDev(
            name: text.text(name),
            bytesReceived: try next(&text), packetsReceived: try next(&text), receiveErrors: try next(&text),
            receiveDrops: try next(&text), receiveFIFOErrors: try next(&text), receiveFrameErrors: try next(&text),
            compressedReceived: try next(&text), multicastReceived: try next(&text),
            bytesSent: try next(&text), packetsSent: try next(&text), sendErrors: try next(&text),
            sendDrops: try next(&text), sendFIFOErrors: try next(&text), collisions: try next(&text),
            carrierErrors: try next(&text), compressedSent: try next(&text))
        guard text.isAtLineEnd, !text.isAtEnd else { throw text.error("the end of the line") }
        return device
    }
}

extension NetDev {
    /// The sums that the kernel writes into /proc/net/dev.
    package init(_ link: LinkStatistics) {
        self.init(
            name: link.name,
            bytesReceived: link.bytesReceived, packetsReceived: link.packetsReceived,
            receiveErrors: link.receiveErrors, receiveDrops: link.receiveDropped &+ link.receiveMissedErrors,
            receiveFIFOErrors: link.receiveFIFOErrors,
            receiveFrameErrors: link.receiveLengthErrors &+ link.receiveOverErrors &+ link.receiveCRCErrors
                &+ link.receiveFrameErrors,
            compressedReceived: link.compressedReceived, multicastReceived: link.multicast,
            bytesSent: link.bytesSent, packetsSent: link.packetsSent, sendErrors: link.sendErrors,
            sendDrops: link.sendDropped, sendFIFOErrors: link.sendFIFOErrors, collisions: link.collisions,
            carrierErrors: link.sendCarrierErrors &+ link.sendAbortedErrors &+ link.sendWindowErrors
                &+ link.sendHeartbeatErrors,
            compressedSent: link.compressedSent)
    }
}
