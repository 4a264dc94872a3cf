// `vitals status`

internal import Agent

func status(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        let addresses =
            arguments.listen.isEmpty
            ? try loadAgentSettings(arguments, mayBeMissing: true).listen : arguments.listen
        do throws(AskError) {
            let json = try askForStatus(addresses)
            let shown = arguments.isJSON ? show(json) : show(statusTable(json) ?? "")
            return isHealthy(json) ? shown : 1
        } catch {
            throw .world(error.reason)
        }
    } catch {
        complain(error)
        return 1
    }
}
