import Foundation
import HTTP
import Platform
import TestSupport
import Testing

@Suite struct HTTPClientTests {
    private func client(_ change: (inout HTTPClientOptions) -> Void = { _ in }) throws -> HTTPClient {
        var options = HTTPClientOptions()
        options.proxy = ""
        change(&options)
        return try HTTPClient(options)
    }

    private func failure(_ client: HTTPClient, _ url: String) -> String? {
        do throws(TransportError) {
            let response = try client.send(HTTPRequest(url: url, body: [1]))
            Issue.record("answered \(response.status)")
            return nil
        } catch { return error.reason }
    }

    @Test func libraryIsThere() throws {
        #expect(try HTTPClient.libraryVersion().hasPrefix("libcurl/"))
    }

    @Test func oneConnectionForAll() throws {
        let receiver = try Receiver()
        let client = try client()
        var connections: Set<Int> = []
        // Answers of every kind leave it usable, also those longer than what is kept of them.
        for path in ["/status/200", "/status/204", "/status/413", "/status/503?bytes=100000", "/status/429", "/"] {
            let response = try client.send(HTTPRequest(url: receiver.url + path, body: Array("x\n".utf8)))
            if let received = try? Received(response.body) { connections.insert(received.connection) }
        }
        #expect(connections.count == 1)
        #expect(client.newConnectionCount == 0)
    }

    @Test func aClosedConnectionIsReplaced() throws {
        let receiver = try Receiver()
        let client = try client()
        let first = try Received(client.send(HTTPRequest(url: receiver.url + "/")).body).connection
        #expect(failure(client, receiver.url + "/close")?.contains("mpty reply") == true)
        let second = try Received(client.send(HTTPRequest(url: receiver.url + "/")).body).connection
        #expect(second > first)
    }

    /// A date in `Retry-After` is by the receiver's clock, which may be hours away from ours.
    @Test func retryAfterIsByTheReceiversClock() throws {
        let receiver = try Receiver()
        let client = try client()
        let path = "/status/503?date=Sun,%2006%20Nov%201994%2008:49:37%20GMT&retry-after="
        let answer = try client.send(
            HTTPRequest(url: receiver.url + path + "Sun,%2006%20Nov%201994%2008:51:07%20GMT"))
        #expect(answer.retryAfter == .seconds(90) && answer.headers.isEmpty)
        #expect(try client.send(HTTPRequest(url: receiver.url + path + "17")).retryAfter == .seconds(17))
    }

    @Test func headersOfTheAnswerThatAreKept() throws {
        let receiver = try Receiver()
        let client = try client { $0.keptHeaders = ["date", "retry-after", "x-none"] }
        let url = receiver.url + "/status/503?retry-after=7"
        let answer = try client.send(HTTPRequest(url: url))
        #expect(Set(answer.headers.keys) == ["date", "retry-after"] && answer.headers["retry-after"] == "7")
        #expect(answer.headers["date"].flatMap(parseHTTPDate) != nil)
        // Nothing of one answer stays for the next, and nobody who has not asked gets any.
        let next = try client.send(HTTPRequest(url: receiver.url + "/"))
        #expect(Set(next.headers.keys) == ["date"])
        #expect(try self.client().send(HTTPRequest(url: url)).headers.isEmpty)
    }

    @Test func headersAndBody() throws {
        let receiver = try Receiver()
        let client = try client()
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let request = HTTPRequest(
            url: receiver.url + "/",
            headers: [("X-One", "1"), ("X-Empty", ""), ("Content-Type", "application/x-ndjson")],
            body: body)
        let received = try Received(client.send(request).body)
        #expect(received.length == body.count)
        #expect(received.sha256 == sha256(body))
        #expect(received.headers["x-one"] == "1" && received.headers["x-empty"] == "")
        #expect(received.headers["content-type"] == "application/x-ndjson")
        #expect(received.headers["user-agent"] == "vitals/\(vitalsVersion)")
        #expect(received.headers["expect"] == nil)
        // Headers of one request do not stay for the next.
        let next = try Received(client.send(HTTPRequest(url: receiver.url + "/", body: [])).body)
        #expect(next.headers["x-one"] == nil && next.length == 0)
    }

    @Test func methods() throws {
        let receiver = try Receiver()
        let client = try client()
        for method in ["POST", "GET", "PUT", "POST", "DELETE", "GET"] {
            let body: [UInt8] = method == "GET" ? [] : [1, 2, 3]
            let response = try client.send(HTTPRequest(method: method, url: receiver.url + "/", body: body))
            let received = try Received(response.body)
            #expect(received.method == method && received.length == body.count)
        }
        let head = try client.send(HTTPRequest(method: "HEAD", url: receiver.url + "/status/204"))
        #expect(head.status == 204 && head.body.isEmpty)
        #expect(try Received(client.send(HTTPRequest(url: receiver.url + "/", body: [1])).body).method == "POST")
    }

    @Test func retryAfterAndLongBodies() throws {
        let receiver = try Receiver()
        let client = try client { $0.responseByteLimit = 1_000 }
        var response = try client.send(HTTPRequest(url: receiver.url + "/status/429?retry-after=17&bytes=50000"))
        #expect(response.status == 429 && response.retryAfter == .seconds(17))
        #expect(response.body == String(repeating: "x", count: 1_000))
        // That of the last answer is forgotten.
        response = try client.send(HTTPRequest(url: receiver.url + "/status/503"))
        #expect(response.status == 503 && response.retryAfter == nil)
        response = try client.send(HTTPRequest(url: receiver.url + "/status/503?retry-after=soon"))
        #expect(response.retryAfter == nil)
    }

    /// Of a body without an end, the first MiB is read: what the status says stands, and the connection is another.
    @Test func answersAreBounded() throws {
        let receiver = try Receiver()
        let client = try client()
        var answer = try client.send(HTTPRequest(url: receiver.url + "/status/400?bytes=1048576"))
        #expect(answer.status == 400 && answer.body.utf8.count == 64 << 10)
        #expect(try client.send(HTTPRequest(url: receiver.url + "/")).status == 200)
        #expect(client.newConnectionCount == 0)
        for status in [200, 400, 503] {
            answer = try client.send(HTTPRequest(url: receiver.url + "/status/\(status)?bytes=200000000"))
            #expect(answer.status == status && answer.body.utf8.count == 64 << 10)
            #expect(try client.send(HTTPRequest(url: receiver.url + "/")).status == 200)
            #expect(client.newConnectionCount == 1)
        }
    }

    @Test func aConnectionIsRenewedOnce() throws {
        let receiver = try Receiver()
        let client = try client()
        var counts: [Int] = []
        for isRenewed in [false, false, true, false] {
            if isRenewed { client.renewConnection() }
            #expect(try client.send(HTTPRequest(url: receiver.url + "/")).status == 200)
            counts.append(client.newConnectionCount)
        }
        #expect(counts == [1, 0, 1, 0])
    }

    /// What stands behind a name may be another machine by now.
    @Test func aConnectionIsNotKeptForEver() throws {
        let receiver = try Receiver()
        let client = try client { $0.connectionLifetime = .seconds(1) }
        #expect(try client.send(HTTPRequest(url: receiver.url + "/")).status == 200)
        #expect(try client.send(HTTPRequest(url: receiver.url + "/")).status == 200)
        #expect(client.newConnectionCount == 0)
        #expect(
            eventually(within: .seconds(10)) {
                let answer = try? client.send(HTTPRequest(url: receiver.url + "/"))
                return answer?.status == 200 && client.newConnectionCount == 1
            })
    }

    @Test func redirectsAreNotFollowed() throws {
        let receiver = try Receiver()
        let client = try client()
        let response = try client.send(HTTPRequest(url: receiver.url + "/status/302?location=/elsewhere", body: [1]))
        #expect(response.status == 302)
        #expect(response.redirect == receiver.url + "/elsewhere")
        #expect(try Received(response.body).method == "POST")
    }

    @Test func timeouts() throws {
        let receiver = try Receiver()
        let client = try client { $0.timeout = .milliseconds(300) }
        let start = ContinuousClock.now
        #expect(failure(client, receiver.url + "/slow/20")?.contains("imed out") == true)
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func refused() throws {
        var receiver: Receiver? = try Receiver()
        let url = try #require(receiver?.url)
        receiver = nil
        let reason = failure(try client(), url + "/")
        // Once, with the system's own word for it.
        #expect(reason?.contains("Connection refused") == true, "\(reason ?? "")")
        #expect(reason?.components(separatedBy: "onnect to server").count == 2, "\(reason ?? "")")
    }

    /// Of a success the rest is wanted. A refusal is one whatever becomes of its words: who refuses may close the
    /// connection.
    @Test func cutAnswersAreNoAnswersUnlessTheyRefuse() throws {
        let receiver = try Receiver()
        #expect(failure(try client(), receiver.url + "/cut") != nil)
        let client = try client { $0.timeout = .milliseconds(500) }
        for status in [302, 400, 401, 413, 503] {
            for end in ["", "?then=hang"] {
                let answer = try client.send(HTTPRequest(url: receiver.url + "/cut/\(status)\(end)", body: [1]))
                #expect(answer.status == status && answer.body.utf8.count == 10)
            }
        }
        #expect(failure(client, receiver.url + "/cut?then=hang")?.contains("timed out") == true)
        // What the one before has said is forgotten.
        #expect(failure(client, receiver.url + "/close") != nil)
    }

    @Test func headersWithoutAnEnd() throws {
        let receiver = try Receiver()
        let client = try client()
        for status in [200, 503] {
            let answer = try client.send(HTTPRequest(url: receiver.url + "/trailers/\(status)", body: [1]))
            #expect(answer.status == status && answer.body == "ok")
        }
        #expect(failure(client, receiver.url + "/interim") != nil)
    }

    /// A body that is not small is too much for a receiver that does not answer in time, also when it has all of it,
    /// and for one that closes the connection instead.
    @Test(arguments: ["/slow/3", "/close", "/cut"]) func bodiesThatAreTooMuch(path: String) throws {
        let receiver = try Receiver()
        let client = try client { $0.timeout = .milliseconds(300) }
        for (count, isTooMuch) in [(64 << 10, false), (65 << 10, true)] {
            let request = HTTPRequest(url: receiver.url + path, body: Array(repeating: 1, count: count))
            do throws(TransportError) {
                _ = try client.send(request)
                Issue.record("answered")
            } catch { #expect(error.isTooMuch == isTooMuch) }
        }
        // Nobody is there.
        let request = HTTPRequest(url: "http://127.0.0.1:1/", body: Array(repeating: 1, count: 65 << 10))
        do throws(TransportError) { _ = try client.send(request) } catch { #expect(!error.isTooMuch) }
    }

    @Test func proxiesThatLetNobodyThrough() throws {
        let proxy = try Receiver()
        let client = try client { $0.proxy = proxy.url }
        for status in [401, 403, 407] {
            let answer = try client.send(HTTPRequest(url: "https://\(status).test/", body: [1]))
            #expect(answer.status == status && answer.body.contains("proxy"))
        }
        // These say nothing of us.
        for status in [400, 404, 413, 503] { #expect(failure(client, "https://\(status).test/") != nil) }
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"]) func otherProtocols(url: String)
        throws
    {
        #expect(failure(try client(), url) != nil)
    }

    @Test func proxies() throws {
        let proxy = try Receiver()
        let client = try client { $0.proxy = proxy.url }
        // The receiver does not know what a proxy is: it shows that it was asked, and for what.
        let received = try Received(client.send(HTTPRequest(url: "http://nowhere.invalid/", body: [1])).body)
        #expect(received.headers["host"] == "nowhere.invalid")
    }

    @Test func tls() throws {
        let certificates = try Certificates()
        let receiver = try Receiver(tls: [certificates["server"], certificates["server.key"]])
        let url = "https://127.0.0.1:\(receiver.port)/"

        let trusting = try client { $0.caFile = certificates["ca"] }
        #expect(try trusting.send(HTTPRequest(url: url, body: [1])).status == 200)
        #expect(try trusting.send(HTTPRequest(url: url, body: [1])).status == 200)
        #expect(trusting.newConnectionCount == 0)

        for file in [nil, certificates["other"]] {
            let reason = failure(try client { $0.caFile = file }, url)
            #expect(reason?.contains("certificate") == true, "\(reason ?? "")")
        }
        #expect(failure(try client { $0.caFile = "/nowhere/ca.pem" }, url)?.contains("/nowhere/ca.pem") == true)
        // The certificate is for the address alone.
        #expect(failure(trusting, "https://localhost:\(receiver.port)/") != nil)

        let careless = try client { $0.skipsVerification = true }
        #expect(try careless.send(HTTPRequest(url: url, body: [1])).status == 200)
    }

    @Test func clientCertificates() throws {
        let certificates = try Certificates()
        let receiver = try Receiver(tls: [certificates["server"], certificates["server.key"], certificates["ca"]])
        let url = "https://127.0.0.1:\(receiver.port)/"
        let known = try client {
            $0.caFile = certificates["ca"]
            $0.clientCertificate = certificates["client"]
            $0.clientKey = certificates["client.key"]
        }
        #expect(try known.send(HTTPRequest(url: url, body: [1])).status == 200)
        #expect(failure(try client { $0.caFile = certificates["ca"] }, url) != nil)
    }

    private func sha256(_ bytes: [UInt8]) -> String? {
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
        process.standardInput = input
        process.standardOutput = output
        guard (try? process.run()) != nil else { return nil }
        try? input.fileHandleForWriting.write(contentsOf: Data(bytes))
        try? input.fileHandleForWriting.close()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: text.prefix(64), as: UTF8.self)
    }
}
