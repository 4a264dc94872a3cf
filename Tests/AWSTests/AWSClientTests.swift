import AWS
import Dispatch
import Foundation
import HTTP
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

@Suite struct AWSClientTests {
    private let request = AWSRequest(
        target: "Logs_20140328.PutLogEvents", headers: [("Content-Encoding", "gzip")], body: [1, 2, 3])

    private func world() -> FakeWorld {
        FakeWorld(["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"])
    }

    private func client(_ fake: FakeWorld) throws -> AWSClient { try AWSClient(.logs, session: fake.session()) }

    @Test func aSignedRequest() throws {
        let fake = world()
        fake.service = { _ in ok("{}") }
        var client = try client(fake)
        #expect(try client.call(request).body == "{}")
        let sent = fake.requests[0]
        #expect(sent.method == "POST" && sent.url == "https://logs.eu-west-1.amazonaws.com/" && sent.body == [1, 2, 3])
        #expect(
            sent.headers.map(\.name) == [
                "Content-Type", "X-Amz-Target", "Content-Encoding", "X-Amz-Date", "Authorization",
            ])
        #expect(sent.header("Content-Type") == "application/x-amz-json-1.1")
        #expect(sent.header("X-Amz-Target") == "Logs_20140328.PutLogEvents")
        #expect(sent.header("X-Amz-Date") == "20270115T080000Z")
        #expect(
            sent.header("Authorization")?.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKIA/20270115/eu-west-1/logs/aws4_request, SignedHeaders="
                    + "content-encoding;content-type;host;x-amz-date;x-amz-target, Signature=") == true)
    }

    private func error(_ client: inout AWSClient) -> AWSError? {
        do throws(AWSError) { _ = try client.call(request) } catch { return error }
        return nil
    }

    /// A password that was renewed is used with the next request, at the latest with the one that is refused.
    @Test func thePasswordOfAProxyIsReadAgain() throws {
        let place = try TemporaryDirectory()
        let path = try place.write("password", "one")
        let variables = SettingsVariables(
            environment: { _ in nil },
            readFile: { path throws(VariableError) in
                do throws(Errno) { return try readWhole(path) } catch {
                    throw VariableError(reason: "\(path): \(error)")
                }
            })
        var section = try section(#"{ "proxy": "http://u:${file:\#(path)}@proxy:1" }"#, variables)
        let fake = world()
        fake.service = { _ in
            fake.proxies.last == "http://u:two@proxy:1" ? ok("{}") : status(407, headers: ["server": "polipo"])
        }
        var client = try AWSClient(.logs, session: fake.session(try AWSClientSettings(&section)))
        #expect(fake.options[0].proxy == "http://u:one@proxy:1")
        let refused = error(&client)
        #expect(refused?.kind == .proxyRefused && refused?.message.contains("polipo") == true, "\(refused as Any)")
        // There was nothing new to try it with.
        #expect(fake.requests.count == 1)
        try place.write("password", "two")
        #expect(error(&client) == nil)
        #expect(fake.proxies == ["http://u:two@proxy:1"])
        // What cannot be read, or stand in an address, changes nothing.
        try FileManager.default.removeItem(atPath: path)
        #expect(error(&client) == nil && fake.proxies.count == 1)
    }

    @Test func answersThatAreErrors() throws {
        let fake = world()
        var client = try client(fake)
        fake.service = { _ in
            .success(
                HTTPResponse(
                    status: 400, retryAfter: .seconds(3),
                    body: #"{"__type":"com.amazonaws.logs#ThrottlingException","message":"Rate\nexceeded"}"#))
        }
        let throttled = error(&client)
        #expect(throttled?.kind == .throttled && throttled?.retryAfter == .seconds(3) && throttled?.status == 400)
        #expect(throttled.map { "\($0)" } == "ThrottlingException: Rate exceeded")
        #expect(fake.requests.count == 1)
        fake.service = { _ in noAnswer }
        #expect(error(&client) == AWSError(.noAnswer, "timed out"))
        fake.variables["AWS_ACCESS_KEY_ID"] = nil
        var other = try self.client(fake)
        #expect(error(&other)?.kind == .noCredentials)
    }

    /// The clock of this host is an hour slow.
    @Test(arguments: [
        "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed",
    ]) func aClockThatIsOffIsLearnt(code: String) throws {
        let fake = world()
        let theirs = fake.unixSeconds + 3_600
        fake.service = { request in
            let date = ["date": httpDate(theirs)]
            if request.header("X-Amz-Date") == "20270115T090000Z" { return ok("{}", headers: date) }
            return status(400, #"{"__type":"\#(code)","message":"Signature expired"}"#, headers: date)
        }
        var client = try client(fake)
        _ = try client.call(request)
        #expect(fake.requests.count == 2 && client.session.clock.offsetSeconds == 3_600)
        _ = try client.call(request)
        #expect(fake.requests.count == 3)
    }

    @Test func aWrongSignatureIsNoWrongClock() throws {
        let fake = world()
        fake.service = { _ in
            status(
                403, #"{"__type":"InvalidSignatureException"}"#, headers: ["date": httpDate(fake.unixSeconds + 100)])
        }
        var client = try client(fake)
        #expect(error(&client)?.kind == .badCredentials)
        // These are the only credentials there are: they are not sent twice in a row.
        #expect(fake.requests.count == 1 && client.session.clock.offsetSeconds == 0)
    }

    /// What says nothing of AWS says nothing of its clock.
    @Test func aProxysDateIsNotLearnt() throws {
        let fake = world()
        fake.service = { _ in status(502, "<html>", headers: ["date": httpDate(1)]) }
        var client = try client(fake)
        #expect(error(&client)?.kind == .unavailable)
        #expect(client.session.clock.offsetSeconds == 0)
    }

    @Test(arguments: ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
    func refusedCredentialsAreRenewed(code: String) throws {
        let fake = FakeWorld(["AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        fake.service = { [unowned fake] request in
            if request.url.hasSuffix("/x") {
                return ok(tokenAnswer(key: "KEY\(fake.requests.count)", until: fake.unixSeconds + 3_600))
            }
            let isNew = request.header("Authorization")?.contains("Credential=KEY3/") == true
            return isNew ? ok("{}") : status(400, headers: ["x-amzn-errortype": "\(code):http://internal/"])
        }
        let session = fake.session()
        var client = try AWSClient(.logs, session: session)
        _ = try session.credentials()
        fake.unixSeconds += 60
        // Key, refused request, key, request.
        _ = try client.call(request)
        #expect(fake.requests.count == 4)
    }

    @Test func lanesShareAClockAndAKey() throws {
        let fake = world()
        let theirs = fake.unixSeconds - 3_600
        fake.service = { request in
            let date = ["date": httpDate(theirs)]
            if request.header("X-Amz-Date") == "20270115T070000Z" { return ok("{}", headers: date) }
            return status(403, #"{"__type":"InvalidSignatureException"}"#, headers: date)
        }
        let session = fake.session()
        let request = request
        DispatchQueue.concurrentPerform(iterations: 20) { _ in
            #expect(throws: Never.self) {
                var client = try AWSClient(.logs, session: session)
                for _ in 0..<5 { _ = try client.call(request) }
            }
        }
        #expect(session.clock.offsetSeconds == -3_600)
        #expect(fake.requests.count <= 120)
    }

    // MARK: The clock

    @Test func aClockIsFollowedUntilItIsRight() {
        let clock = ServiceClock()
        func learn(_ difference: Int64, _ wasRefused: Bool = false) -> Int64 {
            let now = Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 1_000_000_000_000)
            clock.learn(serviceUnixSeconds: 1_000 + difference, at: now, wasRefused: wasRefused)
            #expect(clock.unixSeconds(at: now) == 1_000 + clock.offsetSeconds)
            return clock.offsetSeconds
        }
        #expect(learn(239) == 0 && learn(-239) == 0)  // near enough
        #expect(learn(240) == 240 && learn(-100_000) == -100_000)
        #expect(learn(-100) == -100)  // somebody turns it slowly
        #expect(learn(-30) == 0)
        #expect(learn(60, true) == 60 && learn(61) == 61 && learn(5) == 0)
    }

    /// Records have the times of this clock: somebody should set it.
    @Test func aClockThatIsOffIsSaidOnce() {
        let lines = Mutex<[String]>([])
        let log = AgentLog(level: .info, underSystemd: true) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        let clock = ServiceClock(log: log)
        let now = Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 1_000_000_000_000)
        for difference in [0, 7_200, 7_201, 3, -300] as [Int64] {
            clock.learn(serviceUnixSeconds: 1_000 + difference, at: now, wasRefused: false)
        }
        let said = lines.withLock { $0 }
        #expect(said.count == 3)
        #expect(
            said.first?.hasSuffix("\"the clock of this host is off, by that of AWS\" seconds_behind=7200\n") == true)
        #expect(said.last?.hasSuffix("seconds_ahead=300\n") == true)
    }
}
