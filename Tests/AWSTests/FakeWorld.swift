// A world for the tests: variables, files, a clock, programs and services that answer as told.

import AWS
import Foundation
import HTTP
import Platform

/// Shared by the world and the test. Time stands still unless it is moved.
final class FakeWorld: @unchecked Sendable {
    typealias Answer = Result<HTTPResponse, TransportError>

    private let lock = NSLock()
    private var _variables: [String: String] = [:]
    private var _files: [String: String] = [:]
    private var _asked: Set<String> = []
    private var _unixSeconds: Int64 = 1_800_000_000
    private var _programs: [String: Result<String, ProgramFault>] = [:]
    private var _requests: [HTTPRequest] = []
    private var _options: [HTTPClientOptions] = []
    private var _commands: [[String]] = []
    private var _proxies: [String] = []
    private var _service: @Sendable (HTTPRequest) -> Answer = { _ in .failure(TransportError(reason: "refused")) }

    private func locked<Value>(_ body: () -> Value) -> Value { lock.withLock { body() } }

    var variables: [String: String] {
        get { locked { _variables } }
        set { locked { _variables = newValue } }
    }
    var files: [String: String] {
        get { locked { _files } }
        set { locked { _files = newValue } }
    }
    var unixSeconds: Int64 {
        get { locked { _unixSeconds } }
        set { locked { _unixSeconds = newValue } }
    }
    var programs: [String: Result<String, ProgramFault>] {
        get { locked { _programs } }
        set { locked { _programs = newValue } }
    }
    /// Variables that somebody wanted to know.
    var asked: Set<String> { locked { _asked } }
    /// What answers, whatever the address.
    var service: @Sendable (HTTPRequest) -> Answer {
        get { locked { _service } }
        set { locked { _service = newValue } }
    }
    var requests: [HTTPRequest] { locked { _requests } }
    var options: [HTTPClientOptions] { locked { _options } }
    var commands: [[String]] { locked { _commands } }
    /// Those that transports were told to use instead of the one that they were made with.
    var proxies: [String] { locked { _proxies } }

    init(_ variables: [String: String] = [:]) { _variables = variables }

    private struct Transport: HTTPTransport {
        let world: FakeWorld

        func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
            let service = world.locked {
                world._requests.append(request)
                return world._service
            }
            return try service(request).get()
        }

        func use(proxy: String) { world.locked { world._proxies.append(proxy) } }

        func another() -> sending Transport { Transport(world: world) }
    }

    var world: AWSWorld {
        AWSWorld(
            variable: { name in
                self.locked {
                    self._asked.insert(name)
                    return self._variables[name]
                }
            },
            readFile: { path throws(Errno) in
                guard let text = self.files[path] else { throw .notFound }
                return Array(text.utf8)
            },
            now: {
                let seconds = self.unixSeconds
                return Moment(
                    monotonic: Instant(nanoseconds: UInt64(seconds) * 1_000_000_000),
                    unixNanoseconds: seconds * 1_000_000_000)
            },
            jitter: { 0 },
            connect: { options throws(TransportError) in
                self.locked { self._options.append(options) }
                return Transport(world: self)
            },
            run: { command, _ throws(ProgramFault) in
                let answer = self.locked {
                    self._commands.append(command)
                    return self._programs[command[0]]
                }
                guard let answer else { throw .notStarted(.notFound) }
                return Array(try answer.get().utf8)
            })
    }

    func session(_ settings: AWSClientSettings = AWSClientSettings(), log: AgentLog = .silent) -> AWSSession {
        AWSSession(settings, log: log, world: world)
    }

    /// What a session with these settings gets, and nothing else before.
    func credentials(_ settings: AWSClientSettings = AWSClientSettings()) throws(AWSError) -> Credentials {
        try session(settings).credentials()
    }
}

extension HTTPRequest {
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The members of a form.
    var form: [String: String] {
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            form[String(parts[0])] = String(parts[1]).removingPercentEncoding
        }
        return form
    }
}

/// A good answer of AWS.
func ok(_ body: String, headers: [String: String] = [:]) -> FakeWorld.Answer {
    let marked = headers.merging(["x-amzn-requestid": "d8f1-4c"]) { given, _ in given }
    return .success(HTTPResponse(status: 200, body: body, headers: marked))
}

func status(_ status: Int, _ body: String = "", headers: [String: String] = [:]) -> FakeWorld.Answer {
    .success(HTTPResponse(status: status, body: body, headers: headers))
}

let noAnswer: FakeWorld.Answer = .failure(TransportError(reason: "timed out"))

/// As it stands in answers: `2026-11-21T02:38:30Z`.
func timestamp(_ unixSeconds: Int64) -> String {
    ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: TimeInterval(unixSeconds)))
}

/// As in a `Date` header.
func httpDate(_ unixSeconds: Int64) -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return format.string(from: Date(timeIntervalSince1970: TimeInterval(unixSeconds)))
}

/// What STS answers.
func stsAnswer(_ action: String, key: String = "ASIAROLE", secret: String = "rolesecret", until: Int64) -> String {
    """
    <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <\(action)Result>
        <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/logs/vitals</Arn></AssumedRoleUser>
        <Credentials>
          <AccessKeyId>\(key)</AccessKeyId><SecretAccessKey>\(secret)</SecretAccessKey>
          <SessionToken>role/token+==</SessionToken><Expiration>\(timestamp(until))</Expiration>
        </Credentials>
      </\(action)Result>
    </\(action)Response>
    """
}

/// What a container's endpoint and IMDS answer.
func tokenAnswer(key: String = "ASIAHOST", secret: String = "hostsecret", until: Int64) -> String {
    """
    {"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"\(key)","SecretAccessKey":"\(secret)","Token":"host/token==",
     "Expiration":"\(timestamp(until))"}
    """
}
