// What all commands share: printing, complaining, and reading the settings.

internal import Agent
internal import Bytes
internal import Platform
internal import Settings

/// To standard output. Returns the exit code.
func show(_ text: String) -> Int32 { show(Array(text.utf8)) }

func show(_ bytes: [UInt8]) -> Int32 {
    do throws(Errno) { try writeToStandardOutput(bytes) } catch {
        // Whoever read has seen enough, as in `vitals once | head`.
        guard error != .brokenPipe else { return 0 }
        complain("cannot write to standard output: \(error)")
        return 1
    }
    return 0
}

/// To standard error, one line, whatever names stand in it.
func complain(_ message: String) { writeComplaint("vitals: \(String(printable: message))") }

/// In the journal it is the error that it is: see sd-daemon(3). Each line is an entry there.
private func writeComplaint(_ text: String) {
    let isInJournal = isJournal(standardError, journalStream: environmentVariable("JOURNAL_STREAM"))
    let prefix = isInJournal ? "<3>" : ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "\(prefix)\($0)\n" }
    writeToStandardError(Array(lines.joined().utf8))
}

/// `file:line:column: …` stands alone, so that an editor finds its way.
func complain(_ error: StartError) {
    switch error {
    case .settings(let error): writeComplaint(String(printable: error.description))
    case .world(let reason): complain(reason)
    }
}

/// The settings that the command line names, with what it overrides. `variables`: without their values where only the
/// place of the agent is asked for.
func loadAgentSettings(
    _ arguments: CommandLineArguments, _ variables: SettingsVariables = processVariables, mayBeMissing: Bool = false
) throws(StartError) -> AgentSettings {
    let tree = try readSettings(arguments.configPaths, variables: variables, mayBeMissing: mayBeMissing)
    do throws(SettingsError) {
        return try AgentSettings(tree.overridden(by: arguments), known: Parts.all.known)
    } catch {
        throw .settings(error)
    }
}
