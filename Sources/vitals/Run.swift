// `vitals run`

internal import Agent
internal import Platform

func run(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        raiseOpenFileLimit()
        // Before the first thread: it inherits what is blocked.
        let signals: Signals
        do throws(Errno) { signals = try Signals() } catch { throw .world("cannot open a signal descriptor: \(error)") }
        let guardian = try StartGuard(signals) { message in
            complain(message)
            leave(1)
        }
        let settings = try loadAgentSettings(arguments)
        let underSystemd = isJournal(standardError, journalStream: environmentVariable("JOURNAL_STREAM"))
        let log = AgentLog(level: settings.logLevel, underSystemd: underSystemd)
        let notifier = ServiceNotifier(environment: environmentVariable, processID: processID, log: log)
        let agent = try RunningAgent(
            settings, parts: .all, notifier: notifier, log: log, startThreads: StartGuard.threadCount)
        try agent.start()
        let code = agent.wait(heeding: signals, early: guardian.finish())
        // What was asked of one that hangs, nobody waits for any more.
        endPrograms()
        return code
    } catch {
        complain(error)
        return 1
    }
}
