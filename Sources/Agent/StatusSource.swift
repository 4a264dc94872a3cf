// Puts together how the agent is, for whoever asks from whatever queue: without the agent itself, which owns the
// endpoint that asks. Nothing here waits.

internal import Delivery
internal import Platform

struct StatusSource: Sendable {
    let settings: AgentSettings
    let hostName: String
    let startedAt: Moment
    /// Of the settings.
    let warnings: [String]
    let agent: AgentHealth
    let routes: RouteList
    let scraper: Scraper

    var isReady: Bool { agent.state == .running }

    var health: Health { Health(state: agent.state, problems: agent.problems, routes: routes.all.map(\.status)) }

    var current: AgentStatus {
        AgentStatus(
            version: vitalsVersion, hostName: hostName, processID: processID,
            startedUnixNanoseconds: startedAt.unixNanoseconds, nowUnixNanoseconds: Moment.now.unixNanoseconds,
            state: agent.state, stateDirectory: settings.stateDirectory, warnings: warnings,
            problems: agent.problems, routes: routes.all.map(\.status), collectors: scraper.collectors)
    }
}
