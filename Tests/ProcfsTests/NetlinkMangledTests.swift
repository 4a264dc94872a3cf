// Every parser of netlink on each truncation of what was captured, on random changes of it and on noise: it gives what
// it can or a named error, and never traps. VITALS_SEED sets the seed, which every failure prints.

import Bytes
import Platform
import Procfs
import TestSupport
import Testing

@Suite struct NetlinkMangledTests {
    private func expectUnbroken(
        _ kinds: [String], of machine: String = "debian12-6.18-namespace", rounds: Int = 2_000,
        _ parse: ([UInt8]) throws(NetlinkError) -> NetlinkPart
    ) throws {
        var noise = SeededRandom()
        for kind in kinds {
            let whole = try NetlinkFixtures.bytes(kind, of: machine)
            var answers = 0
            func run(_ bytes: [UInt8]) {
                do throws(NetlinkError) {
                    _ = try parse(bytes)
                    answers += 1
                } catch {
                    guard case .malformed(let offset) = error else { return }
                    #expect(offset <= bytes.count, "\(kind), seed \(SeededRandom.seed)")
                }
            }
            for count in 0...whole.count { run(Array(whole.prefix(count))) }
            #expect(answers > 0, "\(kind): not even the whole answer was read")
            for _ in 0..<rounds {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...8, using: &noise) {
                    bytes[Int.random(in: 0..<bytes.count, using: &noise)] = UInt8.random(in: 0 ... .max, using: &noise)
                }
                run(bytes)
                run((0..<200).map { _ in UInt8.random(in: 0 ... .max, using: &noise) })
            }
        }
    }

    @Test func interfaces() throws {
        try expectUnbroken(["interfaces"]) { bytes throws(NetlinkError) in
            try LinkAttributes.forEach(bytes, count: bytes.count, sequence: 7) { link in
                _ = bytes.hardwareAddress(link.address) + bytes.text(upToZeroIn: link.name)
                _ = link.alternativeNames.map { bytes.text(upToZeroIn: $0) }
                #expect(link.sysfsFlags & 0x40 == 0)
            }
        }
    }

    @Test func linkModes() throws {
        try expectUnbroken(["linkmodes"]) { bytes throws(NetlinkError) in
            try LinkModes.forEach(bytes, count: bytes.count, sequence: 7, family: NetlinkFixtures.ethtoolFamily) {
                #expect(["half", "full", "unknown"].contains($0.duplex))
            }
        }
    }

    @Test func neighbours() throws {
        try expectUnbroken(["neighbours"]) { bytes throws(NetlinkError) in
            try Neighbour.forEach(bytes, count: bytes.count, sequence: 7) { _ = $0.isResolved }
        }
    }

    @Test func families() throws {
        var family: UInt16?
        try expectUnbroken(["ethtool-family"]) { bytes throws(NetlinkError) in
            try GenericNetlink.parse(bytes, count: bytes.count, sequence: 7, into: &family)
        }
    }

    @Test func arpFile() throws {
        let texts = ["debian12-6.18-vm", "composed-network"].compactMap { Fixtures.bytes($0, "proc/net/arp") }
        ProcfsTests.expectUnbroken("arp", texts) { cursor throws(ParseError) in
            try ARPTable.forEachDevice(&cursor) { #expect(!$1.text($0).isEmpty) }
        }
    }

    @Test func sockets() throws {
        try expectUnbroken(["tcp", "tcp6"]) { bytes throws(NetlinkError) in
            var sockets = TCPSockets()
            return try sockets.count(bytes, count: bytes.count, sequence: 7)
        }
    }

    @Test func routes() throws {
        try expectUnbroken(["routes"]) { bytes throws(NetlinkError) in
            try Route.forEach(bytes, count: bytes.count, sequence: 7) { route in
                let text = (route.destination?.text ?? "") + (route.gateway?.text ?? "") + route.protocolName
                #expect(!text.isEmpty && route.weight ?? 1 >= 1)
            }
        }
    }

    @Test func queueDisciplines() throws {
        try expectUnbroken(["qdiscs"]) { bytes throws(NetlinkError) in
            try QueueDiscipline.forEach(bytes, count: bytes.count, sequence: 7) { #expect(!$0.kind.isEmpty) }
        }
    }

    @Test func wireless() throws {
        let family = NetlinkFixtures.wifiFamily
        try expectUnbroken(["wifi-interfaces"], of: "composed") { bytes throws(NetlinkError) in
            try WirelessInterface.forEach(bytes, count: bytes.count, sequence: 7, family: family) {
                #expect(!$0.name.isEmpty)
            }
        }
        try expectUnbroken(["wifi-networks", "wifi-ad-hoc"], of: "composed") { bytes throws(NetlinkError) in
            try WirelessNetwork.forEach(bytes, count: bytes.count, sequence: 7, family: family) {
                _ = $0.name + $0.address
            }
        }
        try expectUnbroken(["wifi-client", "wifi-access-point"], of: "composed") { bytes throws(NetlinkError) in
            try WirelessStation.forEach(bytes, count: bytes.count, sequence: 7, family: family) { _ = $0.address }
        }
    }

    /// The answers of drivers have no errors, but may be short, or say that they are longer than they are.
    @Test func drivers() throws {
        var noise = SeededRandom()
        for kind in ["driver", "names", "statistics", "link"] {
            let whole = try NetlinkFixtures.bytes("ethtool-\(kind)", of: "debian12-6.18-vm")
            func run(_ bytes: [UInt8]) {
                if let driver = EthtoolDriver(bytes) { #expect(driver.statisticCount <= Ethtool.statisticLimit) }
                #expect(Ethtool.names(bytes).count <= bytes.count / 32)
                for index in 0..<Ethtool.statisticCount(bytes) { _ = Ethtool.statistic(index, of: bytes) }
                _ = EthtoolLink.wantedWords(bytes)
                if let link = EthtoolLink(bytes) { #expect(link.supported.count == link.advertised.count) }
            }
            for count in 0...whole.count { run(Array(whole.prefix(count))) }
            for _ in 0..<2_000 {
                var bytes = whole
                for _ in 0..<8 {
                    bytes[Int.random(in: 0..<bytes.count, using: &noise)] = UInt8.random(in: 0 ... .max, using: &noise)
                }
                run(bytes)
            }
        }
    }
}
