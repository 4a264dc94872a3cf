// Rotated files that were compressed: read on where reading stopped, and never twice.

import Bytes
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileCompressedTests {
    /// A world in which `a.log` was read up to and with "one", and the agent was stopped then.
    private func stopped(_ glob: String = "*.log") throws -> (world: FileWorld, cursor: JSONValue?) {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        return (world, world.saved())
    }

    private func expectQuiet(_ world: FileWorld) throws {
        for _ in 0..<3 {
            world.advance(.seconds(30))
            #expect(world.read() == [])
        }
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(world.read() == [])
        world.advance(.seconds(30))
        #expect(world.read() == [])
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    @Test(arguments: [
        ("*.log", "a.log.1", "a.log.1.gz"), ("a.log*", "a.log.1", "a.log.1.gz"), ("*", "a.log-20260101", ""),
        ("*.log", "a-20260101.log", ""), ("*.log", "a.log.2026-11-21T03:00", ""), ("*.log", "a.log.1", "a.log.7.gz"),
    ]) func compressedWhileDown(glob: String, rotated: String, compressed: String) throws {
        let (world, cursor) = try stopped(glob)
        world.append("two\nthree\n")
        world.move("a.log", rotated)
        world.compress(rotated, to: compressed.isEmpty ? nil : compressed)
        world.append("four\n")
        try world.restart(cursor)
        #expect(world.read() == ["two", "three", "four"])
        #expect(world.count("file_compressed") == 0)
        try expectQuiet(world)
    }

    @Test(arguments: [false, true]) func rotatedAndCompressedSeveralTimesWhileDown(isDelayed: Bool) throws {
        let (world, cursor) = try stopped()
        for round in 2...5 {
            world.append("\(round)\n")
            for number in stride(from: 9, to: 0, by: -1) {
                world.move("a.log.\(number).gz", "a.log.\(number + 1).gz")
            }
            if isDelayed {
                world.compress("a.log.1", to: "a.log.2.gz")
                world.move("a.log", "a.log.1")
            } else {
                world.move("a.log", "a.log.1")
                world.compress("a.log.1")
            }
            usleep(20_000)  // Let the clock of the file system tick.
        }
        world.append("6\n")
        try world.restart(cursor)
        #expect(world.read() == ["2", "3", "4", "5", "6"])
        try expectQuiet(world)
    }

    /// The next rotation renames it while it is looked for.
    @Test(arguments: [("a.log.1", "a.log.2"), ("a.log.1.gz", "a.log.2.gz"), ("a.log.1.gz", "a.log.0.gz")])
    func foundUnderBothNamesDuringARename(name: String, other: String) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        world.append("one\ntwo\n")
        #expect(world.read() == ["one", "two"])
        world.move("a.log", "a.log.1")
        world.append("three\n")
        #expect(world.read() == ["three"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.acknowledge()
        if name.hasSuffix("gz") { world.compress("a.log.1") }
        #expect(link(world.path(name), world.path(other)) == 0)
        #expect(world.read() == [])
        try expectQuiet(world)
    }

    /// A listing that is taken while files are renamed may miss one: it is not gone for that, however long ago it was
    /// seen last.
    @Test(arguments: [false, true]) func isForgottenOnlyWhenTheNamesAreSteady(isSteady: Bool) throws {
        let (world, _) = try stopped()
        world.move("a.log", "a.log.1")
        #expect(world.read() == [])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.delete("a.log.1")
        let family = Path(world.path("a.log"))
        let follower = world.input.follower
        let entry = try #require(follower.memory.known.of(family).first)
        follower.noteMissing(entry.cursor.key, at: world.now)
        var survey = follower.survey([], of: family)
        survey.isSteady = { isSteady }
        world.advance(.seconds(60))
        let plan = RotationPlan(
            survey, follower.memory, follower.settings, path: family, isOurs: true, at: world.now)
        let forgets = plan.actions.contains { if case .forget = $0 { true } else { false } }
        #expect(forgets == isSteady)
    }

    @Test func copiedTruncatedAndCompressedWhileDown() throws {
        let (world, cursor) = try stopped()
        world.append("two\n")
        world.copy("a.log", "a.log.1")
        world.compress("a.log.1")
        world.truncate()
        world.append("three\n")
        try world.restart(cursor)
        #expect(world.read() == ["two", "three"])
        try expectQuiet(world)
    }

    @Test func stoppedInTheMiddleOfACompressedFile() throws {
        let (world, cursor) = try stopped()
        let lines = (0..<5_000).map { "line \($0) " + String(repeating: "x", count: $0 % 70) }
        world.append(lines.map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        world.compress("a.log.1")
        try world.restart(cursor)
        world.batch = LogBatch(recordLimit: 1_000)
        var got: [String] = []
        for _ in 0..<4 {
            world.readOnce()
            got += world.batch.records.map { world.batch.text(of: $0) }
            world.acknowledge()
            // Renamed meanwhile, as logrotate goes on to do.
            if got.count == 2_000 { world.move("a.log.1.gz", "a.log.2.gz") }
            try world.restart(world.saved())
        }
        world.batch = LogBatch()
        got += world.read()
        #expect(got == lines)
        try expectQuiet(world)
    }

    @Test(arguments: ["*.log", "a.log*"]) func compressedWhileItIsRead(glob: String) throws {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\n")
        world.move("a.log", "a.log.1")
        world.append("three\n")
        world.compress("a.log.1", keeping: true)
        #expect(world.read() == ["two", "three"])
        world.delete("a.log.1")
        try expectQuiet(world)
    }

    @Test(arguments: ["*.log", "a.log*"]) func compressedLongAfterItWasRead(glob: String) throws {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(world.read() == ["two"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.acknowledge()
        // Without the old time of change, as Python's gzip module makes it.
        world.write(bytes: world.gzipped(Array("one\n".utf8)), to: "a.log.2.gz")
        #expect(world.read() == [])
        world.delete("a.log.1")
        world.move("a.log", "a.log.1")
        world.append("three\n")
        #expect(world.read() == ["three"])
        try expectQuiet(world)
    }

    /// Closed because it had nothing to read, then written to, renamed, compressed and removed between two looks.
    @Test func compressedBeforeItWasOpenedAgain() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        for tail in world.input.follower.tails.values { world.input.follower.tails.close(tail) }
        world.append("two\n")
        world.move("a.log", "a.log.1")
        world.compress("a.log.1")
        world.append("three\n")
        #expect(world.read().sorted() == ["three", "two"])
        try expectQuiet(world)
    }

    @Test func aCompressedFileThatIsStillBeingWrittenIsWaitedFor() throws {
        let (world, cursor) = try stopped()
        var random = SystemRandomNumberGenerator()
        let lines = (0..<3_000).map { "line \($0) \(UInt64.random(in: 0...UInt64.max, using: &random))" }
        world.append(lines.map { $0 + "\n" }.joined())
        let whole = world.gzipped(Array(world.content("a.log").utf8))
        world.delete("a.log")
        world.append("new\n")
        world.write(bytes: Array(whole[..<20]), to: "a.log.1.gz")
        try world.restart(cursor)
        #expect(world.read() == ["new"])
        world.write(bytes: Array(whole[20..<20_000]), to: "a.log.1.gz")
        world.advance(.seconds(11))
        var got = world.read()
        #expect(!got.isEmpty && got.count < 3_000)
        #expect(world.input.status(at: world.now).lagBytes != 0)
        world.acknowledge()
        try world.restart(world.saved())
        got += world.read()
        world.write(bytes: Array(whole[20_000...]), to: "a.log.1.gz")
        for _ in 0..<3 {
            world.advance(.seconds(11))
            got += world.read()
        }
        #expect(got == lines)
        try expectQuiet(world)
    }

    @Test func aDamagedFileIsReadAsFarAsItGoesAndCounted() throws {
        let (world, cursor) = try stopped()
        var random = SeededRandom(seed: 1)
        let lines = (0..<3_000).map { "line \($0) \(UInt64.random(in: 0...UInt64.max, using: &random))" }
        world.append(lines.map { $0 + "\n" }.joined())
        var whole = world.gzipped(Array(world.content("a.log").utf8))
        for index in 30_000..<34_000 { whole[index] = 0xFF }
        world.delete("a.log")
        world.write(bytes: whole, to: "a.log.1.gz")
        world.append("new\n")
        try world.restart(cursor)
        let got = world.read()
        #expect(got.count > 100 && got.last == "new")
        #expect(world.count("bytes_lost_damaged") > 0)
        #expect(world.input.status(at: world.now).problems.contains { $0.contains("damaged") })
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(world.read() == [])
        #expect(world.count("bytes_lost_damaged") == 0)
    }

    /// What was read before is inflated once more, and nobody waits for all of it.
    @Test func theWayToTheCursorIsTakenInSteps() throws {
        let world = try FileWorld()
        let line = String(repeating: "x", count: 99_999) + "\n"
        world.append(String(repeating: line, count: 1_300))
        var count = 0
        while world.readOnce() == .notAtAll { count += world.batch.records.count }
        #expect(count + world.batch.records.count == 1_300)
        world.acknowledge()
        let cursor = world.saved()
        world.append("two\n")
        world.move("a.log", "a.log.1")
        world.compress("a.log.1")
        try world.restart(cursor)
        var steps = 0
        while world.readOnce() == .notAtAll, world.batch.records.isEmpty { steps += 1 }
        #expect(world.batch.records.map { world.batch.text(of: $0) } == ["two"])
        #expect(steps >= 1)
    }

    @Test func severalMembersAreOneText() throws {
        let (world, cursor) = try stopped()
        world.delete("a.log")
        world.write(bytes: world.gzipped(Array("one\ntw".utf8)), to: "a.log.1.gz")
        world.write(bytes: world.gzipped(Array("o\nthree".utf8)), to: "a.log.1.gz")
        try world.restart(cursor)
        #expect(world.read() == ["two", "three"])
        try expectQuiet(world)
    }

    /// Each takes memory while it is read: no more than a few at a time, and all of them in the end.
    @Test func manyCompressedFilesTakeTurns() throws {
        let world = try FileWorld()
        for number in 0..<20 { world.append("start \(number)\n", to: "\(number).log") }
        #expect(world.read().count == 20)
        world.acknowledge()
        let cursor = world.saved()
        let rest = (0..<2_000).map { "more \($0)\n" }.joined()
        for number in 0..<20 {
            world.append(rest, to: "\(number).log")
            world.move("\(number).log", "\(number).log.1")
            world.compress("\(number).log.1")
        }
        try world.restart(cursor)
        world.batch = LogBatch(recordLimit: 700)
        var count = 0
        while world.readOnce() == .notAtAll {
            count += world.batch.records.count
            #expect(world.input.follower.tails.inflating.count <= TailTable.inflatingLimit)
        }
        #expect(count + world.batch.records.count == 40_000)
        try expectQuiet(world)
    }

    /// A log that begins with the same KiB each time: what was never read is read, and in order.
    @Test func aCompressedFileWithTheBeginningOfAnother() throws {
        let banner = String(repeating: "=", count: 1_100) + "\n"
        let world = try FileWorld()
        world.append(banner + "one\n")
        #expect(world.read().last == "one")
        world.acknowledge()
        let cursor = world.saved()
        world.move("a.log", "a.log.2")
        usleep(20_000)  // Let the clock of the file system tick.
        world.append(banner + "the second\n")
        world.move("a.log", "a.log.1")
        world.compress("a.log.1")
        world.append(banner + "third\n")
        try world.restart(cursor)
        #expect(world.read().filter { !$0.hasPrefix("=") } == ["the second", "third"])
        try expectQuiet(world)
    }

    @Test func whatIsNoRotatedFileStaysUnread() throws {
        let world = try FileWorld(#""paths": ["DIR/*"]"#)
        world.append("x\n", to: "backup")
        world.compress("backup", to: "backup.tar.gz")
        world.append("old\n", to: "a.log.1")
        world.compress("a.log.1")
        usleep(20_000)
        world.append("one\n")
        #expect(world.read() == ["one"])
        #expect(world.count("file_compressed") == 1)
        try expectQuiet(world)
    }
}
