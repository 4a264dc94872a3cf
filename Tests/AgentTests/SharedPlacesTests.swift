// Two outputs that would set up one log group in different ways.

import Platform
import Settings
import TestSupport
import Testing

@testable import Agent

@Suite struct SharedPlacesTests {
    private func fault(_ one: String, _ other: String, second input: String = "app") throws -> String? {
        func output(_ more: String) -> String {
            """
            { "type": "cloudwatch_logs", "region": "eu-west-1", "access_key_id": "A", "secret_access_key": "S" \(more) }
            """
        }
        let text = """
            { "endpoint": { "listen": [] },
              "inputs": { "app": { "type": "file", "paths": ["/none/a.log"] },
                "web": { "type": "file", "paths": ["/none/b.log"] } },
              "outputs": {
                "one": \(output(one)),
                "other": \(output(other))
              },
              "routes": [ { "from": "app", "to": "one" }, { "from": "\(input)", "to": "other" } ] }
            """
        let settings = try AgentSettings(try settingsTree(text), known: Parts.all.known)
        let plugins = Plugins(.all, settings: settings, hostName: "h", log: .silent)
        do throws(SettingsError) { try plugins.validate(now: .now) } catch { return error.description }
        return nil
    }

    private let group = #", "log_group": "/g""#

    @Test func unlikeSettingsForOneGroupAreAnError() throws {
        for (key, one, other) in [
            ("retention_days", "7", "30"), ("log_group_class", #""STANDARD""#, #""INFREQUENT_ACCESS""#),
            ("kms_key", #""arn:aws:kms:a""#, #""arn:aws:kms:b""#), ("tags", #"{ "a": "1" }"#, #"{ "a": "2" }"#),
        ] {
            let text = try #require(
                try fault("\(group), \"\(key)\": \(one)", "\(group), \"\(key)\": \(other)"), "\(key)")
            #expect(text.contains("outputs.other.\(key): log group /g has "), "\(text)")
            #expect(text.contains("in output one"), "\(text)")
        }
        // Whoever makes the group decides: with a key, or without.
        #expect(try fault(group, "\(group), \"kms_key\": \"arn:aws:kms:a\"")?.contains("kms_key: log group /g") == true)
        let untagged = try fault("\(group), \"tags\": { \"a\": \"1\" }", group)
        #expect(untagged?.contains("log group /g has none here") == true)
    }

    @Test func oneGroupUnderTwoNames() throws {
        let (seven, thirty) = (#", "retention_days": 7"#, #", "retention_days": 30"#)
        for (one, other, input, isOne) in [
            (#", "log_group": "/{input}""#, #", "log_group": "/app""#, "app", true),
            (#", "log_group": "/{input}""#, #", "log_group": "/{input}""#, "app", true),
            (#", "log_group": "/{input}""#, #", "log_group": "/{input}""#, "web", false),
            (#", "log_group": "/{field.a}""#, #", "log_group": "/{field.a}""#, "web", true),
            (#", "log_group": "/{field.a}""#, #", "log_group": "/{field.b}""#, "web", false),
            (#", "log_group": "/{region}""#, #", "log_group": "/{region}""#, "web", true),
            (#", "log_group": "/{date}""#, #", "log_group": "/{date:%Y}""#, "web", false),
        ] {
            #expect(try (fault(one + seven, other + thirty, second: input) != nil) == isOne, "\(one) \(other) \(input)")
        }
    }

    @Test func whatIsNoContradiction() throws {
        for (one, other) in [
            (#", "retention_days": 7"#, #", "retention_days": 7"#), (#", "retention_days": 7"#, ""),
            (#", "log_group_class": "STANDARD""#, ""),
            (#", "tags": { "a": "1", "b": "2" }"#, #", "tags": { "b": "2", "a": "1" }"#),
            (#", "kms_key": "arn:aws:kms:a""#, #", "create": false"#),
            (#", "log_stream": "a""#, #", "log_stream": "b""#),
            (#", "retention_days": 7"#, #", "retention_days": 30, "role_arn": "arn:aws:iam::1:role/x""#),
            (#", "retention_days": 7"#, #", "retention_days": 30, "endpoint": "http://127.0.0.1:1""#),
        ] { #expect(try fault(group + one, group + other) == nil, "\(one) \(other)") }
        let (one, other) = (#", "log_group": "/a", "retention_days": 7"#, #", "log_group": "/b", "retention_days": 30"#)
        #expect(try fault(one, other) == nil)
    }
}
