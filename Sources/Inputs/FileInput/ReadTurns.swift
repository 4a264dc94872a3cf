// Whose turn it is to be read, and when something is to be done though no file says so.

internal import Bytes
internal import Platform

struct ReadTurns {
    /// Turns between two looks at the clock and at whether the agent is to stop, however little each of them reads.
    private static let countInOneReadLimit = 1_000

    private let partialLineTimeout: Duration
    private let rotationGrace: Duration
    private var queue = TurnQueue()
    /// Tails with a deadline.
    private var timed: [Tail] = []
    private var pace: ReadPace
    /// Tails that were written to, and read a moment ago; and when all of them have their turns.
    private var paced: [Tail] = []
    private var pacedUntil: Instant?
    /// Turns in which a file was read, for tests that nothing is read at rest.
    private(set) var count: UInt64 = 0
    private(set) var nextScan: Instant
    private let idleClose: Duration
    /// Nil when no file is open that was read.
    private var nextIdleCheck: Instant?
    /// When to scan because something could not be read, whatever else is to be done.
    private var retryScan: Instant?

    init(_ settings: FileInputSettings, at now: Instant) {
        (partialLineTimeout, rotationGrace) = (settings.partialLineTimeout, settings.rotationGrace)
        idleClose = settings.idleClose
        nextScan = now
        pace = ReadPace(at: now)
    }

    // MARK: Turns

    /// Files that were written to wait until there is more.
    var isPaced: Bool { pacedUntil != nil }
    var isEmpty: Bool { queue.isEmpty }
    /// Those that have something to read, also while nothing may be read.
    var waiting: ArraySlice<Tail> { queue.waiting + paced }

    mutating func add(_ tail: Tail) {
        guard !tail.turn.isReady, !tail.isFinished else { return }
        tail.turn.isReady = true
        queue.append(tail)
    }

    /// It was written to. When many files are, one that was just read waits until there may be more in it.
    mutating func addWritten(_ tail: Tail, at now: Instant) {
        let due = tail.turn.lastReadAt + pace.spacing
        if due <= now || tail.turn.isReady { return add(tail) }
        guard !tail.turn.isPaced else { return }
        tail.turn.isPaced = true
        paced.append(tail)
        pacedUntil = min(pacedUntil ?? due, due)
    }

    /// When there is room for its record, it is to be the first that is asked.
    mutating func addFirst(_ tail: Tail) {
        tail.turn.isReady = true
        queue.putBack(tail)
    }

    /// How far one read may go.
    struct Round {
        /// Work that gives no records, as of a line without an end, or on a slow disk: whoever acknowledges, saves or
        /// stops waits no longer. One turn more may pass.
        private static let timeLimit: Duration = .milliseconds(50)

        fileprivate let lastCount: UInt64
        fileprivate var passed = 0
        private let end: Instant

        fileprivate init(lastCount: UInt64, at now: Instant) {
            (self.lastCount, end) = (lastCount, now + Self.timeLimit)
        }

        func isOver(at now: Instant) -> Bool { now >= end }
    }

    func beginRound(at now: Instant) -> Round { Round(lastCount: count + UInt64(Self.countInOneReadLimit), at: now) }

    /// The next one that may be read. Nil when the round is over, or all that are left must wait.
    mutating func next(_ round: inout Round, mustWait: (Tail) -> Bool) -> Tail? {
        while round.passed < queue.count, count < round.lastCount {
            let tail = queue.takeFirst()
            tail.turn.isReady = false
            if tail.isFinished { continue }
            if tail.mustWait || mustWait(tail) {
                add(tail)
                round.passed += 1
                continue
            }
            round.passed = 0
            count += 1
            return tail
        }
        return nil
    }

    /// A turn that took as long as many that read.
    mutating func noteLong() { count += UInt64(Self.countInOneReadLimit / 4) }

    // MARK: Deadlines

    /// A line that has no end is given now.
    func partialIsDue(_ tail: Tail, at now: Instant) -> Bool {
        tail.reading?.partial.since.map { $0 + partialLineTimeout <= now } ?? false
    }

    /// Nobody has written to a rotated file for the grace.
    func graceIsOver(_ tail: Tail, at now: Instant) -> Bool {
        tail.reading?.quietSince.map { $0 + rotationGrace <= now } ?? false
    }

    /// After its turn.
    mutating func noteDeadline(of tail: Tail) {
        guard tail.isAway || tail.reading?.partial.since != nil, !tail.turn.isTimed else { return }
        tail.turn.isTimed = true
        timed.append(tail)
    }

    private func deadline(of tail: Tail) -> Instant? {
        if tail.isFinished { return nil }
        let partial = tail.reading?.partial.since.map { $0 + partialLineTimeout }
        let grace = tail.isAway ? tail.reading?.quietSince.map { $0 + rotationGrace } : nil
        guard let partial, let grace else { return partial ?? grace }
        return min(partial, grace)
    }

    mutating func wakeTimed(at now: Instant) {
        wakePaced(at: now)
        let due = timed.filter { deadline(of: $0).map { $0 <= now } ?? true }
        if due.isEmpty { return }
        for tail in due { tail.turn.isTimed = false }
        timed.removeAll { !$0.turn.isTimed }
        for tail in due where deadline(of: tail) != nil { add(tail) }
    }

    private mutating func wakePaced(at now: Instant) {
        guard let pacedUntil, pacedUntil <= now else { return }
        self.pacedUntil = nil
        for tail in paced {
            tail.turn.isPaced = false
            add(tail)
        }
        paced.removeAll(keepingCapacity: true)
    }

    var nextDeadline: Instant {
        let fixed = [nextScan, nextIdleCheck, pacedUntil].compactMap { $0 }.min() ?? nextScan
        return timed.reduce(fixed) { next, tail in deadline(of: tail).map { min(next, $0) } ?? next }
    }

    // MARK: Quiet files

    func idleCheckIsDue(at now: Instant) -> Bool { nextIdleCheck.map { now >= $0 } ?? false }

    /// `oldest` is when the one that was read least recently, of those that are open, was read.
    mutating func noteIdleCheck(oldest: Instant?) { nextIdleCheck = oldest.map { $0 + idleClose } }

    mutating func noteTurn(of tail: Tail, at now: Instant) {
        pace.noteTurn(last: tail.turn.lastReadAt, at: now)
        tail.turn.lastReadAt = now
        if nextIdleCheck == nil { nextIdleCheck = now + idleClose }
    }

    // MARK: Scans

    mutating func scan(by time: Instant) { nextScan = min(nextScan, time) }

    /// What could not be read is tried again after the grace.
    mutating func scanAfterGrace(from now: Instant) {
        let retry = now + rotationGrace
        retryScan = min(retryScan ?? retry, retry)
        scan(by: retry)
    }

    mutating func beginScan() { retryScan = nil }

    mutating func endScan(next: Instant) { nextScan = min(next, retryScan ?? next) }
}
