// Rotated files that were compressed with xz, zstd or bzip2 are read like those of gzip: on where reading stopped, in
// order, and never twice.

import Bytes
import Compression
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

extension FileWorld {
    /// As its own program does it: beside, with the time of change of the original, which is then removed.
    func compress(_ name: String, as form: CompressionForm, to target: String? = nil, keeping: Bool = false) throws {
        let target = target ?? name + form.ending
        write(bytes: try compressed(Array(content(name).utf8), by: form.rawValue), to: target)
        copyTime(of: name, to: target)
        if !keeping { delete(name) }
    }
}

@Suite struct FileFormsTests {
    static let forms = CompressionForm.allCases

    /// A world in which `a.log` was read up to and with "one", and the agent was stopped then.
    private func stopped(limits: FileLimits = FileLimits()) throws -> (world: FileWorld, cursor: JSONValue?) {
        let world = try FileWorld(limits: limits)
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
        #expect(world.count("bytes_lost_deleted") == 0 && world.count("file_compressed") == 0)
    }

    private func lines(_ count: Int) -> [String] {
        (0..<count).map { "line \($0) " + String(repeating: "x", count: $0 % 70) }
    }

    @Test(arguments: forms) func compressedWhileDown(form: CompressionForm) throws {
        for (rotated, target) in [("a.log.1", nil), ("a-20260101.log", nil), ("a.log.1", "a.log" + form.ending)] {
            let (world, cursor) = try stopped()
            world.append("two\nthree\n")
            world.move("a.log", rotated)
            try world.compress(rotated, as: form, to: target)
            world.append("four\n")
            try world.restart(cursor)
            #expect(world.read() == ["two", "three", "four"])
            try expectQuiet(world)
        }
    }

    /// A log of more than a KiB, of whose size nothing tells.
    @Test(arguments: forms) func aLargeOneGoesOnAtTheCursor(form: CompressionForm) throws {
        let lines = lines(3_000)
        let world = try FileWorld()
        world.append(lines[..<2_000].map { $0 + "\n" }.joined())
        #expect(world.read() == Array(lines[..<2_000]))
        world.acknowledge()
        let cursor = world.saved()
        world.append(lines[2_000...].map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        world.append("new\n")
        try world.restart(cursor)
        #expect(world.read() == Array(lines[2_000...]) + ["new"])
        try expectQuiet(world)
    }

    /// Members behind one another, which gzip's size does not count.
    @Test(arguments: forms) func severalMembersGoOnAtTheCursor(form: CompressionForm) throws {
        let lines = lines(3_000)
        let world = try FileWorld()
        world.append(lines[..<500].map { $0 + "\n" }.joined())
        #expect(world.read().count == 500)
        world.acknowledge()
        let cursor = world.saved()
        world.delete("a.log")
        for part in [lines[..<1_000], lines[1_000..<2_990], lines[2_990...]] {
            let text = part.map { $0 + "\n" }.joined()
            world.write(bytes: try compressed(Array(text.utf8), by: form.rawValue), to: "a.log.1" + form.ending)
        }
        try world.restart(cursor)
        #expect(world.read() == Array(lines[500...]))
        try expectQuiet(world)
    }

    @Test(arguments: forms) func zerosBehindIt(form: CompressionForm) throws {
        let (world, cursor) = try stopped()
        world.append("two\n")
        let bytes = try compressed(Array(world.content("a.log").utf8), by: form.rawValue)
        world.delete("a.log")
        let more = try compressed(Array("three\n".utf8), by: form.rawValue)
        world.write(
            bytes: bytes + [0, 0, 0, 0] + more + [UInt8](repeating: 0, count: 512), to: "a.log.1" + form.ending)
        try world.restart(cursor)
        #expect(world.read() == ["two", "three"])
        #expect(world.count("file_damaged") == 0)
        try expectQuiet(world)
    }

    @Test(arguments: forms) func stoppedInTheMiddle(form: CompressionForm) throws {
        let (world, cursor) = try stopped()
        let lines = lines(5_000)
        world.append(lines.map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        try world.restart(cursor)
        world.batch = LogBatch(recordLimit: 1_000)
        var got: [String] = []
        for _ in 0..<4 {
            world.readOnce()
            got += world.batch.records.map { world.batch.text(of: $0) }
            world.acknowledge()
            if got.count == 2_000 { world.move("a.log.1" + form.ending, "a.log.2" + form.ending) }
            try world.restart(world.saved())
        }
        world.batch = LogBatch()
        got += world.read()
        #expect(got == lines)
        try expectQuiet(world)
    }

    /// One that was read to its end is not read again when it is compressed, whatever its size.
    @Test(arguments: forms, [10, 30, 3_000]) func compressedAfterItWasRead(form: CompressionForm, count: Int) throws {
        let world = try FileWorld()
        world.append(lines(count).map { $0 + "\n" }.joined())
        #expect(world.read().count == count)
        world.acknowledge()
        world.move("a.log", "a.log.1")
        world.append("new\n")
        #expect(world.read() == ["new"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        try world.compress("a.log.1", as: form, keeping: true)
        #expect(world.read() == [])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.delete("a.log.1")
        try expectQuiet(world)
    }

    /// What is being compressed is there twice: the plain one is read.
    @Test(arguments: forms, [30, 3_000]) func compressedBesideItsOriginal(form: CompressionForm, count: Int) throws {
        let (world, cursor) = try stopped()
        let lines = lines(count)
        world.append(lines.map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form, keeping: true)
        world.append("new\n")
        try world.restart(cursor)
        #expect(world.read() == lines + ["new"])
        world.acknowledge()
        world.delete("a.log.1")
        try expectQuiet(world)
    }

    /// A log that begins as the live one does, and goes on.
    @Test(arguments: forms) func theSameBannerInTheLiveLog(form: CompressionForm) throws {
        let banner = String(repeating: "=", count: 1_500) + "\n"
        let (world, cursor) = try stopped()
        world.move("a.log", "a.log.2")
        usleep(20_000)  // Let the clock of the file system tick.
        world.append(banner + "the second\n")
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        world.append(banner)
        try world.restart(cursor)
        var got = world.read()
        world.advance(.seconds(11))
        got += world.read()
        #expect(got.filter { !$0.hasPrefix("=") } == ["the second"])
        #expect(got.count { $0.hasPrefix("=") } == 2)
    }

    /// Compressed once more, in another form.
    @Test func fromGzipToZstd() throws {
        let world = try FileWorld()
        let lines = lines(300)
        world.append(lines.map { $0 + "\n" }.joined())
        #expect(world.read() == lines)
        world.acknowledge()
        world.move("a.log", "a.log.1")
        world.append("new\n")
        #expect(world.read() == ["new"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        let text = Array(world.content("a.log.1").utf8)
        try world.compress("a.log.1", as: .gzip)
        #expect(world.read() == [])
        world.write(bytes: try compressed(text, by: "zstd"), to: "a.log.1.zst")
        #expect(world.read() == [])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.delete("a.log.1.gz")
        try expectQuiet(world)
    }

    @Test(arguments: forms) func theRotatedFileIsRemovedWhenItWasRead(form: CompressionForm) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "remove_after": "acknowledged""#)
        world.append(lines(100).map { $0 + "\n" }.joined())
        #expect(world.read().count == 100)
        world.acknowledge()
        let cursor = world.saved()
        world.append(lines(50).map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        try world.restart(cursor)
        #expect(world.read().count == 50)
        world.acknowledge()
        world.advance(.seconds(100))
        #expect(world.read() == [])
        #expect(world.count("file_removed") == 1 && access(world.path("a.log.1" + form.ending), F_OK) != 0)
    }

    @Test(arguments: forms) func whereItsCursorStands(form: CompressionForm) throws {
        let (world, cursor) = try stopped()
        world.append(lines(100).map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        var malformed = 0
        let cursors = FileCursors(try #require(cursor), malformed: &malformed)
        var directories = ListedDirectories()
        guard case .rotated(let name, _) = cursors.files[0].findFile(&directories) else {
            Issue.record("it was not found")
            return
        }
        #expect(name == Path("a.log.1" + form.ending))
    }

    // MARK: Limits

    @Test func fewLargeDictionariesAtOneTime() throws {
        let world = try FileWorld()
        for number in 0..<5 { world.append("start \(number)\n", to: "\(number).log") }
        #expect(world.read().count == 5)
        world.acknowledge()
        let cursor = world.saved()
        for number in 0..<5 {
            world.append((0..<60_000).map { "more \($0)\n" }.joined(), to: "\(number).log")
            world.move("\(number).log", "\(number).log.1")
            let text = Array(world.content("\(number).log.1").utf8)
            world.write(bytes: try compressed(text, by: "xz", ["-9"]), to: "\(number).log.1.xz")
            world.delete("\(number).log.1")
        }
        try world.restart(cursor)
        world.batch = LogBatch(recordLimit: 7_000)
        var count = 0
        var largest = 0
        while world.readOnce() == .notAtAll {
            count += world.batch.records.count
            let memory = world.input.follower.tails.values.compactMap { $0.reading?.inflating.text?.memoryBytes }
            largest = max(largest, memory.max() ?? 0)
            #expect(memory.count { $0 > TailTable.inflatingBytesLimit } <= 1)
        }
        #expect(count + world.batch.records.count == 300_000)
        #expect(largest > 64 << 20 && largest < 70 << 20)
    }

    @Test func oneThatAsksForGigabytesIsLeftOutAndSaid() throws {
        let (world, cursor) = try stopped()
        world.append("two\n")
        let text = Array(world.content("a.log").utf8)
        world.write(bytes: try compressed(text, by: "xz", ["--lzma2=dict=1GiB"]), to: "a.log.1.xz")
        world.delete("a.log")
        world.append("new\n")
        try world.restart(cursor)
        #expect(world.read() == ["new"])
        #expect(world.count("file_compressed") == 1)
        #expect(world.input.status(at: world.now).problems.contains { $0.contains("80 MiB") })
    }

    @Test(arguments: [CompressionForm.xz, .zstd, .bzip2]) func withoutTheLibrary(form: CompressionForm) throws {
        var limits = FileLimits()
        limits.inflaters = Inflaters { .missing(reason: "no \($0) here") }
        let (world, cursor) = try stopped(limits: limits)
        let lines = lines(100)
        world.append(lines.map { $0 + "\n" }.joined())
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: form)
        world.append("new\n")
        try world.restart(cursor)
        #expect(world.read() == ["new"])
        world.acknowledge()
        // It is waited for, not given up, as long as it lies there.
        for _ in 0..<3 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        #expect(world.count("file_compressed") == 1 && world.count("bytes_lost_deleted") == 0)
        let problems = world.input.status(at: world.now).problems
        #expect(problems.count == 1 && problems[0].contains("install") && problems[0].contains("no lib"))
        let later = world.saved()
        // At the next start the library is there.
        let whole = try FileWorld.make(world.settings, in: world.directory, cursor: later, world.now, FileLimits())
        world.input = whole
        #expect(world.read() == lines)
        world.acknowledge()
        #expect(world.input.status(at: world.now).problems == [])
        #expect(world.count("file_compressed") == 0 && world.count("bytes_lost_deleted") == 0)
        #expect(world.read() == [])
    }

    @Test func withoutTheLibraryWhatIsGoneIsCounted() throws {
        var limits = FileLimits()
        limits.inflaters = Inflaters { .missing(reason: "no \($0) here") }
        let (world, _) = try stopped(limits: limits)
        for tail in world.input.follower.tails.values { world.input.follower.tails.close(tail) }
        world.append("two\nthree\n")
        world.move("a.log", "a.log.1")
        try world.compress("a.log.1", as: .xz)
        #expect(world.read() == [])
        world.delete("a.log.1.xz")
        for _ in 0..<3 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        #expect(world.input.status(at: world.now).problems == [] && world.input.follower.problems.compressed.isEmpty)
    }
}
