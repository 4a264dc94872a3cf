import TestSupport
import Testing

@testable import HTTP

/// What came out of one connection: the requests, and how it was refused in the end.
private struct Outcome: Equatable {
    var requests: [HTTPServerRequest] = []
    var refusal: RequestRefusal?
}

/// Feeds `pieces` one after another, as they would come from a socket.
private func parse(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
    var parser = RequestParser()
    var outcome = Outcome()
    for piece in pieces {
        parser.append(piece)
        do throws(RequestRefusal) {
            while let request = try parser.next() { outcome.requests.append(request) }
        } catch {
            outcome.refusal = error
            return outcome
        }
    }
    return outcome
}

private func parse(_ text: String) -> Outcome { parse([Array(text.utf8)[...]]) }

@Suite struct RequestParserTests {
    static let pipelined =
        "GET /metrics?collect[]=cpu HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
        + "\r\nPOST / HTTP/1.1\r\nhost:a\r\nContent-Length: 3\r\n\r\nabcHEAD /x HTTP/1.0\r\n\r\n"
        + "GET http://h/y?z HTTP/1.1\nHost: \t h \t\nConnection: Close\n\n"

    @Test func readsPipelinedRequests() throws {
        let outcome = parse(Self.pipelined)
        #expect(outcome.refusal == nil)
        #expect(outcome.requests.map(\.method) == ["GET", "POST", "HEAD", "GET"])
        #expect(outcome.requests.map(\.path) == ["/metrics", "/", "/x", "/y"])
        #expect(outcome.requests.map(\.query) == ["collect[]=cpu", "", "", "z"])
        #expect(outcome.requests.map(\.keepsAlive) == [true, true, false, false])
        let first = try #require(outcome.requests.first)
        #expect(first.header("accept-encoding") == "gzip")
        #expect(outcome.requests.last?.header("host") == "h")
    }

    @Test func givesTheSameForEverySplit() {
        let bytes = Array(Self.pipelined.utf8)
        let whole = parse([bytes[...]])
        for at in 0...bytes.count { #expect(parse([bytes[..<at], bytes[at...]]) == whole) }
        #expect(parse(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test func needsMoreForEveryTruncation() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n".utf8)
        for count in bytes.indices { #expect(parse([bytes[..<count]]) == Outcome()) }
        #expect(parse([bytes[...]]).requests.count == 1)
    }

    @Test(arguments: [
        ("GET /\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\r\n", 400), ("G(T / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\n\r\n", 400), ("GET /\u{7} HTTP/1.1\r\n\r\n", 400),
        ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400), (" / HTTP/1.1\r\n\r\n", 400),
        // What can become no request is refused at once: its sender may send no line end, and wait.
        ("\u{16}\u{3}\u{1}", 400), ("\0", 400), (" ", 400), ("GE(", 400), ("\rG", 400), ("\r\n\u{16}", 400),
        ("GET / HTTX/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\n", 505), ("GET / HTTP/1.2\r\n", 505),
        ("PRI * HTTP/2.0\r\n", 505),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400), ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\u{0}\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417),
        ("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\n\r\n", 414),
        (String(repeating: "a", count: 9_000), 414),
        (String(repeating: "\r\n", count: 9_000), 414),
        ("GET / HTTP/1.1\r\nHost: " + String(repeating: "a", count: 17_000), 431),
        ("GET / HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 101), 431),
        ("GET / HTTP/1.1\r\n" + String(repeating: "a: \(String(repeating: "b", count: 1_000))\r\n", count: 17), 431),
    ]) func refuses(text: String, status: Int) {
        let outcome = parse(text)
        #expect(outcome.refusal?.status == status, "\(outcome.refusal?.reason ?? "was not refused")")
        #expect(outcome.requests.isEmpty)
    }

    @Test func acceptsOtherFormsOfTarget() {
        #expect(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests.first?.path == "*")
        #expect(parse("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").requests.first?.path == "a:1")
        #expect(parse("GET HTTP://h?q HTTP/1.1\r\nHost: h\r\n\r\n").requests.first?.path == "/")
        #expect(parse("GET HTTP://h?q HTTP/1.1\r\nHost: h\r\n\r\n").requests.first?.query == "q")
    }

    /// Bytes that look like requests, changed at random: a request, a refusal or a wait for more, whatever the pieces.
    @Test func survivesRandomBytes() {
        var random = SeededRandom()
        let original = Array(Self.pipelined.utf8)
        for round in 0..<3_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &random)
            #expect(
                parse([bytes[..<cut], bytes[cut...]]) == parse([bytes[...]]), "seed \(random.seed), round \(round)")
        }
        for _ in 0..<300 {
            let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = parse([bytes[...]])
        }
    }

    @Test func keepsNoBufferBetweenRequests() throws {
        var parser = RequestParser()
        for _ in 0..<2_000 {
            parser.append(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nG".utf8)[...])
            #expect(try parser.next() != nil)
            parser.append(Array("ET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...])
            #expect(try parser.next() != nil)
            #expect(parser.isBetweenRequests)
        }
    }

    @Test func keepsABoundedBufferOfPipelinedRequests() throws {
        var parser = RequestParser()
        let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        parser.append((request + request)[...])
        for _ in 0..<5_000 {
            #expect(try parser.next() != nil)
            parser.append(request[...])
            #expect(parser.waitingByteCount == 2 * request.count)
        }
    }
}
