// Jobs that may hang, such as statfs(2) on a dead network mount: the rest of them is done, and the answer comes in
// time.

internal import Bytes
internal import Dispatch
internal import Synchronization

/// What became of one job by the deadline.
package enum RelayOutcome<Result: Sendable>: Sendable {
    case finished(Result, took: Duration)
    /// Asked, and not back by the deadline.
    case late
    /// Not asked: it has not come back from an earlier round.
    case stillLate
}

/// Does jobs one after another on one thread, as long as none of them hangs.
///
/// A job that shows no progress for `patience` keeps its thread; another takes the baton and does what is left. A job
/// that has not come back is not asked again until it has.
package final class Relay<Key: Hashable & Sendable, Result: Sendable>: Sendable {
    private struct State {
        /// Keys that a thread is at right now, of this round or an earlier one.
        var busy: Set<Key> = []
        /// Queues with nothing to do.
        var idle: [DispatchQueue] = []
        var queueCount = 0
    }

    private let name: String
    private let patience: Duration
    /// Each hanging job holds a thread of some 40 kB; beyond this many the rest is late without having been asked.
    private let queueLimit: Int
    private let state = Mutex(State())

    package init(_ name: String, patience: Duration = .milliseconds(50), queueLimit: Int = 16) {
        self.name = name
        self.patience = patience
        self.queueLimit = queueLimit
    }

    /// How many jobs have not come back.
    package var busyCount: Int { state.withLock { $0.busy.count } }

    /// Does `work` for each key; the outcomes are in the order of the keys. Blocks until all is done, or `deadline`.
    package func run(
        _ keys: [Key], until deadline: Instant, _ work: @escaping @Sendable (Key) -> Result
    ) -> [RelayOutcome<Result>] {
        let round = Round<Key, Result>(keys)
        var started = startLeg(of: round, work)
        while !round.isFinished {
            let now = Instant.now
            if now >= deadline { break }
            let progress = round.startedCount
            round.wait(until: min(deadline, now + patience))
            // No progress while there is more to do: somebody hangs. Another thread goes on.
            if !round.isFinished, round.hasMore, !started || round.startedCount == progress {
                started = startLeg(of: round, work)
            }
        }
        return round.close()
    }

    /// False when there are too many threads that hang.
    private func startLeg(of round: Round<Key, Result>, _ work: @escaping @Sendable (Key) -> Result) -> Bool {
        let queue = state.withLock { state -> DispatchQueue? in
            if let queue = state.idle.popLast() { return queue }
            guard state.queueCount < min(queueLimit, RelayThreads.current) else { return nil }
            state.queueCount += 1
            return DispatchQueue(label: name)
        }
        guard let queue else { return false }
        queue.async {
            while let (index, key) = round.takeNext() {
                guard self.state.withLock({ $0.busy.insert(key).inserted }) else {
                    round.finish(index, .stillLate)
                    continue
                }
                let start = Instant.now
                let result = work(key)
                _ = self.state.withLock { $0.busy.remove(key) }
                round.finish(index, .finished(result, took: Instant.now - start))
            }
            self.state.withLock { $0.idle.append(queue) }
        }
        return true
    }
}

/// One call of `run`, shared with the threads that work for it, some of which may outlive it.
private final class Round<Key: Hashable & Sendable, Result: Sendable>: Sendable {
    private struct State {
        var next = 0
        var finishedCount = 0
        var outcomes: [RelayOutcome<Result>?]
        var isClosed = false
    }

    private let keys: [Key]
    private let state: Mutex<State>
    private let finished = DispatchSemaphore(value: 0)

    init(_ keys: [Key]) {
        self.keys = keys
        state = Mutex(State(outcomes: Array(repeating: nil, count: keys.count)))
    }

    var startedCount: Int { state.withLock { $0.next } }
    var hasMore: Bool { state.withLock { $0.next < keys.count } }
    var isFinished: Bool { state.withLock { $0.finishedCount == keys.count } }

    func wait(until instant: Instant) {
        _ = finished.wait(timeout: DispatchTime(uptimeNanoseconds: instant.nanoseconds))
    }

    func takeNext() -> (index: Int, key: Key)? {
        state.withLock { state in
            guard !state.isClosed, state.next < keys.count else { return nil }
            state.next += 1
            return (state.next - 1, keys[state.next - 1])
        }
    }

    func finish(_ index: Int, _ outcome: RelayOutcome<Result>) {
        let isLast = state.withLock { state in
            guard !state.isClosed else { return false }
            state.outcomes[index] = outcome
            state.finishedCount += 1
            return state.finishedCount == keys.count
        }
        if isLast { finished.signal() }
    }

    func close() -> [RelayOutcome<Result>] {
        state.withLock { state in
            state.isClosed = true
            // Not `map`, which allocates for each element where it is not specialised: the type is another module's.
            var outcomes: [RelayOutcome<Result>] = []
            outcomes.reserveCapacity(state.outcomes.count)
            for index in state.outcomes.indices { outcomes.append(state.outcomes[index] ?? .late) }
            return outcomes
        }
    }
}
