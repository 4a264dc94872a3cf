import Dispatch
import Platform
import Synchronization
import TestSupport
import Testing

/// A job that hangs until it is let go.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func wait() { semaphore.wait() }
    func open(_ count: Int = 1) { for _ in 0..<count { semaphore.signal() } }
}

@Suite struct RelayTests {
    private func soon(_ limit: Duration = .seconds(20)) -> Instant { .now + limit }

    /// What each job came back with, or why it did not.
    private func words(
        _ relay: Relay, _ jobs: [Int], until deadline: Instant, _ work: @escaping @Sendable (Int) -> Int
    ) -> [String] {
        let results = Mutex<[Int: Int]>([:])
        let outcomes = relay.run(jobs, until: deadline) { place in
            let result = work(jobs[place])
            results.withLock { $0[place] = result }
        }
        return outcomes.enumerated().map { place, outcome in
            switch outcome {
            case .finished: results.withLock { $0[place].map(String.init) ?? "finished without a result" }
            case .late: "late"
            case .stillLate: "still"
            }
        }
    }

    @Test func outcomesAreInTheOrderOfTheJobs() {
        let relay = Relay("test")
        #expect(words(relay, Array(0..<200), until: soon()) { $0 * 2 } == (0..<200).map { "\($0 * 2)" })
        #expect(words(relay, [], until: soon()) { $0 }.isEmpty)
        #expect(eventually { relay.busyCount == 0 })
    }

    @Test func aHangingJobHoldsNobodyUp() {
        let relay = Relay("test", patience: .milliseconds(5))
        let gate = Gate()
        let outcomes = words(relay, [0, 1, 2, 3], until: soon(.milliseconds(300))) { key in
            if key == 1 { gate.wait() }
            return key
        }
        #expect(outcomes == ["0", "late", "2", "3"])
        #expect(relay.busyCount == 1)

        // It is not asked again as long as it has not come back.
        let asked = Mutex<[Int]>([])
        let again = words(relay, [1, 2], until: soon()) { key in
            asked.withLock { $0.append(key) }
            return key
        }
        #expect(again == ["still", "2"])
        #expect(asked.withLock { $0 } == [2])

        gate.open()
        #expect(eventually { relay.busyCount == 0 })
        #expect(words(relay, [1], until: soon()) { $0 } == ["1"])
    }

    @Test func severalHangingJobsAreLateTogether() {
        let relay = Relay("test", patience: .milliseconds(5))
        let gate = Gate()
        let outcomes = words(relay, Array(0..<9), until: soon(.milliseconds(500))) { key in
            if key % 3 == 0 { gate.wait() }
            return key
        }
        #expect(outcomes == ["late", "1", "2", "late", "4", "5", "late", "7", "8"])
        gate.open(3)
        #expect(eventually { relay.busyCount == 0 })
    }

    @Test func noMoreThreadsHangThanAllowed() {
        let relay = Relay("test", patience: .milliseconds(5), queueLimit: 2)
        let gate = Gate()
        let asked = Mutex(0)
        let outcomes = words(relay, Array(0..<5), until: soon(.milliseconds(300))) { key in
            asked.withLock { $0 += 1 }
            gate.wait()
            return key
        }
        #expect(outcomes == Array(repeating: "late", count: 5))
        #expect(asked.withLock { $0 } == 2)
        #expect(relay.busyCount == 2)
        gate.open(2)
        #expect(eventually { relay.busyCount == 0 })
        #expect(asked.withLock { $0 } == 2, "a round that is over asks no more")
        #expect(words(relay, [0, 1, 2], until: soon()) { $0 } == ["0", "1", "2"])
    }

    @Test func aDeadlineInThePastAsksNobodyForLong() {
        let relay = Relay("test")
        let gate = Gate()
        let outcomes = words(relay, [0], until: Instant(nanoseconds: 0)) { key in
            gate.wait()
            return key
        }
        #expect(outcomes == ["late"])
        gate.open()
        #expect(eventually { relay.busyCount == 0 })
    }
}
