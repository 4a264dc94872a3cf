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
        /// The receiver took nothing: so many records, refused alone, say nothing about themselves. Those that it
        /// refused before, and that it took others meanwhile, are not counted again.
        case refusesAll(count: Int)

        /// Whether one goes on where the other began.
        func isSame(as other: Kind) -> Bool {
            switch (self, other) {
            case (.failed, .failed), (.notAllowed, .notAllowed), (.refusedInPart, .refusedInPart),
                (.refusesAll, .refusesAll):
                true
            case (.failed, _), (.notAllowed, _), (.refusedInPart, _), (.refusesAll, _): false
            }
        }
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
    /// Of the trouble that was met last; the counts below are of that kind alone.
    private var kind: Trouble.Kind?
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

    /// The probe has found nothing out, and another follows at once.
    mutating func endProbe() { isProbing = false }

    /// When a delivery is tried again that waits for more to be known of the receiver, and holds up no other.
    mutating func slowTry(deliveryFailures: Int, at now: Instant) -> Instant {
        now + backoff.slowWait(afterFailures: deliveryFailures)
    }

    /// The receiver answers. Returns whether the route was shut: then what waited for it need wait no longer.
    mutating func noteAnswer() -> Bool {
        let wasShut = shutUntil != nil
        open()
        return wasShut
    }

    /// Opens the route whatever is known of the receiver.
    mutating func open() {
        kind = nil
        failureCount = 0
        shutCount = 0
        shutUntil = nil
        isProbing = false
    }

    /// When a delivery may be tried again that has failed so many times in a row, in this way.
    mutating func noteTrouble(
        _ kind: Trouble.Kind, deliveryFailures: Int, wasProbe: Bool, at now: Instant
    ) -> Instant {
        // Those that were under way when the route was shut say nothing new.
        let isNews = wasProbe || shutUntil == nil
        switch kind {
        case .refusedInPart:
            return now + backoff.wait(afterFailures: deliveryFailures, retryAfter: nil)
        case .failed(let retryAfter):
            noteKind(kind, isNews: isNews)
            failureCount += 1
            let isShutting = shutUntil != nil || failureCount >= laneCount || retryAfter != nil
            if isShutting, isNews { shutCount += 1 }
            let wait = backoff.wait(afterFailures: max(deliveryFailures, shutCount), retryAfter: retryAfter)
            if isShutting { shut(until: now + wait, wasProbe: wasProbe) }
            return now + wait
        case .notAllowed, .refusesAll:
            noteKind(kind, isNews: isNews)
            failureCount += 1
            if isNews { shutCount += 1 }
            let until = now + backoff.slowWait(afterFailures: shutCount)
            shut(until: until, wasProbe: wasProbe)
            return until
        }
    }

    /// The back-off of one trouble is not that of another: after an hour without a connection, the first refused
    /// password is tried again in seconds.
    private mutating func noteKind(_ kind: Trouble.Kind, isNews: Bool) {
        guard isNews else { return }
        if self.kind?.isSame(as: kind) != true { (failureCount, shutCount) = (0, 0) }
        self.kind = kind
    }

    private mutating func shut(until: Instant, wasProbe: Bool) {
        if wasProbe { isProbing = false }
        // What the receiver asked of one holds for all; what a probe found out replaces what was known before.
        shutUntil = wasProbe ? until : max(until, shutUntil ?? until)
    }
}
