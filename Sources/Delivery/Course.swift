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
    /// In a row.
    private(set) var failureCount = 0
    /// When the first of them was.
    private var failingSince: Instant?

    init(_ records: Range<Int>) { splitter = Splitter(records) }

    /// What to send next; nil when nothing is left.
    var next: Range<Int>? { splitter.next }
    var isFailing: Bool { failureCount > 0 }

    mutating func decide(
        _ answer: Result<DeliveryOutcome, DeliveryError>, giveUpAfter: Duration?, at now: Instant
    ) -> [DeliveryAction] {
        guard let range = splitter.next else { return [] }
        switch answer {
        case .success(.accepted):
            noteProgress()
            splitter.accept()
            return [.count(range, butFor: [])]
        case .success(.partly(let refused)): return takeInPart(range, refused, giveUpAfter, at: now)
        case .failure(.tooLarge(let reason)), .failure(.rejected(let reason)):
            noteProgress()
            return splitter.refuse().map { [.putAside($0, reason: reason)] } ?? []
        case .failure(.retry(let after, let reason)):
            return fail(Trouble(kind: .failed(retryAfter: after), reason: reason), giveUpAfter, at: now)
        case .failure(.goesElsewhere(let reason)):
            noteProgress()
            return [.goElsewhere(recordCount: splitter.count, reason: reason)]
        case .failure(.notAllowed(let reason)):
            return fail(Trouble(kind: .notAllowed, reason: reason), giveUpAfter, at: now)
        }
    }

    private mutating func takeInPart(
        _ range: Range<Int>, _ refused: [RefusedRecord], _ giveUpAfter: Duration?, at now: Instant
    ) -> [DeliveryAction] {
        // An output that names records it was not given must not make us lose others.
        let refused = refused.filter { range.indices.contains(range.lowerBound + $0.index) }
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
        guard let first = again.first else {
            noteProgress()
            splitter.accept()
            return actions
        }
        // A receiver that takes some each time gets somewhere; one that takes none fails.
        if refused.count < range.count || again.count < refused.count { failingSince = nil }
        actions.append(.select(splitter.accept(butFor: again.map(\.index))))
        return actions + fail(Trouble(kind: .refusedInPart, reason: first.reason), giveUpAfter, at: now)
    }

    private mutating func noteProgress() {
        failureCount = 0
        failingSince = nil
    }

    private mutating func fail(_ trouble: Trouble, _ giveUpAfter: Duration?, at now: Instant) -> [DeliveryAction] {
        failureCount += 1
        let since = failingSince ?? now
        failingSince = since
        guard let giveUpAfter, now - since >= giveUpAfter else { return [.backOff(trouble)] }
        var actions: [DeliveryAction] = []
        while let range = splitter.next {
            splitter.accept()
            actions.append(.giveUp(range, reason: trouble.reason))
        }
        noteProgress()
        return actions + [.backOff(trouble)]
    }
}
