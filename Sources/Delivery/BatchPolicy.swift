// When to read on, when to send what was read, and when to wait. A function of values: no clock, no queue.

internal import Platform

enum BatchAction: Equatable {
    /// Call the input.
    case read
    /// Encode the batch and hand it over to be sent.
    case dispatch
    /// Nothing to do before this time but what the input wakes us for.
    case wait(until: Instant)
    /// Nothing to do before a batch under way is done, but to read on if there is room.
    case blocked
    /// Nothing to do before the input wakes us.
    case rest
}

struct BatchPolicy {
    /// What is larger is worth a request of its own at once.
    static let smallBatchBytes = 64 << 10

    let inFlightLimit: Int
    let batchAge: Duration
    /// Small batches begin this far apart.
    let spacing: Duration

    /// What is known on the reading side.
    struct Situation {
        var recordCount = 0
        var textBytes = 0
        var isFull = false
        /// When the first record of the batch was read.
        var begun: Instant?
        var inFlight = 0
        /// A record larger than the share of the route is under way, or waits for memory: it travels alone.
        var isHeldBack = false
        var lastDispatch: Instant?
        /// The input has more right now, or may have.
        var hasMore = false
        /// No more is read; what was read is sent.
        var isStopping = false
    }

    func action(for situation: Situation, at now: Instant) -> BatchAction {
        let mayRead = situation.hasMore && !situation.isFull && !situation.isStopping && !situation.isHeldBack
        guard situation.recordCount > 0, let begun = situation.begun else { return mayRead ? .read : .rest }
        guard situation.inFlight < inFlightLimit else { return mayRead ? .read : .blocked }
        let ageLimit = begun + batchAge
        if situation.isFull || situation.isStopping || now >= ageLimit { return .dispatch }
        if mayRead { return .read }
        // The connection is busy: what comes meanwhile travels together, as soon as it is idle again.
        guard situation.inFlight == 0 else { return .wait(until: ageLimit) }
        guard situation.textBytes < Self.smallBatchBytes, let last = situation.lastDispatch else { return .dispatch }
        let spaced = last + spacing
        return now >= spaced ? .dispatch : .wait(until: min(spaced, ageLimit))
    }
}
