// What the options of a file input change: which files are begun, which are removed, and what their bytes mean.

import Bytes
import CLinux
import Foundation
import Glibc
import Logs
import Platform
import Settings
import Testing

@testable import Inputs

@Suite struct FileSettingsTests {
    private func age(_ world: FileWorld, _ name: String, seconds: Int) {
        let time = timespec(tv_sec: Int(Date().timeIntervalSince1970) - seconds, tv_nsec: 0)
        utimensat(AT_FDCWD, world.path(name), [time, time], 0)
    }

    // MARK: Which files

    @Test(arguments: ["*.log", "a.log*"]) func readsRotatedSiblingsOfAFirstSeenFileWhenAsked(glob: String) throws {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"], "from_rotated": true"#)
        for (name, text, seconds) in [("a.log.3", "1", 300), ("a.log.2", "2", 200), ("a.log.1", "3", 100)] {
            world.append(text + "\n", to: name)
            age(world, name, seconds: seconds)
        }
        world.compress("a.log.3")
        world.append("4\n")
        #expect(world.read() == ["1", "2", "3", "4"])
        world.acknowledge()
        try world.restart(world.saved())
        #expect(world.read() == [])
    }

    @Test func doesNotBeginWhatIsOldUntilItChanges() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "ignore_older": "1h""#)
        world.append("old\n", to: "old.log")
        age(world, "old.log", seconds: 7_200)
        world.append("new\n", to: "new.log")
        #expect(world.read() == ["new"])
        #expect(world.input.status(at: world.now).sourceCount == 1)
        world.append("again\n", to: "old.log")
        #expect(world.read() == ["old", "again"])
        world.acknowledge()
        let cursor = world.saved()
        // What was begun is read on, however old it is by then.
        world.append("late\n", to: "old.log")
        age(world, "old.log", seconds: 7_200)
        try world.restart(cursor)
        #expect(world.read() == ["late"])
    }

    // MARK: Removal

    private func rotated(_ option: String) throws -> FileWorld {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "remove_after": "\#(option)""#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(world.read() == ["two"])
        return world
    }

    private func exists(_ world: FileWorld, _ name: String) -> Bool { access(world.path(name), F_OK) == 0 }

    @Test func removesRotatedFilesWhenTheyAreAcknowledgedToTheirEnd() throws {
        let world = try rotated("acknowledged")
        world.advance(.seconds(70))
        #expect(world.read() == [])
        #expect(exists(world, "a.log.1"), "not acknowledged yet")
        world.acknowledge()
        world.advance(.seconds(70))
        world.read()
        #expect(!exists(world, "a.log.1"))
        #expect(exists(world, "a.log"), "the live file stays")
        #expect(world.count("file_removed") == 1)
        #expect(world.count("bytes_lost_deleted") == 0)
        // Also a compressed one.
        world.move("a.log", "a.log.1")
        world.append("three\n")
        world.read()
        world.compress("a.log.1")
        world.advance(.seconds(11))
        world.read()
        world.acknowledge()
        world.advance(.seconds(70))
        world.read()
        #expect(!exists(world, "a.log.1.gz"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.directory) == ["a.log"])
    }

    @Test func leavesWhatIsNotOldEnoughOrWasNeverRead() throws {
        let world = try rotated("1h")
        world.append("not ours\n", to: "a.log.9")
        age(world, "a.log.9", seconds: 7_200)
        world.acknowledge()
        for _ in 0..<2 {
            world.advance(.seconds(70))
            world.read()
        }
        #expect(exists(world, "a.log.1"))
        age(world, "a.log.1", seconds: 7_200)
        world.advance(.seconds(70))
        world.read()
        #expect(!exists(world, "a.log.1"))
        #expect(exists(world, "a.log.9"))
    }

    @Test func removesNothingUnlessItIsAsked() throws {
        let world = try FileWorld()
        world.append("one\n")
        world.read()
        world.move("a.log", "a.log.1")
        world.append("two\n")
        world.read()
        world.acknowledge()
        for _ in 0..<3 {
            world.advance(.seconds(70))
            world.read()
        }
        #expect(exists(world, "a.log.1"))
    }

    // MARK: Encodings

    private func lines(_ bytes: [UInt8], _ settings: String, pieces: Int = .max) throws -> [String] {
        let world = try FileWorld(#""paths": ["DIR/*.log"], \#(settings)"#)
        var lines: [String] = []
        for start in stride(from: 0, to: bytes.count, by: min(pieces, bytes.count)) {
            world.write(bytes: Array(bytes[start...].prefix(pieces)), to: "a.log")
            lines += world.read()
            // The position is one of the file: a restart at any byte goes on there.
            world.acknowledge()
            try world.restart(world.saved())
        }
        world.read()
        world.advance(.seconds(6))
        lines += world.read()
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
        return lines
    }

    private func wide(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { bigEndian ? [UInt8($0 >> 8), UInt8($0 & 0xFF)] : [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    }

    @Test(arguments: [1, 3, 7, .max]) func readsUTF16InTheOrderThatItsMarkTells(pieces: Int) throws {
        // U+0A0D and U+0D0A have the bytes of line ends, and end none.
        let text = "\u{FEFF}grün €\r\n\u{0A0D}\u{0D0A}😀\n\nrest"
        let expected = ["grün €", "\u{0A0D}\u{0D0A}😀", "", "rest"]
        for bigEndian in [false, true] {
            #expect(try lines(wide(text, bigEndian: bigEndian), #""encoding": "utf-16""#, pieces: pieces) == expected)
        }
        let bare = String(text.dropFirst())
        #expect(try lines(wide(bare, bigEndian: true), #""encoding": "utf-16be""#, pieces: pieces) == expected)
        #expect(try lines(wide(bare, bigEndian: false), #""encoding": "utf-16le""#, pieces: pieces) == expected)
        #expect(try lines(wide(bare, bigEndian: false), #""encoding": "utf-16""#, pieces: pieces) == expected)
    }

    @Test func halfAPairIsReplacedAndCounted() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "encoding": "utf-16le""#)
        world.write(bytes: [0x41, 0, 0x3D, 0xD8, 0x42, 0, 0x00, 0xDE, 0x0A, 0], to: "a.log")
        #expect(world.read() == ["A\u{FFFD}B\u{FFFD}"])
        #expect(world.count("utf16_replaced") == 2)
    }

    @Test func longLinesOfUTF16AreCutBetweenCharacters() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "encoding": "utf-16le", "line_limit": "1KiB""#)
        world.write(bytes: wide("x" + String(repeating: "😀", count: 600) + "\nnext\n", bigEndian: false), to: "a.log")
        #expect(world.read() == ["x" + String(repeating: "😀", count: 255), "next"])
        #expect(world.count("line_cut") == 1)
        #expect(world.count("bytes_cut") == 2 + 2_400 - 2 - 1_020)
    }

    @Test(arguments: [1, .max]) func readsLatin1(pieces: Int) throws {
        let bytes = Array("gr".utf8) + [0xFC, 0x6E, 0x0D, 0x0A] + [0xE9, 0x0A]
        #expect(try lines(bytes, #""encoding": "latin-1""#, pieces: pieces) == ["grün", "é"])
    }

    @Test func theMarkOfUTF8IsNoText() throws {
        #expect(try lines([0xEF, 0xBB, 0xBF] + Array("one\ntwo\n".utf8), #""encoding": "utf-8""#) == ["one", "two"])
    }

    @Test(arguments: [1, 2, 5, .max]) func aReturnAloneEndsALineWhenAsked(pieces: Int) throws {
        let text = Array("one\rtwo\r\n\r\rthree\nfour\r".utf8)
        #expect(try lines(text, #""line_end": "any""#, pieces: pieces) == ["one", "two", "", "", "three", "four"])
        #expect(try lines(text, #""line_end": "lf""#, pieces: pieces) == ["one\rtwo", "\r\rthree", "four\r"])
    }

    /// A program without O_APPEND goes on at its old place after a truncation.
    @Test func theHoleThatAWriterLeavesIsNoText() throws {
        let world = try FileWorld()
        let writer = open(world.path("a.log"), O_WRONLY | O_CREAT, 0o644)
        world.write(String(repeating: "x", count: 99_999) + "\n", writer)
        #expect(world.read().count == 1)
        world.truncate()
        world.write("after\n", writer)
        #expect(world.read() == ["after"])
        #expect(world.count("nul_skipped") == 100_000)
        world.write("nul \0 within\n", writer)
        close(writer)
        #expect(world.read() == ["nul \0 within"])
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test(arguments: [
        (#""encoding": "ebcdic""#, "utf-16"), (#""line_end": "cr""#, "any"), (#""ignore_older": "soon""#, "duration"),
        (#""remove_after": "read""#, "duration"), (#""from_rotated": true, "start_at": "end""#, "start_at"),
    ]) func rejectsSettings(setting: String, reason: String) throws {
        do {
            _ = try FileWorld(#""paths": ["/a"], \#(setting)"#)
            Issue.record("\(setting) was taken")
        } catch let error as SettingsError {
            #expect(error.description.contains(reason), "\(error)")
        }
    }
}
