// Where numbers of files lie: devices that have another one after a reboot, file systems that make them up, inodes that
// are used again, files that are too short to tell, files that begin alike, empty files.

import Bytes
import Foundation
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileIdentityTests {
    private let banner = String(repeating: "a banner that each file begins with\n", count: 40)

    /// As it would have been saved under other numbers: the device is another, and the inode where that is asked.
    private func renumbered(_ cursor: JSONValue?, device: Bool = true, inode: Bool = false) throws -> JSONValue {
        var malformed = 0
        var cursors = FileCursors(try #require(cursor), malformed: &malformed)
        #expect(malformed == 0)
        for index in cursors.files.indices {
            let id = cursors.files[index].id
            cursors.files[index].identity.id = FileID(
                device: id.device + (device ? 77 : 0), inode: id.inode + (inode ? 1_000_000 : 0))
        }
        var json = JSONWriter()
        cursors.write(into: &json)
        return try parseJSON(json.bytes)
    }

    @Test(arguments: ["short\n", String(repeating: "a line of a longer file\n", count: 100)])
    func anotherDeviceNumberIsTheSameFile(text: String) throws {
        let world = try FileWorld()
        world.append(text)
        world.read()
        world.acknowledge()
        let saved = try renumbered(world.saved())
        world.append("new\n")
        try world.restart(saved)
        #expect(world.read() == ["new"])
        world.acknowledge()
        // Under its number of now: the next start knows it without a look at its content.
        try world.restart(world.saved())
        #expect(world.read() == [])
        world.advance(.seconds(11))
        #expect(world.read() == [] && world.count("bytes_lost_deleted") == 0)
    }

    /// Each rotated file begins with the same KiB: only its inode tells which is which.
    @Test(arguments: ["*.log", "a.log*"]) func anotherDeviceNumberAfterRotations(glob: String) throws {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        world.append(banner + "one\n")
        world.read()
        world.acknowledge()
        world.append("two\n")
        world.move("a.log", "a.log.1")
        world.append(banner + "three\n")
        world.read()
        // Of the new file nothing, and of the old one all but its last line.
        let saved = try renumbered(world.saved())
        world.append("four\n")
        world.move("a.log.1", "a.log.2")
        world.move("a.log", "a.log.1")
        world.append(banner + "five\n")
        try world.restart(saved)
        let lines = world.read().filter { !$0.hasPrefix("a banner") }
        #expect(lines == ["two", "three", "four", "five"])
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    /// A file system that makes up both numbers: the first KiB says that it is the same.
    @Test func otherNumbersOfDeviceAndFile() throws {
        let world = try FileWorld()
        world.append(banner + "one\n")
        world.read()
        world.acknowledge()
        let saved = try renumbered(world.saved(), inode: true)
        world.append("two\n")
        try world.restart(saved)
        #expect(world.read() == ["two"])
    }

    /// So little that it may be another: it is read again rather than lost.
    @Test func otherNumbersOfAShortFile() throws {
        let world = try FileWorld()
        world.append("started\n")
        world.read()
        world.acknowledge()
        let saved = try renumbered(world.saved(), inode: true)
        world.append("two\n")
        try world.restart(saved)
        #expect(world.read() == ["started", "two"])
    }

    /// The device is the one of before, so the inode is true: it is another file, though it begins alike.
    @Test func anotherInodeOfTheSameDeviceIsAnotherFile() throws {
        let world = try FileWorld()
        world.append(banner + "one\n")
        world.read()
        world.acknowledge()
        let saved = try renumbered(world.saved(), device: false, inode: true)
        try world.restart(saved)
        #expect(world.read().last == "one")
    }

    @Test func anotherDeviceNumberAndAnotherContent() throws {
        let world = try FileWorld()
        world.append("old one\nold two\n")
        world.read()
        world.acknowledge(1)
        let saved = try renumbered(world.saved())
        world.truncate()
        world.append("new one\nnew two\nnew three\n")
        try world.restart(saved)
        #expect(world.read() == ["new one", "new two", "new three"])
        world.advance(.seconds(11))
        world.read()
        #expect(world.count("bytes_lost_deleted") == 8)
    }

    /// Two files that begin alike, for more than what is remembered of a beginning.
    @Test(arguments: [true, false]) func twoFilesWithTheSameStart(isRestarted: Bool) throws {
        let world = try FileWorld()
        for name in ["a.log", "b.log"] { world.append(banner + "\(name) 1\n", to: name) }
        world.read()
        world.acknowledge()
        if isRestarted { try world.restart(world.saved()) }
        for name in ["a.log", "b.log"] { world.append("\(name) 2\n", to: name) }
        #expect(world.read().sorted() == ["a.log 2", "b.log 2"])
        // They change places.
        if isRestarted { try world.restart(world.saved()) }
        world.move("a.log", "c")
        world.move("b.log", "a.log")
        world.move("c", "b.log")
        for name in ["a.log", "b.log"] { world.append("\(name) 3\n", to: name) }
        #expect(Set(world.read()).isSuperset(of: ["a.log 3", "b.log 3"]))
        #expect(world.lines.filter { $0.hasSuffix(" 3") }.count == 2)
    }

    /// Of an empty file nothing is remembered: whatever has its inode or its name later is read from its beginning.
    @Test func emptyFiles() throws {
        let world = try FileWorld()
        for name in ["a.log", "b.log", "c.log"] { world.append("", to: name) }
        #expect(world.read() == [])
        let saved = try #require(world.saved())
        world.append("one\n", to: "a.log")
        #expect(world.read() == ["one"])
        world.append("two\n", to: "a.log")
        world.delete("b.log")
        world.append("three\n", to: "b.log")
        world.move("c.log", "c.log.1")
        world.append("four\n", to: "c.log.1")
        try world.restart(saved)
        #expect(world.read().sorted() == ["four", "one", "three", "two"])
    }

    // MARK: Mounted anew

    /// As if the device of all files had had another number until now.
    private func mountAnew(_ world: FileWorld) throws {
        let follower = world.input.follower
        for tail in follower.tails.values where !tail.isFinished {
            follower.tails.forgetID(of: tail)
            tail.identity.id = FileID(device: tail.id.device + 77, inode: tail.id.inode)
            follower.tails.put(tail, as: tail.id)
        }
        for var cursor in follower.memory.known.all {
            let entry = try #require(follower.memory.known[cursor.key])
            follower.memory.known.remove(cursor.key)
            cursor.identity.id = FileID(device: cursor.id.device + 77, inode: cursor.id.inode)
            follower.memory.known.insert(cursor, tail: entry.tail)
            entry.tail?.setKnown(cursor.key)
        }
    }

    /// The files go on where they were read to, also a rotated one; and of what is held open from the old mount nothing
    /// is left.
    @Test(arguments: [true, false], ["short\n", String(repeating: "a line of a longer file\n", count: 100)])
    func aDeviceThatIsMountedAnewWhileItIsFollowed(isOpen: Bool, text: String) throws {
        let world = try FileWorld()
        for name in ["a.log", "b.log"] { world.append(name + text, to: name) }
        world.read()
        world.acknowledge()
        world.move("b.log", "b.log.1")
        world.read()
        if !isOpen { for tail in world.input.follower.tails.values { world.input.follower.tails.close(tail) } }
        let tail = try #require(world.input.follower.tails.at(Path(world.path("a.log"))))
        try mountAnew(world)
        world.advance(.seconds(61))
        #expect(world.read() == [])
        for name in ["a.log", "b.log.1"] { world.append("\(name) new\n", to: name) }
        world.append("b.log anew\n", to: "b.log")
        #expect(world.read().sorted() == ["a.log new", "b.log anew", "b.log.1 new"])
        #expect(world.input.follower.tails.at(Path(world.path("a.log"))) === tail && !tail.isAway)
        #expect(try tail.id == FileStatus(of: world.path("a.log")).id)
        world.acknowledge()
        try world.restart(world.saved())
        #expect(world.read() == [] && world.count("bytes_lost_deleted") == 0)
    }

    @Test func anotherDeviceWithAnotherFileOfThatNumber() throws {
        let world = try FileWorld()
        world.append("old one\nold two\n")
        world.read()
        world.acknowledge()
        try mountAnew(world)
        world.truncate()
        world.append("new one\nnew two\nnew three\n")
        world.advance(.seconds(61))
        #expect(world.read() == ["new one", "new two", "new three"])
    }
}
