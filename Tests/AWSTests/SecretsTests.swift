import AWS
import Foundation
import HTTP
import Platform
import Settings
import TestSupport
import Testing

/// Whatever goes wrong, no text shows a secret: each of those that are fed in has the word MARKER in it.
@Suite struct SecretsTests {
    private final class Log: @unchecked Sendable {
        private let lock = NSLock()
        private var lines: [String] = []
        func add(_ line: [UInt8]) { lock.withLock { lines.append(String(decoding: line, as: UTF8.self)) } }
        var text: String { lock.withLock { lines.joined() } }
    }

    private static let fromEverywhere: [(name: String, variables: [String: String], files: [String: String])] = [
        (
            "environment",
            [
                "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "MARKER1", "AWS_SESSION_TOKEN": "MARKER2",
            ], [:]
        ),
        (
            "blanks",
            [
                "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "MARKER1 x", "AWS_SESSION_TOKEN": "MARKER2",
            ], [:]
        ),
        ("half", ["AWS_SECRET_ACCESS_KEY": "MARKER1"], [:]),
        (
            "file", ["HOME": "/h"],
            [
                "/h/.aws/credentials":
                    "aws_secret_access_key = MARKER0\n[default]\naws_access_key_id = A\n"
                    + "aws_secret_access_key = MARKER1\naws_session_token = MARKER2\nMARKER3\n[MARKER4\n"
            ]
        ),
        ("half a file", ["HOME": "/h"], ["/h/.aws/credentials": "[default]\naws_secret_access_key = MARKER1\n"]),
        (
            "process", ["HOME": "/h"],
            [
                "/h/.aws/config": "[default]\ncredential_process = get --password MARKER1\n"
            ]
        ),
        ("process without end", ["HOME": "/h"], ["/h/.aws/config": "[default]\ncredential_process = get 'MARKER1\n"]),
        (
            "web identity",
            [
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
            ], ["/t": "MARKER1.MARKER2"]
        ),
        (
            "container",
            [
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "MARKER1",
            ], [:]
        ),
        (
            "container with a file",
            [
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t",
            ], ["/t": "MARKER1"]
        ),
        (
            "container with an odd token",
            [
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "MARKER1\nMARKER2",
            ], [:]
        ),
        ("container elsewhere", ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://MARKER1:MARKER2@example.com/"], [:]),
        ("instance", [:], [:]),
        ("instance elsewhere", ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://u:MARKER1@h/"], [:]),
        ("endpoint", ["AWS_ENDPOINT_URL": "http://u:MARKER1@h/"], [:]),
    ]

    /// Services that repeat what they were sent, or hand out keys in broken answers.
    private static let answers: [@Sendable (HTTPRequest) -> FakeWorld.Answer] = [
        { echo($0, status: 400) }, { echo($0, status: 403) }, { echo($0, status: 500) }, { echo($0, status: 200) },
        { request in .failure(TransportError(reason: "refused after \(everything(in: request))")) },
        { _ in ok(#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"MARKER8","Token":"MARKER9" "#) },
        { _ in ok(#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"MARKER8","Token":"MARKER9"}"#) },
        { _ in ok(#"{"AccessKeyId":"A","SecretAccessKey":"MARKER8 x","Expiration":"2040-01-01T00:00:00Z"}"#) },
        { _ in ok(#"{"AccessKeyId":"MARKER8 x","SecretAccessKey":"b","Expiration":"MARKER9"}"#) },
        { _ in ok(stsAnswer("X", secret: "MARKER8", until: 0)) },
        { _ in ok(stsAnswer("X", secret: "MARKER 8", until: 9_000_000_000)) },
        { _ in ok(tokenAnswer(secret: "MARKER8", until: 9_000_000_000)) },
        { request in request.url.hasSuffix("token") ? ok("MARKER7") : echo(request, status: 403) },
    ]

    private static func everything(in request: HTTPRequest) -> String {
        (request.headers.map(\.value) + [request.text, request.form["WebIdentityToken"] ?? ""]).joined(separator: " ")
            .replacingOccurrences(of: "\"", with: "'").replacingOccurrences(of: "\n", with: " ")
    }

    private static func echo(_ request: HTTPRequest, status code: Int) -> FakeWorld.Answer {
        let json = request.header("X-Amz-Target") != nil || request.method == "GET"
        let words = everything(in: request)
        let body =
            json
            ? #"{"__type":"AccessDenied","message":"\#(words)"}"#
            : "<E><Error><Code>AccessDenied</Code><Message>\(words)</Message></Error></E>"
        return status(code, body, headers: ["x-amzn-errortype": "AccessDenied", "date": httpDate(1_800_000_000)])
    }

    @Test func noTextShowsOne() throws {
        var texts: [String] = []
        for place in Self.fromEverywhere {
            for (index, answer) in Self.answers.enumerated() {
                for role in [nil, "arn:aws:iam::1:role/last"] {
                    let found = try run(place.variables, place.files, answer, role)
                    texts += found
                    for text in found {
                        #expect(!text.contains("MARKER"), "\(place.name), answer \(index): \(text)")
                    }
                }
            }
        }
        // It did go wrong, and in many ways.
        #expect(Set(texts).count > 60, "\(Set(texts).count)")
    }

    /// All texts that one misfortune makes.
    private func run(
        _ variables: [String: String], _ files: [String: String],
        _ answer: @escaping @Sendable (HTTPRequest) -> FakeWorld.Answer, _ role: String?
    ) throws -> [String] {
        let fake = FakeWorld(variables)
        fake.variables["AWS_REGION"] = "eu-west-1"
        fake.files = files
        fake.service = answer
        if case .success(let response) = answer(HTTPRequest(url: "")) { fake.programs["get"] = .success(response.body) }
        let log = Log()
        let agentLog = AgentLog(level: .debug, underSystemd: false, sink: { log.add($0) })
        var settings = AWSClientSettings()
        settings.roleARN = role
        let session = fake.session(settings, log: agentLog)
        let report = session.check(.logs)
        var texts = report.notes + report.problems
        var client = try AWSClient(.logs, session: session)
        for _ in 0..<2 {
            do throws(AWSError) { _ = try client.call(AWSRequest(target: "T", body: [])) } catch {
                texts += ["\(error)", error.message, error.code, dumped(error)]
            }
            fake.unixSeconds += 600
        }
        _ = session.metadata.value(.region)
        do throws(AWSError) {
            let credentials = try session.credentials()
            texts += ["\(credentials)", String(reflecting: credentials), dumped(credentials)]
        } catch {}
        texts += ["\(session.settings)", dumped(session.settings), dumped(client.session), "\(client.session)"]
        return texts + log.text.split(separator: "\n").map(String.init)
    }

    private func dumped<Value>(_ value: Value) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }

    @Test func valuesDoNotShowThemselves() throws {
        let credentials = Credentials(
            accessKeyID: "AKIA", secretAccessKey: "MARKER1", sessionToken: "MARKER2", origin: "a test")
        var settings = AWSClientSettings()
        (settings.accessKeyID, settings.secretAccessKey, settings.sessionToken) = ("A", "MARKER3", "MARKER4")
        var signer = try RequestSigner()
        var request = HTTPRequest(url: "http://h/")
        signer.sign(&request, as: credentials, in: SigningScope(region: "r", service: "s", unixSeconds: 0))
        let texts = [
            "\(credentials)", String(reflecting: credentials), dumped(credentials), dumped([credentials]),
            "\(Optional(credentials) as Any)", "\(settings)", String(reflecting: settings), dumped(settings),
            dumped(signer), "\(signer)",
        ]
        for text in texts { #expect(!text.contains("MARKER"), "\(text)") }
        #expect(texts[0] == "credentials from a test")
    }
}
