// Requests to netlink byte by byte, and what is read from captured answers.

import Bytes
import Platform
import Procfs
import Testing

@Suite struct NetlinkParserTests {
    // MARK: Requests

    @Test func asksForADump() {
        #expect(
            InterfaceAddress.request.bytes(sequence: 0x0102_0304) == [
                24, 0, 0, 0, 22, 0, 0x01, 0x03, 4, 3, 2, 1, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func padsAttributesAndNests() {
        var request = NetlinkRequest("ETHTOOL_MSG_LINKMODES_GET", family: 0x15, command: 4, version: 1, .question)
        request.append(attribute: 2, "abc")
        request.append(nested: 1) { header in
            header.append(attribute: 3, UInt8(9))
            header.append(attribute: 4, UInt32(1))
        }
        #expect(
            request.bytes(sequence: 7) == [
                48, 0, 0, 0, 0x15, 0, 0x05, 0, 7, 0, 0, 0, 0, 0, 0, 0,
                4, 1, 0, 0,
                8, 0, 2, 0, 97, 98, 99, 0,
                20, 0, 1, 0x80, 5, 0, 3, 0, 9, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0,
            ])
    }

    @Test func sendsARequestAgainUnderAnotherNumber() {
        let request = LinkAttributes.request
        #expect(request.bytes(sequence: 1).count == 40 && request.bytes(sequence: 1) == request.bytes(sequence: 1))
        #expect(request.bytes(sequence: 2)[8] == 2)
    }

    // MARK: Answers

    @Test func knowsTheEndOfAQuestion() throws {
        let acknowledgement = NetlinkFixtures.message(type: 2) { $0.append(Int32(0)) }
        let part = try NetlinkDump.forEach(16, sequence: 7, in: acknowledgement, count: acknowledgement.count) { _ in }
        #expect(part.isLast)
        let refusal = NetlinkFixtures.message(type: 2) { $0.append(Int32(-2)) }
        #expect(throws: NetlinkError.refused(.notFound)) {
            try NetlinkDump.forEach(16, sequence: 7, in: refusal, count: refusal.count) { _ in }
        }
    }

    @Test func aDumpThatEndsWithAnErrorIsRefused() throws {
        let good = NetlinkFixtures.message(type: 3) { $0.append(Int32(0)) }
        #expect(try NetlinkDump.forEach(16, sequence: 7, in: good, count: good.count) { _ in }.isLast)
        let bad = NetlinkFixtures.message(type: 3) { $0.append(Int32(-95)) }
        #expect(throws: NetlinkError.refused(.notSupported)) {
            try NetlinkDump.forEach(16, sequence: 7, in: bad, count: bad.count) { _ in }
        }
    }

    @Test func findsAGenericFamily() throws {
        var family: UInt16?
        let bytes = try NetlinkFixtures.bytes("ethtool-family")
        _ = try GenericNetlink.parse(bytes, count: bytes.count, sequence: 7, into: &family)
        #expect(family == NetlinkFixtures.ethtoolFamily)
        let missing = try NetlinkFixtures.bytes("no-family")
        #expect(throws: NetlinkError.refused(.notFound)) {
            try GenericNetlink.parse(missing, count: missing.count, sequence: 7, into: &family)
        }
    }

    @Test func readsWhatInterfacesAre() throws {
        let bytes = try NetlinkFixtures.bytes("interfaces")
        var links: [LinkAttributes] = []
        let part = try LinkAttributes.forEach(bytes, count: bytes.count, sequence: 7) { links.append($0) }
        #expect(part.isLast)
        func text(_ range: Range<Int>) -> String { bytes.text(upToZeroIn: range) }
        #expect(links.map { text($0.name) } == ["lo", "v1", "v0", "br0", "off0"])
        let v0 = try #require(links.first { text($0.name) == "v0" })
        #expect(text(v0.alias) == "to \"br0\"")
        #expect(v0.alternativeNames.map(text) == ["uplink0", "a-name-that-is-longer-than-fifteen-bytes"])
        #expect(bytes.hardwareAddress(v0.address) == "02:00:00:00:01:00")
        #expect(bytes.hardwareAddress(v0.broadcast) == "ff:ff:ff:ff:ff:ff")
        #expect(v0.index == 3 && v0.link == 2 && v0.mtu == 1500 && v0.group == 7 && v0.transmitQueueLength == 99)
        #expect(v0.operationalState == 6 && v0.carrier == 1 && v0.isUp && !v0.isDormant && v0.hardwareType == 1)
        #expect(v0.carrierChanges == 2 && v0.carrierUpChanges == 1 && v0.carrierDownChanges == 1 && v0.linkMode == 0)
        // sysfs had 4867 for this one: a port of a bridge listens to everything.
        let v1 = try #require(links.first { text($0.name) == "v1" })
        #expect(v1.sysfsFlags == 4867 && v0.sysfsFlags == 4099)
        let lo = links[0]
        #expect(lo.link == 1 && lo.hardwareType == 772 && text(lo.alias).isEmpty && lo.alternativeNames.isEmpty)
        #expect(!links[4].isUp)
    }

    @Test func readsSpeeds() throws {
        let bytes = try NetlinkFixtures.bytes("linkmodes")
        var modes: [LinkModes] = []
        let family = NetlinkFixtures.ethtoolFamily
        #expect(
            try LinkModes.forEach(bytes, count: bytes.count, sequence: 7, family: family) { modes.append($0) }.isLast)
        #expect(modes.map(\.interface) == [2, 3, 4])
        #expect(modes.map(\.megabitsPerSecond) == [10_000, 10_000, 10_000])
        #expect(modes.map(\.duplex) == ["full", "full", "unknown"])
    }

    @Test func readsNeighbours() throws {
        let bytes = try NetlinkFixtures.bytes("neighbours")
        var neighbours: [Neighbour] = []
        #expect(try Neighbour.forEach(bytes, count: bytes.count, sequence: 7) { neighbours.append($0) }.isLast)
        let resolved = neighbours.filter(\.isResolved)
        #expect(resolved.count { $0.interface == 3 } == 2 && resolved.count { $0.interface == 4 } == 1)
        #expect(neighbours.count > resolved.count, "one needs no ARP")
    }

    @Test func readsTheFileOfNeighbours() throws {
        var cursor = ByteCursor("IP address  HW type Flags HW address Mask Device\n192.0.2.1 0x1 0x2 02:00 * eth0\n")
        var devices: [String] = []
        try ARPTable.forEachDevice(&cursor) { devices.append($1.text($0)) }
        #expect(devices == ["eth0"])
        var short = ByteCursor("IP address  HW type\n192.0.2.1 0x1 0x2 02:00 *\n")
        try ARPTable.forEachDevice(&short) { _, _ in Issue.record("a line without a device was read") }
        #expect(short.rows.firstProblem == ParseError(line: 2, expected: "six fields, the last one the device"))
    }

    /// A number that is shorter than the kernel makes it is an error, not another number.
    @Test func refusesShortNumbers() throws {
        let bytes = NetlinkFixtures.message(type: 16) { link in
            link.append(zeros: 16)
            link.append(attribute: 4, UInt16(1500))
        }
        let part = try LinkAttributes.forEach(bytes, count: bytes.count, sequence: 7) { _ in
            Issue.record("a short number was read")
        }
        #expect(part == NetlinkPart(read: 0, skipped: 1, firstProblem: .malformed(offset: 36)))
    }
}
