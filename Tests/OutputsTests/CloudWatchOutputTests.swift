import AWS
import Bytes
import Foundation
import HTTP
import Logs
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// CloudWatch Logs as a list of answers, and what it was asked.
private final class ScriptedService: Sendable {
    struct Asked: Equatable {
        var operation: String
        var body: String
        var headers: [String: String]
    }
    private let state: Mutex<(answers: [HTTPResponse?], asked: [Asked])>

    /// Nil is no answer.
    init(_ answers: [HTTPResponse?]) { state = Mutex((answers, [])) }

    var asked: [Asked] { state.withLock { $0.asked } }
    var operations: [String] { asked.map(\.operation) }

    func answer(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
        let headers = Dictionary(request.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
        let operation = String((headers["x-amz-target"] ?? "").dropFirst("Logs_20140328.".count))
        let answer = state.withLock { state in
            state.asked.append(
                Asked(operation: operation, body: String(decoding: request.body, as: UTF8.self), headers: headers))
            return state.answers.isEmpty ? ok : state.answers.removeFirst()
        }
        guard let answer else { throw TransportError(reason: "connection reset") }
        return answer
    }

    var world: AWSWorld {
        AWSWorld(
            variable: { _ in nil }, readFile: { _ throws(Errno) in throw Errno(code: 2) }, now: { .now }, jitter: { 0 },
            connect: { [self] _ in Transport(service: self) }, run: { _, _ in [] })
    }

    private struct Transport: HTTPTransport {
        let service: ScriptedService
        func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse { try service.answer(request) }
        func another() -> sending Transport { Transport(service: service) }
    }
}

private func refusal(_ code: String, status: Int = 400) -> HTTPResponse {
    HTTPResponse(status: status, body: "{\"__type\":\"\(code)\",\"message\":\"m\"}")
}

private let marked = ["x-amzn-requestid": "d8f1-4c"]
private let ok = HTTPResponse(status: 200, body: "{}", headers: marked)
private let missing = refusal("ResourceNotFoundException")
private let exists = refusal("ResourceAlreadyExistsException")
private let place = Destination(["/g", "s"])

/// As in a `Date` header.
private func httpDate(_ unixSeconds: Int64) -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return format.string(from: Date(timeIntervalSince1970: TimeInterval(unixSeconds)))
}

@Suite struct CloudWatchOutputTests {
    private func output(_ more: String = "", _ service: ScriptedService) throws -> CloudWatchLogsOutput {
        var section = try section(
            """
            { "region": "eu-west-1", "access_key_id": "A", "secret_access_key": "S", "log_group": "/g" \(more) }
            """, path: "outputs.aws")
        let output = try CloudWatchLogsOutput(&section, context(), instanceID: nil) {
            AWSSession($0, log: $1, world: service.world)
        }
        try section.finish()
        return output
    }

    private func deliver(_ output: inout CloudWatchLogsOutput) -> Result<DeliveryOutcome, DeliveryError> {
        do throws(DeliveryError) { return .success(try output.deliver([1, 2], recordCount: 10, to: place)) } catch {
            return .failure(error)
        }
    }

    @Test func whatIsSent() throws {
        let service = ScriptedService([])
        var output = try output("", service)
        #expect(deliver(&output) == .success(.accepted))
        let asked = service.asked
        #expect(asked.map(\.operation) == ["PutLogEvents"])
        #expect(asked[0].headers["content-encoding"] == "gzip")
        #expect(asked[0].headers["content-type"] == "application/x-amz-json-1.1")
        #expect(asked[0].headers["authorization"]?.contains("/eu-west-1/logs/aws4_request") == true)
        var plain = try self.output(#", "compression": "none""#, service)
        #expect(deliver(&plain) == .success(.accepted))
        #expect(service.asked[1].headers["content-encoding"] == nil)
    }

    @Test func aStreamThatIsMissingIsMade() throws {
        let service = ScriptedService([missing, ok, ok])
        var output = try output("", service)
        #expect(deliver(&output) == .success(.accepted))
        #expect(service.operations == ["PutLogEvents", "CreateLogStream", "PutLogEvents"])
        #expect(service.asked[1].body == #"{"logGroupName":"/g","logStreamName":"s"}"#)
    }

    @Test func aGroupThatIsMissingIsMadeWithAllThatTheSettingsSay() throws {
        let service = ScriptedService([missing, missing, ok, ok, ok, ok])
        var output = try output(
            #"""
            , "retention_days": 30, "log_group_class": "INFREQUENT_ACCESS", "kms_key": "arn:aws:kms:k",
              "tags": { "team": "ops", "a": "b" }
            """#, service)
        #expect(deliver(&output) == .success(.accepted))
        #expect(
            service.operations == [
                "PutLogEvents", "CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents",
                "PutRetentionPolicy",
            ])
        #expect(
            service.asked[2].body
                == #"{"logGroupName":"/g","logGroupClass":"INFREQUENT_ACCESS","kmsKeyId":"arn:aws:kms:k","#
                + #""tags":{"team":"ops","a":"b"}}"#)
        #expect(service.asked[5].body == #"{"logGroupName":"/g","retentionInDays":30}"#)
    }

    @Test func whatSomebodyElseHasMadeMeanwhileIsAsGood() throws {
        let service = ScriptedService([missing, missing, exists, exists, ok])
        var output = try output("", service)
        #expect(deliver(&output) == .success(.accepted))
    }

    @Test func retentionIsSetOnceForAGroupAlsoOneThatWasThere() throws {
        let service = ScriptedService([])
        var output = try output(#", "retention_days": 1"#, service)
        for _ in 0..<3 { #expect(deliver(&output) == .success(.accepted)) }
        #expect(service.operations == ["PutLogEvents", "PutRetentionPolicy", "PutLogEvents", "PutLogEvents"])
    }

    /// A group that a document has named: what is not allowed there, or is missing and not made, goes elsewhere, and is
    /// tried again a minute later. What is wrong with us, or passes, is as it ever was.
    @Test func aGroupThatADocumentNamesMayTakeNothing() throws {
        let named = Destination(["/named", "s"], or: ["/g", "own"])
        let denied = refusal("AccessDeniedException")
        func answer(_ more: String = "", _ answers: [HTTPResponse?]) throws -> (DeliveryError?, [String]) {
            let service = ScriptedService(answers)
            var output = try self.output(more, service)
            var error: DeliveryError?
            for _ in 0..<3 {
                do throws(DeliveryError) { _ = try output.deliver([1], recordCount: 1, to: named) } catch let thrown {
                    error = thrown
                }
            }
            return (error, service.operations)
        }
        func goesElsewhere(_ error: DeliveryError?) -> Bool {
            if case .goesElsewhere = error { true } else { false }
        }
        for (more, answers) in [
            ("", [denied]), (#", "create": false"#, [missing]), ("", [missing, denied]),
            ("", [missing, missing, denied]),
        ] {
            let (error, operations) = try answer(more, answers)
            #expect(goesElsewhere(error) && operations.count == answers.count, "\(operations)")
        }
        for answers in [
            [refusal("ThrottlingException"), ok], [nil, ok],
            [refusal("UnrecognizedClientException", status: 403), ok, ok],
            [missing, refusal("LimitExceededException"), ok],
        ] {
            let (error, operations) = try answer("", answers)
            #expect(!goesElsewhere(error) && operations.count > answers.count - 1, "\(operations)")
        }
        // The settings' own group is waited for.
        let service = ScriptedService([denied])
        var output = try output("", service)
        #expect(deliver(&output) == .failure(.notAllowed(reason: "AccessDeniedException: m (/g, s)")))
    }

    @Test func lanesSetTheRetentionOfAGroupOnce() throws {
        let service = ScriptedService([])
        var output = try output(#", "retention_days": 1"#, service)
        var other = try #require(output.forAnotherLane())
        for _ in 0..<2 {
            #expect(deliver(&output) == .success(.accepted))
            #expect(deliver(&other) == .success(.accepted))
        }
        #expect(service.operations.count { $0 == "PutRetentionPolicy" } == 1)
    }

    /// Neither does it keep records waiting, nor is it asked for with each request.
    @Test func retentionThatMayNotBeSetHoldsNothingUp() throws {
        let service = ScriptedService([ok, refusal("AccessDeniedException")])
        var output = try output(#", "retention_days": 1"#, service)
        for _ in 0..<3 { #expect(deliver(&output) == .success(.accepted)) }
        #expect(service.operations == ["PutLogEvents", "PutRetentionPolicy", "PutLogEvents", "PutLogEvents"])
    }

    @Test func nothingIsMadeWhenTheSettingsSaySo() throws {
        let service = ScriptedService([missing])
        var output = try output(#", "create": false"#, service)
        #expect(
            deliver(&output)
                == .failure(
                    .retry(after: nil, reason: #"ResourceNotFoundException: m (/g, s); "create" is false"#)))
    }

    @Test(
        arguments: [
            ([missing, refusal("ThrottlingException")], "CreateLogStream s in /g: ThrottlingException: m"),
            ([missing, missing, refusal("LimitExceededException")], "CreateLogGroup /g: LimitExceededException: m"),
            (
                [missing, missing, refusal("InvalidParameterException")],
                "CreateLogGroup /g: InvalidParameterException: m"
            ),
            ([missing, missing, ok, missing], "CreateLogStream: the group /g is not there yet"),
            ([missing, ok, missing], "ResourceNotFoundException: m"),
            ([nil], "connection reset"), ([missing, nil], "CreateLogStream s in /g: connection reset"),
        ] as [([HTTPResponse?], String)]) func isTriedAgain(answers: [HTTPResponse?], reason: String) throws
    {
        var output = try output("", ScriptedService(answers))
        #expect(deliver(&output) == .failure(.retry(after: nil, reason: reason)))
    }

    /// Somebody else's answer acknowledges nothing, whichever of the calls it is for; each is made once more.
    @Test(arguments: [
        HTTPResponse(status: 200, body: "<html>Log in</html>"), HTTPResponse(status: 200), HTTPResponse(status: 204),
        HTTPResponse(status: 200, body: "{}"), HTTPResponse(status: 200, body: "{\"a", headers: marked),
    ]) func aPortalAcknowledgesNothing(portal: HTTPResponse) throws {
        for good in [[], [missing], [missing, missing], [missing, missing, ok], [missing, missing, ok, ok]] {
            let service = ScriptedService(good + [portal, ok, ok, ok, ok, ok])
            var output = try output("", service)
            guard case .failure(.retry(nil, let reason)) = deliver(&output) else {
                Issue.record("\(service.operations)")
                continue
            }
            #expect(reason.contains("this is not an answer of AW"), "\(reason)")
            #expect(service.operations.count == good.count + 1)
            #expect(deliver(&output) == .success(.accepted))
        }
        // The retention is set later, and the records do not wait for it.
        let service = ScriptedService([ok, portal])
        var output = try output(#", "retention_days": 1"#, service)
        #expect(deliver(&output) == .success(.accepted))
    }

    /// What a document wants is not refused by AWS when a proxy says so.
    @Test func aProxysRefusalSendsNoDocumentElsewhere() throws {
        let service = ScriptedService([HTTPResponse(status: 403, body: "<html>Log in</html>")])
        var output = try output("", service)
        let named = Destination(["/named", "s"], or: ["/g", "own"])
        do throws(DeliveryError) {
            _ = try output.deliver([1], recordCount: 1, to: named)
            Issue.record("taken")
        } catch {
            guard case .notAllowed(let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains("answered by a page \"<html>Log in</html>\""), "\(reason)")
        }
    }

    /// Before a request that was refused for the clock is sent again, the times in it are corrected.
    @Test func aRequestRefusedForTheClockIsEncodedAgain() throws {
        let now = Moment.now.unixNanoseconds / 1_000_000_000
        func refused(_ ahead: Int64) -> HTTPResponse {
            HTTPResponse(
                status: 400, body: #"{"__type":"RequestTimeTooSkewed"}"#, headers: ["date": httpDate(now + ahead)])
        }
        for (ahead, operations) in [(10_800, 1), (-10_800, 1), (250, 2)] as [(Int64, Int)] {
            let service = ScriptedService([refused(ahead), ok])
            var output = try output("", service)
            let answer = deliver(&output)
            #expect(service.operations.count == operations)
            if operations == 1 {
                guard case .failure(.retry(nil, let reason)) = answer else {
                    Issue.record("\(answer)")
                    continue
                }
                #expect(reason.contains("the records are sent again with corrected times"))
                #expect(deliver(&output) == .success(.accepted))
            } else {
                #expect(answer == .success(.accepted))
            }
        }
    }

    @Test func whatIsNotAllowedIsSaid() throws {
        var output = try output("", ScriptedService([missing, refusal("AccessDeniedException")]))
        #expect(
            deliver(&output) == .failure(.notAllowed(reason: "CreateLogStream s in /g: AccessDeniedException: m")))
    }

    @Test func eventsThatTheServiceDropsAreLostAndCounted() throws {
        let info = #"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":2,"tooNewLogEventStartIndex":9}}"#
        var output = try output("", ScriptedService([HTTPResponse(status: 200, body: info, headers: marked)]))
        #expect(
            deliver(&output)
                == .success(
                    .partly([
                        RefusedRecord(index: 0, reason: "too_old", fate: .lost),
                        RefusedRecord(index: 1, reason: "too_old", fate: .lost),
                        RefusedRecord(index: 9, reason: "too_new", fate: .lost),
                    ])))
    }

    @Test(arguments: [
        (#", "retention_days": 2"#, "retention_days: the service takes one of 1, 3, 5,"),
        (#", "log_stream": "a:{file}""#, #"log_stream: ":" cannot stand in the name of a stream"#),
        (#", "log_stream": """#, "log_stream: must not be empty"),
        (#", "log_stream": "{flie}""#, "log_stream: unknown variable {flie}, did you mean {file}?"),
        (#", "create": false, "tags": { "a": "b" }"#, #"tags: is for groups that are made, and "create" is false"#),
        (#", "log_group_class": "standard""#, #"log_group_class: expected one of "STANDARD", "INFREQUENT_ACCESS""#),
        (#", "log_stream": "{field.app:-a:b}""#, #"log_stream: ":" cannot stand in the name of a stream"#),
        (#", "kms_key": "alias/x""#, "kms_key: expected the ARN of a key"),
        (
            ", \"log_stream\": \"\(String(repeating: "x", count: 513))\"",
            "log_stream: a stream has a name of 512 characters"
        ),
        (#", "role_arn": "arn:aws:iam::1:role/x", "role_session_name": "a b""#, "role_session_name: expected 2 to 64"),
        (#", "endpoint": "http://h:99999""#, #"endpoint: "http://h:99999" needs a port from 1 to 65535"#),
        (#", "tags": { "aws:x": "1" }"#, #"tags.aws:x: "aws:" is the service's own"#),
        (#", "tags": { "": "1" }"#, "tags.: the name has 1 to 128 characters"),
        (#", "proxy": "ftp://x""#, "proxy: expected one of http, https"),
        (#", "retention_dayz": 1"#, #"retention_dayz: unknown key, did you mean "retention_days"?"#),
    ]) func settingsThatAreWrong(more: String, said: String) throws {
        do {
            _ = try output(more, ScriptedService([]))
            Issue.record("\(more) was taken")
        } catch { #expect("\(error)".contains("outputs.aws.\(said)"), "\(error)") }
    }

    @Test(arguments: [("/a b", "\" \""), ("grüße", "\"ü\""), ("aws/x", "\"aws/\"")])
    func groupsThatCannotBe(name: String, said: String) throws {
        var section = try section("{ \"log_group\": \"\(name)\", \"region\": \"eu-west-1\" }")
        #expect { try CloudWatchLogsOutput(&section, context()) } throws: { "\($0)".contains("log_group: \(said)") }
    }
}
