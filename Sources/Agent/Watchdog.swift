// Whether everything goes on: systemd's watchdog is told so only then, and starts the agent again otherwise. See
// sd_notify(3), WATCHDOG=1.

internal import Delivery
package import Platform

/// Owned by the worker of the agent.
struct Watchdog {
    /// How long a route may be at one step before it is said to hang: above the longest time-out that an output can be
    /// given, an hour.
    private static let routePatience: Duration = .seconds(4_000)
    /// How long the workers of the scrape and of the server may take to say that they are there. Scrapes have deadlines
    /// of seconds, and the server never waits.
    private static let workerPatience: Duration = .seconds(60)

    /// Calls what it is given when the worker has done what is before it.
    typealias Asking = @Sendable (@escaping @Sendable () -> Void) -> Void

    private let workers: [(name: String, whenIdle: Asking)]
    private let routes: RouteList
    /// When workers were asked whether they are there; those that have answered are not in it.
    private var asked: [String: Instant] = [:]

    init(workers: [(name: String, whenIdle: Asking)], routes: RouteList) {
        self.workers = workers
        self.routes = routes
    }

    /// Asks those workers that have answered the last time, which then call `answered`. Returns who hangs; nobody when
    /// all is well.
    mutating func look(at now: Instant, answered: @escaping @Sendable (_ worker: String) -> Void) -> [String] {
        for (name, whenIdle) in workers where asked[name] == nil {
            asked[name] = now
            whenIdle { answered(name) }
        }
        let steps = routes.all.map { (name: $0.name, since: $0.lastProgress) }
        let silent = asked.map { (name: $0.key, since: $0.value) }.sorted { $0.name < $1.name }
        return hanging(steps, patience: Self.routePatience, at: now)
            + hanging(silent, patience: Self.workerPatience, at: now)
    }

    mutating func noteAnswer(of worker: String) { asked[worker] = nil }
}

/// Those who have been at one step for longer than `patience`.
package func hanging(
    _ progress: [(name: String, since: Instant)], patience: Duration, at now: Instant
) -> [String] {
    progress.filter { now - $0.since > patience }.map(\.name)
}
