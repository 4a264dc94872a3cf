// What nobody can read, and what is told of it: the rows of the table of losses in docs/rotation.md that no other test
// shows, and that the table names tests which are there.

import Bytes
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileLossTests {
    private func world(_ settings: String = #""paths": ["DIR/*.log"]"#) throws -> FileWorld {
        let world = try FileWorld(settings)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        return world
    }

    /// What comes for a minute.
    private func later(_ world: FileWorld) -> [String] {
        var lines: [String] = []
        for _ in 0..<7 {
            lines += world.read()
            world.acknowledge()
            world.advance(.seconds(10))
        }
        return lines
    }

    @Test func writtenBetweenTheCopyAndTheTruncation() throws {
        let world = try world()
        world.copy("a.log", "a.log.1")
        world.append("in no file\n")
        world.truncate()
        world.append("three\n")
        #expect(later(world) == ["three"])
        // Nobody has seen how much it was.
        #expect(world.count("bytes_lost_truncation") == 0)
    }

    @Test func cameAndWentBetweenTwoLooks() throws {
        let world = try world()
        world.append("never seen\n", to: "b.log")
        world.delete("b.log")
        #expect(later(world) == [])
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    /// Also while the receiver is down, and nothing is read.
    @Test func moreDeletedDataThanIsHeld() throws {
        let world = try world()
        // A hole, so that it takes no room; it is not read, because the lines before it are not.
        world.append("two\n")
        #expect(Glibc.truncate(world.path("a.log"), 5 << 30) == 0)
        world.append("three\n")
        world.input.lookAround(at: world.now)
        world.delete("a.log")
        for _ in 0..<3 {
            world.advance(.seconds(61))
            world.input.lookAround(at: world.now)
        }
        #expect(later(world) == [])
        #expect(world.count("bytes_lost_deleted") > 4 << 30)
    }

    /// To where no pattern and no `rotated_to` leads.
    @Test func movedElsewhereWhileDown() throws {
        let world = try world()
        let cursor = world.saved()
        world.append("two\n")
        try makeDirectories(world.path("elsewhere"))
        world.move("a.log", "elsewhere/a.log.1")
        try world.restart(cursor)
        #expect(later(world) == [])
        // What was written while nobody looked is not known.
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    @Test func readInPartAndMovedElsewhereWhileDown() throws {
        let world = try world()
        world.append("two\n")
        world.read()
        let cursor = world.saved()
        try makeDirectories(world.path("elsewhere"))
        world.move("a.log", "elsewhere/a.log.1")
        try world.restart(cursor)
        #expect(later(world) == [])
        #expect(world.count("bytes_lost_deleted") == 4)
    }

    @Test func writtenAfterTheGraceUnderAnotherName() throws {
        let world = try world()
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(later(world) == ["two"])
        world.append("late\n", to: "a.log.1")
        #expect(later(world) == [])
        // It comes with the next rotation.
        world.move("a.log.1", "a.log.2")
        world.move("a.log", "a.log.1")
        world.append("three\n")
        #expect(Set(later(world)) == ["late", "three"])
    }

    @Test func aLinkThatIsSetAnewWhileDown() throws {
        let world = try FileWorld(#""paths": ["DIR/in/*.log"]"#)
        for name in ["in", "old", "new"] { try makeDirectories(world.path(name)) }
        world.append("one\n", to: "old/real")
        symlink(world.path("old/real"), world.path("in/a.log"))
        #expect(world.read() == ["one"])
        world.acknowledge()
        let cursor = world.saved()
        world.append("unread\n", to: "old/real")
        world.append("two\n", to: "new/real")
        world.delete("in/a.log")
        symlink(world.path("new/real"), world.path("in/a.log"))
        try world.restart(cursor)
        #expect(later(world).contains("two"))
        #expect(!world.lines.contains("unread"))
    }

    /// Nothing tells such a text from the one that was read.
    @Test func writtenAnewWithTheSameFirst64KiB() throws {
        let world = try FileWorld()
        let same = (0..<7_000).map { "line \($0)\n" }.joined()
        #expect(same.utf8.count > FilePrint.Inner.endLimit)
        world.append(same + "old\n")
        world.read()
        world.acknowledge()
        world.truncate()
        world.append(same + "new\nmore\n")
        #expect(later(world) == ["more"])
    }

    @Test func goneBeforeThereWasRoomForIt() throws {
        let world = try world(#""paths": ["DIR/*.log"], "file_limit": 1"#)
        world.append("waits\n", to: "b.log")
        #expect(later(world) == [])
        #expect(world.count("file_limit") > 0)
        world.delete("b.log")
        #expect(later(world) == [])
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    @Test func compressedInAWayThatIsNotKnown() throws {
        let world = try world()
        world.append("two\n")
        world.read()
        let cursor = world.saved()
        world.delete("a.log")
        world.write(bytes: [0x04, 0x22, 0x4D, 0x18] + [UInt8](repeating: 7, count: 40), to: "a.log.1.lz4")
        try world.restart(cursor)
        #expect(later(world) == [])
        #expect(world.count("bytes_lost_deleted") == 4)
    }

    /// Where the file system does not tell when a file was made.
    @Test func aNewFileWithTheInodeAndTheBeginningOfAnOldOne() {
        let old = FileIdentity(
            id: FileID(device: 1, inode: 2), born: nil, print: FilePrint(head: .init(of: Array("header\n".utf8)[...])))
        func found(_ text: String, born: Int64?) -> FoundFile {
            FoundFile(
                place: "/l/a.log", id: old.id, born: born, text: FileText(.plain, Array(text.utf8)), diskBytes: 9,
                modifiedUnixNanoseconds: 1, changedUnixNanoseconds: 1, isAtPath: true, isSettled: true)
        }
        #expect(old.relation(to: found("header\nother\n", born: nil), readTo: 7) == .same)
        var known = old
        known.born = 5
        #expect(known.relation(to: found("header\nother\n", born: 6), readTo: 7) != .same)
    }

    /// Each row names its tests.
    @Test func theTableNamesTestsThatAreThere() throws {
        let page = try String(contentsOfFile: Repository.path + "/docs/rotation.md", encoding: .utf8)
        let section = try #require(
            page.components(separatedBy: "\n## ").first { $0.hasPrefix("What nobody can read\n") })
        let rows = section.components(separatedBy: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(rows.count > 10)
        let sources = try ["InputsTests", "EndToEnd"].flatMap { folder in
            let path = "\(Repository.path)/Tests/\(folder)"
            return try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".swift") || $0.hasSuffix(".py") }
                .map { try String(contentsOfFile: "\(path)/\($0)", encoding: .utf8) }
        }.joined()
        for row in rows {
            let cells = row.split(separator: "|")
            let tests =
                cells.last?.split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element) ?? []
            #expect(cells.count == 3 && !tests.isEmpty, "\(row)")
            for test in tests {
                #expect(sources.contains("func \(test)(") || sources.contains("def \(test)("), "\(test)")
            }
        }
    }
}
