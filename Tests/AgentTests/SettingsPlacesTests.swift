// What is wrong in one element of a list or of a table is said where that element stands, not where its section begins.

import Agent
import Platform
import Settings
import TestSupport
import Testing

/// One member a line, each key at column 5.
private func input(_ type: String, _ options: String) -> String {
    "{ \"inputs\": { \"app\": {\n    \"type\": \"\(type)\",\n    \(options)\n} } }"
}

private func output(_ type: String, _ options: String) -> String {
    "{ \"outputs\": { \"out\": {\n    \"type\": \"\(type)\",\n    \(options)\n} } }"
}

@Suite struct SettingsPlacesTests {
    private func errorText(_ text: String) -> String {
        do throws(SettingsError) {
            let settings = try AgentSettings(try settingsTree(text), known: Parts.all.known)
            _ = try makeScraper(settings, parts: .all, log: .silent)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        (
            input("file", "\"paths\": [\"/a\",\n  \"/b[\"]"),
            "agent.json:4:3: inputs.app.paths[1]: a '[' has no ']' in the pattern \"/b[\""
        ),
        (
            input("file", "\"paths\": [\"/a\", \"b\"]"),
            "agent.json:3:21: inputs.app.paths[1]: expected a path that begins with a slash, not \"b\""
        ),
        (
            input("file", "\"paths\": [\"/a\"], \"exclude\": [\"x\", \"{\"]"),
            "agent.json:3:39: inputs.app.exclude[1]: a '{' has no '}' in the pattern \"{\""
        ),
        (
            input("journald", "\"units\": [\"ssh\", \"cron[\"]"),
            "agent.json:3:22: inputs.app.units[1]: a '[' has no ']' in the pattern \"cron[\""
        ),
        (
            input("journald", "\"matches\": [\"A=1\", \"b=1\"]"),
            "agent.json:3:24: inputs.app.matches[1]: \"b\" is no journal field"
        ),
        (
            input("journald", "\"matches\": [\"A=1\", \"+\"]"),
            "agent.json:3:24: inputs.app.matches[1]: \"+\" must stand between two matches"
        ),
        (
            input("host_metrics", "\"metrics\": [\"cpu_*\", \"mem_usd\"]"),
            "agent.json:3:26: inputs.app.metrics[1]: \"mem_usd\" is no metric of this vocabulary, did you mean"
        ),
        (
            input("host_metrics", "\"namespace\": \"AWS/x\""),
            "agent.json:3:18: inputs.app.namespace: expected 1 to 255 letters"
        ),
        (
            input("host_metrics", "\"dimensions\": { \"a\": \"b\", \"cpu\": \"x\" }"),
            "agent.json:3:31: inputs.app.dimensions.cpu: the name is taken"
        ),
        (
            input("host_metrics", "\"dimensions\": { \"a\": \"b\", \"c\": \"{x}\" }"),
            "agent.json:3:31: inputs.app.dimensions.c: unknown variable {x}"
        ),
        (
            input("host_metrics", "\"metrics\": [\"mem_*\", { \"name\": \"mem_used\", \"unit\": \"x\" }]"),
            "agent.json:3:56: inputs.app.metrics[1].unit: expected one of"
        ),
        (
            input("host_metrics", "\"aggregate\": [[], [\"hosts\"]]"),
            "agent.json:3:23: inputs.app.aggregate[1]: no metric has the dimension hosts, did you mean \"host\"?"
        ),
        (
            input("host_metrics", "\"procstat\": [{ \"exe\": \"a\" }, { \"exe\": \"(\" }]"),
            "agent.json:3:43: inputs.app.procstat[1].exe: missing closing parenthesis"
        ),
        (
            input("file", "\"paths\": [\"/a\"], \"fields\": { \"a\": \"b\", \"message\": \"x\" }"),
            "agent.json:3:44: inputs.app.fields.message: is a name that records have already"
        ),
        (
            input("file", "\"paths\": [\"/a\"], \"fields\": { \"a\": \"b\", \"pod\": \"x\" }, \"format\": \"cri\""),
            "agent.json:3:44: inputs.app.fields.pod: is a name that records of this input have already"
        ),
        (
            output("file", "\"path\": \"relative\""),
            "agent.json:3:13: outputs.out.path: expected the absolute path of a file, not \"relative\""
        ),
        (
            output("http", "\"url\": \"ftp://x/\""),
            "agent.json:3:12: outputs.out.url: expected http://… or https://…, not \"ftp://x/\""
        ),
        (
            output("http", "\"url\": \"http://x/\", \"headers\": { \"a\": \"b\", \"c d\": \"\" }"),
            "agent.json:3:48: outputs.out.headers.c d: \"c d\" is not the name of a header"
        ),
        (
            output("http", "\"url\": \"http://x/\", \"client_key\": \"/k\""),
            "agent.json:3:39: outputs.out.client_key: needs \"client_certificate\""
        ),
        (
            "{ \"collectors\": { \"enable\": [\"cpu\"],\n  \"disable\": [\"stat\", \"cpu\"] } }",
            "agent.json:2:23: collectors.disable[1]: \"cpu\" stands in \"enable\" and in \"disable\""
        ),
    ])
    func theElementIsNamed(_ text: String, _ expected: String) {
        #expect(errorText(text).hasPrefix(expected), "\(errorText(text))")
    }

    /// Not only those of the input that happens to be the first.
    @Test func fieldsOfEveryInputAreLookedAt() {
        let text = """
            { "inputs": { "a": { "type": "journald" },
              "b": { "type": "journald", "fields": { "pid": "1" } } } }
            """
        #expect(errorText(text).hasPrefix("agent.json:2:42: inputs.b.fields.pid: "), "\(errorText(text))")
    }
}
