// Files that were renamed to what no rotation would call them, or into another directory, while the agent was down.

import Bytes
import Foundation
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileRenamedTests {
    private let unread = (0..<200).map { "unread \($0)" }

    /// One line is read, 200 more are written while the agent is down.
    private func world(_ settings: String = #""paths": ["DIR/app.log"]"#) throws -> FileWorld {
        let world = try FileWorld(settings)
        world.append("read\n", to: "app.log")
        #expect(world.read() == ["read"])
        world.acknowledge()
        world.cursor = world.saved()
        world.append(unread.map { $0 + "\n" }.joined(), to: "app.log")
        return world
    }

    private func expectAllOnce(_ world: FileWorld, _ more: [String] = []) throws {
        try world.restart(world.cursor)
        #expect(world.read() == unread + more)
        world.acknowledge()
        for _ in 0..<4 {
            world.advance(.seconds(11))
            #expect(world.read() == [])
        }
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    @Test(arguments: ["2026-11-30.app.log", "old-app.log", "@4000000067.s", "APP", "app"])
    func withinItsDirectory(name: String) throws {
        let world = try world()
        world.move("app.log", name)
        world.append("new\n", to: "app.log")
        try expectAllOnce(world, ["new"])
    }

    /// Where the pattern covers other directories too.
    @Test func intoADirectoryThatThePatternCovers() throws {
        let world = try world(#""paths": ["DIR/**/*.log"]"#)
        try makeDirectories(world.path("archive"))
        world.move("app.log", "archive/app.done")
        try expectAllOnce(world)
    }

    /// logrotate's `olddir`, log4j2's and zeek's directories of dates.
    @Test(arguments: [
        (#""rotated_to": ["old"]"#, "old", "app.log.1"), (#""rotated_to": ["DIR/old"]"#, "old", "app.log.1"),
        (#""rotated_to": ["*-*-*"]"#, "2026-11-30", "app.10:00:00-11:00:00.log"),
        (#""rotated_to": ["./[0-9]*"]"#, "2026-11", "app-11-30-2026-1.log"),
    ])
    func intoADirectoryThatIsNamed(setting: String, directory: String, name: String) throws {
        let world = try world(#""paths": ["DIR/app.log"], "# + setting)
        try makeDirectories(world.path(directory))
        world.move("app.log", "\(directory)/\(name)")
        world.append("new\n", to: "app.log")
        try expectAllOnce(world, ["new"])
    }

    /// Rotated twice while nobody looked: the second one was never seen under its own name.
    @Test func twiceIntoADirectoryThatIsNamed() throws {
        let world = try world(#""paths": ["DIR/app.log"], "rotated_to": ["old"]"#)
        try makeDirectories(world.path("old"))
        world.move("app.log", "old/app.log.2")
        world.append("between\n", to: "app.log")
        world.move("app.log", "old/app.log.1")
        world.append("new\n", to: "app.log")
        try expectAllOnce(world, ["between", "new"])
    }

    @Test func compressedInADirectoryThatIsNamed() throws {
        let world = try world(#""paths": ["DIR/app.log"], "rotated_to": ["old"]"#)
        try makeDirectories(world.path("old"))
        world.move("app.log", "old/app.log.1")
        world.compress("old/app.log.1")
        world.append("new\n", to: "app.log")
        try expectAllOnce(world, ["new"])
    }

    /// Its number was given to another file.
    @Test func anotherFileWithItsNumberIsNotTakenForIt() throws {
        let world = try world()
        world.delete("app.log")
        for number in 0..<50 { world.append("other \(number)\n", to: "other-\(number)") }
        world.append("new\n", to: "app.log")
        try world.restart(world.cursor)
        #expect(world.read() == ["new"])
    }
}
