// The program: words to a command, a command to an exit code. Each command is a file of its own.

internal import Agent
internal import CLinux
internal import Platform

keepStandardDescriptors()
// Threads that come and go would each keep an arena of their own.
linux_tune_malloc(2)

let parsed: ParsedCommandLine
do throws(UsageError) { parsed = try parseCommandLine(commandLineWords()) } catch {
    complain(error.message)
    complain(error.hint)
    leave(2)
}

switch parsed {
case .help(let command): leave(show(helpText(command)))
case .command(let arguments):
    switch arguments.command {
    case .run: leave(run(arguments))
    case .check: leave(check(arguments))
    case .once: leave(once(arguments))
    case .collectors: leave(collectors(arguments))
    case .status: leave(status(arguments))
    case .cursors: leave(cursors(arguments))
    case .replay: leave(replay(arguments))
    case .version: leave(version())
    }
}
