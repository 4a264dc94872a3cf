// When the cursor of a route is saved, and how much of it: decided without clocks and disks.

internal import Durable
internal import Inputs
internal import Platform

struct CursorSaving {
    /// What was acknowledged so long ago outlasts a kill.
    static let shortestSpacing: Duration = .milliseconds(100)
    /// When many files change, what is written is bounded: each of them is written once in the longer time.
    static let bytesPerSecond = 96 << 10
    static let longestSpacing: Duration = .seconds(1)
    /// After a failure.
    static let retryInterval: Duration = .seconds(1)
    /// At the stop, the log may turn out to be gone, and has to be written anew.
    private static let lastTries = 2

    /// What was saved, by the input's own count.
    private(set) var savedVersion: UInt64
    /// A step is on its way.
    private(set) var isUnderWay = false
    /// When to save next; nil when there is nothing to save, or what is under way will tell.
    var due: Instant?
    private var last: Instant?
    private var spacing = Self.shortestSpacing

    /// All of it is to be written anew: at first, and whenever changes cannot be appended.
    private(set) var wantsSnapshot = true
    /// What was acknowledged is nowhere but in memory.
    private(set) var isUnsaved = false
    /// Of the snapshot that is under way: the parts it has, and the next one.
    private(set) var partCount: Int?
    private var nextPart = 0

    /// Left for the last save; nil before the stop.
    private var triesLeft: Int?
    /// The step that is on its way does not have all that is to be saved.
    private var wasBegunBeforeEnd = false

    init(savedVersion: UInt64) { self.savedVersion = savedVersion }

    /// The input may have moved its cursor.
    mutating func noteVersion(_ version: UInt64, at now: Instant) {
        guard due == nil, !isUnderWay, version != savedVersion || isUnsaved else { return }
        due = max(now, last.map { $0 + (isUnsaved ? Self.retryInterval : spacing) } ?? now)
    }

    enum Work: Equatable {
        case nothing
        case changes
        /// Changes, and a part of all of it.
        case part(Int, of: Int)
    }

    /// What to write now; a snapshot that begins has so many parts.
    mutating func begin(_ version: UInt64, at now: Instant, partCount newCount: Int) -> Work {
        // At the stop what was appended is to be synced, too.
        let isNews = version != savedVersion || isUnsaved || partCount != nil
        guard isNews || triesLeft == Self.lastTries && !wantsSnapshot else { return .nothing }
        isUnderWay = true
        last = now
        if wantsSnapshot, partCount == nil {
            partCount = max(1, newCount)
            nextPart = 0
        }
        guard let partCount else { return .changes }
        return .part(nextPart, of: partCount)
    }

    mutating func note(_ outcome: CursorOutcome, version: UInt64, at now: Instant) {
        isUnderWay = false
        wantsSnapshot = outcome.wantsSnapshot
        isUnsaved = outcome.failure != nil
        if outcome.failure == nil { savedVersion = version } else { last = now }
        nextPart += 1
        if outcome.failure != nil || outcome.snapshotFailure != nil || nextPart >= partCount ?? 0 { partCount = nil }
        let wanted = Duration.seconds(1) * outcome.byteCount / Self.bytesPerSecond
        spacing = min(max(wanted, Self.shortestSpacing), Self.longestSpacing)
        if wasBegunBeforeEnd {
            wasBegunBeforeEnd = false
        } else if let tries = triesLeft, partCount == nil {
            triesLeft = outcome.failure == nil ? 0 : tries - 1
        }
    }

    // MARK: The stop

    /// One more step comes, which syncs.
    mutating func beginEnd() {
        due = nil
        triesLeft = Self.lastTries
        wasBegunBeforeEnd = isUnderWay
    }

    var isWorthTrying: Bool { (triesLeft ?? 0) > 0 }
}

extension Reader {
    /// Puts together what is to be saved; nil when nothing is.
    mutating func nextCursorStep(at now: Instant) -> CursorStep? {
        let work = saving.begin(input.cursorVersion, at: now, partCount: input.cursorPartCount)
        var step = CursorStep()
        switch work {
        case .nothing: return nil
        case .changes: input.takeCursorChanges(into: &step.changes)
        case .part(let number, let count):
            input.takeCursorChanges(into: &step.changes)
            var part = CursorStep.Part(isFirst: number == 0, isLast: number + 1 == count)
            input.writeCursor(into: &part.lines, part: number, of: count)
            step.part = part
        }
        return step
    }

    /// The input may have moved its cursor.
    mutating func noteCursor(at now: Instant) { saving.noteVersion(input.cursorVersion, at: now) }
}
