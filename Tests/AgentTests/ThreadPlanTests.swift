import Platform
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// One after another: the limit is the process's.
@Suite(.serialized) struct ThreadPlanTests {
    @Test func sharesWhatThereIs() {
        let plan = ThreadPlan(routes: Array(repeating: 4, count: 30), extra: 0)
        #expect(plan.needed == 8 + 16 + 120)
        #expect(plan.decide(available: plan.needed) == .enough)
        #expect(plan.decide(available: plan.needed - 1) == .shared(routeThreads: 119, relayThreads: 16))
        #expect(plan.decide(available: 19) == .shared(routeThreads: 9, relayThreads: 2))
        #expect(plan.decide(available: 7) == .shared(routeThreads: 1, relayThreads: 1))
        #expect(plan.decide(available: 6) == .tooFew)
    }

    @Test func withoutRoutesFewDo() {
        let plan = ThreadPlan(routes: [], extra: 0)
        #expect(plan.decide(available: 6) == .shared(routeThreads: 0, relayThreads: 1))
        #expect(plan.decide(available: 5) == .tooFew)
    }

    /// The system library has 255 for all, whatever the system allows.
    @Test func manyRoutesShareInAnyCase() {
        let plan = ThreadPlan(routes: Array(repeating: 4, count: 100), extra: 3)
        #expect(plan.needed == 11 + 16 + 200)
        #expect(plan.decide(available: plan.needed) == .shared(routeThreads: 200, relayThreads: 16))
    }

    @Test func threadsAreTried() {
        #expect(availableThreads(upTo: 20) == 20)
        #expect(!threadLimitText(needed: 1).isEmpty)
    }

    /// Whatever two of them wait for, the others that share a thread go on where another is free.
    @Test func workersShareThreads() {
        SharedThreads.limit(to: 2)
        let workers = (0..<4).map { Worker("worker \($0)", 0, sharing: .sending) }
        SharedThreads.limit(to: nil)
        let (gate, done) = (Latch<Void>(), Latch<Void>())
        workers[0].run { _ in gate.wait() }
        workers[2].run { _ in done.open(()) }
        workers[1].run { _ in gate.open(()) }
        // On the thread of the first, so only after it.
        #expect(done.wait(atMost: .seconds(10)) != nil)
        for worker in workers { for _ in 0..<100 { worker.run { $0 += 1 } } }
        #expect(workers.map { $0.runAndWait { $0 } } == [100, 100, 100, 100])
    }

    /// Those that wait for receivers are on as many threads as there are, however many workers a route has.
    @Test(arguments: [3, 4, 8, 9, 16]) func theOnesThatWaitMeetOnAllThreads(count: Int) {
        SharedThreads.limit(to: count)
        let roles = SharedThreads.Role.allCases
        let workers = (0..<count).flatMap { route in roles.map { Worker("\($0) \(route)", 0, sharing: $0) } }
        SharedThreads.limit(to: nil)
        let gate = Latch<Void>()
        let waiting = Mutex(0)
        for route in 0..<count {
            workers[route * roles.count + SharedThreads.Role.sending.rawValue].run { _ in
                waiting.withLock { $0 += 1 }
                gate.wait()
            }
        }
        #expect(eventually { waiting.withLock { $0 == count } })
        gate.open(())
    }
}
