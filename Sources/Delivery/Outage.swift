// When an outage of a route begins, changes and ends, so that the agent's log has a line for each. Pure: no clock.
//
// The log folds messages that repeat, so without this a second outage within a minute would write nothing.

internal import Platform

struct Outage: Sendable {
    /// So many in a minute have lines of their own: a receiver that refuses every other request has thousands.
    static let spokenLimit = 6
    static let spokenTime: Duration = .seconds(60)

    enum Kind: Sendable { case retrying, notAllowed }

    enum Event: Equatable, Sendable {
        /// Also when it becomes one of another kind. What the log folds until now is over.
        case begun
        case ended(after: Duration)
    }

    private var kind: Kind?
    private var since: Instant?
    private var isSpoken = false
    /// When the latest of those began that had lines.
    private var spoken: [Instant] = []

    /// Deliveries fail. Nil when nothing new is to be said.
    mutating func noteFailure(_ kind: Kind, at now: Instant) -> Event? {
        guard kind != self.kind else { return nil }
        self.kind = kind
        since = since ?? now
        spoken.removeAll { now - $0 >= Self.spokenTime }
        guard spoken.count < Self.spokenLimit else { return nil }
        spoken.append(now)
        isSpoken = true
        return .begun
    }

    /// All that failed was taken. Nil when there was no outage, or its beginning was not said.
    mutating func noteEnd(at now: Instant) -> Event? {
        guard let since else { return nil }
        defer { (kind, self.since, isSpoken) = (nil, nil, false) }
        return isSpoken ? .ended(after: max(.zero, now - since)) : nil
    }
}
