import AWS
import Foundation
import HTTP
import Platform
import Testing

/// Where credentials come from when several places have some, and what each place needs.
@Suite struct CredentialPlanTests {
    private let arn = "arn:aws:iam::123456789012:role/logs"

    /// Everything that there can be at once; each test takes away what comes before its own.
    private func fullWorld() -> FakeWorld {
        let fake = FakeWorld([
            "HOME": "/home/v", "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "envsecret",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": arn,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1",
        ])
        fake.files = [
            "/home/v/.aws/credentials": "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = filesecret\n",
            "/token": "webtoken\n",
        ]
        fake.service = { request in
            let until: Int64 = 1_800_003_600
            if request.url.hasPrefix("https://sts.") {
                return ok(stsAnswer("AssumeRoleWithWebIdentity", key: "ASIAWEB", until: until))
            }
            if request.url == "http://169.254.170.2/v2/credentials/1" {
                return ok(tokenAnswer(key: "ASIAECS", until: until))
            }
            if request.url.hasSuffix("/api/token") { return ok("imdstoken") }
            if request.url.hasSuffix("/security-credentials/") { return ok("role-1") }
            if request.url.hasSuffix("/security-credentials/role-1") {
                return ok(tokenAnswer(key: "ASIAEC2", until: until))
            }
            return status(404)
        }
        return fake
    }

    @Test func theOrder() throws {
        let fake = fullWorld()
        var settings = AWSClientSettings()
        (settings.accessKeyID, settings.secretAccessKey) = ("AKIASET", "setsecret")
        #expect(try fake.credentials(settings).accessKeyID == "AKIASET")
        #expect(try fake.credentials().accessKeyID == "AKIAENV")
        fake.variables["AWS_ACCESS_KEY_ID"] = nil
        fake.variables["AWS_SECRET_ACCESS_KEY"] = ""
        #expect(try fake.credentials().accessKeyID == "AKIAFILE")
        fake.files["/home/v/.aws/credentials"] = nil
        #expect(try fake.credentials().accessKeyID == "ASIAWEB")
        fake.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
        #expect(try fake.credentials().accessKeyID == "ASIAECS")
        fake.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = nil
        #expect(try fake.credentials().accessKeyID == "ASIAEC2")
        fake.variables["AWS_EC2_METADATA_DISABLED"] = "true"
        #expect(throws: AWSError.self) { try fake.credentials() }
    }

    /// What is set up and fails is no reason to be somebody else.
    @Test func thePlaceThatFailsIsNotPassedOver() {
        let fake = fullWorld()
        fake.variables["AWS_SECRET_ACCESS_KEY"] = nil
        #expect(message(fake) == "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, and only one of them is set")
        fake.variables["AWS_ACCESS_KEY_ID"] = nil
        fake.variables["AWS_PROFILE"] = "other"
        #expect(message(fake) == "profile \"other\" is in no file; there are: default")
        fake.variables["AWS_PROFILE"] = nil
        fake.files["/home/v/.aws/credentials"] = nil
        fake.files["/token"] = nil
        #expect(message(fake).contains("/token"))
        fake.variables["AWS_ROLE_ARN"] = nil
        #expect(message(fake) == "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not")
    }

    @Test func aProfileInTheSettingsIsTheOnlyPlace() throws {
        let fake = fullWorld()
        fake.files["/home/v/.aws/config"] = "[profile logs]\nregion = eu-west-1\n"
        var settings = AWSClientSettings()
        settings.profile = "default"
        #expect(try fake.credentials(settings).accessKeyID == "AKIAFILE")
        settings.profile = "logs"
        #expect(message(fake, settings) == "profile \"logs\" has no credentials")
    }

    /// One that a variable names may be there for its region alone, but it must be there.
    @Test func aProfileOfTheEnvironmentMayHaveNoCredentials() throws {
        let fake = fullWorld()
        for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] { fake.variables[key] = nil }
        fake.variables["AWS_PROFILE"] = "logs"
        #expect(message(fake) == "profile \"logs\" is in no file; there are: default")
        fake.files["/home/v/.aws/config"] = "[profile logs]\nregion = eu-west-1\n"
        #expect(try fake.credentials().accessKeyID == "ASIAWEB")
    }

    @Test func metadataThatIsTurnedOffIsNotAsked() {
        let fake = fullWorld()
        fake.variables["AWS_EC2_METADATA_DISABLED"] = "true"
        fake.files["/home/v/.aws/config"] = "[profile a]\nrole_arn = \(arn)\ncredential_source = Ec2InstanceMetadata\n"
        #expect(message(fake, settings(profile: "a")).contains("turned off by AWS_EC2_METADATA_DISABLED"))
        #expect(fake.requests.isEmpty)
    }

    @Test func filesThatVariablesName() throws {
        let fake = fullWorld()
        for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] { fake.variables[key] = nil }
        fake.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/keys"
        #expect(message(fake).hasPrefix("AWS_SHARED_CREDENTIALS_FILE is /home/v/keys, which cannot be read: "))
        fake.files["/home/v/keys"] = "[default]\naws_access_key_id=A\naws_secret_access_key=b\naws_session_token=c"
        let credentials = try fake.credentials()
        #expect(credentials.accessKeyID == "A" && credentials.secretAccessKey == "b" && credentials.sessionToken == "c")
    }

    // MARK: Profiles with roles

    private func profiles(_ config: String, _ variables: [String: String] = [:]) -> FakeWorld {
        let fake = FakeWorld(["AWS_CONFIG_FILE": "/config", "AWS_REGION": "eu-west-1"].merging(variables) { $1 })
        fake.files = ["/config": config, "/token": "webtoken"]
        fake.service = { request in
            let form = request.form
            let signer = request.header("Authorization").map { String($0.dropFirst(28).prefix { $0 != "/" }) } ?? "-"
            return ok(
                stsAnswer(
                    form["Action"] ?? "",
                    key: "ASIA.\(form["RoleArn"]?.last.map(String.init) ?? "").\(signer.dropFirst(8))",
                    until: 1_800_003_600))
        }
        return fake
    }

    private func settings(profile: String) -> AWSClientSettings {
        var settings = AWSClientSettings()
        settings.profile = profile
        return settings
    }

    @Test func aRoleWithASourceProfile() throws {
        let fake = profiles(
            """
            [profile a]
            role_arn = arn:aws:iam::1:role/A
            source_profile = b
            external_id = ext 1
            role_session_name = me
            duration_seconds = 900
            [profile b]
            role_arn = arn:aws:iam::1:role/B
            source_profile = keys
            [profile keys]
            aws_access_key_id = AKIAK
            aws_secret_access_key = s
            """)
        let credentials = try fake.credentials(settings(profile: "a"))
        #expect(fake.requests.count == 2)
        #expect(fake.requests[0].form["RoleArn"] == "arn:aws:iam::1:role/B")
        #expect(fake.requests[0].header("Authorization")?.contains("Credential=AKIAK/") == true)
        #expect(fake.requests[0].form["RoleSessionName"] == "vitals-1800000000")
        let last = fake.requests[1]
        #expect(last.url == "https://sts.eu-west-1.amazonaws.com/" && last.method == "POST")
        #expect(last.form["ExternalId"] == "ext 1" && last.form["RoleSessionName"] == "me")
        #expect(last.form["DurationSeconds"] == "900" && last.form["Version"] == "2011-06-15")
        #expect(last.header("Authorization")?.contains("/eu-west-1/sts/aws4_request") == true)
        #expect(last.header("X-Amz-Security-Token") == "role/token+==")
        #expect(credentials.accessKeyID.hasPrefix("ASIA.A") && credentials.sessionToken == "role/token+==")
        #expect(credentials.expiresAt == 1_800_003_600)
    }

    @Test func aRoleWithItsOwnKeys() throws {
        let fake = profiles(
            """
            [profile a]
            role_arn = arn:aws:iam::1:role/A
            source_profile = a
            aws_access_key_id = AKIAK
            aws_secret_access_key = s
            """)
        _ = try fake.credentials(settings(profile: "a"))
        #expect(fake.requests.count == 1)
        #expect(fake.requests[0].header("Authorization")?.contains("Credential=AKIAK/") == true)
    }

    @Test func aRoleWithACredentialSource() throws {
        let environment = profiles(
            "[profile a]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Environment",
            ["AWS_ACCESS_KEY_ID": "AKIAE", "AWS_SECRET_ACCESS_KEY": "s"])
        _ = try environment.credentials(settings(profile: "a"))
        #expect(environment.requests[0].header("Authorization")?.contains("Credential=AKIAE/") == true)

        let fake = fullWorld()
        fake.files["/home/v/.aws/config"] =
            "[profile ecs]\nrole_arn = \(arn)\ncredential_source = EcsContainer\n"
            + "[profile ec2]\nrole_arn = \(arn)\ncredential_source = Ec2InstanceMetadata\n"
        for (profile, key) in [("ecs", "ASIAECS"), ("ec2", "ASIAEC2")] {
            _ = try fake.credentials(settings(profile: profile))
            #expect(fake.requests.last?.header("Authorization")?.contains("Credential=\(key)/") == true)
        }
    }

    @Test func aRoleByWebIdentityInAProfile() throws {
        let fake = profiles(
            "[profile a]\nrole_arn = arn:aws:iam::1:role/A\nweb_identity_token_file = /token\nrole_session_name = pod")
        _ = try fake.credentials(settings(profile: "a"))
        let request = fake.requests[0]
        #expect(request.form["Action"] == "AssumeRoleWithWebIdentity" && request.form["WebIdentityToken"] == "webtoken")
        #expect(request.form["RoleSessionName"] == "pod" && request.header("Authorization") == nil)
    }

    @Test func theSettingsRoleIsTakenOnWithWhatWasFound() throws {
        let fake = profiles(
            "",
            [
                "AWS_ACCESS_KEY_ID": "AKIAE", "AWS_SECRET_ACCESS_KEY": "s",
                "AMZ_SOURCE_ACCOUNT": "123456789012", "AMZ_SOURCE_ARN": "arn:aws:ec2:eu-west-1:1:instance/i-1",
            ])
        var settings = AWSClientSettings()
        (settings.roleARN, settings.externalID, settings.roleSessionName) = (arn, "ext", "me")
        let credentials = try fake.credentials(settings)
        let request = fake.requests[0]
        #expect(request.form["RoleArn"] == arn && request.form["ExternalId"] == "ext")
        #expect(request.header("x-amz-source-account") == "123456789012")
        #expect(request.header("Authorization")?.contains("x-amz-source-account;x-amz-source-arn") == true)
        #expect(credentials.origin == "role \(arn)")
    }

    @Test(arguments: [
        ("role_arn = arn:aws:iam::1:role/A", "needs one of source_profile and credential_source"),
        ("role_arn = arn:aws:iam::1:role/A\nsource_profile = b\ncredential_source = Environment", "needs one of"),
        ("role_arn = arn:aws:iam::1:role/A\ncredential_source = Moon", "is none of Environment"),
        ("role_arn = arn:aws:iam::1:role/A\ncredential_source = Environment", "AWS_ACCESS_KEY_ID is not set"),
        ("role_arn = arn:aws:iam::1:role/A\ncredential_source = EcsContainer", "this is none"),
        ("role_arn = arn:aws:iam::1:role/A\nsource_profile = gone", "\"gone\" has no credentials"),
        ("role_arn = arn:aws:iam::1:role/A\nsource_profile = b\nmfa_serial = m", "mfa_serial"),
        ("role_arn = arn:aws:iam::1:role/A\nsource_profile = b\nduration_seconds = 60", "duration_seconds"),
        ("role_arn = logs\nsource_profile = b", "not the name of a role"),
        ("sso_start_url = https://x", "SSO"), ("sso_session = x", "SSO"),
        ("aws_access_key_id = A", "only one of"), ("aws_secret_access_key = A", "only one of"),
        ("aws_access_key_id = A B\naws_secret_access_key = c", "blanks"),
        (
            "role_arn = arn:aws:iam::1:role/A\nsource_profile = b\n[profile b]\nrole_arn = arn:aws:iam::1:role/B\n"
                + "source_profile = a", "in a circle"
        ),
    ]) func profilesThatCannotWork(text: String, words: String) {
        let fake = profiles("[profile a]\n\(text)\n")
        #expect(message(fake, settings(profile: "a")).contains(words), "\(message(fake, settings(profile: "a")))")
    }

    private func message(_ fake: FakeWorld, _ settings: AWSClientSettings = AWSClientSettings()) -> String {
        do throws(AWSError) {
            return "credentials from \(try fake.credentials(settings).origin)"
        } catch {
            #expect(error.kind == .noCredentials)
            return error.message
        }
    }
}
