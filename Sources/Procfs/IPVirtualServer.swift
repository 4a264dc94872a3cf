// The load balancer IPVS: /proc/net/ip_vs_stats has its totals, /proc/net/ip_vs its services and their servers. See
// ipvsadm(8), and ip_vs_stats_show and ip_vs_info_seq_show in net/netfilter/ipvs/ip_vs_ctl.c.
//
//        Total Incoming Outgoing         Incoming         Outgoing
//        Conns  Packets  Packets            Bytes            Bytes
//     01AA3BFC E33656E5        0     51D8C8883AB3                0
//
//     IP Virtual Server version 1.2.1 (size=4096)
//     Prot LocalAddress:Port Scheduler Flags
//       -> RemoteAddress:Port Forward Weight ActiveConn InActConn
//     TCP  C0A80016:0CEA wlc persistent 600
//       -> C0A85216:0CEA      Tunnel  100    248        2
//     TCP  [20010DB8:…:0022]:0CEA wlc
//     FWM  10001000 wlc
//
// Addresses and ports are hexadecimal, the rest of the second file is decimal. IPv6 stands in brackets with all zeros.

package import Bytes

/// The first table of ip_vs_stats; the second has rates, which whoever reads the totals can make.
package struct IPVSStats: Sendable, Equatable {
    package var connections: UInt64
    package var incomingPackets: UInt64
    package var outgoingPackets: UInt64
    package var incomingBytes: UInt64
    package var outgoingBytes: UInt64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> IPVSStats {
        for _ in 0..<2 { text.skipToNextLine() }
        func next(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
            text.skipSpaces()
            guard let number = text.hexadecimal() else { throw text.error("5 hexadecimal numbers") }
            return number
        }
        let stats = IPVSStats(
            connections: try next(&text), incomingPackets: try next(&text), outgoingPackets: try next(&text),
            incomingBytes: try next(&text), outgoingBytes: try next(&text))
        guard text.isAtLineEnd, !text.isAtEnd else { throw text.error("the end of the line") }
        return stats
    }
}

/// One server of one service.
package struct IPVSBackend: Sendable, Equatable {
    /// An address as text, and a port. Empty and 0 for a service that is known by a mark.
    package struct Endpoint: Sendable, Equatable {
        package var address = ""
        package var port: UInt64 = 0
    }

    /// `TCP`, `UDP`, `SCTP`; `FWM` for a service that is known by the mark of the firewall.
    package var proto: String
    package var local = Endpoint()
    /// Eight hexadecimal digits, empty for a service that has an address.
    package var localMark = ""
    package var remote = Endpoint()
    package var weight: Int64 = 0
    package var activeConnections: UInt64 = 0
    package var inactiveConnections: UInt64 = 0

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [IPVSBackend] {
        guard text.skip("IP Virtual Server") else { throw text.error("IP Virtual Server version …") }
        for _ in 0..<3 { text.skipToNextLine() }
        var backends: [IPVSBackend] = []
        var service: IPVSBackend?
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                if text.next == UInt8(ascii: " ") {
                    guard text.skip("  -> ") else { throw text.error("-> <address>:<port>") }
                    guard var backend = service else { throw text.error("a service before its servers") }
                    try server(&text, &backend)
                    backends.append(backend)
                } else {
                    // The servers of one that cannot be read are not those of the one before.
                    service = nil
                    service = try Self.service(&text)
                }
            }
        }
        return backends
    }

    private static func service(_ text: inout ByteCursor) throws(ParseError) -> IPVSBackend {
        let proto = text.word()
        guard !proto.isEmpty else { throw text.error("<protocol> <address>:<port>") }
        var service = IPVSBackend(proto: text.text(proto))
        text.skipSpaces()
        if service.proto == "FWM" {
            let mark = text.word()
            guard !mark.isEmpty else { throw text.error("FWM <mark>") }
            service.localMark = text.text(mark)
        } else {
            service.local = try endpoint(&text)
        }
        return service
    }

    private static func server(_ text: inout ByteCursor, _ backend: inout IPVSBackend) throws(ParseError) {
        backend.remote = try endpoint(&text)
        text.skipSpaces()
        _ = text.word()
        backend.weight = try text.signedColumn("<forward> <weight>")
        backend.activeConnections = try text.column("the number of active connections")
        backend.inactiveConnections = try text.column("the number of inactive connections")
    }

    /// `C0A80016:0CEA`, `[2001:0DB8:…:0022]:0050`.
    private static func endpoint(_ text: inout ByteCursor) throws(ParseError) -> Endpoint {
        let isIPv6 = text.skip("[")
        var bytes: [UInt8] = []
        while bytes.count < 16, let high = text.next?.hexadecimalDigit {
            _ = text.skip(byte: text.bytes[text.index])
            guard let digit = text.next, let low = digit.hexadecimalDigit else { break }
            _ = text.skip(byte: digit)
            bytes.append(high << 4 | low)
            if isIPv6 { _ = text.skip(":") }
        }
        guard bytes.count == (isIPv6 ? 16 : 4), text.skip(isIPv6 ? "]:" : ":"), let port = text.hexadecimal(),
            port <= UInt16.max
        else { throw text.error("<address>:<port>, both hexadecimal") }
        return Endpoint(address: IPAddress.text(of: bytes), port: port)
    }
}
