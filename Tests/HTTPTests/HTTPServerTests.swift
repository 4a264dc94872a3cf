import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP
@testable import Platform

/// Answers that wait until the test lets them go.
private final class Held: Sendable {
    private let answers = Mutex<[@Sendable () -> Void]>([])

    var count: Int { answers.withLock(\.count) }
    func hold(_ answer: @escaping @Sendable () -> Void) { answers.withLock { $0.append(answer) } }
    func letGo() { answers.withLock { $0.removeFirst() }() }
}

/// A server on loopback, with handlers that the tests of this file need.
private final class TestServer {
    let server: HTTPServer
    let address: SocketAddress
    let held = Held()

    init(
        _ limits: HTTPServerLimits = HTTPServerLimits(connections: 10),
        at asked: SocketAddress = .ipv4(0x7F00_0001, port: 0)
    ) throws {
        let held = held
        server = HTTPServer(limits: limits) { request, answer in
            switch request.path {
            case "/large":
                let count = Int(request.query) ?? 0
                answer(HTTPServerResponse(status: 200, body: [UInt8](repeating: 0x61, count: count)))
            case "/later": held.hold { answer(HTTPServerResponse(status: 200, text: "late")) }
            case "/twice":
                answer(HTTPServerResponse(status: 200, text: "one"))
                answer(HTTPServerResponse(status: 500, text: "two"))
            default: answer(HTTPServerResponse(status: 200, text: "\(request.method) \(request.path)"))
            }
        }
        let listener = try Socket.listening(at: asked)
        address = listener.address(asked: asked)
        server.serve(listener)
    }

    deinit { server.stop() }

    func client() throws -> TestClient { TestClient(try Socket.connecting(to: address, until: .now + .seconds(5))) }
}

/// Blocks, as a client may.
private struct TestClient {
    let socket: Socket
    init(_ socket: Socket) { self.socket = socket }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            try socket.wait(for: .writing, until: .now + .seconds(5))
            written += try socket.write(bytes, from: written)
        }
    }

    /// All bytes until the server closes, or until `count` of them have come.
    func receive(_ count: Int = .max) throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < count {
            try socket.wait(for: .reading, until: .now + .seconds(5))
            let read = try socket.read(into: &buffer)
            if read == 0 { break }
            bytes.append(contentsOf: buffer[..<read])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// One response with a body whose length is known.
    func response(bodyCount: Int) throws -> String {
        var text = ""
        while !text.contains("\r\n\r\n") { text += try receive(1) }
        let end = try #require(text.range(of: "\r\n\r\n")).upperBound
        let missing = bodyCount - text[end...].utf8.count
        return missing > 0 ? text + (try receive(missing)) : text
    }
}

private let keepAlive = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
private let close = "GET /z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

@Suite struct HTTPServerTests {
    @Test func keepsAConnectionAlive() throws {
        let server = try TestServer()
        let client = try server.client()
        for _ in 0..<3 {
            try client.send(keepAlive)
            let response = try client.response(bodyCount: 7)
            #expect(
                response.hasPrefix(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 7\r\n"))
            #expect(response.hasSuffix("Connection: keep-alive\r\n\r\nGET /a\n"))
        }
        try client.send(close)
        #expect(try client.receive().hasSuffix("Connection: close\r\n\r\nGET /z\n"))
        #expect(server.server.counts.requests == 4)
        #expect(server.server.counts.connectionsAccepted == 1)
    }

    @Test func answersPipelinedRequestsInOrder() throws {
        let server = try TestServer()
        let client = try server.client()
        let requests = (0..<200).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
        try client.send(requests + close)
        let bodies = try client.receive().components(separatedBy: .newlines).filter { $0.hasPrefix("GET /") }
        #expect(bodies == (0..<200).map { "GET /\($0)" } + ["GET /z"])
    }

    /// More pipelined requests than the server lets wait, while the first is not answered.
    @Test func stopsReadingWhenTooManyWait() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(eventually { server.held.count == 1 })
        try client.send(String(repeating: keepAlive, count: 4_000) + close)
        server.held.letGo()
        let text = try client.receive()
        #expect(text.components(separatedBy: "GET /a\n").count == 4_001)
        #expect(text.hasSuffix("GET /z\n"))
    }

    @Test func answersAHalfClosedClient() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send(keepAlive + keepAlive)
        client.socket.finishWriting()
        #expect(try client.receive().components(separatedBy: "GET /a\n").count == 3)
        #expect(eventually { server.server.connectionCount == 0 })
        let other = try server.client()
        try other.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(eventually { server.held.count == 1 })
        other.socket.finishWriting()
        usleep(10_000)
        server.held.letGo()
        #expect(try other.receive().hasSuffix("late\n"))
    }

    @Test func sendsNoBodyForHead() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("HEAD /large?5 HTTP/1.1\r\nHost: x\r\n\r\n" + close)
        let text = try client.receive()
        #expect(text.contains("Content-Length: 5\r\n"))
        #expect(!text.contains("aaaaa"))
        #expect(text.hasSuffix("GET /z\n"))
    }

    @Test func speaksHTTP10() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try client.response(bodyCount: 7).contains("Connection: keep-alive"))
        try client.send("GET /b HTTP/1.0\r\n\r\n")
        #expect(try client.receive().contains("Connection: close"))
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + String(repeating: "a", count: 40_000) + "\r\n\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + String(repeating: "a", count: 500_000), 413),
        ("GET /" + String(repeating: "a", count: 40_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\n\r\n", 505),
    ]) func refusesAndCloses(request: String, status: Int) throws {
        let server = try TestServer()
        let client = try server.client()
        // What was not read yet must not reset the connection before the answer is read.
        do { try client.send(request) } catch let error as Errno {
            #expect(error.code == EPIPE || error.code == ECONNRESET)
        }
        #expect(try client.receive().hasPrefix("HTTP/1.1 \(status) "))
        #expect(server.server.counts.refusedRequests == 1)
    }

    @Test func refusesConnectionsAboveTheLimitWhileAllAreServed() throws {
        let server = try TestServer(HTTPServerLimits(connections: 2))
        let clients = [try server.client(), try server.client()]
        for client in clients { try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n") }
        #expect(eventually { server.held.count == 2 })
        let third = try server.client()
        try third.send(keepAlive)
        let answer = try third.receive()
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.contains("Retry-After: 5\r\n") && answer.contains("Connection: close\r\n"))
        #expect(server.server.counts.refusedByLimit == 1)
        server.held.letGo()
        #expect(
            eventually {
                guard let client = try? server.client(), (try? client.send(close)) != nil else { return false }
                return (try? client.receive())?.hasPrefix("HTTP/1.1 200") == true
            })
        server.held.letGo()
        for client in clients { #expect(try client.response(bodyCount: 5).hasSuffix("late\n")) }
    }

    /// The one that has been idle for longest makes room.
    @Test func idleConnectionsKeepNobodyOut() throws {
        let server = try TestServer(HTTPServerLimits(connections: 3))
        var clients: [TestClient] = []
        for _ in 0..<3 {
            let client = try server.client()
            try client.send(keepAlive)
            _ = try client.response(bodyCount: 7)
            clients.append(client)
        }
        // Used again: now the second is the one.
        try clients[0].send(keepAlive)
        _ = try clients[0].response(bodyCount: 7)
        let fourth = try server.client()
        try fourth.send(keepAlive)
        #expect(try fourth.response(bodyCount: 7).hasPrefix("HTTP/1.1 200"))
        #expect(try clients[1].receive() == "")
        #expect(server.server.counts.refusedByLimit == 1)
        for client in [clients[0], clients[2]] {
            try client.send(keepAlive)
            #expect(try client.response(bodyCount: 7).hasPrefix("HTTP/1.1 200"))
        }
    }

    /// Nor do clients that ask and do not take the answer.
    @Test func readersThatDoNotReadKeepNobodyOut() throws {
        let server = try TestServer(HTTPServerLimits(connections: 2))
        let clients = [try server.client(), try server.client()]
        for client in clients { try client.send("GET /large?50000000 HTTP/1.1\r\nHost: x\r\n\r\n") }
        #expect(
            eventually(within: .seconds(10)) {
                guard let client = try? server.client(), (try? client.send(close)) != nil else { return false }
                return (try? client.receive())?.hasPrefix("HTTP/1.1 200") == true
            })
        withExtendedLifetime(clients) {}
    }

    /// Who has shown who he is has a place that others cannot take, and so has who comes by a unix socket.
    @Test func knownClientsHavePlacesOfTheirOwn() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let server = HTTPServer(limits: HTTPServerLimits(connections: 2)) { request, answer in
            var response = HTTPServerResponse(status: 200, text: "GET /a")
            response.isForKnownClient = request.path == "/known"
            answer(response)
        }
        defer { server.stop() }
        let network = try Socket.listening(at: .ipv4(0x7F00_0001, port: 0))
        let unix = try Socket.listening(at: .unix(path: directory.path + "/s"))
        let addresses = [network.address(asked: .ipv4(0x7F00_0001, port: 0)), .unix(path: directory.path + "/s")]
        for listener in [network, unix] { server.serve(listener) }
        func ask(_ client: TestClient, _ path: String = "/a") throws -> Bool {
            try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
            return try client.response(bodyCount: 7).hasPrefix("HTTP/1.1 200")
        }
        func client(_ index: Int) throws -> TestClient {
            TestClient(try Socket.connecting(to: addresses[index], until: .now + .seconds(5)))
        }
        let known = try client(0)
        #expect(try ask(known, "/known"))
        let local = try client(1)
        #expect(try ask(local))
        for _ in 0..<5 { #expect(try ask(client(0))) }
        #expect(try ask(known) && ask(local))
        // They make room for each other.
        let others = [try client(0), try client(0)]
        for other in others { #expect(try ask(other, "/known")) }
        #expect(try known.receive() == "")
    }

    @Test func cutsOffASlowRequest() throws {
        let server = try TestServer(HTTPServerLimits(connections: 10, requestDeadline: .milliseconds(60)))
        let client = try server.client()
        try client.send("GET / HT")
        #expect(try client.receive().hasPrefix("HTTP/1.1 408 "))
        // One that says nothing at all.
        #expect(try server.client().receive().hasPrefix("HTTP/1.1 408 "))
        #expect(server.server.counts.requestsTooSlow == 2)
        // The second request on a connection.
        let other = try server.client()
        try other.send(keepAlive + "GET / HT")
        #expect(try other.receive().contains("HTTP/1.1 408 "))
    }

    @Test func cutsOffASlowReader() throws {
        let server = try TestServer(HTTPServerLimits(connections: 10, responseDeadline: .milliseconds(60)))
        let client = try server.client()
        try client.send("GET /large?30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(eventually { server.server.counts.responsesTooSlow == 1 && server.server.connectionCount == 0 })
    }

    @Test func closesIdleConnections() throws {
        let server = try TestServer(HTTPServerLimits(connections: 10, idleDeadline: .milliseconds(60)))
        let client = try server.client()
        try client.send(keepAlive)
        #expect(try client.receive().hasSuffix("GET /a\n"))
        #expect(server.server.counts.requestsTooSlow == 0)
        #expect(eventually { server.server.connectionCount == 0 })
    }

    @Test func closesWhenTheClientDoesNot() throws {
        let server = try TestServer(HTTPServerLimits(connections: 10, closingDeadline: .milliseconds(60)))
        let client = try server.client()
        try client.send(close)
        _ = try client.receive()
        #expect(eventually { server.server.connectionCount == 0 })
    }

    @Test func writesLargeResponsesWhole() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /large?8000000 HTTP/1.1\r\nHost: x\r\n\r\n" + close)
        usleep(20_000)
        let text = try client.receive()
        #expect(text.utf8.count { $0 == UInt8(ascii: "a") } >= 8_000_000)
        #expect(text.hasSuffix("GET /z\n"))
    }

    @Test func takesTheFirstOfTwoAnswers() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /twice HTTP/1.1\r\nHost: x\r\n\r\n" + close)
        let text = try client.receive()
        #expect(text.contains("one\n") && !text.contains("two"))
        #expect(text.hasSuffix("GET /z\n"))
    }

    @Test func servesManyClientsAtOnce() throws {
        let server = try TestServer(HTTPServerLimits(connections: 100))
        let failures = Mutex(0)
        let address = server.address
        DispatchQueue.concurrentPerform(iterations: 32) { _ in
            do {
                let client = TestClient(try Socket.connecting(to: address, until: .now + .seconds(5)))
                for _ in 0..<50 {
                    try client.send(keepAlive)
                    guard try client.response(bodyCount: 7).hasSuffix("GET /a\n") else { throw Errno.io }
                }
            } catch { failures.withLock { $0 += 1 } }
        }
        #expect(failures.withLock(\.self) == 0)
        #expect(server.server.counts.requests == 1_600)
        #expect(eventually { server.server.connectionCount == 0 })
    }

    @Test func stopsWithClientsConnected() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send(keepAlive)
        _ = try client.response(bodyCount: 7)
        try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(eventually { server.held.count == 1 })
        server.server.stop()
        #expect(try client.receive() == "")
        server.held.letGo()
    }

    @Test func getsWithTheSmallClient() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = directory.path + "/a.sock"
        let server = try TestServer(at: .unix(path: path))
        let answer = try httpGet(server.address, path: "/large?100000", deadline: .now + .seconds(5))
        #expect(answer.status == 200)
        #expect(answer.body.count == 100_000)
        server.server.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(throws: TransportError(reason: "unix:\(path): No such file or directory")) {
            _ = try httpGet(server.address, path: "/", deadline: .now + .seconds(5))
        }
    }

    @Test func theSmallClientHasADeadline() throws {
        let server = try TestServer()
        do throws(TransportError) {
            _ = try httpGet(server.address, path: "/later", deadline: .now + .milliseconds(30))
            Issue.record("there was an answer")
        } catch { #expect(error.reason.contains("timed out")) }
    }
}
