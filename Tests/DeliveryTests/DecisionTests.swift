// What Delivery decides, without clocks and queues.

import Bytes
import Platform
import Settings
import TestSupport
import Testing

@testable import Delivery

@Suite struct SplitterTests {
    /// Plays a receiver that refuses what holds a bad record, or is larger than `limit`.
    private func play(_ count: Int, bad: Set<Int>, limit: Int = .max) -> (
        delivered: [Int], rejected: [Int], order: [Int], requests: Int
    ) {
        var splitter = Splitter(0..<count)
        var (delivered, rejected, order): ([Int], [Int], [Int]) = ([], [], [])
        var requests = 0
        while let range = splitter.next {
            requests += 1
            if range.count > limit || range.contains(where: bad.contains) {
                guard let index = splitter.refuse() else { continue }
                rejected.append(index)
                order.append(index)
            } else {
                delivered += range
                order += range
                splitter.accept()
            }
        }
        return (delivered, rejected, order, requests)
    }

    @Test func everySubsetOfBadRecordsIsFound() {
        for count in 0...8 {
            for mask in 0..<1 << count {
                let bad = Set((0..<count).filter { mask >> $0 & 1 == 1 })
                let result = play(count, bad: bad)
                #expect(result.order == Array(0..<count))
                #expect(Set(result.rejected) == bad)
                #expect(result.delivered.count + result.rejected.count == count)
            }
        }
    }

    @Test func oneCulpritCostsALogarithm() {
        for bad in [0, 1, 4_999, 5_000, 9_999] { #expect(play(10_000, bad: [bad]).requests <= 2 * 14 + 1) }
    }

    @Test func whatIsRefusedOfARequestComesBeforeTheRest() {
        var splitter = Splitter(10..<18)
        _ = splitter.refuse()
        #expect(splitter.next == 10..<14)
        #expect(splitter.accept(butFor: [1, 3]) == [11, 13, 14, 15, 16, 17])
        #expect(splitter.next == 0..<2)
        splitter.accept()
        #expect(splitter.next == 2..<6)
        #expect(splitter.accept(butFor: []) == [])
        #expect(splitter.next == nil)
    }

    @Test func tooLargeIsHalvedUntilItFits() {
        for limit in [1, 3, 100] {
            let result = play(1_000, bad: [7], limit: limit)
            #expect(result.order == Array(0..<1_000))
            #expect(result.rejected == [7])
        }
        #expect(play(5, bad: [], limit: 0).rejected == [0, 1, 2, 3, 4])
    }
}

/// Always the same. (Zero for ever is refused by `random(in:)`, which would ask again for ever.)
struct Extreme: RandomNumberGenerator, Sendable {
    let value: UInt64
    mutating func next() -> UInt64 { value }
}

@Suite struct BackoffTests {
    @Test func staysWithinItsBounds() {
        var backoff = Backoff(random: SeededRandom())
        var bound = Duration.milliseconds(200)
        for count in 1...2_000 {
            let wait = backoff.wait(afterFailures: count, retryAfter: nil)
            #expect(wait >= .zero && wait <= bound, "seed \(SeededRandom.seed)")
            bound = min(bound * 2, .seconds(60))
        }
    }

    @Test func usesTheWholeRange() {
        var least = Backoff(random: Extreme(value: 1))
        var most = Backoff(random: Extreme(value: .max))
        for count in [1, 5, 100] { #expect(least.wait(afterFailures: count, retryAfter: nil) == .zero) }
        #expect(most.wait(afterFailures: 1, retryAfter: nil) > .milliseconds(199))
        #expect(most.wait(afterFailures: 2, retryAfter: nil) > .milliseconds(399))
        #expect(most.wait(afterFailures: .max, retryAfter: nil) > .seconds(59))
        // Also where nothing has failed that is still to be sent.
        #expect(most.wait(afterFailures: 0, retryAfter: nil) <= .milliseconds(200))
    }

    @Test func waitsAtLeastAsLongAsAsked() {
        var backoff = Backoff(random: SeededRandom())
        let wait = backoff.wait(afterFailures: 1, retryAfter: .seconds(7))
        #expect(wait >= .seconds(7) && wait <= .milliseconds(7_200), "seed \(SeededRandom.seed)")
        let long = backoff.wait(afterFailures: 1, retryAfter: .seconds(1_000_000))
        #expect(long <= .seconds(3_601), "seed \(SeededRandom.seed)")
        let negative = backoff.wait(afterFailures: 1, retryAfter: .seconds(-5))
        #expect(negative >= .zero && negative <= .milliseconds(200), "seed \(SeededRandom.seed)")
    }

    @Test func whatIsNotAllowedIsTriedSeldom() {
        var backoff = Backoff(random: SeededRandom())
        for (count, least, most) in [(1, 3_750, 5_000), (2, 7_500, 10_000), (5, 45_000, 60_000), (99, 45_000, 60_000)] {
            let wait = backoff.slowWait(afterFailures: count)
            #expect(
                wait >= .milliseconds(least) && wait <= .milliseconds(most), "seed \(SeededRandom.seed)")
        }
    }
}

@Suite struct BatchPolicyTests {
    private let policy = BatchPolicy(inFlightLimit: 2, batchAge: .seconds(1), spacing: .milliseconds(20))
    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: 1_000_000 * (1_000_000 + milliseconds)) }

    private func situation(_ change: (inout BatchPolicy.Situation) -> Void) -> BatchPolicy.Situation {
        var situation = BatchPolicy.Situation(recordCount: 1, textBytes: 100, begun: at(0))
        change(&situation)
        return situation
    }

    @Test func anIdleConnectionSendsAtOnce() {
        #expect(policy.action(for: situation { _ in }, at: at(0)) == .dispatch)
        #expect(policy.action(for: situation { $0.lastDispatch = at(0) }, at: at(20)) == .dispatch)
    }

    @Test func readsOnWhileThereIsMore() {
        #expect(policy.action(for: situation { $0.hasMore = true }, at: at(1)) == .read)
        #expect(policy.action(for: BatchPolicy.Situation(hasMore: true), at: at(1)) == .read)
        #expect(policy.action(for: BatchPolicy.Situation(), at: at(1)) == .rest)
        let held = situation { ($0.hasMore, $0.inFlight) = (true, 2) }
        #expect(policy.action(for: held, at: at(1)) == .read)
    }

    @Test func aTrickleIsSpaced() {
        let trickle = situation { ($0.lastDispatch, $0.begun) = (at(0), at(4)) }
        #expect(policy.action(for: trickle, at: at(4)) == .wait(until: at(20)))
        #expect(policy.action(for: trickle, at: at(20)) == .dispatch)
        let large = situation { ($0.lastDispatch, $0.begun, $0.textBytes) = (at(0), at(4), 64 << 10) }
        #expect(policy.action(for: large, at: at(4)) == .dispatch)
    }

    @Test func theSpacingIsASetting() {
        let slow = BatchPolicy(inFlightLimit: 2, batchAge: .seconds(5), spacing: .seconds(1))
        let trickle = situation { ($0.lastDispatch, $0.begun) = (at(0), at(4)) }
        #expect(slow.action(for: trickle, at: at(20)) == .wait(until: at(1_000)))
        #expect(slow.action(for: trickle, at: at(1_000)) == .dispatch)
        let full = situation { ($0.lastDispatch, $0.begun, $0.isFull) = (at(0), at(4), true) }
        #expect(slow.action(for: full, at: at(20)) == .dispatch)
    }

    @Test func ABusyConnectionCollectsUpToTheAge() {
        let busy = situation { $0.inFlight = 1 }
        #expect(policy.action(for: busy, at: at(1)) == .wait(until: at(1_000)))
        #expect(policy.action(for: busy, at: at(1_000)) == .dispatch)
        #expect(policy.action(for: situation { ($0.inFlight, $0.isFull) = (1, true) }, at: at(1)) == .dispatch)
    }

    @Test func inFlightIsALimit() {
        for (isFull, age, isStopping) in [(true, 0, false), (false, 2_000, false), (true, 0, true)] {
            let situation = situation { ($0.inFlight, $0.isFull, $0.isStopping) = (2, isFull, isStopping) }
            #expect(policy.action(for: situation, at: at(UInt64(age))) == .blocked)
        }
        #expect(
            policy.action(for: situation { ($0.inFlight, $0.isFull, $0.hasMore) = (2, true, true) }, at: at(0))
                == .blocked)
    }

    @Test func overItsShareARouteWaitsForAcknowledgements() {
        let over = situation { ($0.inFlight, $0.hasMore, $0.isHeldBack) = (1, true, true) }
        #expect(policy.action(for: over, at: at(1)) == .wait(until: at(1_000)))
        #expect(
            policy.action(for: BatchPolicy.Situation(inFlight: 1, isHeldBack: true, hasMore: true), at: at(1)) == .rest
        )
    }

    @Test func stoppingSendsWhatWasRead() {
        let stopping = situation { ($0.isStopping, $0.hasMore, $0.lastDispatch) = (true, true, at(0)) }
        #expect(policy.action(for: stopping, at: at(1)) == .dispatch)
        #expect(policy.action(for: BatchPolicy.Situation(hasMore: true, isStopping: true), at: at(1)) == .rest)
    }
}

@Suite struct RouteOptionsTests {
    @Test func hasDefaultsAndLimits() throws {
        var section = SettingsSection(missing: "outputs.central")
        let options = try RouteOptions(&section)
        #expect(options.giveUpAfter == nil)
        #expect(options.batchBytes == 512 << 10 && options.batchRecords == 10_000)
        #expect(options.batchAge == .seconds(1) && options.inFlight == 2)
    }

    @Test(arguments: [
        ("batch_bytes", "1023", false), ("batch_bytes", "1024", true), ("batch_records", "100000", true),
        ("batch_records", "0", false), ("in_flight", "16", true), ("in_flight", "17", false),
        ("batch_spacing", "\"1s\"", true), ("batch_spacing", "\"61s\"", false),
        ("give_up_after", "\"2h\"", true), ("give_up_after", "\"100ms\"", false),
    ]) func refusesWhatIsOutOfBounds(key: String, number: String, isAllowed: Bool) throws {
        var section = try section("{ \"\(key)\": \(number) }", path: "outputs.central")
        if isAllowed {
            _ = try RouteOptions(&section)
            try section.finish()
        } else {
            #expect(throws: SettingsError.self) { try RouteOptions(&section) }
        }
    }
}
