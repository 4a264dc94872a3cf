// The top of agent.json: defaults, and everything that can be said wrongly about inputs, outputs and routes.

import Agent
import Bytes
import Platform
import Procfs
import Settings
import TestSupport
import Testing

private let known = KnownTypes(inputs: ["file", "journald"], outputs: ["file", "http", "stdout"])

private func settings(_ text: String) throws(SettingsError) -> AgentSettings {
    try AgentSettings(try settingsTree(text), known: known)
}

private func errorText(_ text: String) -> String {
    do throws(SettingsError) {
        _ = try settings(text)
        return "no error"
    } catch {
        return error.description
    }
}

private let parts = """
    "inputs": { "syslog": { "type": "file", "fields": { "app": "x" } } }, "outputs": { "console": { "type": "stdout" } }
    """

@Suite struct AgentSettingsTests {
    @Test func everythingHasADefault() throws {
        let settings = try settings("{}")
        #expect(settings.stateDirectory == "/var/lib/vitals")
        #expect(settings.host.proc == "/proc")
        #expect(settings.host.udev == "/run/udev/data")
        #expect(settings.logLevel == .info)
        #expect(settings.drainTimeout == .seconds(5))
        #expect(settings.memoryLimit == 64 << 20)
        #expect(settings.listen == ["127.0.0.1:9100"])
        #expect(settings.endpoint != nil)
        #expect(settings.routes.isEmpty)
        #expect(settings.warnings.isEmpty)
    }

    @Test func everyKeyIsRead() throws {
        let settings = try settings(
            """
            { "state_directory": "/srv/state/", "host": { "proc": "/host/proc/", "root": "/" },
              "log": { "level": "debug" }, "drain_timeout": "10s",
              "delivery": { "memory_limit": "16MiB" }, "endpoint": { "listen": [] }, \(parts),
              "routes": [ { "from": "syslog", "to": "console" } ] }
            """)
        #expect(settings.stateDirectory == "/srv/state")
        #expect(settings.host.proc == "/host/proc")
        #expect(settings.host.root == "/")
        #expect(settings.logLevel == .debug)
        #expect(settings.drainTimeout == .seconds(10))
        #expect(settings.memoryLimit == 16 << 20)
        #expect(settings.endpoint == nil)
        #expect(settings.inputs.map(\.type) == ["file"])
        #expect(settings.inputs[0].fields.map(\.name) == ["app"])
        #expect(settings.inputs[0].section.path == "inputs.syslog")
        #expect(settings.inputs[0].section.keys.isEmpty)
        #expect(settings.routes.map(\.to) == ["console"])
        #expect(settings.warnings.isEmpty)
    }

    @Test func whatIsInNoRouteIsAWarning() throws {
        #expect(
            try settings("{ \(parts) }").warnings == [
                "input syslog is in no route: it is not read", "output console is in no route: it gets nothing",
            ])
    }

    @Test(arguments: [
        ("{ \"state_dir\": \"/x\" }", "agent.json:1:3: state_dir: unknown key; known here: "),
        ("{ \"enpoint\": {} }", "agent.json:1:3: enpoint: unknown key, did you mean \"endpoint\"?"),
        (
            "{ \"state_directory\": \"x\" }",
            "agent.json:1:22: state_directory: expected a path that begins with /"
        ),
        ("{ \"host\": { \"porc\": \"/\" } }", "agent.json:1:13: host.porc: unknown key, did you mean \"proc\"?"),
        (
            "{ \"log\": { \"level\": \"verbose\" } }",
            "agent.json:1:21: log.level: expected one of \"error\", \"warning\", \"info\", \"debug\""
        ),
        (
            "{ \"inputs\": { \"a\": {} } }",
            "agent.json:1:20: inputs.a: \"type\" is missing: expected one of \"file\", \"journald\""
        ),
        (
            "{ \"inputs\": { \"a\": { \"type\": \"flie\" } } }",
            "agent.json:1:30: inputs.a.type: unknown input type \"flie\", did you mean \"file\"?"
        ),
        (
            "{ \"outputs\": { \"a\": { \"type\": \"kafka\" } } }",
            "agent.json:1:31: outputs.a.type: unknown output type \"kafka\"; known are \"file\", \"http\", \"stdout\""
        ),
        (
            "{ \"inputs\": { \"a/b\": { \"type\": \"file\" } } }",
            "agent.json:1:22: inputs.a/b: a name has letters, digits, '_', '-' and '.', at most 64"
        ),
        ("{ \"inputs\": { \"..\": { \"type\": \"file\" } } }", "agent.json:1:21: inputs...: a name has letters"),
        ("{ \"inputs\": { \"a\": [] } }", "agent.json:1:20: inputs.a: expected an object { … }"),
        ("{ \"inputs\": [] }", "agent.json:1:13: inputs: expected an object { … }"),
        (
            "{ \(parts), \"routes\": [ { \"from\": \"sylog\", \"to\": \"console\" } ] }",
            "routes[0].from: unknown input \"sylog\", did you mean \"syslog\"?"
        ),
        (
            "{ \(parts), \"routes\": [ { \"from\": \"syslog\", \"to\": \"x\" } ] }",
            "routes[0].to: unknown output \"x\"; known are \"console\""
        ),
        (
            "{ \"routes\": [ { \"from\": \"syslog\", \"to\": \"x\" } ] }",
            "routes[0].from: unknown input \"syslog\": there is none"
        ),
        (
            "{ \(parts), \"routes\": [ { \"to\": \"console\" } ] }",
            "routes[0]: \"from\" is missing: expected the name of an input"
        ),
        (
            "{ \(parts), \"routes\": [ { \"from\": \"syslog\", \"to\": \"console\", \"if\": 1 } ] }",
            "routes[0].if: unknown key; known here: from, to"
        ),
        (
            "{ \(parts),\n\"routes\": [ { \"from\": \"syslog\", \"to\": \"console\" },\n"
                + "{ \"from\": \"syslog\", \"to\": \"console\" } ] }",
            "agent.json:3:1: routes[1]: the route from syslog to console stands already at agent.json:2:13"
        ),
    ])
    func whatIsWrongIsSaidWithItsPlace(_ text: String, _ expected: String) {
        #expect(errorText(text).contains(expected), "\(errorText(text))")
    }

    @Test func theCommandLineOverridesTheFile() throws {
        var arguments = CommandLineArguments(.run)
        arguments.stateDirectory = "/elsewhere"
        arguments.listen = ["[::]:1", "unix:/x"]
        for text in ["{}", "{ \"state_directory\": 1, \"endpoint\": { \"listen\": [], \"max_connections\": 4 } }"] {
            let settings = try AgentSettings(try settingsTree(text).overridden(by: arguments), known: known)
            #expect(settings.stateDirectory == "/elsewhere")
            #expect(settings.listen == ["[::]:1", "unix:/x"])
            #expect(settings.endpoint?.has("max_connections") == (text != "{}"))
        }
    }
}
