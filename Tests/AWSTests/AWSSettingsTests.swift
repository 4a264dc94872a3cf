import HTTP
import Platform
import Settings
import TestSupport
import Testing

@testable import AWS

@Suite struct AWSSettingsTests {
    private func settings(_ text: String) throws(SettingsError) -> AWSClientSettings {
        var section = try section(text)
        let settings = try AWSClientSettings(&section)
        try section.finish()
        return settings
    }

    @Test func everyKey() throws {
        let settings = try settings(
            """
            { "region": "eu-west-1", "access_key_id": "AKIA", "secret_access_key": "s/+=", "session_token": "t",
              "role_arn": "arn:aws-cn:iam::123456789012:role/path/logs", "external_id": "e", "role_session_name": "me",
              "use_fips": true, "use_dual_stack": true, "allow_imds_v1": true, "ca_file": "/ca", "proxy": "" }
            """)
        #expect(settings.region == "eu-west-1" && settings.accessKeyID == "AKIA" && settings.sessionToken == "t")
        #expect(settings.secretAccessKey == "s/+=" && settings.externalID == "e" && settings.roleSessionName == "me")
        #expect(settings.roleARN == "arn:aws-cn:iam::123456789012:role/path/logs")
        #expect(settings.usesFIPS && settings.usesDualStack && settings.allowsIMDSv1)
        #expect(settings.caFile == "/ca" && settings.proxy == "")
        #expect(try self.settings(#"{ "profile": "logs", "endpoint": "http://127.0.0.1:5/x/" }"#).profile == "logs")
        #expect(try self.settings("{}") == AWSClientSettings())
    }

    /// The same account and region may be said in different ways.
    @Test func whoseThingsTheyAre() throws {
        let fake = FakeWorld([
            "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "HOME": "/h",
        ])
        fake.files["/h/.aws/config"] = "[profile logs]\nregion = eu-north-1\n"
        func owner(_ text: String) throws -> [String?] { fake.session(try settings(text)).owner }
        let said = #"{ "region": "eu-west-1", "access_key_id": "AKIA", "secret_access_key": "s" }"#
        #expect(try owner("{}") == owner(said))
        #expect(try owner("{}") != owner(#"{ "region": "eu-west-2" }"#))
        #expect(try owner("{}") != owner(#"{ "role_arn": "arn:aws:iam::123456789012:role/logs" }"#))
        fake.variables = ["HOME": "/h", "AWS_PROFILE": "logs"]
        #expect(try owner("{}") == owner(#"{ "profile": "logs", "region": "eu-north-1" }"#))
        #expect(try owner("{}") != owner(#"{ "profile": "other", "region": "eu-north-1" }"#))
    }

    @Test(arguments: [
        (#"{ "region": "eu west 1" }"#, "region"), (#"{ "region": "evil.com/" }"#, "region"),
        (#"{ "region": "" }"#, "region"), (#"{ "region": "eu-west-1a" }"#, "region"),
        (#"{ "region": "eu-west-1a", "endpoint": "http://127.0.0.1:1" }"#, "region"),
        (#"{ "access_key_id": "a" }"#, "access_key_id"),
        (#"{ "secret_access_key": "MARKER" }"#, "secret_access_key"),
        (#"{ "session_token": "MARKER" }"#, "session_token"),
        (#"{ "access_key_id": "a", "secret_access_key": "MARKER b" }"#, "secret_access_key"),
        (#"{ "access_key_id": "a", "secret_access_key": "" }"#, "secret_access_key"),
        (#"{ "access_key_id": "a", "secret_access_key": "MARKER", "profile": "p" }"#, "profile"),
        (#"{ "role_arn": "logs" }"#, "role_arn"), (#"{ "role_arn": "arn:aws:iam::1:user/logs" }"#, "role_arn"),
        (#"{ "external_id": "e" }"#, "external_id"), (#"{ "role_session_name": "e" }"#, "role_session_name"),
        (#"{ "role_arn": "arn:aws:iam::1:role/a", "role_session_name": "a b" }"#, "role_session_name"),
        (#"{ "endpoint": "http://h:0/" }"#, "endpoint"), (#"{ "endpoint": "http://h:65536" }"#, "endpoint"),
        (#"{ "endpoint": "logs.example.com" }"#, "endpoint"), (#"{ "endpoint": "ftp://h" }"#, "endpoint"),
        (#"{ "endpoint": "http://u:MARKER@h/" }"#, "endpoint"), (#"{ "endpoint": "http://h/?a=b" }"#, "endpoint"),
        (#"{ "endpoint": "http://h/", "use_fips": true }"#, "use_fips"),
        (#"{ "endpoint": "http://h/", "use_dual_stack": true }"#, "use_dual_stack"),
        (#"{ "regoin": "eu-west-1" }"#, "regoin"),
    ]) func wrongSettings(text: String, key: String) {
        do throws(SettingsError) {
            _ = try settings(text)
            Issue.record("was taken: \(text)")
        } catch {
            #expect(error.path == "test.\(key)", "\(error)")
            #expect(!"\(error)".contains("MARKER"))
        }
    }

    @Test func equalSettingsShareASession() throws {
        var settings = AWSClientSettings()
        settings.region = "eu-shared-1"
        let one = AWSSession.shared(for: settings, log: .silent)
        #expect(AWSSession.shared(for: settings, log: .silent) === one)
        settings.profile = "other"
        #expect(AWSSession.shared(for: settings, log: .silent) !== one)
    }

    // MARK: What `vitals check` says

    @Test func checkNamesWhoItWouldBe() throws {
        let fake = FakeWorld([
            "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "MARKER", "AWS_REGION": "eu-west-1",
        ])
        var settings = AWSClientSettings()
        settings.roleARN = "arn:aws:iam::1:role/logs"
        let report = fake.session(settings).check(.logs)
        #expect(report.problems == [])
        #expect(
            report.notes == [
                "region eu-west-1", "sends to https://logs.eu-west-1.amazonaws.com",
                "credentials: role arn:aws:iam::1:role/logs, taken on with the environment",
            ])
        #expect(fake.requests.isEmpty && fake.commands.isEmpty)
    }

    @Test func checkReadsTheAuthorities() {
        let fake = FakeWorld(["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b"])
        var settings = AWSClientSettings()
        (settings.region, settings.caFile) = ("eu-west-1", "/ca.pem")
        #expect(fake.session(settings).check(.logs).problems == ["ca_file: /ca.pem: No such file or directory"])
        fake.files["/ca.pem"] = "-----BEGIN CERTIFICATE-----"
        #expect(fake.session(settings).check(.logs).problems == [])
    }

    @Test func checkNamesWhatIsMissing() {
        let fake = FakeWorld(["AWS_EC2_METADATA_DISABLED": "true"])
        let none = fake.session().check(.logs)
        #expect(none.problems.count == 2 && none.problems[0] == "the region is not known: set \"region\"")
        #expect(none.problems[1].hasPrefix("no credentials: "))

        fake.variables = [
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/a", "AWS_CONFIG_FILE": "/c",
        ]
        fake.files["/c"] = "[default]\nregion MARKER\n"
        let report = fake.session().check(.logs)
        #expect(report.problems == ["credentials: /token: No such file or directory"])
        #expect(report.notes[0] == "the file config of AWS, line 2: expected name = value, or [section]: passed over")
        #expect(report.notes[1].hasPrefix("region: the container's or the instance's"))
        #expect(!"\(report)".contains("MARKER") && fake.requests.isEmpty)

        fake.variables = ["AWS_REGION": "evil.com/"]
        #expect(
            fake.session().check(.logs).problems == [
                "AWS_REGION: what stands there is not the name of a region, as in \"eu-west-1\""
            ])
    }

    /// A zone has a name much like its region's, and no service has an address of that name.
    @Test func zonesAreNoRegions() {
        for (zone, region) in [
            ("eu-west-1a", "eu-west-1"), ("us-gov-west-1b", "us-gov-west-1"), ("us-west-2-lax-1a", "us-west-2"),
            ("ap-southeast-2c", "ap-southeast-2"),
        ] {
            for hasEndpoint in [false, true] {
                #expect(
                    regionFault(zone, hasEndpoint: hasEndpoint)
                        == "is an availability zone, not a region: did you mean \"\(region)\"?")
            }
        }
        for text in ["euw1-az1", "eu-west", "europe-west1", "EU-WEST-1", "eu_west_1", "Ireland", "eu-west-1 ", "", "-"]
        {
            #expect(regionFault(text)?.hasPrefix("is not the name of a region") == true, "\(text)")
        }
        for region in [
            "eu-west-1", "us-gov-east-1", "cn-northwest-1", "us-isob-east-1", "eu-isoe-west-1", "ap-southeast-7",
            "eusc-de-east-1", "mx-central-1",
        ] { #expect(regionFault(region) == nil, "\(region)") }
        // At an address of one's own regions have any name.
        #expect(regionFault("local", hasEndpoint: true) == nil && regionFault("a/b", hasEndpoint: true) != nil)

        let fake = FakeWorld()
        for place in ["AWS_REGION", "AWS_DEFAULT_REGION", "profile"] {
            fake.variables = ["HOME": "/h"]
            fake.files["/h/.aws/config"] = "[default]\nregion = eu-west-1b\n"
            if place != "profile" { fake.variables[place] = "eu-west-1a" }
            let problems = fake.session().check(.logs).problems
            #expect(problems.contains { $0.contains("is an availability zone, not a region") }, "\(problems)")
        }
    }

    // MARK: Region

    @Test func theRegionsOrder() throws {
        let fake = FakeWorld([
            "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2", "HOME": "/h", "AWS_PROFILE": "logs",
            "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/1",
        ])
        fake.files["/h/.aws/config"] = "[profile logs]\nregion = eu-west-3\n"
        fake.service = { request in
            switch request.url {
            case "http://169.254.170.2/v4/1/task": ok(#"{"TaskARN":"arn:aws:ecs:eu-west-4:1:task/x"}"#)
            case "http://169.254.169.254/latest/api/token": ok("tok")
            case "http://169.254.169.254/latest/meta-data/placement/region": ok("eu-west-5")
            default: status(404)
            }
        }
        var settings = AWSClientSettings()
        settings.region = "eu-west-0"
        #expect(try fake.session(settings).region() == "eu-west-0")
        for (number, variable) in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "ECS_CONTAINER_METADATA_URI_V4"]
            .enumerated()
        {
            #expect(try fake.session().region() == "eu-west-\(number + 1)")
            fake.variables[variable] = nil
        }
        let session = fake.session()
        #expect(try session.region() == "eu-west-5")
        let count = fake.requests.count
        #expect(try session.region() == "eu-west-5" && fake.requests.count == count)

        fake.variables["AWS_EC2_METADATA_DISABLED"] = "TRUE"
        do throws(AWSError) { _ = try fake.session().region() } catch {
            let reason = "the instance's metadata is turned off by AWS_EC2_METADATA_DISABLED"
            #expect(error == AWSError(.unusable, "the region is not known: set \"region\" (\(reason))"))
        }
        fake.variables["AWS_EC2_METADATA_DISABLED"] = nil
        fake.service = { _ in noAnswer }
        do throws(AWSError) { _ = try fake.session().region() } catch {
            #expect(error.kind == .unusable && error.message.hasPrefix("the region is not known: set \"region\" ("))
        }
    }

    // MARK: Endpoints that somebody has set

    @Test func theEndpointsOrder() throws {
        let fake = FakeWorld([
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://one/", "AWS_ENDPOINT_URL": "http://two", "HOME": "/h",
        ])
        fake.files["/h/.aws/config"] = """
            [default]
            endpoint_url = http://four
            services = mine
            [services mine]
            cloudwatch_logs =
              endpoint_url = http://three
            """
        var settings = AWSClientSettings()
        settings.region = "eu-west-1"
        #expect(try fake.session(settings).endpoint(of: .logs) == ("http://one", "eu-west-1"))
        fake.variables["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = nil
        #expect(try fake.session(settings).endpoint(of: .logs).url == "http://two")
        fake.variables["AWS_ENDPOINT_URL"] = nil
        #expect(try fake.session(settings).endpoint(of: .logs).url == "http://three")
        #expect(try fake.session(settings).endpoint(of: .monitoring).url == "http://four")
        fake.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
        #expect(try fake.session(settings).endpoint(of: .logs).url == "https://logs.eu-west-1.amazonaws.com")
        fake.variables["AWS_USE_FIPS_ENDPOINT"] = "true"
        fake.variables["AWS_USE_DUALSTACK_ENDPOINT"] = "true"
        #expect(try fake.session(settings).endpoint(of: .logs).url == "https://logs-fips.eu-west-1.api.aws")
        settings.endpoint = "http://set:80/path/"
        #expect(try fake.session(settings).endpoint(of: .logs).url == "http://set:80/path")
        #expect(try fake.session(settings).endpoint(of: .sts).url == "https://sts-fips.eu-west-1.api.aws")
    }

    @Test func wrongEndpointsAreNamed() {
        let fake = FakeWorld(["AWS_ENDPOINT_URL_STS": "sts.example.com"])
        var settings = AWSClientSettings()
        settings.region = "eu-west-1"
        do throws(AWSError) { _ = try fake.session(settings).endpoint(of: .sts) } catch {
            #expect(error == AWSError(.unusable, "AWS_ENDPOINT_URL_STS: expected http://… or https://…"))
        }
    }

    @Test func optionsOfClients() {
        let fake = FakeWorld(["AWS_CA_BUNDLE": "/bundle"])
        var settings = AWSClientSettings()
        #expect(fake.session(settings).httpOptions.caFile == "/bundle")
        (settings.caFile, settings.proxy) = ("/ca", "http://proxy")
        let options = fake.session(settings).httpOptions
        #expect(options.caFile == "/ca" && options.proxy == "http://proxy")
        #expect(
            options.keptHeaders == ["date", "x-amzn-errortype", "x-amzn-requestid", "content-type", "server", "via"])
    }
}
