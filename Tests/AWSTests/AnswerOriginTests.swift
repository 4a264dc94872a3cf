// Who answers in AWS's place: captive portals, proxies, and answers that were mangled on their way. They acknowledge
// nothing, wherever they stand.

import Foundation
import HTTP
import Platform
import TestSupport
import Testing

@testable import AWS

private func answer(
    _ status: Int, _ body: String, _ headers: [String: String] = [:], redirect: String? = nil
) -> FakeWorld.Answer {
    .success(HTTPResponse(status: status, body: body, redirect: redirect, headers: headers))
}

private let marked = ["x-amzn-requestid": "d8f1"]

@Suite struct AnswerOriginTests {
    private func error(_ answer: FakeWorld.Answer) throws -> (AWSError?, Int64) {
        let fake = FakeWorld([
            "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_REGION": "eu-west-1",
        ])
        fake.service = { _ in answer }
        let session = fake.session()
        var client = try AWSClient(.logs, session: session)
        do throws(AWSError) { _ = try client.call(AWSRequest(target: "x", body: [])) } catch {
            return (error, session.clock.offsetSeconds)
        }
        return (nil, session.clock.offsetSeconds)
    }

    @Test(arguments: [
        answer(200, "<html><title>Log in\nfirst</title></html>", ["content-type": "text/html", "server": "portal/1"]),
        answer(200, ""), answer(204, ""), answer(200, "{}"), answer(200, "success\n"),
        answer(204, "", marked), answer(202, "{}", marked), answer(206, "{}", marked),
        answer(200, "<html>", marked), answer(200, "[]", marked), answer(200, "\"ok\"", marked),
        answer(200, "{\"rejectedLogEv", marked), answer(200, "{}", ["x-amzn-requestid": ""]),
    ]) func isNoAnswerOfAWS(_ answer: FakeWorld.Answer) throws {
        var dated = try answer.get()
        dated.headers["date"] = httpDate(1_700_000_000)
        let (error, offset) = try error(.success(dated))
        #expect(error?.kind == .notTheService, "\(String(describing: error))")
        #expect(error?.message.contains("logs.eu-west-1.amazonaws.com") == true)
        // Nor does it know what time it is.
        #expect(offset == 0)
    }

    @Test func isSaidByName() throws {
        let (error, _) = try error(
            answer(
                200, "<html><title>Log in\nfirst \"now\"\u{1B}[2J</title></html>",
                ["content-type": "text/html", "server": "portal/1"]))
        #expect(
            error?.message.contains(
                #"(no x-amzn-RequestId) but of "portal/1", "text/html", a page "Log in first 'now' [2J", asked at"#)
                == true,
            "\(String(describing: error))")
        let (forbidden, _) = try self.error(answer(403, "<html>Log in</html>", ["server": "portal/1"]))
        #expect(forbidden?.kind == .accessDenied && forbidden?.message.contains("answered by \"portal/1\"") == true)
        let (led, _) = try self.error(answer(302, "", redirect: "http://portal.example.test/login?token=SECRET"))
        let words = "\(try #require(led))"
        #expect(words.contains("leading to portal.example.test") && !words.contains("SECRET"), "\(words)")
    }

    /// Only the beginning of a page is shown: also that much of a secret is none of anybody's business.
    @Test func repeatsNoPartOfASecret() throws {
        let token = "TOKEN" + String(repeating: "x", count: 500)
        let fake = FakeWorld([
            "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": token,
            "AWS_REGION": "eu-west-1",
        ])
        for answered in [answer(200, token, ["server": token]), answer(502, "<html>\(token)</html>")] {
            fake.service = { _ in answered }
            var client = try AWSClient(.logs, session: fake.session())
            do throws(AWSError) {
                _ = try client.call(AWSRequest(target: "x", body: []))
                Issue.record("taken")
            } catch { #expect(!error.description.contains("TOKEN"), "\(error)") }
        }
    }

    @Test(arguments: [answer(200, "{}", marked), answer(200, "", marked), answer(200, " {\"a\": 1}\n", marked)])
    func isOne(_ answer: FakeWorld.Answer) throws { #expect(try error(answer).0 == nil) }

    @Test func rolesAreNotTakenFromAPortal() {
        let fake = FakeWorld([
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
            "AWS_REGION": "eu-west-1",
        ])
        fake.files["/token"] = "eyJ"
        for answered in [
            answer(200, "<html>Log in</html>", ["date": httpDate(1_700_000_000)]), answer(200, ""), answer(204, ""),
            answer(200, stsAnswer("X", until: 1_800_003_600)),
        ] {
            fake.service = { _ in answered }
            let session = fake.session()
            do throws(AWSError) {
                _ = try session.credentials()
                Issue.record("taken: \(answered)")
            } catch { #expect(error.message.contains("this is not an answer of AWS"), "\(error)") }
            #expect(session.clock.offsetSeconds == 0)
        }
        // Where the header was lost on its way, the ID inside does.
        let inside = stsAnswer("X", until: 1_800_003_600).replacingOccurrences(
            of: "</XResponse>", with: "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></XResponse>")
        fake.service = { _ in answer(200, inside) }
        #expect(throws: Never.self) { try fake.session().credentials() }
    }

    /// Whatever is asked of the instance, and whoever answers: nothing of it becomes a region, a role or a name.
    @Test(arguments: ["OK", "success", "<html>", "<HTML><BODY>Success</BODY></HTML>", "", "{}", "eu-west-1a", "null"])
    func nothingIsLearntOfAPortal(body: String) throws {
        for tokenIsGood in [false, true] {
            let fake = FakeWorld()
            fake.service = { request in
                tokenIsGood && request.method == "PUT" ? answer(200, "dG9rZW4=") : answer(200, body)
            }
            #expect(throws: AWSError.self) { try fake.session().region() }
            #expect(throws: AWSError.self) { try fake.session().credentials() }
            let metadata = fake.session().metadata
            metadata.wait(for: ["region"], atMost: .milliseconds(50))
            #expect(eventually { !metadata.isAsking })
            let zone = body == "eu-west-1a" ? body : nil
            #expect(InstanceMetadata.Item.allCases.map { metadata.value($0) } == [nil, nil, zone, nil, nil, nil])
        }
    }
}
