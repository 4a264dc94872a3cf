// Words in, command or usage error out.

import Agent
import Testing

private func parse(_ line: String) throws(UsageError) -> CommandLineArguments {
    guard case .command(let arguments) = try parseCommandLine(line.split(separator: " ").map(String.init)) else {
        throw UsageError(message: "is help", hint: "")
    }
    return arguments
}

private func usageError(_ line: String) -> String {
    do throws(UsageError) {
        _ = try parse(line)
        return "no error"
    } catch {
        return "\(error.message) | \(error.hint)"
    }
}

@Suite struct CommandLineTests {
    @Test(arguments: Command.allCases) func everyCommandIsKnown(_ command: Command) throws {
        #expect(try parse(command.rawValue) == CommandLineArguments(command))
        #expect(try parseCommandLine([command.rawValue, "--help"]) == .help(command))
        #expect(try parseCommandLine(["-h", command.rawValue]) == .help(command))
        #expect(helpText(nil).contains(command.rawValue))
        #expect(helpText(command).hasPrefix("vitals \(command.rawValue): \(command.summary)"))
        #expect(helpText(command).split(separator: "\n").allSatisfy { $0.count <= 132 })
    }

    @Test func optionsTakeTheirValuesInEveryForm() throws {
        let arguments = try parse("-c a.json run --config b.json --config=c=d.json -ce.json --listen [::]:9100")
        #expect(arguments.command == .run)
        #expect(arguments.configPaths == ["a.json", "b.json", "c=d.json", "e.json"])
        #expect(arguments.listen == ["[::]:9100"])
        #expect(try parse("run --state-directory /tmp/x").stateDirectory == "/tmp/x")
        #expect(try parse("once --collect cpu --collect=stat").collect == ["cpu", "stat"])
        #expect(try parse("once --exclude netdev").exclude == ["netdev"])
        #expect(try parse("collectors -v").isVerbose)
        #expect(try parse("status --json").isJSON)
        #expect(try parse("cursors --json").isJSON)
    }

    @Test func versionAndHelpStandAlone() throws {
        #expect(try parse("--version").command == .version)
        #expect(try parseCommandLine(["--help"]) == .help(nil))
        #expect(try parseCommandLine(["help", "check"]) == .help(.check))
    }

    @Test func helpNamesTheOptionsOfItsCommandOnly() {
        #expect(helpText(.once).contains("--collect NAME"))
        #expect(!helpText(.run).contains("--collect"))
        #expect(helpText(.run).contains("-c, --config FILE"))
        #expect(!helpText(.version).contains("--config"))
    }

    @Test(arguments: [
        ("", "a command is missing | See vitals --help"),
        ("rnu", "unknown command rnu | did you mean run? See vitals --help"),
        ("chekc", "unknown command chekc | did you mean check? See vitals --help"),
        ("frobnicate", "unknown command frobnicate | See vitals --help"),
        ("run extra", "unexpected word extra | See vitals run --help"),
        ("run check", "unexpected word check | See vitals run --help"),
        ("run --confg x", "unknown option --confg | did you mean --config? See vitals run --help"),
        ("run -x", "unknown option -x | See vitals run --help"),
        ("run --config", "--config needs a value: --config FILE | See vitals run --help"),
        ("run --config=", "--config needs a value: --config FILE | See vitals run --help"),
        (
            "run --config --listen x",
            "--config needs a value, and --listen looks like an option | See vitals run --help"
        ),
        ("run --collect cpu", "run takes no --collect | See vitals run --help"),
        ("version --config x", "version takes no --config | See vitals version --help"),
        ("status --json=1", "--json takes no value | See vitals status --help"),
        (
            "run --listen foo",
            "--listen \"foo\": expected host:port, [address]:port, :port or unix:/path | See vitals run --help"
        ),
        ("once --collect nope", "unknown collector nope | See vitals once --help"),
        (
            "once --collect cpu --collect metinfo",
            "unknown collector metinfo | did you mean meminfo? See vitals once --help"
        ),
        ("once --exclude cpuu", "unknown collector cpuu | did you mean cpu? See vitals once --help"),
        (
            "once --collect cpu --exclude stat",
            "--collect and --exclude cannot be used together | See vitals once --help"
        ),
        (
            "run --state-directory a --state-directory b",
            "--state-directory is given twice | See vitals run --help"
        ),
    ])
    func usageErrorsSayWhatAndWhereToLook(_ line: String, _ expected: String) {
        #expect(usageError(line) == expected)
    }
}
