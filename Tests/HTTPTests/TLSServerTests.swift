import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP
@testable import Platform

/// Lines of an agent's log.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var log: AgentLog {
        AgentLog(level: .debug, underSystemd: true) { bytes in
            self.lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
        }
    }
    var all: [String] { lines.withLock(\.self) }
}

@Suite struct TLSServerTests {
    private let certificates: Certificates
    private let lines = Lines()

    init() throws { certificates = try Certificates() }

    private func acceptor(clientCA: String? = nil) throws -> TLSAcceptor {
        try TLSAcceptor(
            TLSSettings(certificate: certificates["server"], key: certificates["server.key"], clientCA: clientCA),
            log: lines.log)
    }

    private func serving(
        _ acceptor: TLSAcceptor?, _ limits: HTTPServerLimits = HTTPServerLimits(connections: 10)
    ) throws -> (server: HTTPServer, port: UInt16) {
        let server = HTTPServer(limits: limits) { request, answer in
            answer(HTTPServerResponse(status: 200, body: [UInt8](repeating: 0x61, count: Int(request.query) ?? 3)))
        }
        let listener = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        server.serve(listener, tls: acceptor)
        return (server, listener.localAddress?.port ?? 0)
    }

    private func trusting() -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.caFile = certificates["ca"]
        options.proxy = ""
        return options
    }

    private func get(_ client: HTTPClient, _ port: UInt16, _ path: String = "/") throws -> HTTPResponse {
        try client.send(HTTPRequest(method: "GET", url: "https://127.0.0.1:\(port)\(path)"))
    }

    @Test func servesWhatNeedsManyRecords() throws {
        let (server, port) = try serving(acceptor())
        defer { server.stop() }
        var options = trusting()
        options.responseByteLimit = 8 << 20
        let client = try HTTPClient(options)
        // Around the ends of records, and more than a socket takes at once.
        for count in [0, 3, 16_200, 16_384, 16_500, 40_000, 5_000_000] {
            let response = try get(client, port, "/?\(count)")
            #expect(response.status == 200 && response.body.utf8.count == count)
        }
        #expect(server.counts.connectionsAccepted == 1 && server.counts.handshakesFailed == 0)
    }

    @Test func countsAndTellsWhoFails() throws {
        let (server, port) = try serving(acceptor(clientCA: certificates["ca"]))
        defer { server.stop() }
        #expect(throws: TransportError.self) { _ = try get(try HTTPClient(trusting()), port) }
        #expect(eventually { server.counts.handshakesFailed == 1 })
        #expect(
            lines.all.contains { $0.contains("peer did not return a certificate") && $0.contains("client=127.0.0.1") })
        var options = trusting()
        (options.clientCertificate, options.clientKey) = (certificates["client"], certificates["client.key"])
        #expect(try get(try HTTPClient(options), port).status == 200)
        // The next ones are only counted.
        #expect(throws: TransportError.self) { _ = try get(try HTTPClient(trusting()), port) }
        #expect(eventually { server.counts.handshakesFailed == 2 })
        #expect(lines.all.count == 1)
    }

    @Test func refusesPlainHTTP() throws {
        let (server, port) = try serving(acceptor())
        defer { server.stop() }
        let answer = try httpGet(.ipv4(0x7F00_0001, port: port), path: "/", deadline: .now + .seconds(5))
        #expect(answer.status == 400)
        #expect(answer.body == Array("this address speaks TLS: use https://\n".utf8))
        #expect(server.counts.handshakesFailed == 1 && server.counts.requests == 0)
        // Who only looks whether somebody listens has failed at nothing.
        do { _ = try Socket.connecting(to: .ipv4(0x7F00_0001, port: port), until: .now + .seconds(5)) }
        #expect(eventually { server.counts.connectionsAccepted == 2 && server.connectionCount == 0 })
        #expect(server.counts.handshakesFailed == 1)
        #expect(eventually { server.connectionCount == 0 })
    }

    @Test func cutsOffSlowHandshakes() throws {
        let (server, port) = try serving(
            acceptor(), HTTPServerLimits(connections: 10, requestDeadline: .milliseconds(60)))
        defer { server.stop() }
        let silent = try Socket.connecting(to: .ipv4(0x7F00_0001, port: port), until: .now + .seconds(5))
        let begun = try Socket.connecting(to: .ipv4(0x7F00_0001, port: port), until: .now + .seconds(5))
        _ = try begun.write([0x16, 3, 1])
        #expect(eventually { server.counts.requestsTooSlow == 2 && server.connectionCount == 0 })
        withExtendedLifetime((silent, begun)) {}
    }

    /// With TLS or without: who has asked for nothing yet makes room for who comes.
    @Test(arguments: [true, false]) func newcomersMakeRoom(isTLS: Bool) throws {
        let (server, port) = try serving(isTLS ? acceptor() : nil, HTTPServerLimits(connections: 3))
        defer { server.stop() }
        let address = SocketAddress.ipv4(0x7F00_0001, port: port)
        let silent = try (0..<5).map { _ in try Socket.connecting(to: address, until: .now + .seconds(5)) }
        #expect(eventually { server.counts.connectionsAccepted == 5 })
        #expect(server.connectionCount == 3 && server.counts.refusedByLimit == 2)
        let client = try HTTPClient(trusting())
        let scheme = isTLS ? "https" : "http"
        let response = try client.send(HTTPRequest(method: "GET", url: "\(scheme)://127.0.0.1:\(port)/"))
        #expect(response.status == 200)
        withExtendedLifetime(silent) {}
    }

    @Test func saysWhatIsWrongWithTheFiles() {
        func reason(_ settings: TLSSettings) -> String {
            do throws(TLSError) {
                _ = try TLSAcceptor(settings, log: .silent)
                return "nothing"
            } catch { return error.reason }
        }
        let good = TLSSettings(certificate: certificates["server"], key: certificates["server.key"])
        #expect(reason(good) == "nothing")
        var settings = good
        settings.key = certificates["client.key"]
        #expect(
            reason(settings) == "the key \(settings.key) does not belong to the certificate \(settings.certificate)")
        settings = good
        settings.certificate = "/dev/zero"
        #expect(reason(settings) == "the certificate /dev/zero: it is no regular file")
        settings.certificate = "/nowhere"
        #expect(reason(settings) == "the certificate /nowhere: No such file or directory")
        settings = good
        settings.clientCA = certificates["ca.key"]
        #expect(reason(settings).hasPrefix("the authorities for clients \(certificates["ca.key"]): "))
        settings = good
        settings.ciphers = "nonsense"
        #expect(reason(settings) == "the ciphers \"nonsense\": no cipher match")
    }

    @Test func knowsWhereRequestsComeFrom() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let origins = Mutex<[HTTPServerRequest.Origin]>([])
        let server = HTTPServer(limits: HTTPServerLimits(connections: 10)) { request, answer in
            origins.withLock { $0.append(request.origin) }
            answer(HTTPServerResponse(status: 200))
        }
        defer { server.stop() }
        for asked in [SocketAddress.unix(path: directory.path + "/a"), .ipv4(0x7F00_0001, port: 0), .all(port: 0)] {
            let listener = try Socket.listening(at: asked)
            server.serve(listener)
            _ = try httpGet(listener.address(asked: asked), path: "/", deadline: .now + .seconds(5))
        }
        let seen = origins.withLock(\.self)
        #expect(seen.first == .unixSocket)
        for origin in seen.dropFirst() {
            guard case .network(let client?) = origin else {
                Issue.record("\(origin)")
                continue
            }
            #expect(client.host == "127.0.0.1" || client.host == "[::1]")
            #expect(client.port != 0)
        }
    }
}
