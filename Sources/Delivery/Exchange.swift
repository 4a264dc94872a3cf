// What the sides of a route share, behind one mutex: batches on their way to the lanes and back, and what is known of
// the route.
//
// Batches travel through here rather than in closures: a closure would hold a second reference to their buffers while
// it runs, and the next write would copy them.

internal import Inputs
internal import Logs
internal import Outputs
internal import Platform
internal import Synchronization

/// A batch under way. Kept and used again.
struct Parcel: Sendable {
    var batch: LogBatch
    /// What acknowledges it; taken before the encoder divided it.
    var positions: [Position] = []
    /// When its first record was read.
    var begun = Instant(nanoseconds: 0)
}

/// What the route has of the reserve, for the one batch under way: a record larger than its share travels alone.
enum Loan: Sendable {
    case none
    case held
    /// The text could not be put elsewhere: it stays, until it was tried to be sent once more.
    case stuck
    /// A lane is putting the text elsewhere, or getting it back.
    case moving
    /// Given back: the text is elsewhere, and needs so much to be sent.
    case parked(ParkedText, neededBytes: Int)
}

/// One shipment of a parcel, with a lane or waiting for one.
struct Load: Sendable {
    /// The parcel's in the window.
    let number: UInt64
    /// The place among its shipments.
    let piece: Int
    var destination: Destination
    /// Shared with the parcel: to be let go before the delivery is settled.
    var batch: LogBatch
    var course: Course
    /// Not to be tried before this time.
    var due: Instant?
    /// What encoding replaced is counted the first time.
    var wasEncoded = false
    /// It is of a batch for which memory was borrowed.
    var isBorrowed = false
}

/// What a lane is to do.
enum Turn: Equatable, Sendable {
    /// It has a load.
    case send(isProbe: Bool)
    /// To put the text of the batch elsewhere: nothing can be sent for a while, and others may need the memory.
    case park
    /// To get it back, so that it can be sent.
    case unpark
    /// Nothing before this time but what wakes it.
    case wait(until: Instant)
    /// Nothing before it is woken.
    case rest
    /// The stop has no time for another try.
    case over
}

final class Exchange: Sendable {
    struct State: Sendable {
        var status: RouteStatus
        let laneCount: Int

        /// Encoded, being sent or waiting: all that is not acknowledged.
        var window = Window<Parcel>()
        /// What no lane has, in the order of reading.
        var pending: [Load] = []
        var pacing: Pacing<SystemRandomNumberGenerator>
        var breaker = CircuitBreaker()
        /// The next record needs the window for itself: see `wantRoom`.
        var isRoomWanted = false
        var outage = Outage()
        /// What each lane keeps for bodies.
        var laneBytes: [Int]
        /// Done, to be filled again.
        var returned: [Parcel] = []
        /// No more are kept: see `heldParcelCount`.
        let keptParcels: Int
        /// In the order of reading: the positions of each batch that is done, and whose parcel is back.
        var acknowledgements: [[Position]] = []
        /// The reading side sleeps for a moment, and takes acknowledgements when it wakes: it need not be told of them.
        var isReaderComing = false

        /// When the first record of the batch being filled was read.
        var fillingSince: Instant?

        /// When each side began the step that it is at; nil while it waits for something to do.
        var readingSince: Instant?
        var sendingSince: [Instant?]
        var isLaneBusy: [Bool]
        /// Loads that failed the last time.
        var failingCount = 0
        var loan = Loan.none
        /// Records that went to the other place of their destination.
        var redirectedCount: UInt64 = 0

        var drainUntil: Instant?
        /// Nothing that happens from here on counts.
        var isFinished = false
        var isDone = false
        var onDone: [@Sendable () -> Void] = []
        var isRefreshAsked = false
    }

    private let state: Mutex<State>

    init(_ status: RouteStatus, laneCount: Int, keptParcels: Int = 2) {
        state = Mutex(
            State(
                status: status, laneCount: laneCount,
                pacing: Pacing(laneCount: laneCount, random: SystemRandomNumberGenerator()),
                laneBytes: Array(repeating: 0, count: laneCount), keptParcels: keptParcels,
                sendingSince: Array(repeating: nil, count: laneCount),
                isLaneBusy: Array(repeating: false, count: laneCount)))
    }

    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    /// A copy of the status as it is at `now`.
    func status(at now: Instant) -> RouteStatus {
        with { state in
            var status = state.status
            status.batchesInFlight = state.window.count
            status.isRetrying = state.failingCount > 0
            status.isStopped = state.isFinished
            if let due = state.pending.compactMap(\.due).min() {
                status.nextTryUnixNanoseconds = Moment.now.unixNanoseconds + max(0, (due - now).nanoseconds)
            }
            let oldest = state.window.first?.begun ?? state.fillingSince
            status.lagSeconds = oldest.map { max(0, (now - $0).inSeconds) } ?? 0
            return status
        }
    }

    /// Calls everybody who waits for the end of the route, once.
    func callDone() {
        let waiting = with { state in
            state.isDone = true
            let waiting = state.onDone
            state.onDone = []
            return waiting
        }
        for call in waiting { call() }
    }
}

extension Exchange.State {
    /// Hands a batch to the lanes. Returns one that is to be woken, the first of them so that a trickle goes over one
    /// connection; and whether the batch is done already.
    mutating func add(_ parcel: Parcel, _ shipments: [Shipment]) -> (wakes: Int?, isDone: Bool) {
        let batch = parcel.batch
        let number = window.append(parcel, deliveryCount: shipments.count)
        for (piece, shipment) in shipments.enumerated() {
            pending.append(
                Load(
                    number: number, piece: piece, destination: shipment.destination, batch: batch,
                    course: Course(shipment.records), isBorrowed: isBorrowing))
        }
        return (idleLane, popSettled())
    }

    private var idleLane: Int? { isLaneBusy.firstIndex(of: false) }

    /// Gives a lane the first load that may be sent, and says which other lane is to look after the rest.
    mutating func take(lane: Int, into load: inout Load?, at now: Instant) -> (turn: Turn, wakes: Int?) {
        let (index, turn) = nextLoad(for: lane, at: now)
        isLaneBusy[lane] = false
        guard !isFinished else { return (turn, nil) }
        switch loan {
        case .none: break
        case .moving: return (.rest, nil)
        case .parked: return index == nil ? (turn, nil) : (.unpark, nil)
        case .held where index == nil && !pending.isEmpty && !isLaneBusy.contains(true): return (.park, nil)
        case .held, .stuck: if index != nil { loan = .held }
        }
        guard let index else { return (turn, nil) }
        isLaneBusy[lane] = true
        load = pending.remove(at: index)
        if load?.course.isFailing == true { status.retries += 1 }
        if turn == .send(isProbe: true) {
            pacing.beginProbe()
            if breaker.isFreshTurn { load?.course.preferFresh() }
        }
        return (turn, pending.isEmpty ? nil : idleLane)
    }

    private func nextLoad(for lane: Int, at now: Instant) -> (Int?, Turn) {
        guard !isFinished, !pending.isEmpty else { return (nil, .rest) }
        let gate = pacing.gate(at: now)
        if gate == .probing { return (nil, .rest) }
        if breaker.isFreshTurn, let index = freshIndex { return (index, .send(isProbe: true)) }
        var earliest: Instant?
        var waiting: Set<Destination> = []
        for index in pending.indices {
            // With one lane the order within a place is kept: what comes after a load that waits, waits.
            if laneCount == 1, waiting.contains(pending[index].destination) { continue }
            if let due = pending[index].due, due > now {
                earliest = min(earliest ?? due, due)
                // What waits for others to show how the receiver is must let them pass.
                if laneCount == 1, !pending[index].course.isHeld { waiting.insert(pending[index].destination) }
                continue
            }
            switch gate {
            case .open: return (index, .send(isProbe: false))
            case .openForProbe: return (index, .send(isProbe: true))
            case .shut(let until): return (nil, turn(of: lane, until))
            case .probing: return (nil, .rest)
            }
        }
        guard var until = earliest else { return (nil, .rest) }
        if case .shut(let gateOpens) = gate { until = max(until, gateOpens) }
        return (nil, turn(of: lane, until))
    }

    /// Of what has records that were not refused yet, the one that was tried least.
    private var freshIndex: Int? {
        pending.indices.filter { pending[$0].course.hasFresh }
            .min { pending[$0].course.failureCount < pending[$1].course.failureCount }
    }

    private func turn(of lane: Int, _ until: Instant) -> Turn {
        guard let drainUntil, until >= drainUntil else { return .wait(until: until) }
        // What another lane sends may still be taken.
        return isLaneBusy.indices.contains { $0 != lane && isLaneBusy[$0] } ? .rest : .over
    }

    // MARK: Borrowed memory

    /// With `isMoving` as well: the batch is there, wherever its text is.
    var isBorrowing: Bool { if case .none = loan { false } else { true } }

    /// Takes the text of the borrowed batch out of all that refers to it, or puts it back.
    mutating func exchangeText(_ text: [UInt8]) {
        window.change { parcel in
            var text = text
            parcel.batch.exchangeBytes(with: &text)
        }
        for index in pending.indices {
            var text = text
            pending[index].batch.exchangeBytes(with: &text)
        }
    }

    /// Back to where it was among the others.
    mutating func putBack(_ load: Load) {
        let place = (load.number, load.piece)
        pending.insert(load, at: pending.firstIndex { ($0.number, $0.piece) > place } ?? pending.endIndex)
    }

    /// The receiver answers. Returns whether all lanes are to be woken.
    mutating func noteAnswer() -> Bool {
        status.isNotAllowed = false
        guard pacing.noteAnswer() else { return false }
        for index in pending.indices { pending[index].due = nil }
        return true
    }

    /// The receiver has taken something of what was sent then: those that it refused alone are judged now. Returns
    /// whether all lanes are to be woken.
    mutating func noteTaken(sentAt: Instant) -> Bool {
        var wakesAll = breaker.noteTaken(sentAt: sentAt)
        for index in pending.indices where pending[index].course.isHeld {
            pending[index].due = nil
            wakesAll = true
        }
        return noteAnswer() || wakesAll
    }

    /// What waits to be tried again after `trouble` is put back, or nil when it was given up.
    mutating func backOff(_ trouble: Trouble, _ load: consuming Load?, wasProbe: Bool, at now: Instant) {
        status.noteError(trouble.reason)
        let failures = load?.course.failureCount ?? 0
        let number = load?.number
        let piece = load?.piece
        if let load = load.take() { putBack(load) }
        let due = due(after: trouble, deliveryFailures: failures, wasProbe: wasProbe, at: now)
        status.isNotAllowed = trouble.kind == .notAllowed || breaker.isOpen
        guard let index = pending.firstIndex(where: { $0.number == number && $0.piece == piece }) else { return }
        pending[index].due = due
    }

    private mutating func due(
        after trouble: Trouble, deliveryFailures: Int, wasProbe: Bool, at now: Instant
    ) -> Instant? {
        guard case .refusesAll(let count) = trouble.kind else {
            return pacing.noteTrouble(trouble.kind, deliveryFailures: deliveryFailures, wasProbe: wasProbe, at: now)
        }
        if breaker.noteHeld(refusedCount: count, wasProbe: wasProbe, isFreshThere: freshIndex != nil) {
            pacing.endProbe()
            return nil
        }
        guard breaker.isOpen else {
            // It holds up no other, and has found out nothing for them.
            if wasProbe { pacing.open() }
            return pacing.slowTry(deliveryFailures: deliveryFailures, at: now)
        }
        return pacing.noteTrouble(trouble.kind, deliveryFailures: deliveryFailures, wasProbe: wasProbe, at: now)
    }

    /// A record that is larger than the route's share travels alone, so those that are held cannot wait for it to show
    /// how the receiver is.
    mutating func wantRoom() {
        guard !isRoomWanted, !breaker.isOpen, heldParcelCount(withinBytes: .max) == window.count else { return }
        isRoomWanted = true
        for index in pending.indices { pending[index].due = nil }
    }

    /// Batches of which nothing is left but records that the receiver has refused alone, while it has taken nothing
    /// since. They count for none of those under way, or a few bad records would keep a receiver from showing that it
    /// takes others. Within that many bytes of text, and `heldParcelLimit`.
    func heldParcelCount(withinBytes limit: Int) -> Int {
        var held: [UInt64: Int] = [:]
        for load in pending where load.course.isHeld && !load.course.hasFresh { held[load.number, default: 0] += 1 }
        var count = 0
        var bytes = 0
        window.forEachOpen { number, openCount, parcel in
            guard held[number] == openCount, count < Self.heldParcelLimit else { return }
            bytes += parcel.batch.textByteCount
            if bytes <= limit { count += 1 }
        }
        return count
    }

    /// So many bad records may follow each other, each in a batch of its own, before the route waits for its receiver.
    private static var heldParcelLimit: Int { 64 }

    /// One delivery of a parcel has ended. Returns whether the reading side is to be told.
    mutating func settle(_ number: UInt64) -> Bool {
        window.settle(number)
        return popSettled()
    }

    mutating func popSettled() -> Bool {
        let before = acknowledgements.count
        while var parcel = window.popSettled() {
            // Here rather than when it is filled again, which may be much later.
            if isBorrowing { parcel.batch.letGo() } else { parcel.batch.letGoIfLarge() }
            acknowledgements.append(parcel.positions)
            if returned.count < keptParcels { returned.append(parcel) }
        }
        return acknowledgements.count > before
    }

    /// What batches and bodies keep, but the batch being filled.
    var heldByteCount: Int {
        var count = laneBytes.reduce(0, +)
        for parcel in returned { count += parcel.batch.heldByteCount }
        window.forEach { count += $0.batch.heldByteCount }
        return count
    }

    /// All that waits is tried at once.
    mutating func hurry() {
        pacing.open()
        breaker.close()
        for index in pending.indices { pending[index].due = nil }
    }
}

extension RouteStatus {
    mutating func countDropped(_ reason: String, _ count: Int = 1) {
        if let index = recordsDropped.firstIndex(where: { $0.reason == reason }) {
            recordsDropped[index].count += UInt64(count)
        } else {
            recordsDropped.append((reason, UInt64(count)))
        }
    }

    /// For a count that is kept elsewhere.
    mutating func setDropped(_ reason: String, _ count: UInt64) {
        recordsDropped.removeAll { $0.reason == reason }
        recordsDropped.append((reason, count))
    }

    mutating func noteError(_ reason: String) {
        lastError = reason
        lastErrorUnixNanoseconds = Moment.now.unixNanoseconds
    }
}
