import Bytes
import Foundation
import HTTP
import Logs
import Outputs
import Platform
import Settings
import TestSupport
import Testing

/// Answers as told, and keeps what it was sent.
final class Script: HTTPTransport {
    var answers: [Result<HTTPResponse, TransportError>]
    var requests: [HTTPRequest] = []
    var options = HTTPClientOptions()
    var renewals = 0
    var proxies: [String] = []
    var beforeAnswer: () -> Void = {}

    init(_ answers: [Result<HTTPResponse, TransportError>] = []) { self.answers = answers }

    func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
        requests.append(request)
        beforeAnswer()
        return try answers.removeFirst().get()
    }

    func renewConnection() { renewals += 1 }
    func use(proxy: String) { proxies.append(proxy) }

    func another() -> sending Script { Script(answers) }
}

@Suite struct HTTPOutputTests {
    private func output(
        _ script: Script, _ settings: String = #"{ "url": "http://logs.example.com/in", "compression": "none" }"#,
        log: AgentLog = .silent
    ) throws -> HTTPOutput<Script> {
        var section = try section(settings)
        let output = try HTTPOutput(&section, context(log: log)) { options throws(TransportError) in
            script.options = options
            return script
        }
        try section.finish()
        return output
    }

    private func outcome(of response: HTTPResponse) throws -> DeliveryError? {
        var output = try output(Script([.success(response)]))
        do throws(DeliveryError) { try output.deliver([1], recordCount: 1) } catch { return error }
        return nil
    }

    @Test(arguments: [200, 201, 202, 204, 299]) func acknowledged(status: Int) throws {
        #expect(try outcome(of: HTTPResponse(status: status)) == nil)
    }

    @Test(arguments: [401, 403, 407]) func notAllowed(status: Int) throws {
        #expect(
            try outcome(of: HTTPResponse(status: status, retryAfter: .seconds(7), body: "no token"))
                == .notAllowed(reason: "HTTP \(status): no token"))
    }

    /// What speaks of the request or the server, with what a person has to look at.
    @Test(arguments: [
        (404, "check \"url\""), (405, "POST"), (406, "headers"), (410, "nothing at this address"), (411, "headers"),
        (414, "too long"), (415, "application/x-ndjson"), (417, "headers"), (421, "url"), (426, "does not serve"),
        (428, "headers"), (431, "too long"), (451, "does not serve"),
    ]) func notAllowedAndWhy(status: Int, hint: String) throws {
        guard case .notAllowed(let reason)? = try outcome(of: HTTPResponse(status: status, body: "said")) else {
            return #expect(Bool(false), "\(status) is laid to a record")
        }
        #expect(reason.hasPrefix("HTTP \(status): said; ") && reason.contains(hint), "\(reason)")
    }

    @Test(arguments: [101, 199, 0]) func noFinalAnswer(status: Int) throws {
        guard case .retry? = try outcome(of: HTTPResponse(status: status)) else {
            return #expect(Bool(false), "\(status)")
        }
    }

    @Test(arguments: [408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 599]) func retried(status: Int) throws {
        #expect(
            try outcome(of: HTTPResponse(status: status, retryAfter: .seconds(7), body: "busy\nnow"))
                == .retry(after: .seconds(7), reason: "HTTP \(status): busy now"))
    }

    @Test(arguments: [400, 409, 418, 422, 499]) func rejected(status: Int) throws {
        let body = String(repeating: "x", count: 1_000)
        #expect(
            try outcome(of: HTTPResponse(status: status, body: body))
                == .rejected(reason: "HTTP \(status): \(body.prefix(200))"))
    }

    @Test func tooLarge() throws {
        #expect(try outcome(of: HTTPResponse(status: 413)) == .tooLarge(reason: "HTTP 413"))
    }

    @Test func redirectsAreSaidAndTriedAgain() throws {
        #expect(
            try outcome(of: HTTPResponse(status: 301, redirect: "https://new.example.com/in"))
                == .retry(after: nil, reason: "HTTP 301; not followed: set \"url\" to https://new.example.com/in"))
    }

    @Test func transportErrorsAreRetried() throws {
        var output = try output(Script([.failure(TransportError(reason: "refused"))]))
        do throws(DeliveryError) {
            try output.deliver([1], recordCount: 1)
            Issue.record("delivered")
        } catch {
            #expect(error == .retry(after: nil, reason: "refused"))
        }
    }

    /// A token in a file that is renewed: with the next request, without another start.
    @Test func tokensAreReadAgain() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/token"
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".new"))
            #expect(rename(path + ".new", path) == 0)
        }
        try write("one\n")
        let script = Script(Array(repeating: .success(HTTPResponse(status: 204)), count: 3))
        let lines = Lines()
        let json = """
            { "url": "http://h/", "compression": "none", "headers": { "Authorization": "Bearer ${file:\(path)}" } }
            """
        let variables = SettingsVariables(
            environment: { _ in nil },
            readFile: { path throws(VariableError) in
                do throws(Errno) { return try readWhole(path) } catch {
                    throw VariableError(reason: "\(path): \(error)")
                }
            })
        var section = try SettingsSection(
            try loadSettings([SettingsFile(name: "f", bytes: Array(json.utf8))], variables: variables),
            path: "outputs.x")
        let log = AgentLog(level: .info, underSystemd: true, sink: { lines.add($0) })
        var output = try HTTPOutput(&section, context(log: log)) { _ throws(TransportError) in script }
        func sent() -> String? { script.requests.last?.headers.last?.value }

        try output.deliver([1], recordCount: 1)
        #expect(sent() == "Bearer one")
        try write("two\n")
        try output.deliver([1], recordCount: 1)
        #expect(sent() == "Bearer two" && script.renewals == 0)
        // What cannot be sent is not: the last one that could is.
        try write("a\nb\n")
        try output.deliver([1], recordCount: 1)
        #expect(sent() == "Bearer two")
        #expect(lines.all.count == 1 && lines.all[0].contains(path) && !lines.all[0].contains("Bearer two"))
        // Written in place by a clock that stood still: nothing shows it but a refusal, after which it is sent at once.
        script.answers = [.success(HTTPResponse(status: 401)), .success(HTTPResponse(status: 204))]
        script.beforeAnswer = { try? write("four") }
        try output.deliver([1], recordCount: 1)
        #expect(sent() == "Bearer four" && script.renewals == 1)
        // Refused as well: it is not asked again and again.
        script.beforeAnswer = {}
        script.answers = [.success(HTTPResponse(status: 401))]
        #expect(throws: DeliveryError.notAllowed(reason: "HTTP 401")) { try output.deliver([1], recordCount: 1) }
        try FileManager.default.removeItem(atPath: path)
        script.answers = [.success(HTTPResponse(status: 204))]
        try output.deliver([1], recordCount: 1)
        #expect(sent() == "Bearer four")
        #expect(lines.all.last?.contains("cannot be read again") == true)
    }

    /// The password of a proxy is a secret like others.
    @Test func theProxyIsReadAgain() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/password"
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        try write("one")
        let script = Script(Array(repeating: .success(HTTPResponse(status: 204)), count: 4))
        let variables = SettingsVariables(
            environment: { _ in nil },
            readFile: { path throws(VariableError) in
                do throws(Errno) { return try readWhole(path) } catch { throw VariableError(reason: "\(error)") }
            })
        var section = try section(
            #"{ "url": "http://h/", "proxy": "http://agent:${file:\#(path)}@proxy:3128" }"#, variables)
        var output = try HTTPOutput(&section, context()) { options throws(TransportError) in
            script.options = options
            return script
        }
        #expect(script.options.proxy == "http://agent:one@proxy:3128")
        try output.deliver([1], recordCount: 1)
        #expect(script.proxies == [])
        try write("another")
        try output.deliver([1], recordCount: 1)
        try output.deliver([1], recordCount: 1)
        #expect(script.proxies == ["http://agent:another@proxy:3128"])
        // What is no address of a proxy is not used.
        try write("x y\nz")
        try output.deliver([1], recordCount: 1)
        #expect(script.proxies.count == 1)
    }

    /// libcurl opens these files itself, and a FIFO would hold it for ever.
    @Test(arguments: ["ca_file", "client_certificate", "client_key"])
    func aFIFOInPlaceOfACertificate(key: String) throws {
        let directory = try TemporaryDirectory()
        for name in ["client_certificate", "client_key", "ca_file"] { _ = try directory.write(name, "a\n") }
        let path = "\(directory.path)/\(key)"
        let files = ["client_certificate", "client_key", "ca_file"].map { "\"\($0)\": \"\(directory.path)/\($0)\"" }
        let script = Script(Array(repeating: .success(HTTPResponse(status: 204)), count: 3))
        var output = try output(script, "{ \"url\": \"https://h/\", \(files.joined(separator: ", ")) }")
        try output.deliver([1], recordCount: 1)
        #expect(script.renewals == 0)
        try removeFile(path)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: DeliveryError.retry(after: nil, reason: "\(path) is no regular file")) {
            try output.deliver([1], recordCount: 1)
        }
        #expect(script.requests.count == 1)
        #expect(output.check().problems.contains("\(key): \(path) is no regular file"))
        try removeFile(path)
        _ = try directory.write(key, "b\n")
        try output.deliver([1], recordCount: 1)
        #expect(script.requests.count == 2 && script.renewals > 0)
    }

    @Test func requestAndHeaders() throws {
        let script = Script([.success(HTTPResponse(status: 204))])
        var output = try output(
            script,
            """
            { "url": "https://logs.example.com/in",
              "headers": { "Authorization": "Bearer x", "X-Scope-OrgID": "t" } }
            """
        )
        try output.deliver(Array("body".utf8), recordCount: 1)
        let request = script.requests[0]
        #expect(request.method == "POST" && request.url == "https://logs.example.com/in")
        #expect(
            request.headers.map { "\($0.name): \($0.value)" } == [
                "Content-Type: application/x-ndjson", "Content-Encoding: gzip", "Authorization: Bearer x",
                "X-Scope-OrgID: t",
            ])
        #expect(request.body == Array("body".utf8))
    }

    @Test func optionsReachTheClient() throws {
        let script = Script()
        _ = try output(
            script,
            """
            { "url": "https://h/", "timeout": "3s", "connect_timeout": "250ms", "ca_file": "/ca", "proxy": "",
              "client_certificate": "/c", "client_key": "/k", "compression_level": 6 }
            """)
        #expect(script.options.timeout == .seconds(3) && script.options.connectTimeout == .milliseconds(250))
        #expect(script.options.caFile == "/ca" && script.options.proxy == "" && !script.options.skipsVerification)
        #expect(script.options.clientCertificate == "/c" && script.options.clientKey == "/k")
    }

    @Test(arguments: [
        #"{ }"#, #"{ "url": "logs.example.com" }"#, #"{ "url": "ftp://h/" }"#, #"{ "url": "http://" }"#,
        #"{ "url": "http://:80/" }"#, #"{ "url": "http://h/a b" }"#, #"{ "url": "http://u:p@/" }"#,
        #"{ "url": "http://h/", "headers": { "a b": "c" } }"#,
        #"{ "url": "http://h/", "headers": { "a": "c\r\nd: e" } }"#,
        #"{ "url": "http://h/", "headers": { "content-type": "text/plain" } }"#,
        #"{ "url": "http://h/", "client_key": "/k" }"#, #"{ "url": "http://h/", "compression": "zstd" }"#,
        #"{ "url": "http://h:0/" }"#, #"{ "url": "http://h:65536/" }"#, #"{ "url": "http://h:+80/" }"#,
        #"{ "url": "http://[::1/" }"#, #"{ "url": "http://[]:80/" }"#,
        #"{ "url": "http://h/", "compression_level": 0 }"#, #"{ "url": "http://h/", "compresion": "gzip" }"#,
    ]) func wrongSettings(text: String) throws {
        _ = try section(text)  // It is JSON: the error is not about that.
        #expect(throws: SettingsError.self) { try output(Script(), text) }
    }

    @Test(arguments: ["http://h", "HTTPS://user:word@h:8080/a?b=c#d", "http://[::1]:9/x"]) func addresses(url: String)
        throws
    {
        _ = try output(Script(), "{ \"url\": \"\(url)\" }")
    }

    @Test(arguments: [
        ("http://h/x", "http://h/x"), ("http://u:secret@h:80/x", "http://u:…@h:80/x"),
        ("http://u:se@cret@h/a@b", "http://u:…@h/a@b"), ("https://h/x?token=secret#a", "https://h/x?…"),
        ("ftp://secret@h", "ftp://…@h"), ("u:secret@h", "u:…@h"), ("", ""), ("http://u:sec/ret@h/x", "http://u:…@h/x"),
        ("http://u:sec?ret@h/x?y", "http://u:…@h/x?…"), ("http://u:1#ret@h", "http://u:…@h"),
        ("http://h/a@b", "http://h/a@b"),
    ]) func shownWithoutSecrets(url: String, shown: String) {
        #expect(shownURL(url) == shown)
    }

    @Test(arguments: ["", "proxy", "proxy:3128", "http://u:p@proxy:3128/", "socks5h://[::1]:1080"])
    func proxies(proxy: String) throws {
        let script = Script()
        _ = try output(script, "{ \"url\": \"http://h/\", \"proxy\": \"\(proxy)\" }")
        #expect(script.options.proxy == proxy)
    }

    @Test(arguments: ["ftp://proxy:21", "http://", "proxy:port", ":3128", "a proxy", "proxy:70000", "http://u:secret@"])
    func badProxies(proxy: String) throws {
        do {
            _ = try output(Script(), "{ \"url\": \"http://h/\",\n\"proxy\": \"\(proxy)\" }")
            Issue.record("was taken")
        } catch {
            #expect("\(error)".hasPrefix("agent.json:2:10: test.proxy: "), "\(error)")
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test func skippingVerificationIsWarnedOf() throws {
        let lines = Lines()
        let log = AgentLog(level: .info, underSystemd: false, sink: { lines.add($0) })
        let script = Script()
        _ = try output(script, #"{ "url": "https://h/", "insecure_skip_verify": true }"#, log: log)
        #expect(script.options.skipsVerification)
        #expect(lines.all.count == 1 && lines.all[0].contains("level=warning"))
    }

    @Test func checkNamesMissingFiles() throws {
        var output = try output(Script(), #"{ "url": "https://h/", "ca_file": "/nowhere/ca.pem" }"#)
        let report = output.check()
        #expect(report.problems.count == 1 && report.problems[0].contains("/nowhere/ca.pem"))
    }

    @Test func gzipBodiesAreMembersOfTheirOwn() throws {
        let output = try output(Script(), #"{ "url": "http://h/" }"#)
        var encoder = output.makeEncoder()
        var body: [UInt8] = []
        let texts = (0..<2_000).map { "line \($0) of a log that is like the others" }
        _ = encoder.encode(batch(texts), 0..<1_000, into: &body)
        let first = body.count
        _ = encoder.encode(batch(texts), 1_000..<2_000, into: &body)
        var plain: [UInt8] = []
        var json = RecordJSON(context())
        _ = json.encode(batch(texts), 0..<2_000, into: &plain)
        #expect(body[0] == 0x1F && body[first] == 0x1F && body.count < plain.count / 5)
        #expect(try gunzip(body) == plain)
    }
}

final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var lines: [String] = []
    func add(_ line: [UInt8]) { lock.withLock { lines.append(String(decoding: line, as: UTF8.self)) } }
    var all: [String] { lock.withLock { lines } }
}

/// By the gzip program: not our own code, and members after the first are read too.
func gunzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    try Data(bytes).write(to: URL(fileURLWithPath: directory.path + "/body.gz"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-d", directory.path + "/body.gz"]
    try process.run()
    process.waitUntilExit()
    return Array(try Data(contentsOf: URL(fileURLWithPath: directory.path + "/body")))
}
