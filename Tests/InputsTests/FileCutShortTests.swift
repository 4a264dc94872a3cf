// Compressed files that were cut short or are damaged: what can be read of them comes once, their lag ends, and it is
// said.

import Bytes
import Compression
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileCutShortTests {
    private static let forms = CompressionForm.allCases

    /// Lines that compress badly, so that a part of the file has a part of them.
    private let lines: [String] = {
        var random = SeededRandom(seed: 11)
        return (0..<3_000).map { "line \($0) \(UInt64.random(in: 0...UInt64.max, using: &random))" }
    }()

    private func bytes(_ form: CompressionForm, _ lines: some Sequence<String>) throws -> [UInt8] {
        let lines = Array(lines)
        // bzip2 and zstd give the text of a block at once, so there are several of them.
        return try stride(from: 0, to: lines.count, by: 300).flatMap { first in
            let text = lines[first..<min(first + 300, lines.count)].map { $0 + "\n" }.joined()
            return try compressed(Array(text.utf8), by: form.rawValue)
        }
    }

    /// A world in which the first hundred lines were read, the rest is in a compressed file, and the agent is
    /// stopped.
    private func world(_ bytes: [UInt8], to name: String) throws -> FileWorld {
        let world = try FileWorld()
        world.append(lines[..<100].map { $0 + "\n" }.joined())
        #expect(world.read().count == 100)
        world.acknowledge()
        let cursor = world.saved()
        world.delete("a.log")
        world.write(bytes: bytes, to: name)
        try world.restart(cursor)
        return world
    }

    /// What comes until nothing comes any more.
    private func readAll(_ world: FileWorld) -> [String] {
        var got: [String] = []
        for _ in 0..<4 {
            got += world.read()
            world.acknowledge()
            world.advance(.seconds(11))
        }
        return got
    }

    /// Whole lines in order.
    private func expectLines(_ got: [String], from first: Int, least: Int) {
        #expect(got.count >= least && got.elementsEqual(lines[first...].prefix(got.count)))
    }

    @Test(arguments: forms) func theLinesComeAndTheLagEnds(form: CompressionForm) throws {
        let whole = try bytes(form, lines)
        let name = "a.log.1" + form.ending
        let world = try world(Array(whole[..<(whole.count * 2 / 3)]), to: name)
        let got = readAll(world)
        expectLines(got, from: 100, least: 500)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        #expect(world.count("file_damaged") == 1)
        #expect(world.input.status(at: world.now).problems.contains { $0.contains(name) && $0.contains("ends in the") })
        // It is said and counted once, however long it lies there, and nothing is read.
        let turns = world.input.follower.turns.count
        for _ in 0..<5 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        #expect(world.count("file_damaged") == 1)
        #expect(world.input.follower.turns.count - turns <= 1)
        // Nor does it begin again.
        for _ in 0..<2 {
            try world.restart(world.saved())
            #expect(readAll(world) == [])
            #expect(world.input.status(at: world.now).lagBytes == 0 && world.count("bytes_lost_deleted") == 0)
        }
    }

    @Test(arguments: forms, [false, true]) func whatIsAddedLaterIsRead(form: CompressionForm, isRestarted: Bool) throws
    {
        let whole = try bytes(form, lines)
        let name = "a.log.1" + form.ending
        let cut = whole.count * 2 / 3
        let world = try world(Array(whole[..<cut]), to: name)
        var got = readAll(world)
        if isRestarted {
            let cursor = world.saved()
            world.write(bytes: Array(whole[cut...]), to: name)
            try world.restart(cursor)
        } else {
            world.write(bytes: Array(whole[cut...]), to: name)
        }
        got += readAll(world)
        #expect(got == Array(lines[100...]))
        #expect(world.input.status(at: world.now).problems == [])
        try world.restart(world.saved())
        #expect(readAll(world) == [])
    }

    @Test(arguments: forms) func renamedAndRemoved(form: CompressionForm) throws {
        let whole = try bytes(form, lines)
        let world = try world(Array(whole[..<(whole.count * 2 / 3)]), to: "a.log.1" + form.ending)
        #expect(readAll(world).count > 500)
        world.move("a.log.1" + form.ending, "a.log.2" + form.ending)
        #expect(readAll(world) == [])
        world.delete("a.log.2" + form.ending)
        #expect(readAll(world) == [])
        world.advance(.seconds(61))
        #expect(readAll(world) == [])
        #expect(world.input.follower.tails.all.isEmpty && world.input.follower.memory.known.isEmpty)
        #expect(world.input.status(at: world.now).problems == [] && world.count("bytes_lost_deleted") == 0)
        #expect(world.input.follower.turns.isEmpty)
    }

    /// So little of it is there that its text does not tell which one it is: nothing was read of that one.
    @Test(arguments: forms) func aFewLines(form: CompressionForm) throws {
        var random = SeededRandom(seed: 5)
        let some = (0..<60).map { "line \($0) \(UInt64.random(in: 0...UInt64.max, using: &random))" }
        let whole = try bytes(form, some)
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        world.delete("a.log")
        let cut = Array(whole[..<(form == .bzip2 || form == .zstd ? whole.count - 6 : whole.count / 2)])
        world.write(bytes: cut, to: "a.log.1" + form.ending)
        let got = readAll(world)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        if got.isEmpty { return }
        #expect(got.count > 5 && got.elementsEqual(some.prefix(got.count)))
        #expect(world.count("file_damaged") == 1)
        for _ in 0..<2 {
            try world.restart(world.saved())
            #expect(readAll(world) == [])
        }
    }

    @Test(arguments: [CompressionForm.gzip, .xz]) func everyTruncationOfASmallOne(form: CompressionForm) throws {
        let some = Array(lines[..<12])
        let whole = try bytes(form, some)
        for count in stride(from: 1, to: whole.count, by: 7) {
            let world = try FileWorld()
            world.append("one\n")
            #expect(world.read() == ["one"])
            world.acknowledge()
            world.delete("a.log")
            world.write(bytes: Array(whole[..<count]), to: "a.log.1" + form.ending)
            let got = readAll(world)
            #expect(got.elementsEqual(some.prefix(got.count)), "cut at \(count)")
            #expect(world.input.status(at: world.now).lagBytes == 0, "cut at \(count)")
            try world.restart(world.saved())
            #expect(readAll(world) == [], "cut at \(count)")
        }
    }

    /// Nothing of its text is there.
    @Test(arguments: forms) func cutShortBeforeItsText(form: CompressionForm) throws {
        let whole = try bytes(form, lines)
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.write(bytes: Array(whole[..<11]), to: "a.log.1" + form.ending)
        #expect(readAll(world) == [])
        #expect(world.count("file_damaged") == 1)
        for _ in 0..<3 {
            world.append("two\n")
            #expect(readAll(world) == ["two"])
        }
        #expect(world.count("file_damaged") == 1 && world.input.status(at: world.now).lagBytes == 0)
        world.write(bytes: Array(whole[11...]), to: "a.log.1" + form.ending)
        #expect(readAll(world) == lines)
    }

    // MARK: Damage

    /// One byte near the end, where the checksum is, or the size.
    @Test(arguments: forms, [12, 3_000]) func aWrongChecksumAtTheEnd(form: CompressionForm, count: Int) throws {
        let text = Array(lines[..<count].map { $0 + "\n" }.joined().utf8)
        var whole = try compressed(text, by: form.rawValue, form == .zstd ? ["--check"] : [])
        whole[whole.count - 3] ^= 0x40
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.delete("a.log")
        world.write(bytes: whole, to: "a.log.1" + form.ending)
        let got = readAll(world)
        #expect(got == Array(lines[..<count]))
        #expect(world.count("file_damaged") == 1)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(readAll(world) == [])
    }

    @Test(arguments: forms, [12, 3_000]) func somethingElseBehindIt(form: CompressionForm, count: Int) throws {
        let whole = try bytes(form, lines[..<count])
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.delete("a.log")
        world.write(bytes: whole + Array("this is no member".utf8), to: "a.log.1" + form.ending)
        #expect(readAll(world) == Array(lines[..<count]))
        #expect(world.count("file_damaged") == 1)
        #expect(world.count("bytes_lost_damaged") == 0)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(readAll(world) == [])
    }

    @Test(arguments: forms) func theMiddleIsDamaged(form: CompressionForm) throws {
        var whole = try bytes(form, lines)
        for index in (whole.count / 2)..<(whole.count / 2 + 300) { whole[index] = 0xFF }
        let world = try world(whole, to: "a.log.1" + form.ending)
        let got = readAll(world)
        #expect(got.count > 100)
        // gzip sees damage only later, and gives what is none of its lines before.
        if form != .gzip {
            expectLines(got, from: 100, least: 100)
        } else {
            expectLines(Array(got.prefix(900)), from: 100, least: 900)
        }
        #expect(world.count("file_damaged") == 1)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(readAll(world) == [])
    }

    /// The file has its size before it is written, as with rsync's `--preallocate`.
    @Test(arguments: forms) func itIsWrittenIntoTheRoomThatItHas(form: CompressionForm) throws {
        let whole = try bytes(form, lines)
        let cut = whole.count / 2
        let name = "a.log.1" + form.ending
        let world = try world(Array(whole[..<cut]) + [UInt8](repeating: 0, count: whole.count - cut), to: name)
        var got = world.read()
        #expect(world.count("file_damaged") == 0)
        world.delete(name)
        world.write(bytes: whole, to: name)
        got += readAll(world)
        #expect(Set(lines[100...]).subtracting(got).isEmpty)
    }
}
