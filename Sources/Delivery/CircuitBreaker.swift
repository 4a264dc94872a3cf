// Who is at fault when a receiver refuses: a record, or the receiver and the settings. Pure: no clock, no queue.
//
// A record that was refused alone is a suspect. It is put aside when the receiver refuses it and takes other records at
// the same time: then it is the record. While the receiver takes nothing at all, the fault is the receiver's or that of
// the settings: the breaker opens, the records stay where they are, and one request is tried now and then, until one is
// taken. So a receiver that is set up wrongly for a night costs a few requests an hour and not one line.
//
// The pattern: https://martinfowler.com/bliki/CircuitBreaker.html

internal import Platform

/// What a route knows about its receiver, for all its lanes.
struct CircuitBreaker: Sendable {
    /// So many refusals of single records, one after another and of whatever delivery, open it. One alone may well be a
    /// bad record at the end of a quiet log: it waits, and holds up nothing.
    static let refusedLimit = 3
    /// A record that has no other to be compared with, at the end of a quiet log, is put aside after so many refusals
    /// over so long, by a receiver that took others so shortly before. With the pauses between tries that is half a
    /// minute. No more than two, since something was taken last: the third opens the breaker.
    static let aloneTries = 4
    static let aloneTime: Duration = .seconds(20)
    static let provenTime: Duration = .seconds(600)

    /// Nothing is taken: one request at a time, seldom.
    private(set) var isOpen = false
    private var refusedInARow = 0
    /// When the latest request was sent of those of which something was taken.
    private(set) var lastTakenSent: Instant?
    /// The next try is of a delivery with records that were not refused yet.
    private(set) var isFreshTurn = false

    /// The receiver has taken something of a request. Returns whether the breaker was open.
    mutating func noteTaken(sentAt: Instant) -> Bool {
        lastTakenSent = max(sentAt, lastTakenSent ?? sentAt)
        defer { close() }
        return isOpen
    }

    /// A delivery is held: nothing of it was taken, and `refusedCount` records speak against the receiver. Returns
    /// whether another is to be tried at once, one that brings records which were not refused yet: a record that is
    /// truly bad must not hide that others are taken.
    mutating func noteHeld(refusedCount: Int, wasProbe: Bool, isFreshThere: Bool) -> Bool {
        let wasOpen = isOpen
        refusedInARow = min(refusedInARow + refusedCount, Self.refusedLimit)
        isOpen = refusedInARow >= Self.refusedLimit
        guard wasProbe else { return false }
        isFreshTurn = wasOpen && !isFreshTurn && isFreshThere
        return isFreshTurn
    }

    /// A record was put aside that could not wait for more to be known.
    mutating func noteUnjudged() { refusedInARow = min(refusedInARow + 1, Self.refusedLimit - 1) }

    /// It took something not long before `firstRefused`, so that the same record, refused again and again, says no more
    /// of the receiver than it did the first time.
    func isProven(before firstRefused: Instant) -> Bool {
        !isOpen && lastTakenSent.map { firstRefused - $0 <= Self.provenTime } ?? false
    }

    /// Whatever is known of the receiver: all is tried once more.
    mutating func close() {
        isOpen = false
        refusedInARow = 0
        isFreshTurn = false
    }
}

/// The suspects of one delivery, and what they are found to be.
struct Suspicion: Sendable {
    /// So many records of a delivery are refused alone, one after another, before others of it are tried.
    static let refusedLimit = 3
    /// Others of it, from here and there: a log may begin with a hundred lines that are truly bad.
    static let sampleLimit = 3
    /// So many records are put aside after one that was taken, without a doubt about the receiver. It may have changed
    /// its mind in between, so there is a limit.
    static let trustLimit = 16

    /// Refused alone since something was last taken, and not sent again since.
    private(set) var suspects: [Int] = []
    /// Refused alone at any time, and left.
    private(set) var refusedBefore: Set<Int> = []
    private var firstRefused: Instant?
    /// Of the suspects, those that were not refused before.
    private var newCount = 0
    /// How often the delivery was held since `firstRefused`.
    private var holdCount = 0
    private var trust = 0
    private var samplesLeft: Int?
    /// Nothing of the delivery was taken: each refusal ends the try.
    private(set) var isHeld = false

    enum Verdict: Equatable {
        /// It is the record: to `rejected/`.
        case guilty
        /// Not known yet: the next of the delivery.
        case goOn
        /// Not known yet: one that lies elsewhere in the delivery.
        case sample
        /// It is not the record.
        case hold
    }

    /// Something of the delivery was taken. Returns the suspects, each of which is to be sent once more.
    mutating func noteTaken() -> [Int] {
        trust = Self.trustLimit
        return release()
    }

    /// Others of the route were taken since the first of the suspects was refused. Returns these as above.
    mutating func learn(lastTakenSent: Instant?) -> [Int] {
        guard let firstRefused, let lastTakenSent, lastTakenSent > firstRefused else { return [] }
        return noteTaken()
    }

    private mutating func release() -> [Int] {
        firstRefused = nil
        (newCount, holdCount) = (0, 0)
        samplesLeft = nil
        isHeld = false
        defer { suspects = [] }
        return suspects
    }

    /// A record was refused alone. `leftCount`: of the delivery, without the suspects.
    mutating func judge(_ index: Int, leftCount: Int, isOpen: Bool, at now: Instant) -> Verdict {
        if trust > 0 {
            trust -= 1
            refusedBefore.remove(index)
            return .guilty
        }
        suspects.append(index)
        if refusedBefore.insert(index).inserted { newCount += 1 }
        firstRefused = firstRefused ?? now
        if isHeld || isOpen || leftCount == 0 { return .hold }
        guard suspects.count >= Self.refusedLimit else { return .goOn }
        let left = samplesLeft ?? Self.sampleLimit
        samplesLeft = left - 1
        return left > 0 ? .sample : .hold
    }

    /// Which of `left` is tried as a sample: the last, then the middle of what is left.
    func sample(of left: [Int]) -> Int? {
        samplesLeft == Self.sampleLimit - 1 ? left.last : left.isEmpty ? nil : left[left.count / 2]
    }

    /// The delivery waits. Returns the suspects, which are the first to be sent again.
    mutating func hold() -> [Int] {
        isHeld = true
        holdCount += 1
        newCount = 0
        samplesLeft = nil
        defer { suspects = [] }
        return suspects
    }

    /// Before `hold`: how many records speak against the receiver. Each does so once, if it took others lately.
    func evidence(_ breaker: CircuitBreaker) -> Int {
        // What is refused in one piece.
        guard !suspects.isEmpty, let firstRefused else { return 1 }
        return breaker.isProven(before: firstRefused) ? newCount : suspects.count
    }

    /// The suspects, if they are all that is left of the delivery, and were refused so often that they are put aside
    /// though nothing else came to compare them with; else none.
    mutating func takeAlone(_ breaker: CircuitBreaker, isAllRefused: Bool, at now: Instant) -> [Int] {
        guard isAllRefused, holdCount + 1 >= CircuitBreaker.aloneTries, let firstRefused,
            now - firstRefused >= CircuitBreaker.aloneTime, breaker.isProven(before: firstRefused)
        else { return [] }
        isHeld = false
        samplesLeft = nil
        defer { suspects = [] }
        return suspects
    }

    /// Records are counted in another way from here on.
    mutating func renumber() { refusedBefore = [] }
}
