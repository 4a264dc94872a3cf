// While very many files are written to, one that was just read waits for more; nothing else waits.

import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct ReadPaceTests {
    /// What the pace is after `count` files were read in each of some windows, spread evenly.
    private func spacing(ofFiles count: Int) -> Duration {
        var now = Moment.now.monotonic
        var pace = ReadPace(at: now)
        var last = [Instant](repeating: now, count: count)
        for _ in 0..<4 {
            for file in last.indices {
                now = now + ReadPace.spacingLimit / max(1, count)
                pace.noteTurn(last: last[file], at: now)
                last[file] = now
            }
        }
        return pace.spacing
    }

    @Test func growsWithTheFilesThatAreWrittenTo() {
        #expect(spacing(ofFiles: 1) == .zero)
        #expect(spacing(ofFiles: 70) == .zero, "a host with a few dozen busy logs sees no difference")
        #expect(spacing(ofFiles: 400) >= .milliseconds(90) && spacing(ofFiles: 400) <= .milliseconds(110))
        #expect(spacing(ofFiles: 1_000) >= .milliseconds(240))
        #expect(spacing(ofFiles: 20_000) == ReadPace.spacingLimit)
    }

    @Test func oneFileThatIsReadOftenIsOneFile() {
        var now = Moment.now.monotonic
        var pace = ReadPace(at: now)
        for _ in 0..<100_000 {
            let last = now
            now = now + .microseconds(50)
            pace.noteTurn(last: last, at: now)
        }
        #expect(pace.spacing == .zero)
    }

    private static let fileCount = 400

    private func name(_ number: Int) -> String { "\(number).log" }

    @Test func manyFilesTakeFewTurnsAndALineOfAQuietOneComesAtOnce() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        world.append("quiet\n", to: "quiet.log")
        for number in 0..<Self.fileCount { world.append("first\n", to: name(number)) }
        world.read()
        #expect(world.lines.count == Self.fileCount + 1)
        // Twenty lines a second in each: for so long that the pace is found, and then as long again.
        var written = 0
        var turnsBefore: UInt64 = 0
        for step in 0..<120 {
            if step == 60 { turnsBefore = world.input.follower.turns.count }
            world.advance(.milliseconds(10))
            for number in stride(from: step % 5, to: Self.fileCount, by: 5) {
                world.append("line\n", to: name(number))
                written += 1
            }
            world.read()
        }
        let turns = world.input.follower.turns.count - turnsBefore
        #expect(turns < UInt64(written / 2) * 3 / 4, "\(turns) turns for \(written / 2) lines")
        world.append("more\n", to: "quiet.log")
        #expect(world.read().contains("more"))
        world.advance(ReadPace.spacingLimit)
        world.read()
        #expect(world.lines.count == Self.fileCount + 2 + written)
    }

    /// An outage may begin while files wait for more: their lag grows all the same.
    @Test func whatWaitsIsLookedAtInAnOutage() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        for _ in 0..<3 {
            for number in 0..<Self.fileCount { world.append("line\n", to: name(number)) }
            world.advance(ReadPace.spacingLimit)
            world.read()
        }
        world.acknowledge()
        world.append("line\n", to: name(0))
        world.input.lookAround(at: world.now)
        #expect(world.input.status(at: world.now).lagBytes == 5)
    }

    /// The route does not ask for each event, nor later than the lines are due.
    @Test func asksToBeLeftAloneAsLongAsFilesWait() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        for _ in 0..<3 {
            for number in 0..<Self.fileCount { world.append("line\n", to: name(number)) }
            world.advance(ReadPace.spacingLimit)
            world.read()
        }
        world.append("line\n", to: name(0))
        #expect(world.readOnce() == .pause(until: world.now.monotonic + ReadPace.eventSpacing))
        #expect(world.batch.records.isEmpty)
        world.advance(ReadPace.spacingLimit)
        #expect(world.read() == ["line"])
        let wait = world.readOnce()
        if case .until = wait { return }
        Issue.record("nothing waits any more, and yet \(wait)")
    }
}
