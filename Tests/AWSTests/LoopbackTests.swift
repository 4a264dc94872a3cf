import AWS
import Foundation
import HTTP
import Platform
import TestSupport
import Testing

/// The real transport against stand-ins on loopback that check what is sent: tokens, and signatures by botocore.
@Suite(.enabled(if: Botocore.isThere, "botocore is not installed: scripts/deps build test")) struct LoopbackTests {
    /// A stand-in that needs packages of Python.
    private final class Stub: Sendable {
        private let program: PythonProgram
        let url: String
        /// What it says after its port.
        var words: [String] { program.words }

        init(_ program: String = "aws_stub.py", _ arguments: [String] = []) throws {
            self.program = try PythonProgram(program, arguments, python: Botocore.python)
            url = "http://127.0.0.1:\(try #require(self.program.words.first.flatMap { Int($0) }))"
        }
    }

    private func session(
        _ stub: Stub, _ variables: [String: String], files: [String: String] = [:],
        _ change: (inout AWSClientSettings) -> Void = { _ in }
    ) -> AWSSession {
        var world = AWSWorld.live
        let all = variables.merging(["AWS_ENDPOINT_URL": stub.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": stub.url]) {
            own, _ in own
        }
        // It lives as long as the session.
        world.variable = { name in withExtendedLifetime(stub) { all[name] } }
        world.readFile = { path throws(Errno) in
            guard let text = files[path] else { throw .notFound }
            return Array(text.utf8)
        }
        var settings = AWSClientSettings()
        change(&settings)
        return AWSSession(settings, log: .silent, world: world)
    }

    private struct Answer: Decodable {
        let caller: String
        let length: Int
    }

    private func caller(_ session: AWSSession) throws -> String {
        var client = try AWSClient(.logs, session: session)
        let request = AWSRequest(
            target: "Logs_20140328.PutLogEvents", headers: [("Content-Encoding", "gzip")],
            body: (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        let answer = try JSONDecoder().decode(Answer.self, from: Data(try client.call(request).body.utf8))
        #expect(answer.length == 100_000)
        return answer.caller
    }

    private let environment = [
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIASTATIC", "AWS_SECRET_ACCESS_KEY": "static-secret",
    ]

    @Test func keysOfTheEnvironment() throws {
        #expect(try caller(session(try Stub(), environment)) == "AKIASTATIC")
    }

    @Test func anInstance() throws {
        let stub = try Stub()
        let session = session(stub, [:])
        #expect(try caller(session) == "ASIAHOST")
        #expect(try session.region() == "eu-west-1")
        #expect(eventually { session.metadata.value(.instanceID) == "i-stub" })
        #expect(session.metadata.value(.accountID) == "123456789012")
        #expect(session.metadata.value(.region) == "eu-west-1")
    }

    @Test func aPod() throws {
        let stub = try Stub()
        let variables = [
            "AWS_REGION": "us-east-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": stub.url + "/pod",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
        ]
        #expect(try caller(session(stub, variables, files: ["/token": "pod-token\n"])) == "ASIAPOD")
        #expect(throws: AWSError.self) { try caller(session(stub, variables, files: ["/token": "other"])) }
    }

    @Test func webIdentity() throws {
        let variables = [
            "AWS_REGION": "us-east-1", "AWS_ROLE_ARN": "arn:aws:iam::1:role/a", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
        ]
        let session = session(try Stub(), variables, files: ["/token": "eyJ.web.token"])
        #expect(try caller(session) == "ASIAWEB")
    }

    @Test func aRoleWithTheInstancesCredentials() throws {
        let session = session(try Stub(), [:]) {
            ($0.roleARN, $0.externalID) = ("arn:aws:iam::123456789012:role/logs", "ext")
        }
        #expect(try caller(session) == "ASIAROLE")
    }

    @Test func aProgram() throws {
        let directory = try TemporaryDirectory()
        let program = try directory.write(
            "keys",
            "#!/bin/sh\nprintf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"static-secret\"}' \"$1\"\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let session = session(
            try Stub(), ["AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/config"],
            files: ["/config": "[default]\ncredential_process = \(program) AKIASTATIC\n"])
        #expect(try caller(session) == "AKIASTATIC")
    }

    /// Two hours, either way: of this host's clock, seen from the service.
    @Test(arguments: [7_200, -7_200]) func aClockThatIsOff(ahead: Int) throws {
        let session = session(try Stub("aws_stub.py", ["\(ahead)"]), environment)
        #expect(try caller(session) == "AKIASTATIC")
        #expect(abs(session.clock.offsetSeconds - Int64(ahead)) < 120)
    }

    @Test func aWrongSecret() throws {
        var variables = environment
        variables["AWS_SECRET_ACCESS_KEY"] = "other"
        let session = session(try Stub(), variables)
        do {
            _ = try caller(session)
            Issue.record("was taken")
        } catch let error as AWSError {
            #expect(error.kind == .badCredentials && error.code == "SignatureDoesNotMatch")
        }
    }

    @Test func nobodyThere() throws {
        var variables = environment
        variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
        do {
            _ = try caller(session(try Stub(), variables))
            Issue.record("was taken")
        } catch let error as AWSError {
            #expect(error.kind == .noAnswer)
        }
    }

    // MARK: moto, which others have written

    @Test func motosInstance() throws {
        let session = session(try Stub("moto_stub.py"), [:])
        let credentials = try session.credentials()
        #expect(credentials.origin == "the instance's role default-role")
        #expect(credentials.accessKeyID == "test-key" && credentials.sessionToken == "test-session-token")
        #expect(try session.region() == "us-east-1")
        #expect(eventually { session.metadata.value(.instanceID) == "i-fake" })
    }

    private func kind(_ client: inout AWSClient, _ operation: String, _ body: String) -> AWSError.Kind? {
        do throws(AWSError) {
            _ = try client.call(AWSRequest(target: "Logs_20140328.\(operation)", body: Array(body.utf8)))
        } catch { return error.kind }
        return nil
    }

    @Test func motoTakesOurSignatures() throws {
        let stub = try Stub("moto_stub.py", ["signed"])
        let group = #"{"logGroupName":"a/ü"}"#
        var variables = [
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": stub.words[1], "AWS_SECRET_ACCESS_KEY": stub.words[2],
        ]
        var client = try AWSClient(.logs, session: session(stub, variables))
        #expect(kind(&client, "CreateLogGroup", group) == nil)
        #expect(kind(&client, "CreateLogGroup", group) == .alreadyExists)
        #expect(kind(&client, "DescribeLogStreams", #"{"logGroupName":"none"}"#) == .notFound)
        var other = try AWSClient(.logs, session: session(stub, variables) { $0.roleARN = stub.words[3] })
        #expect(kind(&other, "CreateLogStream", #"{"logGroupName":"a/ü","logStreamName":"s"}"#) == nil)
        #expect(try other.session.credentials().origin == "role \(stub.words[3])")

        variables["AWS_SECRET_ACCESS_KEY"] = "wrong"
        var wrong = try AWSClient(.logs, session: session(stub, variables))
        #expect(kind(&wrong, "CreateLogGroup", group) == .badCredentials)
        variables["AWS_ACCESS_KEY_ID"] = "AKIAUNKNOWN"
        var unknown = try AWSClient(.logs, session: session(stub, variables))
        #expect(kind(&unknown, "CreateLogGroup", group) == .badCredentials)
    }
}
