// `vitals collectors`

internal import Agent

func collectors(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        return show(collectorList(try makeScraper(arguments).collectors, isVerbose: arguments.isVerbose))
    } catch {
        complain(error)
        return 1
    }
}
