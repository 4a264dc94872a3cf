// What Delivery decides about deliveries at the same time and about answers, without clocks and queues.

import Outputs
import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct WindowTests {
    /// Deliveries end in any order; against a list of what is open.
    @Test func acknowledgesInTheOrderOfReading() {
        var random = SeededRandom()
        for _ in 0..<300 {
            var window = Window<Int>()
            var open: [(number: UInt64, item: Int)] = []
            var (begun, popped): (Int, [Int]) = (0, [])
            var counts: [Int] = []
            while begun < 40 || !open.isEmpty {
                if begun < 40, open.isEmpty || Bool.random(using: &random) {
                    let count = Int.random(in: 0...3, using: &random)
                    let number = window.append(begun, deliveryCount: count)
                    for _ in 0..<count { open.append((number, begun)) }
                    counts.append(count)
                    begun += 1
                } else {
                    window.settle(open.remove(at: Int.random(in: open.indices, using: &random)).number)
                }
                while let item = window.popSettled() { popped.append(item) }
                // All before the first that is open, and no other.
                let expected = counts.indices.prefix { index in !open.contains { $0.item == index } }
                #expect(popped == Array(expected), "seed \(SeededRandom.seed)")
                #expect(window.count == begun - popped.count)
                #expect(window.first == (popped.count < begun ? popped.count : nil))
            }
            #expect(popped == Array(0..<40))
        }
    }
}

@Suite struct PacingTests {
    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }

    /// Each wait is the longest that it may be.
    private func pacing(lanes: Int) -> Pacing<Extreme> { Pacing(laneCount: lanes, random: Extreme(value: .max)) }

    private func fail(
        _ pacing: inout Pacing<Extreme>, _ time: Int64, failures: Int = 1, retryAfter: Duration? = nil,
        wasProbe: Bool = false
    ) -> Duration {
        pacing.noteTrouble(
            .failed(retryAfter: retryAfter), deliveryFailures: failures, wasProbe: wasProbe, at: at(time)) - at(time)
    }

    @Test func oneFailureLeavesTheOtherLanesAlone() {
        var pacing = pacing(lanes: 3)
        for _ in 0..<2 { #expect(fail(&pacing, 0) <= .milliseconds(200)) }
        #expect(pacing.gate(at: at(0)) == .open)
        _ = fail(&pacing, 0)
        guard case .shut(let until) = pacing.gate(at: at(0)) else { return #expect(Bool(false), "open") }
        #expect(until - at(0) <= .milliseconds(200))
        #expect(pacing.gate(at: until) == .openForProbe)
    }

    /// However many lanes there are, a receiver that is down is asked as often as by one.
    @Test(arguments: [1, 2, 16]) func aReceiverThatIsDownIsAskedByOneAtATime(lanes: Int) {
        var pacing = pacing(lanes: lanes)
        for _ in 0..<lanes { _ = fail(&pacing, 0) }
        var now: Int64 = 0
        for round in 2...20 {
            guard case .shut(let until) = pacing.gate(at: at(now)) else { return #expect(Bool(false), "open") }
            now = Int64((until - at(0)).nanoseconds / 1_000_000) + 1
            #expect(pacing.gate(at: at(now)) == .openForProbe)
            pacing.beginProbe()
            #expect(pacing.gate(at: at(now + 1_000_000)) == .probing)
            let wait = fail(&pacing, now, failures: 1, wasProbe: true)
            let bound = min(Duration.milliseconds(200) * (1 << (round - 1)), .seconds(60))
            #expect(wait <= bound && wait > bound * 0.99)
        }
        let wasShut = pacing.noteAnswer()
        #expect(wasShut)
        #expect(pacing.gate(at: at(now)) == .open)
        let wasShutAgain = pacing.noteAnswer()
        #expect(!wasShutAgain)
        #expect(fail(&pacing, now) <= .milliseconds(200))
    }

    @Test func whatWasUnderWayWhenItWasShutDoesNotLengthenTheWait() {
        var pacing = pacing(lanes: 1)
        for _ in 0..<10 { #expect(fail(&pacing, 0) <= .milliseconds(200)) }
        guard case .shut(let until) = pacing.gate(at: at(0)) else { return #expect(Bool(false), "open") }
        #expect(until - at(0) <= .milliseconds(200))
    }

    @Test func whatTheReceiverAsksOfOneHoldsForAll() {
        var pacing = pacing(lanes: 8)
        #expect(fail(&pacing, 0, retryAfter: .seconds(30)) >= .seconds(30))
        guard case .shut(let until) = pacing.gate(at: at(29_999)) else { return #expect(Bool(false), "open") }
        #expect(until >= at(30_000))
    }

    /// After an hour of refused connections the first 401 waits 5 s, and the first refused connection after an hour of
    /// 401s no longer than any first one.
    @Test func theBackOffOfOneTroubleIsNotThatOfAnother() {
        var pacing = pacing(lanes: 2)
        for _ in 0..<2 { _ = fail(&pacing, 0) }
        for round in 1...20 as ClosedRange<Int64> {
            pacing.beginProbe()
            _ = fail(&pacing, round, failures: Int(round), wasProbe: true)
        }
        for kind in [Trouble.Kind.notAllowed, .refusesAll(count: 3)] {
            for first in [true, false] {
                pacing.beginProbe()
                let until = pacing.noteTrouble(kind, deliveryFailures: 1, wasProbe: true, at: at(0))
                #expect(
                    until - at(0) <= .seconds(first ? 5 : 10) && until - at(0) >= .milliseconds(first ? 3_750 : 7_500))
                #expect(pacing.gate(at: at(0)) == .shut(until: until))
            }
        }
        pacing.beginProbe()
        #expect(fail(&pacing, 0, failures: 1, wasProbe: true) <= .milliseconds(200))
    }

    /// What was under way when it was shut tells nothing new, of whatever kind it is.
    @Test func whatWasUnderWayDoesNotBeginABackOffAgain() {
        var pacing = pacing(lanes: 2)
        for _ in 0..<4 {
            pacing.beginProbe()
            _ = pacing.noteTrouble(.notAllowed, deliveryFailures: 1, wasProbe: true, at: at(0))
        }
        _ = fail(&pacing, 0, wasProbe: false)
        pacing.beginProbe()
        let until = pacing.noteTrouble(.notAllowed, deliveryFailures: 1, wasProbe: true, at: at(0))
        #expect(until - at(0) >= .seconds(45))
    }

    @Test func whoIsNotAllowedAsksSeldom() {
        var pacing = pacing(lanes: 4)
        var until = pacing.noteTrouble(.notAllowed, deliveryFailures: 1, wasProbe: false, at: at(0))
        #expect(until - at(0) >= .milliseconds(3_750) && until - at(0) <= .seconds(5))
        #expect(pacing.gate(at: at(0)) == .shut(until: until))
        for _ in 0..<10 {
            pacing.beginProbe()
            until = pacing.noteTrouble(.notAllowed, deliveryFailures: 9, wasProbe: true, at: at(0))
        }
        #expect(until - at(0) >= .seconds(45) && until - at(0) <= .seconds(60))
    }

    @Test func aRequestTakenInPartSaysNothingAboutTheReceiver() {
        var pacing = pacing(lanes: 1)
        _ = pacing.noteTrouble(.refusedInPart, deliveryFailures: 3, wasProbe: false, at: at(0))
        #expect(pacing.gate(at: at(0)) == .open)
    }

    @Test func aProbeThatEndsInAnyWayLetsTheNextOneGo() {
        for kind in [Trouble.Kind.failed(retryAfter: nil), .notAllowed, .failed(retryAfter: .seconds(9))] {
            var pacing = pacing(lanes: 1)
            _ = fail(&pacing, 0)
            pacing.beginProbe()
            let until = pacing.noteTrouble(kind, deliveryFailures: 2, wasProbe: true, at: at(500))
            #expect(pacing.gate(at: until) == .openForProbe)
        }
    }
}

@Suite struct CourseTests {
    /// What is too large for a slow link is halved, and no record is at fault for it.
    @Test func tooSlowIsHalvedUntilItGetsThrough() {
        var course = Course(0..<100)
        var delivered: [Int] = []
        var backOffs = 0
        while let range = course.next {
            let answer: Result<DeliveryOutcome, DeliveryError> =
                range.count > 10 ? .failure(.tooSlow(reason: "timed out")) : .success(.accepted)
            for action in course.decide(answer, giveUpAfter: nil, at: Instant(nanoseconds: 1)) {
                switch action {
                case .count(let range, _): delivered += range
                case .backOff(Trouble(kind: .failed(retryAfter: nil), reason: "timed out")): backOffs += 1
                default: Issue.record("\(action)")
                }
            }
        }
        #expect(delivered == Array(0..<100) && backOffs == 15)
        // One alone is tried again as it is.
        var alone = Course(0..<1)
        for _ in 0..<20 {
            #expect(
                alone.decide(.failure(.tooSlow(reason: "")), giveUpAfter: nil, at: Instant(nanoseconds: 1))
                    == [.backOff(Trouble(kind: .failed(retryAfter: nil), reason: ""))])
        }
        #expect(alone.next == 0..<1 && !alone.isHeld)
    }

    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: 1_000_000_000) + .seconds(seconds) }

    private func decide(
        _ course: inout Course, _ answer: Result<DeliveryOutcome, DeliveryError>, giveUpAfter: Duration? = nil,
        at seconds: Int64 = 0
    ) -> [DeliveryAction] {
        course.decide(answer, giveUpAfter: giveUpAfter, at: at(seconds))
    }

    private let busy = DeliveryError.retry(after: .seconds(3), reason: "503")
    private let trouble = Trouble(kind: .failed(retryAfter: .seconds(3)), reason: "503")

    @Test func acceptedIsCounted() {
        var course = Course(3..<8)
        #expect(course.next == 3..<8)
        #expect(decide(&course, .success(.accepted)) == [.count(3..<8, butFor: [])])
        #expect(course.next == nil)
        #expect(decide(&course, .success(.accepted)).isEmpty)
    }

    @Test func whatFailsIsTriedAgainForEver() {
        var course = Course(0..<5)
        for count in 1...1_000 {
            #expect(decide(&course, .failure(busy), at: Int64(count) * 1_000) == [.backOff(trouble)])
            #expect(course.failureCount == count)
            #expect(course.next == 0..<5)
        }
        _ = decide(&course, .success(.accepted))
        #expect(!course.isFailing)
    }

    @Test func notAllowedIsTroubleOfItsOwn() {
        var course = Course(0..<5)
        #expect(
            decide(&course, .failure(.notAllowed(reason: "403")))
                == [.backOff(Trouble(kind: .notAllowed, reason: "403"))])
        #expect(course.next == 0..<5)
    }

    /// It is put aside when it was refused once more after another was taken.
    @Test func refusedAndTooLargeAreHalvedToTheCulprit() {
        for error in [DeliveryError.rejected(reason: "400"), .tooLarge(reason: "413")] {
            var course = Course(4..<8)
            #expect(decide(&course, .failure(error)).isEmpty)
            #expect(course.next == 4..<6)
            #expect(decide(&course, .failure(error)).isEmpty)
            #expect(decide(&course, .failure(error)).isEmpty)
            #expect(decide(&course, .success(.accepted)) == [.count(5..<6, butFor: [])])
            #expect(course.next == 4..<5)
            #expect(decide(&course, .failure(error)) == [.putAside(4, reason: error.reason)])
            #expect(decide(&course, .success(.accepted)) == [.count(6..<8, butFor: [])])
            #expect(course.next == nil)
        }
    }

    @Test func theCountOfOneTroubleIsNotThatOfAnother() {
        var course = Course(0..<5)
        for _ in 0..<9 { _ = decide(&course, .failure(busy)) }
        #expect(course.failureCount == 9)
        _ = decide(&course, .failure(.notAllowed(reason: "401")))
        #expect(course.failureCount == 1)
        _ = decide(&course, .failure(.notAllowed(reason: "403")))
        #expect(course.failureCount == 2)
        _ = decide(&course, .failure(busy))
        #expect(course.failureCount == 1)
    }

    @Test func ofARequestTakenInPartOnlyTheRestIsTriedAgain() {
        var course = Course(10..<20)
        let refused = [
            RefusedRecord(index: 1, reason: "busy", fate: .tryAgain),
            RefusedRecord(index: 2, reason: "bad", fate: .putAside),
            RefusedRecord(index: 3, reason: "old", fate: .lost),
            RefusedRecord(index: 9, reason: "busy", fate: .tryAgain),
            // Not one of them.
            RefusedRecord(index: 10, reason: "bad", fate: .putAside),
        ]
        #expect(
            decide(&course, .success(.partly(refused))) == [
                .count(10..<20, butFor: [11, 12, 13, 19]), .putAside(12, reason: "bad"), .drop(13, reason: "old"),
                .select([11, 19]), .backOff(Trouble(kind: .refusedInPart, reason: "busy")),
            ])
        #expect(course.next == 0..<2)
        #expect(
            decide(&course, .success(.partly([RefusedRecord(index: 0, reason: "bad", fate: .putAside)])))
                == [.count(0..<2, butFor: [0]), .putAside(0, reason: "bad")])
        #expect(course.next == nil)
        #expect(!course.isFailing)
    }

    @Test func isGivenUpOnlyWhenItIsAsked() {
        var course = Course(0..<4)
        #expect(decide(&course, .failure(busy), giveUpAfter: .seconds(60), at: 0) == [.backOff(trouble)])
        #expect(decide(&course, .failure(.rejected(reason: "400")), giveUpAfter: .seconds(60), at: 50).isEmpty)
        // An answer: the time begins anew.
        #expect(decide(&course, .failure(busy), giveUpAfter: .seconds(60), at: 55) == [.backOff(trouble)])
        #expect(decide(&course, .failure(busy), giveUpAfter: .seconds(60), at: 114) == [.backOff(trouble)])
        #expect(
            decide(&course, .failure(busy), giveUpAfter: .seconds(60), at: 115)
                == [.giveUp(0..<2, reason: "503"), .giveUp(2..<4, reason: "503"), .backOff(trouble)])
        #expect(course.next == nil)
    }
}
