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
func complain(_ message: String) { writeToStandardError(Array("vitals: \(String(printable: message))\n".utf8)) }

/// `file:line:column: …` stands alone, so that an editor finds its way.
func complain(_ error: StartError) {
    switch error {
    case .settings(let error): writeToStandardError(Array("\(String(printable: error.description))\n".utf8))
    case .world(let reason): complain(reason)
    }
}

/// The settings that the command line names, with what it overrides.
func loadAgentSettings(
    _ arguments: CommandLineArguments, mayBeMissing: Bool = false
) throws(StartError) -> AgentSettings {
    let tree = try readSettings(arguments.configPaths, mayBeMissing: mayBeMissing)
    do throws(SettingsError) {
        return try AgentSettings(tree.overridden(by: arguments), known: Parts.all.known)
    } catch {
        throw .settings(error)
    }
}
