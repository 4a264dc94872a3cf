// One request's worth on its way: what is left of it, and what an answer means for it. Decides only; the lane sends,
// counts and waits.

internal import Outputs
internal import Platform

/// What to do after an answer, in this order. Records are counted from the first of the load's batch.
enum DeliveryAction: Equatable {
    /// The receiver has these, but for some.
    case count(Range<Int>, butFor: [Int])
    /// The receiver will never take it: to `rejected/`.
    case putAside(Int, reason: String)
    /// The receiver has dropped it: counted under the reason.
    case drop(Int, reason: String)
    /// It has failed for too long: counted, and to `rejected/` where there is room.
    case giveUp(Range<Int>, reason: String)
    /// Only these are left, and are counted from 0 from here on.
    case select([Int])
    /// What is left goes to the other place of its destination.
    case goElsewhere(recordCount: Int, reason: String)
    /// Nothing is sent for a while; then what is left, if anything is.
    case backOff(Trouble)
}

struct Course: Sendable {
    private var splitter: Splitter
    private var suspicion = Suspicion()
    /// In a row, of the same kind: the back-off of one trouble is not that of another.
    private(set) var failureCount = 0
    private var lastKind: Trouble.Kind?
    /// When the first of them was, of whatever kind.
    private var failingSince: Instant?

    init(_ records: Range<Int>) { splitter = Splitter(records) }

    /// What to send next; nil when nothing is left.
    var next: Range<Int>? { splitter.next }
    var isFailing: Bool { failureCount > 0 }
    /// Nothing of it was taken, and the receiver is suspected.
    var isHeld: Bool { suspicion.isHeld }
    /// It has records that were not refused yet.
    var hasFresh: Bool { splitter.has(otherThan: suspicion.refusedBefore) }

    /// All of it, in the order in which it will be sent.
    var left: [Int] { splitter.left }
    /// Alone, and it is still left.
    func wasRefused(_ index: Int) -> Bool { suspicion.refusedBefore.contains(index) }

    /// Sends what was not refused yet before what was.
    mutating func preferFresh() { splitter.bringForward(rangeNotOf: suspicion.refusedBefore) }

    /// `mayWait`: a record that was refused may stay until more is known of the receiver. Otherwise it is put
    /// aside, if the receiver has ever taken one and does not refuse all now.
    mutating func decide(
        _ answer: Result<DeliveryOutcome, DeliveryError>, giveUpAfter: Duration?,
        _ breaker: CircuitBreaker = CircuitBreaker(), mayWait: Bool = true, at now: Instant
    ) -> [DeliveryAction] {
        guard let range = splitter.next else { return [] }
        switch answer {
        case .success(.accepted):
            noteProgress()
            splitter.accept()
            splitter.putBack(suspicion.noteTaken())
            return [.count(range, butFor: [])]
        case .success(.partly(let refused)): return takeInPart(range, refused, giveUpAfter, breaker, at: now)
        case .failure(.tooLarge(let reason)):
            return refuse(reason, giveUpAfter, breaker, mayWait: mayWait, isTooLarge: true, at: now)
        case .failure(.rejected(let reason)):
            return refuse(reason, giveUpAfter, breaker, mayWait: mayWait, isTooLarge: false, at: now)
        case .failure(.tooSlow(let reason)):
            // The last half of one record is that record.
            if range.count > 1 { _ = splitter.refuse() }
            return fail(Trouble(kind: .failed(retryAfter: nil), reason: reason), giveUpAfter, at: now)
        case .failure(.retry(let after, let reason)):
            return fail(Trouble(kind: .failed(retryAfter: after), reason: reason), giveUpAfter, at: now)
        case .failure(.goesElsewhere(let reason)):
            noteProgress()
            splitter.putBack(suspicion.hold())
            suspicion = Suspicion()
            return [.goElsewhere(recordCount: splitter.count, reason: reason)]
        case .failure(.notAllowed(let reason)):
            return fail(Trouble(kind: .notAllowed, reason: reason), giveUpAfter, at: now)
        }
    }

    /// The receiver will not take `next`: it is halved, and what is refused alone is judged.
    private mutating func refuse(
        _ reason: String, _ giveUpAfter: Duration?, _ breaker: CircuitBreaker, mayWait: Bool, isTooLarge: Bool,
        at now: Instant
    ) -> [DeliveryAction] {
        let released = suspicion.learn(lastTakenSent: breaker.lastTakenSent)
        let wasHeld = suspicion.isHeld || breaker.isOpen
        if !wasHeld { noteProgress() }
        guard let index = splitter.refuse() else {
            splitter.putBack(released)
            return wasHeld ? hold(reason, giveUpAfter, breaker, at: now) : []
        }
        defer { splitter.putBack(released) }
        if !mayWait, isTooLarge || breaker.lastTakenSent != nil && !breaker.isOpen {
            noteProgress()
            return [.putAside(index, reason: reason)]
        }
        return judge([index], reason, giveUpAfter, breaker, at: now)
    }

    private mutating func judge(
        _ refused: [Int], _ reason: String, _ giveUpAfter: Duration?, _ breaker: CircuitBreaker, at now: Instant
    ) -> [DeliveryAction] {
        var actions: [DeliveryAction] = []
        for (place, index) in refused.enumerated() {
            let leftCount = splitter.count + refused.count - place - 1
            switch suspicion.judge(index, leftCount: leftCount, isOpen: breaker.isOpen, at: now) {
            case .guilty: actions.append(.putAside(index, reason: reason))
            case .goOn: break
            case .sample: if let sample = suspicion.sample(of: splitter.left) { splitter.bringForward(sample) }
            case .hold:
                // Those behind it are left as they are.
                splitter.putBack(Array(refused[(place + 1)...]))
                return actions + hold(reason, giveUpAfter, breaker, at: now)
            }
        }
        return actions
    }

    /// The receiver or the settings are at fault: all that was refused is kept, and tried again seldom. Not so the last
    /// records of a quiet log: when nothing else comes, and they are refused again and again, they are put aside.
    private mutating func hold(
        _ reason: String, _ giveUpAfter: Duration?, _ breaker: CircuitBreaker, at now: Instant
    ) -> [DeliveryAction] {
        let alone = suspicion.takeAlone(breaker, isAllRefused: !hasFresh, at: now)
        if !alone.isEmpty {
            noteProgress()
            return alone.map { .putAside($0, reason: reason) }
        }
        let count = suspicion.evidence(breaker)
        splitter.putBack(suspicion.hold())
        return fail(Trouble(kind: .refusesAll(count: count), reason: reason), giveUpAfter, at: now)
    }

    private mutating func takeInPart(
        _ range: Range<Int>, _ refused: [RefusedRecord], _ giveUpAfter: Duration?, _ breaker: CircuitBreaker,
        at now: Instant
    ) -> [DeliveryAction] {
        // An output that names records it was not given must not make us lose others.
        let refused = refused.filter { range.indices.contains(range.lowerBound + $0.index) }
        if refused.count == range.count, refused.allSatisfy({ $0.fate == .putAside }), let first = refused.first {
            // Each of them refused: this may be the receiver's fault too.
            splitter.putBack(suspicion.learn(lastTakenSent: breaker.lastTakenSent), behindNext: true)
            splitter.accept()
            return judge(Array(range), first.reason, giveUpAfter, breaker, at: now)
        }
        let again = refused.filter { $0.fate == .tryAgain }
        var actions: [DeliveryAction] = [.count(range, butFor: refused.map { range.lowerBound + $0.index })]
        for record in refused {
            let index = range.lowerBound + record.index
            switch record.fate {
            case .tryAgain: break
            case .putAside: actions.append(.putAside(index, reason: record.reason))
            case .lost: actions.append(.drop(index, reason: record.reason))
            }
        }
        let isProgress = again.count < range.count
        if isProgress { splitter.putBack(suspicion.noteTaken(), behindNext: true) }
        guard let first = again.first else {
            noteProgress()
            splitter.accept()
            return actions
        }
        if !isProgress { splitter.putBack(suspicion.hold(), behindNext: true) }
        // A receiver that takes some each time gets somewhere; one that takes none fails.
        if isProgress { failingSince = nil }
        actions.append(.select(splitter.accept(butFor: again.map(\.index))))
        suspicion.renumber()
        return actions + fail(Trouble(kind: .refusedInPart, reason: first.reason), giveUpAfter, at: now)
    }

    private mutating func noteProgress() {
        failureCount = 0
        lastKind = nil
        failingSince = nil
    }

    private mutating func fail(_ trouble: Trouble, _ giveUpAfter: Duration?, at now: Instant) -> [DeliveryAction] {
        failureCount = lastKind?.isSame(as: trouble.kind) == true ? failureCount + 1 : 1
        lastKind = trouble.kind
        let since = failingSince ?? now
        failingSince = since
        guard let giveUpAfter, now - since >= giveUpAfter else { return [.backOff(trouble)] }
        splitter.putBack(suspicion.hold())
        suspicion = Suspicion()
        var actions: [DeliveryAction] = []
        while let range = splitter.next {
            splitter.accept()
            actions.append(.giveUp(range, reason: trouble.reason))
        }
        noteProgress()
        return actions + [.backOff(trouble)]
    }
}

extension Result where Success == DeliveryOutcome, Failure == DeliveryError {
    /// The receiver has taken some of so many records. Of a request that is refused in every part it has taken none.
    func hasTaken(of recordCount: Int) -> Bool {
        switch self {
        case .success(.accepted): true
        case .success(.partly(let refused)): refused.count < recordCount || refused.contains { $0.fate == .lost }
        case .failure: false
        }
    }

    var isTooSlow: Bool { if case .failure(.tooSlow) = self { true } else { false } }
}
