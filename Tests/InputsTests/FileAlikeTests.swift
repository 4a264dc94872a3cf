// Logs that all begin with the same banner, longer than the first bytes by which a file is known. What comes after the
// banner tells them apart: without that, one would be skipped as far as another was read, and nobody would count it.

import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileAlikeTests: AlikeLogs {
    /// Begun, and read to its end.
    private func world(_ settings: String = #""paths": ["DIR/a.log"]"#) throws -> FileWorld {
        let world = try FileWorld(settings)
        world.append(log("first"))
        world.read()
        world.acknowledge()
        return world
    }

    /// The one that was read is the one of the two that is compressed, and has another inode; the other is plain and
    /// newer, which made it the better copy.
    @Test(arguments: [1, 2]) func compressedAndRotatedTwiceWhileStopped(number: Int) throws {
        let world = try world()
        let saved = world.saved()
        world.append("first late\n")
        world.move("a.log", "a.log.2")
        world.append(log("second"), to: "a.log.1")
        if number == 2 { world.compress("a.log.1") }
        world.compress("a.log.2")
        world.append(log("third"))
        try world.restart(saved)
        #expect(readAll(world) == ["first late"] + lines("second") + lines("third"))
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    /// The one that was read is gone for good: what is left is none of it.
    @Test(arguments: [true, false]) func theReadOneIsGone(isCompressed: Bool) throws {
        let world = try world()
        world.append("first unread\n")
        world.advance(.seconds(61))
        #expect(world.read() == ["first unread"])
        let saved = world.saved()
        world.delete("a.log")
        world.append(log("second", 80), to: "a.log.1")
        if isCompressed { world.compress("a.log.1") }
        world.append(log("third"))
        try world.restart(saved)
        #expect(readAll(world) == lines("second", 0..<80) + lines("third"))
        #expect(world.count("bytes_lost_deleted") == 13)
    }

    /// `nohup app > a.log`, started once more: the same inode, the same banner, and more text than before.
    @Test(arguments: [true, false]) func writtenAnewInPlace(isStopped: Bool) throws {
        let world = try world()
        let saved = world.saved()
        world.truncate()
        world.append(log("second", 90))
        if isStopped { try world.restart(saved) }
        #expect(readAll(world) == lines("second", 0..<90))
    }

    /// What had not been read of the old content is counted, with a banner and without, whatever its inode.
    @Test(arguments: [true, false]) func writtenAnewInPlaceWhileUnread(hasBanner: Bool) throws {
        let world = try world()
        world.append("first unread\n")
        world.advance(.seconds(61))
        #expect(world.read() == ["first unread"])
        let saved = world.saved()
        world.truncate()
        world.append(hasBanner ? log("second", 90) : lines("second", 0..<90).map { $0 + "\n" }.joined())
        try world.restart(saved)
        #expect(readAll(world) == lines("second", 0..<90))
        #expect(world.count("bytes_lost_deleted") == 13)
    }

    /// Of a file of which everything was read, and of one that is its very form: a plain file beside a compressed one
    /// is another log, if it has another text.
    @Test func aPlainFileBesideACompressedOne() throws {
        let world = try world()
        world.move("a.log", "a.log.1")
        world.read()
        world.compress("a.log.1", to: "a.log.2.gz")
        #expect(readAll(world) == [])
        let saved = world.saved()
        world.append(log("second", 90), to: "a.log.1")
        world.append(log("third"))
        try world.restart(saved)
        #expect(readAll(world) == lines("second", 0..<90) + lines("third"))
    }

    /// One that is held open, deleted and not read yet, is not the one that was compressed.
    @Test func aCompressedFileWhileAnotherIsHeld() throws {
        let world = try world()
        world.move("a.log", "a.log.1")
        world.append(log("second"))
        world.input.lookAround(at: world.now)
        world.delete("a.log")
        world.append(log("third"), to: "b.tmp")
        world.compress("b.tmp", to: "a.log.2.gz")
        world.append(log("fourth"))
        #expect(Set(readAll(world)) == Set(lines("second") + lines("third") + lines("fourth")))
        #expect(world.lines.filter { !$0.hasPrefix("=") }.count == 160)
    }

    /// Nothing is removed for being like what was read.
    @Test func onlyWhatWasReadIsRemoved() throws {
        let world = try world(#""paths": ["DIR/a.log"], "remove_after": "1s", "ignore_older": "1h""#)
        world.move("a.log", "a.log.1")
        #expect(readAll(world) == [])
        let saved = world.saved()
        // Its inode may be used again.
        world.delete("a.log.1")
        world.append(log("second"), to: "a.log.1")
        var old = [timespec(tv_sec: 1_600_000_000, tv_nsec: 0), timespec(tv_sec: 1_600_000_000, tv_nsec: 0)]
        utimensat(AT_FDCWD, world.path("a.log.1"), &old, 0)
        try world.restart(saved)
        #expect(readAll(world) == [])
        #expect(access(world.path("a.log.1"), F_OK) == 0)
    }

    /// As far as nothing was read but the banner, any of them will do; and of each everything comes.
    @Test func stoppedWithinTheBanner() throws {
        let world = try FileWorld(#""paths": ["DIR/a.log"]"#)
        world.append(log("first"))
        world.read()
        world.acknowledge(45)
        let saved = world.saved()
        world.move("a.log", "b.tmp")
        world.compress("b.tmp", to: "a.log.2.gz")
        world.append(log("second"), to: "a.log.1")
        world.append(log("third"))
        try world.restart(saved)
        #expect(readAll(world) == lines("first") + lines("second") + lines("third"))
    }
}
