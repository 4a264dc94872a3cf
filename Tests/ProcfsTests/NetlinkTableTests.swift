// What is read of sockets, routes and queueing disciplines.

import Bytes
import Platform
import Procfs
import Testing

@Suite struct NetlinkTableTests {
    @Test func countsSockets() throws {
        var sockets = TCPSockets()
        let four = try NetlinkFixtures.bytes("tcp")
        #expect(try sockets.count(four, count: four.count, sequence: 7).isLast)
        func count(_ state: String) -> Int {
            zip(TCPSockets.states, sockets.counts).first { $0.0 == state }?.1 ?? -1
        }
        #expect(count("established") == 4 && count("listen") == 1 && count("syn_sent") == 1)
        #expect(count("fin_wait2") == 1 && count("time_wait") == 1 && count("close_wait") == 1 && count("closing") == 0)
        #expect(sockets.receiveQueueBytes == 1002 && sockets.sendQueueBytes == 129)
        var six = TCPSockets()
        let bytes = try NetlinkFixtures.bytes("tcp6")
        _ = try six.count(bytes, count: bytes.count, sequence: 7)
        #expect((sockets + six).counts[0] == 6 && (sockets + six).sendQueueBytes == 257)
        sockets.removeAll()
        #expect(sockets.isEmpty && sockets == TCPSockets() && !six.isEmpty)
    }

    /// A state that a newer kernel may have is not counted as another one.
    @Test func passesOverUnknownStates() throws {
        let bytes = NetlinkFixtures.message(type: 20) { message in
            message.append(UInt8(2))
            message.append(UInt8(13))
            message.append(zeros: 70)
        }
        var sockets = TCPSockets()
        _ = try sockets.count(bytes, count: bytes.count, sequence: 7)
        #expect(sockets.isEmpty)
    }

    @Test func asksForAllSockets() {
        let request = TCPSockets.request(addressFamily: 10).bytes(sequence: 1)
        #expect(request.count == 16 + 56 && Array(request[16..<24]) == [10, 6, 0, 0, 0xFF, 0x0F, 0, 0])
    }

    @Test func readsRoutes() throws {
        let bytes = try NetlinkFixtures.bytes("routes")
        var routes: [Route] = []
        #expect(try Route.forEach(bytes, count: bytes.count, sequence: 7) { routes.append($0) }.isLast)
        let lines = routes.map { route in
            let destination = route.destination.map { "\($0.text)/\(route.prefixLength)" } ?? "default"
            return "\(destination) \(route.gateway?.text ?? "-") \(route.source?.text ?? "-") \(route.interface)"
                + " \(route.priority) \(route.protocolName) \(route.weight ?? 0)"
        }
        for line in [
            "default 10.9.0.2 10.9.0.1 3 100 dhcp 0", "10.9.0.0/24 - 10.9.0.1 3 0 kernel 0",
            "10.20.0.0/16 10.9.0.2 - 3 0 boot 3", "10.20.0.0/16 10.9.1.4 - 4 0 boot 1",
            "10.21.0.0/16 10.9.0.2 - 3 0 boot 0", "10.23.0.0/16 - - 4 7 bird 0",
            "10.24.0.1/32 10.9.0.3 - 3 0 unknown 0", "default fd00:9::2 - 3 5 boot 0",
            "fd00:20::/32 fd00:9::2 - 3 1024 boot 2", "fd00:20::/32 fd00:9::3 - 3 1024 boot 1",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(
            !lines.contains { $0.hasPrefix("10.22") || $0.hasPrefix("127") }, "black holes and addresses of our own")
        #expect(lines.count { $0 == "default 10.9.0.2 10.9.0.1 3 100 dhcp 0" } == 2, "it is in two tables")
    }

    @Test func refusesAWayThatReachesOverItsRoute() throws {
        let bytes = NetlinkFixtures.message(type: 24) { route in
            route.append(UInt8(2))
            route.append(zeros: 6)
            route.append(UInt8(1))
            route.append(UInt32(0))
            route.append(nested: 9) { ways in
                ways.append(UInt16(20))
                ways.append(zeros: 6)
            }
        }
        let part = try Route.forEach(bytes, count: bytes.count, sequence: 7) { _ in
            Issue.record("an odd route was read")
        }
        #expect(part == NetlinkPart(skipped: 1, firstProblem: .malformed(offset: 32)))
    }

    @Test(
        arguments: [
            ([192, 0, 2, 1], "192.0.2.1"), ([255, 255, 255, 255], "255.255.255.255"),
            ([0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1], "2001:db8::1"),
            ([UInt8](repeating: 0, count: 16), "::"),
        ] as [([UInt8], String)]) func keepsAddresses(bytes: [UInt8], text: String)
    {
        #expect(IPAddress(bytes[...])?.text == text)
        #expect(IPAddress(bytes.dropLast()) == nil)
    }

    @Test func readsQueueDisciplines() throws {
        let bytes = try NetlinkFixtures.bytes("qdiscs")
        var disciplines: [QueueDiscipline] = []
        #expect(
            try QueueDiscipline.forEach(bytes, count: bytes.count, sequence: 7) { disciplines.append($0) }.isLast)
        let roots = disciplines.filter(\.isRoot)
        #expect(roots.map(\.kind) == ["noqueue", "noqueue", "htb", "tbf"] && roots.map(\.interface) == [1, 2, 3, 4])
        #expect(disciplines.count > roots.count, "pfifo is below htb")
        #expect(roots[2].packets > 0 && roots[2].bytes > roots[2].packets)
    }

    @Test func packetsBeyond32BitsStandElsewhere() throws {
        let bytes = NetlinkFixtures.message(type: 36) { message in
            message.append(zeros: 12)
            message.append(UInt32.max)
            message.append(UInt32(0))
            message.append(attribute: 1, "fq")
            message.append(nested: 7) { statistics in
                statistics.append(nested: 8) { $0.append(UInt64(1) << 32 + 5) }
                statistics.append(nested: 1) { basic in
                    basic.append(UInt64(9_000))
                    basic.append(UInt32(5))
                }
                statistics.append(nested: 3) { queue in for value: UInt32 in 1...5 { queue.append(value) } }
            }
        }
        var found: [QueueDiscipline] = []
        _ = try QueueDiscipline.forEach(bytes, count: bytes.count, sequence: 7) { found.append($0) }
        let one = try #require(found.first)
        #expect(one.isRoot && one.kind == "fq" && one.bytes == 9_000 && one.packets == 1 << 32 + 5)
        #expect(one.queueLength == 1 && one.backlogBytes == 2 && one.drops == 3 && one.requeues == 4)
        #expect(one.overlimits == 5)
    }
}
