// The tcp output against receivers of the test's own: what arrives, and every way in which one goes away.

import Foundation
import Outputs
import Platform
import Settings
import TestSupport
import Testing

@Suite struct TCPOutputTests {
    private func output(_ port: UInt16, _ more: String = "") throws -> TCPOutput {
        var section = try section(#"{ "address": "127.0.0.1:\#(port)"\#(more) }"#)
        let output = try TCPOutput(&section, context())
        try section.finish()
        return output
    }

    private func listen(_ port: UInt16 = 0) throws -> (socket: Socket, port: UInt16) {
        let socket = try Socket.listening(at: SocketAddress("127.0.0.1:\(port)"))
        return (socket, try #require(socket.localAddress?.port))
    }

    private func accept(_ listener: Socket) throws -> Socket {
        var client: Socket?
        #expect(
            eventually {
                client = try? listener.accept(); return client != nil
            })
        return try #require(client)
    }

    /// Everything, until so many bytes came or the other side has finished.
    private func read(_ socket: Socket, _ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while all.count < count {
            try socket.wait(for: .reading, until: .now + .seconds(20))
            let got = try socket.read(into: &buffer)
            if got == 0 { break }
            all += buffer[..<got]
        }
        return all
    }

    @Test func refusesWhatIsNoAddress() throws {
        for wrong in ["", "host", "host:", ":25888", "host:0", "host:x", "::1:25888", "host:70000"] {
            var section = try section(#"{ "address": "\#(wrong)" }"#)
            #expect(throws: SettingsError.self, "\(wrong)") { _ = try TCPOutput(&section, context()) }
        }
        for right in ["host.example:25888", "[::1]:1"] {
            var section = try section(#"{ "address": "\#(right)" }"#)
            _ = try TCPOutput(&section, context())
        }
    }

    @Test func keepsOneConnectionAndSendsAllOfIt() throws {
        let (listener, port) = try listen()
        var output = try output(port)
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        let reader = Thread.detached { [self] in
            let client = try? accept(listener)
            return client.flatMap { try? read($0, body.count * 2) } ?? []
        }
        try output.deliver(body, recordCount: 1)
        try output.deliver(body, recordCount: 1)
        #expect(reader.value == body + body)
    }

    @Test func aRefusedConnectionIsTriedAgain() throws {
        let (listener, port) = try listen()
        listener.finishWriting()
        var closed: Socket? = listener
        closed = nil
        _ = closed
        var output = try output(port)
        do throws(DeliveryError) {
            try output.deliver([1], recordCount: 1)
        } catch {
            guard case .retry(nil, let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.hasPrefix("127.0.0.1:\(port): "))
        }
    }

    @Test func aReceiverThatClosedIsFoundBeforeTheNextDelivery() throws {
        let (listener, port) = try listen()
        var output = try output(port)
        try output.deliver(Array("one\n".utf8), recordCount: 1)
        do {
            let first = try accept(listener)
            #expect(try read(first, 4) == Array("one\n".utf8))
            _ = try first.write(Array("chatter".utf8))
        }
        // It is gone. The end may take a moment to arrive: nothing may be lost in between.
        try output.deliver(Array("two\n".utf8), recordCount: 1)
        let second = try accept(listener)
        #expect(try read(second, 4) == Array("two\n".utf8))
    }

    @Test func aReceiverThatBreaksOffGetsTheBatchAgain() throws {
        let (listener, port) = try listen()
        var output = try output(port)
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: 30_000_000)
        let breaker = Thread.detached { [self] in
            guard let client = try? accept(listener) else { return 0 }
            // Closed with bytes unread: the other side gets a reset.
            return (try? read(client, 10_000).count) ?? 0
        }
        #expect(throws: DeliveryError.self) { try output.deliver(body, recordCount: 1) }
        #expect(breaker.value > 0)
        let reader = Thread.detached { [self] in
            guard let client = try? accept(listener) else { return 0 }
            return (try? read(client, body.count).count) ?? 0
        }
        try output.deliver(body, recordCount: 1)
        #expect(reader.value == body.count)
    }

    @Test func aReceiverThatReadsNothingIsAFailure() throws {
        let (listener, port) = try listen()
        var output = try output(port, #", "timeout": "200ms""#)
        #expect(throws: DeliveryError.self) {
            try output.deliver([UInt8](repeating: 0, count: 50_000_000), recordCount: 1)
        }
        _ = listener
    }

    @Test func looksUpNames() throws {
        let loopback = try SocketAddress("127.0.0.1:7")
        #expect(try lookUp(host: "localhost", port: 7).contains(loopback))
        let six = try SocketAddress("[::1]:7")
        #expect(try lookUp(host: "::1", port: 7) == [six])
        #expect(throws: HostLookupError.self) { _ = try lookUp(host: "no-such-name.invalid", port: 7) }
    }
}
