// NULs at the end of a file that are not written yet: a log whose size is set before it is written.

import Bytes
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileUnwrittenTests {
    enum Form: CaseIterable { case nuls, fallocated, hole }

    private static let size = 1 << 20

    /// A file of NULs, open for writing from its beginning.
    private func preallocate(_ world: FileWorld, _ form: Form, _ name: String = "a.log", size: Int = size) -> Int32 {
        let descriptor = open(world.path(name), O_WRONLY | O_CREAT, 0o644)
        #expect(descriptor >= 0)
        switch form {
        case .nuls:
            world.write(String(repeating: "\0", count: size), descriptor)
            lseek(descriptor, 0, SEEK_SET)
        case .fallocated: #expect(posix_fallocate(descriptor, 0, off_t(size)) == 0)
        case .hole: #expect(ftruncate(descriptor, off_t(size)) == 0)
        }
        return descriptor
    }

    @Test(arguments: Form.allCases, [true, false]) func linesComeAsTheyAreWritten(form: Form, isRestarted: Bool) throws
    {
        let world = try FileWorld()
        let writer = preallocate(world, form)
        defer { close(writer) }
        #expect(world.read() == [])
        for number in 0..<40 {
            // Some of them past the first KiB, and past what is kept of a place further inside.
            let line = "line \(number) " + String(repeating: "x", count: number * 100)
            world.write(line + "\n", writer)
            #expect(world.read() == [line])
            world.acknowledge()
            if isRestarted, number % 5 == 0 { try world.restart(world.saved()) }
        }
        #expect(world.count("nul_skipped") == 0)
        #expect(world.input.status(at: world.now).lagBytes == 0)
        // At rest nothing is read.
        let turns = world.input.follower.turns.count
        world.advance(.seconds(61))
        #expect(world.read() == [] && world.input.follower.turns.count == turns)
    }

    /// A program that takes back what it did not need, and one that goes on at the end.
    @Test(arguments: Form.allCases) func theRestIsCutOffOrLeftBehind(form: Form) throws {
        let world = try FileWorld()
        let writer = preallocate(world, form)
        defer { close(writer) }
        world.write("one\n", writer)
        #expect(world.read() == ["one"])
        ftruncate(writer, 4)
        #expect(world.read() == [])
        world.append("two\n")
        #expect(world.read() == ["two"])
        ftruncate(writer, off_t(Self.size))
        #expect(world.read() == [])
        // What stands behind NULs makes a hole of them.
        world.append("three\n")
        #expect(world.read() == ["three"])
        #expect(world.count("nul_skipped") == UInt64(Self.size - 8))
        #expect(world.count("bytes_lost_truncation") == 0)
    }

    /// Text behind the NULs that comes while they are being waited for, without another size.
    @Test func textBehindThemWithinTheSize() throws {
        let world = try FileWorld()
        let writer = preallocate(world, .nuls)
        defer { close(writer) }
        world.write("one\n", writer)
        #expect(world.read() == ["one"])
        lseek(writer, 700_000, SEEK_SET)
        let isChanged = eventually {
            lseek(writer, 700_000, SEEK_SET)
            world.write("two\n", writer)
            return world.read() == ["two"]
        }
        #expect(isChanged)
        #expect(world.count("nul_skipped") == 699_996)
    }

    /// Nothing is read of it, and nobody waits for it.
    @Test func aHoleOfHundredsOfGigabytes() throws {
        let world = try FileWorld()
        let writer = preallocate(world, .hole, size: 500 << 30)
        defer { close(writer) }
        world.write("one\n", writer)
        world.append("other\n", to: "b.log")
        #expect(world.read(limit: 5).sorted() == ["one", "other"])
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    /// A program without O_APPEND goes on at its old place after a truncation. The hole that it makes is not read, and
    /// what stands behind it is.
    @Test(arguments: ["utf-8", "utf-16le"]) func aHoleBeforeText(encoding: String) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "encoding": "\#(encoding)""#)
        let unit = encoding == "utf-8" ? "" : "\0"
        func text(_ line: String) -> String { line.map { "\($0)\(unit)" }.joined() }
        let writer = preallocate(world, .hole, size: 200 << 30)
        defer { close(writer) }
        world.write(text("one\n"), writer)
        #expect(world.read(limit: 20) == ["one"])
        world.append(text("two\n"))
        #expect(world.read(limit: 20) == ["two"])
        let hole = UInt64(200 << 30) - UInt64(text("one\n").utf8.count)
        #expect(world.count("nul_skipped") == hole)
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test(arguments: [("utf-16le", [UInt8]([0x6F, 0, 0x0A, 0])), ("utf-16be", [0, 0x6F, 0, 0x0A])])
    func charactersOfTwoBytes(encoding: String, line: [UInt8]) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "encoding": "\#(encoding)""#)
        let writer = preallocate(world, .nuls)
        defer { close(writer) }
        for _ in 0..<400 {
            _ = line.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
            #expect(world.read() == ["o"])
        }
        world.acknowledge()
        try world.restart(world.saved())
        _ = line.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
        #expect(world.read() == ["o"])
    }

    @Test(arguments: Form.allCases) func startAtTheEndIsWhereTheTextEnds(form: Form) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "start_at": "end""#)
        let writer = preallocate(world, form)
        defer { close(writer) }
        world.write("old\n", writer)
        #expect(world.read() == [])
        world.write("new\n", writer)
        #expect(world.read() == ["new"])
    }

    @Test func halfALineBeforeThem() throws {
        let world = try FileWorld()
        let writer = preallocate(world, .nuls)
        defer { close(writer) }
        world.write("one\ntw", writer)
        #expect(world.read() == ["one"])
        world.advance(.seconds(3600))
        #expect(world.read() == ["tw"])
        world.write("o\nthree\n", writer)
        #expect(world.read() == ["o", "three"])
    }

    /// What was never written is not lost.
    @Test(arguments: Form.allCases) func renamedOrDeletedWithTheRest(form: Form) throws {
        let world = try FileWorld()
        let writer = preallocate(world, form)
        world.write("one\n", writer)
        #expect(world.read() == ["one"])
        world.acknowledge()
        world.move("a.log", "a.log.1")
        let next = preallocate(world, form)
        world.write("two\n", next)
        world.write("one more\n", writer)
        #expect(world.read() == ["one more", "two"])
        world.acknowledge()
        close(writer)
        close(next)
        world.delete("a.log.1")
        for _ in 0..<3 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        world.delete("a.log")
        try world.restart(world.saved())
        for _ in 0..<3 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    /// `copytruncate` by a program that makes room for the copy first.
    @Test(arguments: Form.allCases, [true, false]) func aCopyThatGetsItsSizeFirst(form: Form, hasBanner: Bool) throws {
        let world = try FileWorld()
        let text =
            (hasBanner ? String(repeating: "= banner\n", count: 200) : "")
            + (0..<400).map { "line \($0)\n" }.joined()
        world.append(text)
        let count = world.read().count
        #expect(count == (hasBanner ? 600 : 400))
        world.acknowledge()
        world.append("late\n")
        let whole = Array((text + "late\n").utf8)
        let writer = preallocate(world, form, "a.log.1", size: whole.count)
        defer { close(writer) }
        var read = world.read()
        for part in 0..<4 {
            let range = whole.count * part / 4..<whole.count * (part + 1) / 4
            _ = whole[range].withUnsafeBytes { Glibc.write(writer, $0.baseAddress, $0.count) }
            read += world.read()
        }
        world.truncate()
        world.append("new\n")
        for _ in 0..<4 {
            read += world.read()
            world.advance(.seconds(11))
        }
        #expect(read == ["late", "new"])
    }
}
