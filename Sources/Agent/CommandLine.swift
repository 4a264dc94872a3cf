// The command line as a value. Pure: nothing is read but the words, so that every usage error has a test.

internal import Collectors
internal import Platform
internal import Settings

package enum Command: String, CaseIterable, Sendable {
    case run, check, once, collectors, status, cursors, replay, version

    package var summary: String {
        switch self {
        case .run: "Runs the agent until SIGTERM or SIGINT."
        case .check: "Says whether the agent would work with these settings, and what it would read."
        case .once: "Prints one scrape."
        case .collectors: "Lists the collectors, and which are enabled."
        case .status: "Asks the running agent how its routes are."
        case .cursors: "Prints how far each route has been acknowledged, from the state directory."
        case .replay: "Sends the records once more that a receiver has refused."
        case .version: "Prints the version, and which optional libraries can be loaded."
        }
    }
}

/// What the words of the command line ask for.
package struct CommandLineArguments: Equatable, Sendable {
    package static let defaultConfigPath = "/etc/vitals/agent.json"

    package var command: Command
    /// Files, or directories of `*.json`; empty for the default.
    package var configPaths: [String] = []
    package var stateDirectory: String?
    /// Instead of those in the settings, when not empty.
    package var listen: [String] = []
    /// Names under `outputs`; all when empty.
    package var outputs: [String] = []
    package var collect: [String] = []
    package var exclude: [String] = []
    package var isVerbose = false
    package var isJSON = false

    package init(_ command: Command) { self.command = command }
}

package enum ParsedCommandLine: Equatable, Sendable {
    case command(CommandLineArguments)
    /// Of the program, or of one command.
    case help(Command?)
}

/// Printed to standard error; the program ends with 2.
package struct UsageError: Error, Equatable {
    package let message: String
    package let hint: String

    package init(message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// What is parsed and what `--help` says come from the one list of these.
private struct Option {
    enum Kind: Sendable {
        case flag(@Sendable (inout CommandLineArguments) -> Void)
        /// May be given several times.
        case list(_ value: String, any WritableKeyPath<CommandLineArguments, [String]> & Sendable)
        case single(_ value: String, any WritableKeyPath<CommandLineArguments, String?> & Sendable)
    }

    let name: String
    var short: Character?
    let kind: Kind
    let commands: [Command]
    let help: String

    /// What its value is called in the help; nil for a flag.
    var valueName: String? {
        switch kind {
        case .flag: nil
        case .list(let name, _), .single(let name, _): name
        }
    }
}

private let options: [Option] = [
    Option(
        name: "--config", short: "c", kind: .list("FILE", \.configPaths),
        commands: [.run, .check, .once, .collectors, .status, .cursors, .replay],
        help: "Settings, \(CommandLineArguments.defaultConfigPath) if not given; a directory means its *.json.\n"
            + "May be given several times: the files are merged, object by object."),
    Option(
        name: "--state-directory", kind: .single("DIR", \.stateDirectory), commands: [.run, .check, .cursors, .replay],
        help: "Instead of \"state_directory\" in the settings. A relative path begins at the working\ndirectory."),
    Option(
        name: "--listen", kind: .list("ADDRESS", \.listen), commands: [.run, .check, .status],
        help: "Instead of \"endpoint.listen\" in the settings: 127.0.0.1:9100, [::]:9100,\n"
            + "unix:/run/vitals/vitals.sock, systemd. May be given several times."),
    Option(
        name: "--output", kind: .list("NAME", \.outputs), commands: [.replay],
        help: "Only what this output of the settings has refused. May be given several times."),
    Option(
        name: "--collect", kind: .list("NAME", \.collect), commands: [.once],
        help: "Only this collector, whether the settings enable it or not; \"vitals collectors\" lists\n"
            + "them. May be given several times."),
    Option(
        name: "--exclude", kind: .list("NAME", \.exclude), commands: [.once],
        help: "Not this collector; not together with --collect. May be given several times."),
    Option(
        name: "--verbose", short: "v", kind: .flag { $0.isVerbose = true }, commands: [.collectors],
        help: "With all metrics, their types and labels."),
    Option(
        name: "--json", kind: .flag { $0.isJSON = true }, commands: [.status, .cursors],
        help: "As JSON: what the agent serves on /api/v1/status, or what the files of the cursors hold."),
]

/// Parses what follows the program's name; a word that is nil was not UTF-8.
package func parseCommandLine(_ words: [String?]) throws(UsageError) -> ParsedCommandLine {
    let texts = words.compactMap(\.self)
    guard texts.count == words.count else {
        let number = 1 + (words.firstIndex { $0 == nil } ?? 0)
        throw UsageError(
            message: "argument \(number) is not UTF-8",
            hint: "rename that file or directory, or name it by a symbolic link whose name is UTF-8")
    }
    var parser = CommandLineParser(rest: texts[...])
    return try parser.parse()
}

private struct CommandLineParser {
    var rest: ArraySlice<String>
    var command: Command?
    /// Applied when the command is known, which may come after them.
    var found: [(option: Option, value: String)] = []
    var wantsHelp = false

    mutating func parse() throws(UsageError) -> ParsedCommandLine {
        while let word = rest.popFirst() {
            if word == "--help" || word == "-h" {
                wantsHelp = true
            } else if word == "--version", command == nil {
                command = .version
            } else if word.hasPrefix("-") {
                try takeOption(word)
            } else {
                try takeCommand(word)
            }
        }
        if wantsHelp { return .help(command) }
        guard let command else { throw error("a command is missing") }
        var arguments = CommandLineArguments(command)
        for (option, value) in found {
            guard option.commands.contains(command) else {
                throw error("\(command.rawValue) takes no \(option.name)")
            }
            switch option.kind {
            case .flag(let set): set(&arguments)
            case .list(_, let path): arguments[keyPath: path].append(value)
            case .single(_, let path):
                guard arguments[keyPath: path] == nil else { throw error("\(option.name) is given twice") }
                arguments[keyPath: path] = value
            }
        }
        try checkValues(of: arguments)
        return .command(arguments)
    }

    /// What can be told without the settings: whatever they say, these words mean nothing.
    private func checkValues(of arguments: CommandLineArguments) throws(UsageError) {
        for address in arguments.listen {
            do throws(SocketAddressError) { _ = try ListenPlace(address) } catch {
                throw self.error("--listen \(error)")
            }
        }
        guard arguments.collect.isEmpty || arguments.exclude.isEmpty else {
            throw error("--collect and --exclude cannot be used together")
        }
        let known = allCollectors.map { $0.name }
        for name in arguments.collect + arguments.exclude where !known.contains(name) {
            throw error("unknown collector \(name)", name, known)
        }
    }

    private mutating func takeCommand(_ word: String) throws(UsageError) {
        if word == "help", command == nil {
            wantsHelp = true
            return
        }
        guard command == nil else { throw error("unexpected word \(word)") }
        guard let named = Command(rawValue: word) else {
            throw error("unknown command \(word)", word, Command.allCases.map(\.rawValue))
        }
        command = named
    }

    private mutating func takeOption(_ word: String) throws(UsageError) {
        let (name, attached) = split(word)
        guard let option = options.first(where: { $0.name == name || $0.short.map { "-\($0)" } == name }) else {
            // The command may stand behind its options.
            let command = command ?? rest.lazy.compactMap { Command(rawValue: $0) }.first
            let taken = options.filter { option in command.map { option.commands.contains($0) } ?? true }
            let always = command == nil ? ["--help", "--version"] : ["--help"]
            throw error("unknown option \(name)", name, taken.map(\.name) + always)
        }
        guard let valueName = option.valueName else {
            guard attached == nil else { throw error("\(option.name) takes no value") }
            found.append((option, ""))
            return
        }
        guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
            throw error("\(option.name) needs a value: \(option.name) \(valueName)")
        }
        // `--config --listen x`: the value was forgotten, and the next option would be taken for it.
        guard attached != nil || !value.hasPrefix("-") else {
            throw error("\(option.name) needs a value, and \(value) looks like an option")
        }
        found.append((option, value))
    }

    /// `--name=value` and `-nvalue` as two.
    private func split(_ word: String) -> (name: String, value: String?) {
        if word.hasPrefix("--") {
            guard let equals = word.firstIndex(of: "=") else { return (word, nil) }
            return (String(word[..<equals]), String(word[word.index(after: equals)...]))
        }
        let name = String(word.prefix(2))
        return (name, name == word ? nil : String(word.dropFirst(2)))
    }

    private func error(_ message: String, _ word: String = "", _ known: [String] = []) -> UsageError {
        let program = command.map { "vitals \($0.rawValue) --help" } ?? "vitals --help"
        let near = nearest(to: word, among: known).map { "did you mean \($0)? " } ?? ""
        return UsageError(message: message, hint: "\(near)See \(program)")
    }
}

// MARK: Help

/// What `--help` prints.
package func helpText(_ command: Command?) -> String {
    guard let command else { return programHelp() }
    var text = "vitals \(command.rawValue): \(command.summary)\n\nUsage: vitals \(command.rawValue) [OPTION…]\n\n"
    for option in options where option.commands.contains(command) {
        let short = option.short.map { "-\($0), " } ?? ""
        text += optionHelp("\(short)\(option.name)\(option.valueName.map { " \($0)" } ?? "")", option.help)
    }
    text += optionHelp("-h, --help", "This text.")
    if let more = moreHelp[command] { text += "\n\(more)\n" }
    return text
}

private func programHelp() -> String {
    var text = "vitals: one small daemon that a Linux host needs for its telemetry.\n\n"
    text += "Usage: vitals COMMAND [OPTION…]\n\n"
    for command in Command.allCases { text += "  \(padded(command.rawValue, 12))\(command.summary)\n" }
    text += "\n\"vitals COMMAND --help\" says which options a command takes.\n"
    text += "Exit codes: 0 all is well; 1 the settings or the world do not allow it; 2 wrong usage.\n"
    return text
}

private let moreHelp: [Command: String] = [
    .run: """
    SIGTERM and SIGINT stop it: what is under way is delivered, for up to "drain_timeout", and the
    cursors are saved. What waits for a receiver that is down is tried at once, and again only if its
    next try comes before that time; what is not delivered is read again at the next start. A second
    signal stops it at once. SIGHUP does nothing: settings are read at the start.
    """,
    .check: "Ends with 1 when something cannot work. Changes nothing, and sends nothing.",
    .status: "Ends with 1 when something is wrong with the agent or a route, which is said first.",
    .once: "Needs no running agent. Without any settings file it uses the defaults.",
    .collectors: "Without any settings file it uses the defaults.",
]

private func optionHelp(_ name: String, _ help: String) -> String {
    let indent = String(repeating: " ", count: 30)
    return "  \(padded(name, 28))\(help.split(separator: "\n").joined(separator: "\n" + indent))\n"
}

/// With spaces after it, at least one.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}
