// `vitals status`

internal import Agent
internal import Settings

func status(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        // Whoever asks may not read the agent's secrets, and lacks its environment.
        let variables = processVariables.keepingUnknown
        let addresses =
            arguments.listen.isEmpty
            ? try loadAgentSettings(arguments, variables, mayBeMissing: true).listen : arguments.listen
        do throws(AskError) {
            let answer = try askForStatus(addresses)
            for failure in answer.failures { complain("another address was asked: \(failure.reason)") }
            let shown = arguments.isJSON ? show(answer.json) : show(statusTable(answer.json) ?? "")
            return isHealthy(answer.json) ? shown : 1
        } catch {
            throw .world(error.reason)
        }
    } catch {
        complain(error)
        return 1
    }
}
