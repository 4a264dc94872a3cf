// What is wrong with the agent, decided in one place. `vitals status` and its exit code, `STATUS=` of the service
// manager, `/-/healthy?full` and `vitals_problems` all ask here.

package import Delivery
internal import Inputs
internal import Synchronization

/// What is wrong at one moment. Collectors are not in it: many hosts have one that cannot be read, and
/// `node_scrape_collector_success` says so.
package struct Health: Sendable, Equatable {
    /// In sentences for people, the worst first.
    package let findings: [String]

    /// Nil when all is well.
    package var worst: String? { findings.first }

    /// `problems` are those of the agent itself, which come before those of its routes.
    package init(state: AgentStatus.State, problems: [String], routes: [RouteStatus]) {
        let ranks: [(RouteStatus) -> Bool] = [
            { $0.state == .notAllowed }, { $0.state == .stopped && state != .stopping }, { $0.state == .retrying },
            { $0.isCursorUnsaved }, { $0.state == .held }, { $0.state == .ok && !Self.problems(of: $0).isEmpty },
        ]
        let ranked = routes.enumerated().compactMap { index, route in
            ranks.firstIndex { $0(route) }.map { (rank: $0, index: index, route: route) }
        }
        let sorted = ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }
        findings = problems + sorted.map { Self.sentence(on: $0.route) }
    }

    private static func sentence(on route: RouteStatus) -> String {
        let reason = route.state == .ok ? problems(of: route).first : route.lastError
        return "route \(route.input) to \(route.output): \(state(of: route))" + (reason.map { ": \($0)" } ?? "")
    }

    /// In one or two words.
    static func state(of route: RouteStatus) -> String {
        switch route.state {
        case .notAllowed: "not allowed"
        case .retrying, .held, .stopped: route.state.rawValue
        case .ok: problems(of: route).isEmpty ? "ok" : "problem"
        }
    }

    /// What is wrong with a route whose deliveries succeed, or have not begun.
    static func problems(of route: RouteStatus) -> [String] {
        var problems = route.reading.problems
        if route.isCursorUnsaved {
            problems.append(
                "the cursor cannot be saved: after a crash, what was delivered since is sent again; "
                    + "see to the state directory")
        }
        if route.inputType == "file", route.reading.hasLooked, route.reading.sourceCount == 0, problems.isEmpty {
            problems.append("no file matches its paths")
        }
        return problems
    }
}

/// What the agent is doing, and what is wrong with itself: its parts say so here, from whatever queue.
final class AgentHealth: Sendable {
    private struct Known {
        var state = AgentStatus.State.starting
        var problems: [(source: String, texts: [String])] = []
    }

    private let known = Mutex(Known())

    var state: AgentStatus.State {
        get { known.withLock(\.state) }
        set { known.withLock { $0.state = newValue } }
    }

    /// What is wrong with the agent itself, the oldest source first.
    var problems: [String] { known.withLock { $0.problems.flatMap(\.texts) } }

    /// What `source` finds wrong now, instead of what it found before.
    func set(_ source: String, _ texts: [String]) {
        known.withLock { known in
            known.problems.removeAll { $0.source == source }
            if !texts.isEmpty { known.problems.append((source, texts)) }
        }
    }
}
