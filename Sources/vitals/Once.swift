// `vitals once`

internal import Agent
internal import Platform
internal import Settings

func once(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        let scraper = try makeScraper(arguments)
        do throws(SelectionError) { try scraper.check(only: arguments.collect, without: arguments.exclude) } catch {
            throw .world(error.description)
        }
        return show(scraper.exposition(ScrapeRequest(only: arguments.collect, without: arguments.exclude)))
    } catch {
        complain(error)
        return 1
    }
}

/// The collectors of the settings; of the defaults when there is no settings file and none was named.
func makeScraper(_ arguments: CommandLineArguments) throws(StartError) -> Scraper {
    let settings = try loadAgentSettings(arguments, mayBeMissing: true)
    let log = AgentLog(level: .warning, underSystemd: false)
    // Whoever names a collector wants to see what it gives, enabled or not.
    do throws(SettingsError) {
        return try makeScraper(settings, parts: .all, asked: arguments.collect, log: log)
    } catch {
        throw .settings(error)
    }
}
