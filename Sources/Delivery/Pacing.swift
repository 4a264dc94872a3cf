// When a route may send: the back-off that all its lanes share, so that many of them are no worse to a receiver that is
// down than one. A function of values: no clock, no queue.
//
// A failure makes its own delivery wait; the others go on, since it may be the only one in trouble. When as many have
// failed in a row as there are lanes, or when the receiver asks for time or lets nobody in, the route counts as shut:
// one delivery at a time is tried, after a wait that grows, until one is taken.

internal import Platform

/// Why a delivery is to be tried again.
struct Trouble: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case failed(retryAfter: Duration?)
        case notAllowed
        /// The receiver took the rest of the request.
        case refusedInPart
    }

    let kind: Kind
    let reason: String
}

struct Pacing<Random: RandomNumberGenerator & Sendable>: Sendable {
    enum Gate: Equatable {
        case open
        /// For one, which finds out how the receiver is.
        case openForProbe
        case shut(until: Instant)
        /// Until the one that finds out is back.
        case probing
    }

    private let laneCount: Int
    private var backoff: Backoff<Random>
    /// Since a delivery was last taken.
    private var failureCount = 0
    /// Of those, the ones while the route was shut, and that which shut it.
    private var shutCount = 0
    private var shutUntil: Instant?
    private var isProbing = false

    init(laneCount: Int, random: Random) {
        self.laneCount = laneCount
        backoff = Backoff(random: random)
    }

    func gate(at now: Instant) -> Gate {
        guard let shutUntil else { return .open }
        if isProbing { return .probing }
        return now < shutUntil ? .shut(until: shutUntil) : .openForProbe
    }

    mutating func beginProbe() { isProbing = true }

    /// The receiver answers. Returns whether the route was shut: then what waited for it need wait no longer.
    mutating func noteAnswer() -> Bool {
        let wasShut = shutUntil != nil
        open()
        return wasShut
    }

    /// Opens the route whatever is known of the receiver.
    mutating func open() {
        failureCount = 0
        shutCount = 0
        shutUntil = nil
        isProbing = false
    }

    /// When a delivery may be tried again that has failed so many times in a row.
    mutating func noteTrouble(
        _ kind: Trouble.Kind, deliveryFailures: Int, wasProbe: Bool, at now: Instant
    ) -> Instant {
        switch kind {
        case .refusedInPart:
            return now + backoff.wait(afterFailures: deliveryFailures, retryAfter: nil)
        case .failed(let retryAfter):
            failureCount += 1
            let isShutting = shutUntil != nil || failureCount >= laneCount || retryAfter != nil
            // Those that were under way when it was shut say nothing new.
            if isShutting, wasProbe || shutUntil == nil { shutCount += 1 }
            let wait = backoff.wait(afterFailures: max(deliveryFailures, shutCount), retryAfter: retryAfter)
            if isShutting { shut(until: now + wait, wasProbe: wasProbe) }
            return now + wait
        case .notAllowed:
            failureCount += 1
            if wasProbe || shutUntil == nil { shutCount += 1 }
            let until = now + backoff.slowWait(afterFailures: shutCount)
            shut(until: until, wasProbe: wasProbe)
            return until
        }
    }

    private mutating func shut(until: Instant, wasProbe: Bool) {
        if wasProbe { isProbing = false }
        // What the receiver asked of one holds for all; what a probe found out replaces what was known before.
        shutUntil = wasProbe ? until : max(until, shutUntil ?? until)
    }
}
