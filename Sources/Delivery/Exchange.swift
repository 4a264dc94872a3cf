// What the two sides of a route share, behind one mutex: batches on their way to the sender and back, and what is
// known of the route.
//
// Batches travel through here rather than in closures: a closure would hold a second reference to their buffers while
// it runs, and the next write would copy them.

internal import Inputs
internal import Logs
internal import Outputs
internal import Platform
internal import Synchronization

/// A batch and what the encoder made of it. Kept and used again.
struct Parcel: Sendable {
    var batch: LogBatch
    /// What acknowledges it; taken before the encoder divided it.
    var positions: [Position] = []
    var shipments: [Shipment] = []
    /// The only shipment; of several, each is encoded when it is sent.
    var body: [UInt8] = []
    /// When its first record was read.
    var begun = Instant(nanoseconds: 0)
}

/// What the reading side is told of a batch that is done, and whose parcel is back.
struct Acknowledgement: Sendable {
    /// In the order in which they were read.
    var positions: [Position]
}

final class Exchange: Sendable {
    struct State: Sendable {
        var status: RouteStatus
        /// Encoded, to be sent; the first one first.
        var queued: [Parcel] = []
        /// Done, to be filled again.
        var returned: [Parcel] = []
        var acknowledgements: [Acknowledgement] = []
        /// The reading side sleeps for a moment, and takes acknowledgements when it wakes: it need not be told of them.
        var isReaderComing = false

        /// When the first record of each batch under way was read, the oldest first; and that of the batch being
        /// filled.
        var inFlightSince: [Instant] = []
        var fillingSince: Instant?

        /// When each side began the step that it is at; nil while it waits for something to do.
        var readingSince: Instant?
        var sendingSince: Instant?

        var drainUntil: Instant?
        /// Nothing that happens from here on counts.
        var isFinished = false
        var isDone = false
        var onDone: [@Sendable () -> Void] = []
        var isRefreshAsked = false
    }

    private let state: Mutex<State>

    init(_ status: RouteStatus) { state = Mutex(State(status: status)) }

    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    /// A copy of the status as it is at `now`.
    func status(at now: Instant) -> RouteStatus {
        with { state in
            var status = state.status
            status.batchesInFlight = state.inFlightSince.count
            let oldest = state.inFlightSince.first ?? state.fillingSince
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

extension RouteStatus {
    mutating func countDropped(_ reason: String) {
        if let index = recordsDropped.firstIndex(where: { $0.reason == reason }) {
            recordsDropped[index].count += 1
        } else {
            recordsDropped.append((reason, 1))
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
