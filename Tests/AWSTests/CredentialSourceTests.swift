import AWS
import Foundation
import HTTP
import Platform
import Testing

/// Each place that credentials come from: what it is asked, and what becomes of odd answers.
@Suite struct CredentialSourceTests {
    private let until: Int64 = 1_800_003_600

    private func failure(_ fake: FakeWorld, _ settings: AWSClientSettings = AWSClientSettings()) -> String {
        do throws(AWSError) {
            return "credentials from \(try fake.credentials(settings).origin)"
        } catch { return error.message }
    }

    // MARK: Containers

    @Test func podIdentityTokensAreReadEachTime() throws {
        let fake = FakeWorld([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "unused",
        ])
        fake.files["/var/run/token"] = "first\n"
        let answer = ok(tokenAnswer(until: 1_800_000_600))
        fake.service = { _ in answer }
        let session = fake.session()
        let credentials = try session.credentials()
        #expect(credentials.accessKeyID == "ASIAHOST" && credentials.sessionToken == "host/token==")
        fake.files["/var/run/token"] = "second"
        fake.unixSeconds += 600
        #expect(throws: AWSError.self) { try session.credentials() }  // it came expired again
        #expect(fake.requests.map { $0.header("Authorization") ?? "" } == ["first", "second"])
        #expect(fake.requests[0].url == "http://169.254.170.23/v1/credentials" && fake.requests[0].method == "GET")
        // No proxy knows an address of this host.
        #expect(fake.options[0].proxy == "" && fake.options[0].timeout == .seconds(2))
    }

    @Test func ecsTakesTheTokenOfTheVariable() throws {
        let fake = FakeWorld([
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/creds?id=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc",
        ])
        let answer = ok(tokenAnswer(until: until))
        fake.service = { _ in answer }
        _ = try fake.credentials()
        #expect(fake.requests[0].url == "http://169.254.170.2/v2/creds?id=1")
        #expect(fake.requests[0].header("Authorization") == "Basic abc")
    }

    @Test(arguments: [
        "https://example.com/creds", "http://127.0.0.1:8080/x", "http://127.9.8.7/x", "http://localhost/x",
        "http://[::1]:99/x", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
    ]) func hostsThatAreAsked(url: String) throws {
        let fake = FakeWorld(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url])
        let answer = ok(tokenAnswer(until: until))
        fake.service = { _ in answer }
        #expect(try fake.credentials().accessKeyID == "ASIAHOST")
    }

    @Test(arguments: [
        "http://example.com/creds", "http://169.254.170.22/x", "http://169.254.169.254/x", "ftp://127.0.0.1/x",
        "http://127.0.0.1.evil.com/x", "http://127.1/x", "http://127.0.0.1@evil.com/x", "http://user@127.0.0.1/x",
        "http://localhost.evil.com/", "http://127.0.0.256/", "http://127.0.0.1:80a/", "http://[fd00:ec2::24]/",
        "http:///x", "127.0.0.1/x", "http://127.0.0.1/a b",
    ]) func hostsThatAreNot(url: String) {
        let fake = FakeWorld(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url])
        #expect(failure(fake).contains("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither"))
        #expect(fake.requests.isEmpty)
    }

    @Test func containersAreAskedThreeTimes() {
        let fake = FakeWorld(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        fake.service = { _ in noAnswer }
        #expect(failure(fake) == "the container's endpoint 169.254.170.2 does not answer: timed out")
        #expect(fake.requests.count == 3)
        fake.service = { _ in status(500) }
        #expect(failure(fake) == "the container's endpoint 169.254.170.2 answers with HTTP 500")
        #expect(fake.requests.count == 6)
        fake.service = { _ in status(403) }
        #expect(failure(fake) == "the container's endpoint 169.254.170.2 answers with HTTP 403")
        #expect(fake.requests.count == 7)
    }

    @Test(arguments: [
        ("", "no JSON"), ("<html>", "no JSON"), ("[]", "no AccessKeyId"),
        (#"{"AccessKeyId":"A"}"#, "no AccessKeyId or no"),
        (#"{"AccessKeyId":"A","SecretAccessKey":"b","Token":"c"}"#, "the Expiration it gives is no time"),
        (#"{"AccessKeyId":"A","SecretAccessKey":"b","Expiration":"soon"}"#, "the Expiration it gives is no time"),
        (#"{"AccessKeyId":"A\r\nB","SecretAccessKey":"b"}"#, "the AccessKeyId it gives is none"),
        (#"{"AccessKeyId":"A","SecretAccessKey":7}"#, "no SecretAccessKey"),
    ]) func answersThatAreNone(body: String, words: String) {
        let fake = FakeWorld(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        fake.service = { _ in ok(body) }
        #expect(failure(fake).contains(words), "\(failure(fake))")
    }

    // MARK: Instances

    private func instance(_ fake: FakeWorld, token: FakeWorld.Answer = ok("tok"), credentials: FakeWorld.Answer) {
        fake.service = { request in
            if request.url.hasSuffix("/latest/api/token") { return token }
            if request.url.hasSuffix("/iam/security-credentials/") { return ok("role-1\n") }
            if request.url.hasSuffix("/iam/security-credentials/role-1") { return credentials }
            return status(404)
        }
    }

    @Test func instancesAreAskedWithAToken() throws {
        let fake = FakeWorld()
        instance(fake, credentials: ok(tokenAnswer(until: until)))
        let credentials = try fake.credentials()
        #expect(credentials.origin == "the instance's role role-1" && credentials.expiresAt == until)
        #expect(
            fake.requests.map { "\($0.method) \($0.url)" } == [
                "PUT http://169.254.169.254/latest/api/token",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role-1",
            ])
        #expect(fake.requests[0].header("X-aws-ec2-metadata-token-ttl-seconds") == "21600")
        #expect(fake.requests[1...].allSatisfy { $0.header("X-aws-ec2-metadata-token") == "tok" })
        #expect(fake.options[0].proxy == "" && fake.options[0].timeout == .seconds(1))
    }

    @Test func otherAddressesOfTheMetadata() throws {
        let fake = FakeWorld(["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"])
        instance(fake, credentials: ok(tokenAnswer(until: until)))
        _ = try fake.credentials()
        #expect(fake.requests[0].url == "http://[fd00:ec2::254]/latest/api/token")
        fake.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:5555/"
        _ = try fake.credentials()
        #expect(fake.requests[3].url == "http://127.0.0.1:5555/latest/api/token")
        fake.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "nowhere"
        #expect(failure(fake) == "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http://… address")
    }

    @Test(arguments: [403, 404, 405]) func version1IsAskedOnlyWhenItIsAllowed(code: Int) throws {
        let fake = FakeWorld()
        instance(fake, token: status(code), credentials: ok(tokenAnswer(until: until)))
        #expect(failure(fake).contains("\"allow_imds_v1\" is not set"))
        #expect(fake.requests.count == 1)
        var settings = AWSClientSettings()
        settings.allowsIMDSv1 = true
        #expect(try fake.credentials(settings).accessKeyID == "ASIAHOST")
        #expect(fake.requests.allSatisfy { $0.header("X-aws-ec2-metadata-token") == nil })
        fake.variables["AWS_EC2_METADATA_V1_DISABLED"] = "true"
        #expect(failure(fake, settings).contains("allow_imds_v1"))
    }

    @Test func noMetadataNearOrFar() {
        let fake = FakeWorld()
        fake.service = { _ in noAnswer }
        #expect(failure(fake).hasPrefix("the instance's metadata does not answer: timed out (in a container"))
        #expect(fake.requests.count == 2)
        fake.service = { $0.url.hasSuffix("token") ? ok("tok") : status(404) }
        #expect(failure(fake) == "the instance has no role (instance profile)")
        instance(fake, credentials: ok(#"{"Code":"AssumeRoleUnauthorizedAccess"}"#))
        #expect(failure(fake) == "the instance's metadata has no credentials of role-1: AssumeRoleUnauthorizedAccess")
        instance(fake, token: ok("two words"), credentials: status(200))
        #expect(failure(fake) == "the instance's metadata gives no token (HTTP 200)")
        instance(fake, credentials: status(503))
        #expect(failure(fake).contains("HTTP 503 for meta-data/iam/security-credentials/role-1"))
    }

    /// The service that renews them is down: AWS asks its clients to go on with what they have.
    @Test func expiredOnesOfAnInstanceAreUsedOn() throws {
        let fake = FakeWorld()
        instance(fake, credentials: ok(tokenAnswer(until: 1_799_999_000)))
        let credentials = try fake.credentials()
        #expect(credentials.expiresAt == 1_800_000_900)
    }

    // MARK: Programs

    private func program(_ command: String, _ output: Result<String, ProgramFault>) -> FakeWorld {
        let fake = FakeWorld(["AWS_CONFIG_FILE": "/config"])
        fake.files["/config"] = "[default]\ncredential_process = \(command)\n"
        fake.programs["/opt/get creds"] = output
        return fake
    }

    @Test func programs() throws {
        let fake = program(
            #""/opt/get creds" --role 'a b' c\ d"#,
            .success(
                #"{"Version":1,"AccessKeyId":"AKIAP","SecretAccessKey":"p","SessionToken":"t","#
                    + #""Expiration":"2027-01-15T10:00:00+01:00"}"#))
        let credentials = try fake.credentials()
        #expect(fake.commands == [["/opt/get creds", "--role", "a b", "c d"]])
        #expect(credentials.accessKeyID == "AKIAP" && credentials.sessionToken == "t")
        #expect(credentials.expiresAt == 1_800_003_600)
        // A program's keys need not expire: then it is asked again now and then.
        fake.programs["/opt/get creds"] = .success(#"{"Version":1,"AccessKeyId":"A2","SecretAccessKey":"p"}"#)
        #expect(try fake.credentials().expiresAt == nil)
    }

    @Test(arguments: [
        ProgramFault.exited(status: 3), .killed(signal: 9), .tookTooLong, .wroteTooMuch, .notStarted(.notFound),
    ]) func programsThatFail(fault: ProgramFault) {
        let fake = program("'/opt/get creds'", .failure(fault))
        #expect(failure(fake) == "credential_process of profile \"default\" \(fault)")
    }

    @Test func programsThatSayNothingOfUse() {
        for output in ["", "key", "{}", #"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"b"}"#] {
            #expect(failure(program("'/opt/get creds'", .success(output))).contains("no JSON with \"Version\": 1"))
        }
        #expect(failure(program("'/opt/get", .success(""))).contains("a quote in it has no end"))
    }

    // MARK: Roles

    private func webIdentity() -> FakeWorld {
        let fake = FakeWorld([
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
            "AWS_ROLE_SESSION_NAME": "pod", "AWS_REGION": "cn-north-1",
        ])
        fake.files["/token"] = "eyJ.first.sig\n"
        return fake
    }

    @Test func webIdentityTokensAreReadEachTime() throws {
        let fake = webIdentity()
        fake.service = { request in ok(stsAnswer("AssumeRoleWithWebIdentity", until: 1_800_000_900)) }
        let session = fake.session()
        _ = try session.credentials()
        fake.files["/token"] = "eyJ.second.sig"
        fake.unixSeconds += 900
        #expect(throws: AWSError.self) { try session.credentials() }
        #expect(fake.requests.map { $0.form["WebIdentityToken"] } == ["eyJ.first.sig", "eyJ.second.sig"])
        #expect(fake.requests[0].url == "https://sts.cn-north-1.amazonaws.com.cn/")
        #expect(fake.requests[0].form["RoleSessionName"] == "pod" && fake.requests[0].form["DurationSeconds"] == "3600")
        #expect(fake.requests[0].header("Authorization") == nil)
    }

    @Test func whatSTSRefuses() {
        let fake = webIdentity()
        fake.service = { _ in
            status(
                400,
                "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>No &lt;OIDC&gt; "
                    + "provider</Message></Error></ErrorResponse>")
        }
        #expect(
            failure(fake) == "STS at sts.cn-north-1.amazonaws.com.cn, for role arn:aws:iam::1:role/pod, answers: "
                + "InvalidIdentityToken: No <OIDC> provider")
        fake.service = { _ in noAnswer }
        #expect(failure(fake).hasSuffix("does not answer: timed out"))
        fake.service = { _ in ok("<html>") }
        #expect(failure(fake).contains("gives no AccessKeyId"))
        fake.service = { _ in status(200, "<html>") }
        #expect(failure(fake).contains("this is not an answer of AWS"))
        fake.files["/token"] = "\n"
        #expect(failure(fake) == "the web identity token: /token is empty, or no text")
    }

    /// The time of STS is the time of AWS.
    @Test func stsTeachesTheTime() throws {
        let fake = webIdentity()
        fake.service = { _ in
            ok(stsAnswer("X", until: 1_800_013_600), headers: ["date": httpDate(1_800_010_000)])
        }
        let session = fake.session()
        _ = try session.credentials()
        #expect(session.clock.offsetSeconds == 10_000)
    }
}
