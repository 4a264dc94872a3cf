// Jobs that may hang, such as statfs(2) on a dead network mount: the rest of them is done, and the answer comes in
// time.

internal import Bytes
internal import Dispatch
internal import Synchronization

/// What became of one job by the deadline.
package enum RelayOutcome: Sendable, Equatable {
    case finished(took: Duration)
    /// Asked, and not back by the deadline.
    case late
    /// Not asked: it has not come back from an earlier round.
    case stillLate
}

/// Does jobs one after another on one thread, as long as none of them hangs.
///
/// A job that shows no progress for `patience` keeps its thread; another takes the baton and does what is left. A job
/// that has not come back is not asked again until it has.
///
/// Jobs have numbers and keep their results themselves: generic code is not specialised across modules, and looking up
/// its types took longer than most of the collectors.
package final class Relay: Sendable {
    private struct State {
        /// Jobs that a thread is at right now, of this round or an earlier one.
        var busy: Set<Int> = []
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

    /// Does `work` for each of `jobs`, which knows it by its place among them; the outcomes are in their order. Blocks
    /// until all is done, or `deadline`. What `work` does later is for the next round, or for nobody.
    package func run(
        _ jobs: [Int], until deadline: Instant, _ work: @escaping @Sendable (_ place: Int) -> Void
    ) -> [RelayOutcome] {
        let round = Round(jobs)
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
    private func startLeg(of round: Round, _ work: @escaping @Sendable (Int) -> Void) -> Bool {
        let queue = state.withLock { state -> DispatchQueue? in
            if let queue = state.idle.popLast() { return queue }
            guard state.queueCount < min(queueLimit, RelayThreads.current) else { return nil }
            state.queueCount += 1
            return DispatchQueue(label: name)
        }
        guard let queue else { return false }
        queue.async {
            while let (place, job) = round.takeNext() {
                guard self.state.withLock({ $0.busy.insert(job).inserted }) else {
                    round.finish(place, .stillLate)
                    continue
                }
                let start = Instant.now
                work(place)
                _ = self.state.withLock { $0.busy.remove(job) }
                round.finish(place, .finished(took: Instant.now - start))
            }
            self.state.withLock { $0.idle.append(queue) }
        }
        return true
    }
}

/// One call of `run`, shared with the threads that work for it, some of which may outlive it.
private final class Round: Sendable {
    private struct State {
        var next = 0
        var finishedCount = 0
        var outcomes: [RelayOutcome]
        var isClosed = false
    }

    private let jobs: [Int]
    private let state: Mutex<State>
    private let finished = DispatchSemaphore(value: 0)

    init(_ jobs: [Int]) {
        self.jobs = jobs
        state = Mutex(State(outcomes: Array(repeating: .late, count: jobs.count)))
    }

    var startedCount: Int { state.withLock { $0.next } }
    var hasMore: Bool { state.withLock { $0.next < jobs.count } }
    var isFinished: Bool { state.withLock { $0.finishedCount == jobs.count } }

    func wait(until instant: Instant) {
        _ = finished.wait(timeout: DispatchTime(uptimeNanoseconds: instant.nanoseconds))
    }

    func takeNext() -> (place: Int, job: Int)? {
        state.withLock { state in
            guard !state.isClosed, state.next < jobs.count else { return nil }
            state.next += 1
            return (state.next - 1, jobs[state.next - 1])
        }
    }

    func finish(_ place: Int, _ outcome: RelayOutcome) {
        let isLast = state.withLock { state in
            guard !state.isClosed else { return false }
            state.outcomes[place] = outcome
            state.finishedCount += 1
            return state.finishedCount == jobs.count
        }
        if isLast { finished.signal() }
    }

    func close() -> [RelayOutcome] {
        state.withLock { state in
            state.isClosed = true
            return state.outcomes
        }
    }
}
