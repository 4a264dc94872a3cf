// Rejected records sent again: what leaves the file, what stays.

import Durable
import Logs
import Outputs
import Platform
import TestSupport
import Testing

@testable import Delivery

@Suite struct ReplayTests {
    private let world: World
    init() throws { world = try World(withPipe: false) }

    /// Lines whose records are the numbers from 0, as texts of documents that were none.
    private func lines(_ count: Int) throws -> [(number: Int, line: RejectedLine)] {
        try (0..<count).map { number in
            let text = #"{"time":"x","input":"in","output":"out","reason":"400","record":"\#(number)"}"#
            return (number, try #require(RejectedLine(Array(text.utf8))))
        }
    }

    private func replay(_ change: (inout RouteOptions) -> Void = { _ in }) -> Replay {
        var options = RouteOptions()
        options.batchRecords = 10
        change(&options)
        return Replay(ScriptedOutput(world), options: options)
    }

    @Test func whatIsTakenLeaves() throws {
        var replay = replay()
        let outcome = replay.send(try lines(25), now: 0)
        #expect(outcome == ReplayOutcome(taken: Array(0..<25)))
        #expect(world.received == Array(0..<25))
        #expect(world.with { $0.requests.map(\.count) } == [10, 10, 5])
    }

    @Test func whatIsRefusedAgainStays() throws {
        world.answer { $0.contains(7) || $0.contains(8) || $0.contains(20) ? .rejected(reason: "no") : nil }
        var replay = replay()
        let outcome = replay.send(try lines(25), now: 0)
        #expect(outcome.refused.map(\.line) == [7, 8, 20])
        #expect(outcome.refused.allSatisfy { $0.reason == "no" })
        #expect(outcome.taken == (0..<25).filter { ![7, 8, 20].contains($0) })
        #expect(outcome.stopped == nil)
    }

    @Test func aReceiverThatIsDownStopsIt() throws {
        world.answer { $0.contains(14) ? .retry(after: nil, reason: "down") : nil }
        var replay = replay()
        let outcome = replay.send(try lines(25), now: 0)
        #expect(outcome == ReplayOutcome(taken: Array(0..<10), stopped: "down"))
        world.answer { _ in .notAllowed(reason: "403") }
        #expect(replay.send(try lines(3), now: 0) == ReplayOutcome(stopped: "403"))
    }

    @Test func onlyWhatWasSentBeforeItStoppedLeaves() throws {
        // The first half of a batch is taken, and the receiver goes away before the second.
        world.answer { numbers in
            if numbers.count > 5 { return .tooLarge(reason: "413") }
            return numbers.contains(7) ? .retry(after: nil, reason: "down") : nil
        }
        var replay = replay()
        #expect(replay.send(try lines(10), now: 0) == ReplayOutcome(taken: Array(0..<5), stopped: "down"))
    }

    /// A wrong path, an index that is read-only: it says nothing of the records, and must not cost a request for each.
    @Test func aReceiverThatRefusesEverythingIsNotAskedForEachRecord() throws {
        world.answer { _ in .rejected(reason: "400") }
        var replay = replay { $0.batchRecords = 1_000 }
        let outcome = replay.send(try lines(20_000), now: 0)
        #expect(outcome.taken.isEmpty && outcome.stopped == nil)
        #expect(outcome.refused.count <= 5 * 6 && outcome.refused.allSatisfy { $0.reason == "400" })
        #expect(outcome.held.count + outcome.refused.count == 20_000)
        #expect(Set(outcome.held.map(\.line) + outcome.refused.map(\.line)).count == 20_000)
        #expect(world.with { $0.requests.count } <= 5 * 30 + 15)
        // It is repaired, and the same run goes on to the next file.
        world.answer { _ in nil }
        #expect(replay.send(try lines(3_000), now: 0) == ReplayOutcome(taken: Array(0..<3_000)))
    }

    @Test func whatIsTooSlowAsAWholeIsSentInPieces() throws {
        world.answer { $0.count > 3 ? .tooSlow(reason: "timed out") : nil }
        var replay = replay()
        #expect(replay.send(try lines(25), now: 0) == ReplayOutcome(taken: Array(0..<25)))
        world.answer { _ in .tooSlow(reason: "timed out") }
        #expect(replay.send(try lines(4), now: 0) == ReplayOutcome(stopped: "timed out"))
    }

    /// Behind many records that are truly bad there are others.
    @Test func badRecordsInFrontHoldUpNoOthers() throws {
        world.answer { numbers in numbers.contains { $0 < 35 || $0 == 50 } ? .rejected(reason: "400") : nil }
        var replay = replay()
        let outcome = replay.send(try lines(60), now: 0)
        #expect(outcome.taken == Array(35..<50) + Array(51..<60))
        #expect(Set(outcome.refused.map(\.line) + outcome.held.map(\.line)) == Set(0..<35).union([50]))
        #expect(outcome.refused.contains { $0.line == 50 })
    }

    /// Answers that refuse each record by name.
    @Test func recordsRefusedByNameAreHeldToo() throws {
        world.with {
            $0.refuse = { numbers in
                numbers.indices.map { RefusedRecord(index: $0, reason: "no index", fate: .putAside) }
            }
        }
        var replay = replay()
        let outcome = replay.send(try lines(10), now: 0)
        #expect(outcome.taken.isEmpty && outcome.refused.count + outcome.held.count == 10)
    }
}
