// One odd message of a netlink dump costs itself: all others are read, and it is counted. Made of captured answers, of
// which each message in turn is spoilt.

import Platform
import Procfs
import TestSupport
import Testing

@Suite struct NetlinkOddMessageTests {
    private static let overrun: UInt16 = 4
    private static let noOperation: UInt16 = 1

    /// A kind of answer: how it is read, and where the attributes of a message begin; nil for one whose attributes are
    /// not read.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        var machine = "debian12-6.18-namespace"
        /// Of the messages that are read; others, such as the end of the dump, stay.
        let type: UInt16
        let headerBytes: Int
        var hasAttributes = true
        let parse: @Sendable ([UInt8]) throws(NetlinkError) -> NetlinkPart

        var testDescription: String { name }
    }

    static let kinds = [
        Kind(name: "interfaces", type: 16, headerBytes: 16) { bytes throws(NetlinkError) in
            try LinkAttributes.forEach(bytes, count: bytes.count, sequence: 7) { _ in }
        },
        Kind(name: "links", machine: "debian12-6.18-vm", type: 16, headerBytes: 16) { bytes throws(NetlinkError) in
            var links: [LinkStatistics] = []
            return try LinkStatistics.parse(bytes, count: bytes.count, sequence: 7, into: &links)
        },
        Kind(name: "addresses", machine: "debian12-6.18-vm", type: 20, headerBytes: 8) {
            bytes throws(NetlinkError) in
            var addresses: [InterfaceAddress] = []
            return try InterfaceAddress.parse(bytes, count: bytes.count, sequence: 7, into: &addresses)
        },
        Kind(name: "linkmodes", type: NetlinkFixtures.ethtoolFamily, headerBytes: 4) { bytes throws(NetlinkError) in
            try LinkModes.forEach(bytes, count: bytes.count, sequence: 7, family: NetlinkFixtures.ethtoolFamily) { _ in
            }
        },
        Kind(name: "neighbours", type: 28, headerBytes: 12, hasAttributes: false) { bytes throws(NetlinkError) in
            try Neighbour.forEach(bytes, count: bytes.count, sequence: 7) { _ in }
        },
        Kind(name: "tcp", type: 20, headerBytes: 72, hasAttributes: false) { bytes throws(NetlinkError) in
            var sockets = TCPSockets()
            return try sockets.count(bytes, count: bytes.count, sequence: 7)
        },
        Kind(name: "qdiscs", type: 36, headerBytes: 20) { bytes throws(NetlinkError) in
            try QueueDiscipline.forEach(bytes, count: bytes.count, sequence: 7) { _ in }
        },
        Kind(name: "wifi-interfaces", machine: "composed", type: NetlinkFixtures.wifiFamily, headerBytes: 4) {
            bytes throws(NetlinkError) in
            try WirelessInterface.forEach(
                bytes, count: bytes.count, sequence: 7, family: NetlinkFixtures.wifiFamily
            ) { _ in }
        },
        Kind(name: "wifi-networks", machine: "composed", type: NetlinkFixtures.wifiFamily, headerBytes: 4) {
            bytes throws(NetlinkError) in
            try WirelessNetwork.forEach(
                bytes, count: bytes.count, sequence: 7, family: NetlinkFixtures.wifiFamily
            ) { _ in }
        },
        Kind(name: "wifi-access-point", machine: "composed", type: NetlinkFixtures.wifiFamily, headerBytes: 4) {
            bytes throws(NetlinkError) in
            try WirelessStation.forEach(
                bytes, count: bytes.count, sequence: 7, family: NetlinkFixtures.wifiFamily
            ) { _ in }
        },
    ]

    private func number(_ bytes: [UInt8], at index: Int, count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[index + $1]) << (8 * $1) }
    }

    private func set(_ bytes: inout [UInt8], _ value: Int, at index: Int, count: Int) {
        for offset in 0..<count { bytes[index + offset] = UInt8(truncatingIfNeeded: value >> (8 * offset)) }
    }

    /// Each with its padding.
    private func messages(_ bytes: [UInt8]) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var index = 0
        while index < bytes.count {
            let end = min(index + (number(bytes, at: index, count: 4) + 3) & ~3, bytes.count)
            messages.append(Array(bytes[index..<end]))
            index = end
        }
        return messages
    }

    private func message(_ type: UInt16, _ body: [UInt8] = []) -> [UInt8] {
        NetlinkFixtures.message(type: type) { message in for byte in body { message.append(byte) } }
    }

    @Test(arguments: kinds) func anOddMessageCostsItself(kind: Kind) throws {
        let messages = messages(try NetlinkFixtures.bytes(kind.name, of: kind.machine))
        let whole = try kind.parse(messages.flatMap(\.self))
        #expect(whole.read > 0 && whole.skipped == 0)
        var spoilt = 0
        for (place, message) in messages.enumerated()
        where number(message, at: 4, count: 2) == Int(kind.type) {
            let attributes = 16 + kind.headerBytes
            var odd = [Array(message[..<(16 + kind.headerBytes / 2 & ~3)])]
            if kind.hasAttributes, message.count > attributes + 4 {
                // Beyond the message, shorter than its own head, and a head that is cut off.
                for length in [0xFFFF, message.count - attributes + 1, 3, 0] {
                    var other = message
                    set(&other, length, at: attributes, count: 2)
                    odd.append(other)
                }
                odd.append(message + [7, 0, 0, 0])
                odd.append(Array(message[..<(attributes + 2)]))
            }
            for var other in odd {
                if other.count != message.count { set(&other, other.count, at: 0, count: 4) }
                other += [UInt8](repeating: 0, count: -other.count & 3)
                var all = messages
                all[place] = other
                let part = try kind.parse(all.flatMap(\.self))
                #expect(part.read == whole.read - 1 && part.skipped == 1, "message \(place): \(part)")
                #expect(part.isLast == whole.isLast && part.isInterrupted == whole.isInterrupted)
                guard case .malformed = part.firstProblem else {
                    Issue.record("\(part)")
                    continue
                }
                spoilt += 1
            }
        }
        #expect(spoilt >= whole.read)
    }

    /// Their numbers are shorter than the kernel makes them.
    @Test func shortNumbersCostTheirMessage() throws {
        func link(_ attribute: UInt16, _ value: [UInt8]) -> [UInt8] {
            NetlinkFixtures.message(type: 16) { link in
                link.append(zeros: 16)
                link.append(attribute: 3, "eth0")
                link.append(nested: attribute) { nested in for byte in value { nested.append(byte) } }
            }
        }
        for attribute: UInt16 in [4, 5, 13, 27, 30, 35, 47, 48, 61, 16, 17, 33] {
            let bytes = link(attribute, []) + link(4, [1, 0, 0, 0])
            var names = 0
            let part = try LinkAttributes.forEach(bytes, count: bytes.count, sequence: 7) { _ in names += 1 }
            #expect(part.read == 1 && part.skipped == 1 && names == 1, "\(attribute)")
        }
    }

    @Test func messagesOfOtherTypesAreNoMatter() throws {
        let links = messages(try NetlinkFixtures.bytes("interfaces"))
        let parse = Self.kinds[0].parse
        let whole = try parse(links.flatMap(\.self))
        for place in 0..<links.count {
            var all = links
            all.insert(message(0x7777, [1, 2, 3, 4]), at: place)
            all.insert(message(Self.noOperation), at: place)
            #expect(try parse(all.flatMap(\.self)) == whole)
            all.insert(message(Self.overrun), at: place)
            var interrupted = whole
            interrupted.isInterrupted = true
            #expect(try parse(all.flatMap(\.self)) == interrupted, "something of the dump is lost")
        }
    }

    /// Nobody knows where the next one begins; what came before it holds, and the dump is asked for again.
    @Test func behindAWrongLengthTheRestOfTheDatagramIsLost() throws {
        let links = messages(try NetlinkFixtures.bytes("interfaces"))
        let parse = Self.kinds[0].parse
        for length in [0, 15, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            for place in 0..<links.count {
                var all = links
                set(&all[place], length, at: 0, count: 4)
                let part = try parse(all.flatMap(\.self))
                #expect(part.read == place && part.skipped == 1 && part.isInterrupted && !part.isLast)
            }
        }
    }

    @Test func partsOfADumpAddUp() {
        var all = NetlinkPart(read: 3)
        all.add(NetlinkPart(isInterrupted: true, read: 1, skipped: 2, firstProblem: .malformed(offset: 4)))
        all.add(NetlinkPart(isLast: true, read: 2, skipped: 1, firstProblem: .malformed(offset: 8)))
        let sum = NetlinkPart(
            isLast: true, isInterrupted: true, read: 6, skipped: 3, firstProblem: .malformed(offset: 4))
        #expect(all == sum)
    }
}
