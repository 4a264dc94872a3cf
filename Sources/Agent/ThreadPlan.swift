// How many threads the settings need, and what is done where the system gives fewer: routes share those that there are,
// so that signals and the scrape have theirs whatever the routes wait for.

internal import Platform
internal import Settings

/// Pure: how threads are divided.
package struct ThreadPlan: Equatable, Sendable {
    /// libdispatch has no more than 255 in all for queues such as ours, and says nothing when they run out. The rest is
    /// for what the agent does besides.
    static let routeLimit = 200
    /// For collectors and mounts that hang, one each.
    static let relayThreads = 16
    /// The event loop, the agent, the address that is opened, the server, the scrape, a collector. Without these
    /// nobody can be answered.
    static let leastThreads = 6

    /// When everything waits at the same time.
    package let needed: Int
    /// Of the agent itself, with its relays.
    private let own: Int
    private let wantedByRoutes: Int

    /// `routes`: how many threads each would take; `extra`: those of inputs, libraries and passwords.
    package init(routes: [Int], extra: Int) {
        own = Self.leastThreads + 2 + extra
        wantedByRoutes = routes.reduce(0, +)
        needed = own + Self.relayThreads + min(wantedByRoutes, Self.routeLimit)
    }

    package enum Decision: Equatable, Sendable {
        /// Each route has its own threads.
        case enough
        /// All routes together have so many, and so many collectors may hang at the same time.
        case shared(routeThreads: Int, relayThreads: Int)
        case tooFew
    }

    package func decide(available: Int) -> Decision {
        let hasRoutes = wantedByRoutes > 0
        guard available >= Self.leastThreads + (hasRoutes ? 1 : 0) else { return .tooFew }
        guard available < needed || wantedByRoutes > Self.routeLimit else { return .enough }
        guard available < needed else { return .shared(routeThreads: Self.routeLimit, relayThreads: Self.relayThreads) }
        // A collector that hangs is rarer than an output that does.
        let left = max(1, available - own)
        let relays = min(Self.relayThreads, max(1, left / 4))
        return .shared(routeThreads: hasRoutes ? max(1, left - relays) : 0, relayThreads: relays)
    }
}

extension AgentSettings {
    /// Threads of inputs and outputs besides those of their routes: listeners, spools, credentials.
    var extraThreads: Int {
        let receiving = inputs.count { isInRoute($0) && $0.type != "file" && $0.type != "journald" }
        let asksForCredentials = outputs.contains { $0.type == "cloudwatch_logs" }
        return receiving * 2 + (asksForCredentials ? 2 : 0) + (endpoint?.has("users") ?? false ? 3 : 0)
            + (endpoint?.has("tls") ?? false ? 2 : 0)
    }
}

/// Tries how many threads there are, and has routes that are made from here on share them where they are too few.
///
/// `ofStart`: threads that the start has, and nobody after it.
///
/// - Returns: what is wrong, for the status; nil when there are enough.
/// - Throws: when there are too few to answer anybody.
func arrangeThreads(_ plan: ThreadPlan, ofStart: Int, _ log: AgentLog) throws(StartError) -> String? {
    let available = availableThreads(upTo: plan.needed - ofStart) + ofStart
    let numbers = "the settings need up to \(plan.needed) threads, and \(available) can be had"
    let decision = plan.decide(available: available)
    guard decision != .tooFew else {
        throw .world("too few threads: \(numbers); the limit is \(threadLimitText(needed: plan.needed))")
    }
    guard case .shared(let routeThreads, let relayThreads) = decision else {
        SharedThreads.limit(to: nil)
        RelayThreads.limit(to: .max)
        return nil
    }
    SharedThreads.limit(to: routeThreads > 0 ? routeThreads : nil)
    RelayThreads.limit(to: relayThreads)
    guard available < plan.needed else { return nil }
    let sharing = routeThreads > 0 ? "; routes share \(routeThreads) and wait for one another" : ""
    let problem =
        "too few threads: \(numbers)\(sharing); raise the limit, which is \(threadLimitText(needed: plan.needed))"
    log.error(problem)
    return problem
}
