// An inode that is used again by a file that begins like the old one: when a file was made tells them apart.

import Bytes
import Foundation
import Platform
import TestSupport
import Testing

@testable import Inputs

private enum Birth {
    static func of(_ path: String) -> Int64? { (try? File(reading: path).birth()) ?? nil }

    static let isTold: Bool = {
        guard let directory = try? TemporaryDirectory(), let path = try? directory.write("a", "") else { return false }
        return of(path) != nil
    }()
}

@Suite(.enabled(if: Birth.isTold, "the file system of temporary files does not tell when a file was made"))
struct FileBirthTests {
    /// Two files of the same tick of the kernel's clock cannot be told apart.
    private func waitForAnotherTick(_ world: FileWorld, than name: String) {
        let before = Birth.of(world.path(name))
        let isLater = eventually {
            world.delete("probe")
            world.append("", to: "probe")
            return Birth.of(world.path("probe")) != before
        }
        #expect(isLater)
        world.delete("probe")
    }

    /// As if the inode had been used again by a file that is like the old one: the cursor is of one made before.
    private func bornBefore(_ saved: JSONValue?, _ born: Int64?) throws -> JSONValue {
        var malformed = 0
        var cursors = FileCursors(try #require(saved), malformed: &malformed)
        for index in cursors.files.indices {
            #expect(cursors.files[index].identity.born != nil)
            cursors.files[index].identity.born = born
        }
        var json = JSONWriter()
        cursors.write(into: &json)
        return try parseJSON(json.bytes)
    }

    @Test func aFileThatBeginsLikeTheOneOfThatInode() throws {
        let world = try FileWorld(#""paths": ["DIR/bulk*"]"#)
        world.append("1\n", to: "bulk1")
        #expect(world.read() == ["1"])
        world.acknowledge()
        let saved = world.saved()
        waitForAnotherTick(world, than: "bulk1")
        // The agent holds the inode until it stops.
        try world.restart(nil)
        world.delete("bulk1")
        world.append("1\n", to: "bulk2")
        try world.restart(saved)
        #expect(world.read() == ["1"])
        world.advance(.seconds(11))
        #expect(world.read() == [] && world.count("bytes_lost_deleted") == 0)
    }

    @Test(arguments: [1, 40]) func aTableWithTheSameHeader(lines: Int) throws {
        let header = (0..<lines).map { "column \($0)\n" }.joined()
        let world = try FileWorld(#""paths": ["DIR/*.csv"]"#)
        world.append(header, to: "a.csv")
        #expect(world.read().count == lines)
        world.acknowledge()
        try world.restart(try bornBefore(world.saved(), 1_600_000_000_000_000_000))
        world.append("1;2\n", to: "a.csv")
        #expect(world.read().count == lines + 1)
        world.acknowledge()
        try world.restart(world.saved())
        #expect(world.read() == [])
    }

    /// A cursor of an older version says nothing of it; what is saved then does.
    @Test func aCursorOfAnOlderVersionIsReadOn() throws {
        let world = try FileWorld()
        world.append("one\n")
        world.read()
        world.acknowledge()
        let old = try bornBefore(world.saved(), nil)
        #expect(old["files"]?.array?[0]["born"] == nil)
        world.append("two\n")
        try world.restart(old)
        #expect(world.read() == ["two"])
        #expect(world.saved()?["files"]?.array?[0]["born"]?.unsigned.map { Int64($0) } == Birth.of(world.path("a.log")))
    }

    /// One that was closed to make room, and whose inode is used again while the agent runs.
    @Test(arguments: [true, false]) func aClosedFileIsReplaced(isRenamed: Bool) throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        let tail = try #require(world.input.follower.tails.values.first)
        world.input.follower.tails.close(tail)
        tail.identity.born = 1_600_000_000_000_000_000
        if isRenamed { world.move("a.log", "b.log") }
        world.append("two\n", to: isRenamed ? "b.log" : "a.log")
        #expect(world.read() == ["one", "two"])
        world.acknowledge()
        world.advance(.seconds(11))
        #expect(world.read() == [] && world.count("bytes_lost_deleted") == 0)
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    /// The same on another device may be the same file; one made at another time is not, though its text may be.
    @Test func anotherDeviceWithAFileOfThatInode() throws {
        let world = try FileWorld()
        world.append("one\n")
        world.read()
        world.acknowledge()
        var malformed = 0
        var cursors = FileCursors(try bornBefore(world.saved(), 1_600_000_000_000_000_000), malformed: &malformed)
        let id = cursors.files[0].id
        cursors.files[0].identity.id = FileID(device: id.device + 77, inode: id.inode)
        var json = JSONWriter()
        cursors.write(into: &json)
        try world.restart(try parseJSON(json.bytes))
        #expect(world.read() == ["one"])
    }
}
