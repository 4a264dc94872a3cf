// Who is at fault when a receiver refuses, without clocks and queues.

import Outputs
import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct CircuitBreakerTests {
    private static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: 1_000_000_000) + .seconds(seconds) }

    /// One delivery, its receiver, and what came of it.
    private struct Play {
        var course: Course
        var breaker = CircuitBreaker()
        var requests: [Range<Int>] = []
        var delivered: [Int] = []
        var putAside: [Int] = []
        var heldCount = 0
        var time: Int64 = 0

        init(_ count: Int) { course = Course(0..<count) }

        /// Until nothing is left, or it is held.
        mutating func run(
            mayWait: Bool = true, refuses: (Range<Int>, Int) -> Bool,
            with error: DeliveryError = .rejected(reason: "400")
        ) {
            while let range = course.next {
                requests.append(range)
                let sentAt = at(time)
                time += 1
                let isRefused = refuses(range, requests.count)
                let actions = course.decide(
                    isRefused ? .failure(error) : .success(.accepted), giveUpAfter: nil, breaker, mayWait: mayWait,
                    at: at(time))
                if !isRefused { _ = breaker.noteTaken(sentAt: sentAt) }
                for action in actions {
                    switch action {
                    case .count(let range, _): delivered += range
                    case .putAside(let index, _): putAside.append(index)
                    case .backOff(let trouble):
                        guard case .refusesAll(let count) = trouble.kind else { return }
                        heldCount += 1
                        _ = breaker.noteHeld(refusedCount: count, wasProbe: breaker.isOpen, isFreshThere: false)
                        return
                    default: Issue.record("\(action)")
                    }
                }
            }
        }
    }

    /// Whatever is bad of some records: these alone are put aside, as long as one is taken.
    @Test func everySubsetOfBadRecordsIsPutAside() {
        for count in 1...8 {
            for mask in 0..<(1 << count) - 1 {
                let bad = Set((0..<count).filter { mask >> $0 & 1 == 1 })
                var play = Play(count)
                // Held at most for the moment: one that is good is among those that are tried.
                for _ in 0..<40 where play.course.next != nil {
                    if play.course.isHeld { play.course.preferFresh() }
                    play.run { range, _ in !bad.isDisjoint(with: range) }
                }
                #expect(play.course.next == nil, "\(bad) of \(count)")
                #expect(play.delivered.sorted() == (0..<count).filter { !bad.contains($0) })
                #expect(Set(play.putAside) == bad && play.putAside.count == bad.count)
            }
        }
    }

    @Test(arguments: [DeliveryError.rejected(reason: "400"), .tooLarge(reason: "413")])
    func aReceiverThatTakesNothingCostsAFewRequests(error: DeliveryError) {
        for count in [1, 2, 3, 7, 100, 10_000, 100_000] {
            var play = Play(count)
            play.run(refuses: { _, _ in true }, with: error)
            #expect(play.heldCount == 1 && play.putAside.isEmpty && play.delivered.isEmpty)
            #expect(play.requests.count <= 30, "\(count)")
            #expect(play.breaker.isOpen == (count >= CircuitBreaker.refusedLimit), "\(count)")
            // From there on it is one a try.
            for round in 1...50 {
                play.requests = []
                play.run(refuses: { _, _ in true }, with: error)
                #expect(play.requests.count == 1)
                #expect(play.course.failureCount == 1 + round)
            }
            #expect(play.breaker.isOpen && play.putAside.isEmpty)
            // Once it is repaired, everything arrives.
            play.run(refuses: { _, _ in false })
            #expect(play.delivered.sorted() == Array(0..<count) && play.putAside.isEmpty)
            #expect(!play.breaker.isOpen)
        }
    }

    /// It is repaired at any request.
    @Test func nothingIsPutAsideWheneverItIsRepaired() {
        for repaired in 0..<60 {
            var play = Play(1_000)
            for _ in 0..<100 where play.course.next != nil { play.run { _, count in count <= repaired } }
            #expect(play.delivered.sorted() == Array(0..<1_000) && play.putAside.isEmpty, "at \(repaired)")
        }
    }

    /// A log that begins with bad lines is no reason to wait: others of the batch are tried first.
    @Test func aLogThatBeginsBadlyIsNotHeld() {
        for badCount in [1, 2, 3, 50, 499] {
            var play = Play(1_000)
            play.run { range, _ in !range.clamped(to: 0..<badCount).isEmpty }
            #expect(play.heldCount == 0 && play.putAside.sorted() == Array(0..<badCount), "\(badCount)")
            #expect(play.delivered.sorted() == Array(badCount..<1_000))
        }
    }

    /// What it takes at the end of the batch shows that it takes records; what was put aside before is bounded.
    @Test func aReceiverThatChangesItsMindInABatchLosesLittle() {
        var play = Play(1_000)
        play.run { range, count in range.contains(10) || count > 20 }
        #expect(play.heldCount == 1)
        #expect(play.putAside.count <= 1 + Suspicion.trustLimit)  // the first of them is bad
    }

    @Test func oneAloneWaitsForOthersToBeTaken() {
        var play = Play(1)
        play.run { _, _ in true }
        #expect(play.heldCount == 1 && play.putAside.isEmpty && !play.breaker.isOpen)
        // Sent before it was refused: that says nothing of what the receiver does now.
        _ = play.breaker.noteTaken(sentAt: Self.at(play.time - 1))
        play.run { _, _ in true }
        #expect(play.heldCount == 2 && play.putAside.isEmpty)
        _ = play.breaker.noteTaken(sentAt: Self.at(play.time + 1))
        play.time += 2
        play.run { _, _ in true }
        #expect(play.putAside == [0] && play.course.next == nil)
    }

    /// The bad record at the end of a quiet log: nothing else comes, and nobody is to be woken for it.
    @Test(arguments: [DeliveryError.rejected(reason: "400"), .tooLarge(reason: "413")])
    func oneAloneIsPutAsideByAReceiverThatTookOthersBefore(error: DeliveryError) {
        for count in 1...2 {
            var play = Play(count)
            _ = play.breaker.noteTaken(sentAt: Self.at(0))
            play.time = 590
            for _ in 1..<CircuitBreaker.aloneTries {
                play.run(refuses: { _, _ in true }, with: error)
                #expect(play.putAside.isEmpty && !play.breaker.isOpen)
                play.time += 10
            }
            play.run(refuses: { _, _ in true }, with: error)
            #expect(play.putAside.sorted() == Array(0..<count) && play.course.next == nil, "\(count)")
            #expect(!play.course.isHeld && !play.course.isFailing && !play.breaker.isOpen)
        }
    }

    @Test func tooFewTriesOrTooShortlyIsNotEnough() {
        var play = Play(1)
        _ = play.breaker.noteTaken(sentAt: Self.at(0))
        // A stop, or others that are taken, have it tried at once.
        for _ in 0..<15 { play.run { _, _ in true } }
        #expect(play.putAside.isEmpty && play.heldCount == 15)
        play.time += 10
        play.run { _, _ in true }
        #expect(play.putAside == [0])
    }

    /// It has taken nothing in this run, or not for a long time: it may be the receiver.
    @Test(arguments: [nil, 0 as Int64]) func oneAloneWaitsForAReceiverOfWhichNothingIsKnown(lastTaken: Int64?) {
        var play = Play(1)
        if let lastTaken { _ = play.breaker.noteTaken(sentAt: Self.at(lastTaken)) }
        play.time = 601
        for _ in 0..<50 {
            play.run { _, _ in true }
            play.time += 60
        }
        #expect(play.putAside.isEmpty && play.heldCount == 50 && play.breaker.isOpen)
    }

    /// A quiet log, a line now and then, and a receiver that refuses all from some moment on.
    @Test func aReceiverThatBreaksOverAQuietLogLosesTwoAtMost() {
        var breaker = CircuitBreaker()
        _ = breaker.noteTaken(sentAt: Self.at(0))
        var putAside = 0
        for line in 0..<10 as Range<Int64> {
            var play = Play(1)
            play.breaker = breaker
            play.time = 1 + line * 50
            for _ in 0..<10 where play.course.next != nil {
                play.run { _, _ in true }
                play.time += 10
            }
            putAside += play.putAside.count
            breaker = play.breaker
        }
        #expect(putAside == CircuitBreaker.refusedLimit - 1 && breaker.isOpen)
    }

    @Test func whatCannotWaitIsPutAsideByAReceiverThatTakesOthers() {
        var play = Play(1)
        play.run(mayWait: false) { _, _ in true }
        #expect(play.heldCount == 1)
        _ = play.breaker.noteTaken(sentAt: Self.at(0))
        play.run(mayWait: false) { _, _ in true }
        #expect(play.putAside == [0])
        // A record that is too large says so itself.
        var large = Play(1)
        large.run(mayWait: false, refuses: { _, _ in true }, with: .tooLarge(reason: "413"))
        #expect(large.putAside == [0])
    }

    @Test func openItTriesWhatIsKnownAndThenWhatIsNot() {
        var breaker = CircuitBreaker()
        #expect(breaker.noteHeld(refusedCount: 1, wasProbe: false, isFreshThere: true) == false)
        #expect(!breaker.isOpen)
        #expect(breaker.noteHeld(refusedCount: 2, wasProbe: true, isFreshThere: true) == false)
        #expect(breaker.isOpen && !breaker.isFreshTurn)
        for _ in 0..<3 {
            #expect(breaker.noteHeld(refusedCount: 1, wasProbe: true, isFreshThere: true) == true)
            #expect(breaker.isFreshTurn)
            // What was under way when it opened changes nothing.
            #expect(breaker.noteHeld(refusedCount: 1, wasProbe: false, isFreshThere: true) == false)
            #expect(breaker.isFreshTurn)
            #expect(breaker.noteHeld(refusedCount: 1, wasProbe: true, isFreshThere: true) == false)
            #expect(!breaker.isFreshTurn)
        }
        #expect(breaker.noteHeld(refusedCount: 1, wasProbe: true, isFreshThere: false) == false)
        #expect(breaker.noteTaken(sentAt: Self.at(1)) == true)
        #expect(!breaker.isOpen)
        #expect(breaker.noteTaken(sentAt: Self.at(0)) == false)
        #expect(breaker.lastTakenSent == Self.at(1))
    }

    /// An answer that refuses each record by name is a refusal of all too.
    @Test func anAnswerThatRefusesEachIsHeld() {
        var course = Course(0..<100)
        let refused = (0..<100).map { RefusedRecord(index: $0, reason: "no index", fate: .putAside) }
        let actions = course.decide(.success(.partly(refused)), giveUpAfter: nil, at: Self.at(0))
        #expect(actions == [.backOff(Trouble(kind: .refusesAll(count: 6), reason: "no index"))])
        var delivered: Set<Int> = []
        while course.next != nil {
            for case .count(let range, _) in course.decide(.success(.accepted), giveUpAfter: nil, at: Self.at(1)) {
                delivered.formUnion(range)
            }
        }
        #expect(delivered == Set(0..<100))
    }
}

@Suite struct OutageTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: 1_000_000_000) + .seconds(seconds) }

    @Test func eachHasABeginningAndAnEnd() {
        var outage = Outage()
        #expect(outage.noteEnd(at: at(0)) == nil)
        for start in [0, 29, 58] as [Int64] {
            #expect(outage.noteFailure(.retrying, at: at(start)) == .begun)
            #expect(outage.noteFailure(.retrying, at: at(start + 1)) == nil)
            #expect(outage.noteEnd(at: at(start + 5)) == .ended(after: .seconds(5)))
            #expect(outage.noteEnd(at: at(start + 6)) == nil)
        }
    }

    @Test func anotherKindIsSaidAndTheTimeGoesOn() {
        var outage = Outage()
        #expect(outage.noteFailure(.retrying, at: at(0)) == .begun)
        #expect(outage.noteFailure(.notAllowed, at: at(10)) == .begun)
        #expect(outage.noteFailure(.retrying, at: at(20)) == .begun)
        #expect(outage.noteEnd(at: at(30)) == .ended(after: .seconds(30)))
    }

    /// A receiver that fails at every other request must not fill the journal.
    @Test func manyInAMinuteAreCountedOnly() {
        var outage = Outage()
        var lines = 0
        for tenth in 0..<600 as Range<Int64> {
            let now = at(0) + .milliseconds(100 * tenth)
            if outage.noteFailure(.retrying, at: now) != nil { lines += 1 }
            if outage.noteEnd(at: now + .milliseconds(50)) != nil { lines += 1 }
        }
        #expect(lines == 2 * Outage.spokenLimit)
        #expect(outage.noteFailure(.retrying, at: at(61)) == .begun)
    }
}
