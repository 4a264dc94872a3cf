// What happens at the limits of the system: descriptors, inotify watches and instances; and what a large tree costs.

import Bytes
import Foundation
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileLimitsTests {
    @Test func inputsShareTheDescriptorsOfTheProcess() throws {
        let limits = FileLimits(descriptors: DescriptorBudget(descriptorLimit: 64))
        #expect(limits.descriptors.limit == 32)
        let worlds = try (0..<3).map { _ in try FileWorld(limits: limits) }
        for world in worlds {
            for number in 0..<50 { world.append("\(number)\n", to: "\(number).log") }
            #expect(world.read().count == 50)
        }
        // One beyond it for each input that reads while the others have all of them.
        #expect(worlds.reduce(0) { $0 + $1.input.follower.tails.openCount } <= 32 + 3)
        for world in worlds {
            world.append("rest\n", to: "7.log")
            world.move("7.log", "7.log.1")
            for number in 0..<50 { world.append("again\n", to: "\(number).log") }
            #expect(world.read().count == 51)
            world.advance(.seconds(61))
            #expect(world.read() == [])
            world.acknowledge()
            #expect(world.input.status(at: world.now).lagBytes == 0)
        }
        #expect(worlds.reduce(0) { $0 + $1.input.follower.tails.openCount } <= 32 + 3)
    }

    /// The rest of a line that was cut is skipped: no record comes of it whose acknowledgement could move the cursor.
    @Test func aCutLineLeavesNoLag() throws {
        let world = try FileWorld()
        func lag() -> UInt64? { world.input.status(at: world.now).lagBytes }
        world.append("first\n" + String(repeating: "x", count: 3_000_000))
        #expect(world.read().count == 2)
        #expect(lag() == 3_000_006)
        world.acknowledge()
        #expect(lag() == 0)
        let version = world.input.cursorVersion
        for _ in 0..<50 {
            world.append(String(repeating: "x", count: 10_000))
            #expect(world.read().isEmpty)
            #expect(lag() == 0)
        }
        #expect(world.input.cursorVersion > version, "it is saved, and not read again after a restart")
        let tail = try #require(world.input.follower.tails.values.first)
        #expect(tail.reading?.marks.count == 1, "however long the line gets")
        // The cursor knows that it stands within such a line.
        try world.restart(world.saved())
        world.append("xxx\nnext\n")
        #expect(world.read() == ["next"])
        world.acknowledge()
        #expect(lag() == 0)
        // Rotated within such a line, it is remembered as read to its end.
        world.append(String(repeating: "y", count: 2_000_000))
        #expect(world.read().count == 1)
        world.move("a.log", "a.log.1")
        world.append("new\n")
        #expect(world.read() == ["new"])
        world.acknowledge()
        world.advance(.seconds(61))
        #expect(world.read() == [])
        #expect(lag() == 0 && world.input.follower.tails.count == 1)
        try world.restart(world.saved())
        world.append("end of y\nafter it\n", to: "a.log.1")
        #expect(world.read() == ["after it"])
    }

    /// It was cut, and its record is not acknowledged yet: the rest is no record after a restart either.
    @Test func aCutLineThatIsNotAcknowledgedIsReadAgainWhole() throws {
        let world = try FileWorld()
        world.append(String(repeating: "x", count: 3_000_000))
        #expect(world.read().count == 1)
        try world.restart(world.saved())
        world.append("\nnext\n")
        let lines = world.read()
        #expect(lines.count == 2 && lines.last == "next")
    }

    /// Half a character may never become a whole one.
    @Test func halfACharacterIsNoLag() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "encoding": "utf-16le""#)
        world.append("a\0\n\0b")
        #expect(world.read() == ["a"])
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
        world.append("\0")
        #expect(world.input.status(at: world.now).lagBytes == 0 && world.read() == [])
        #expect(world.input.status(at: world.now).lagBytes == 2)
        world.append("\n\0")
        #expect(world.read() == ["b"])
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    /// A thousand of them are one line in the log, and one problem.
    @Test func directoriesThatCannotBeWatchedAreSaidTogether() throws {
        let world = try FileWorld(#""paths": ["DIR/**/*.log"]"#, limits: FileLimits(watches: 10))
        for number in 0..<100 { try makeDirectories(world.path("d\(number)")) }
        world.read()
        let unwatched = world.input.follower.watcher.faults.byReason
        #expect(unwatched.count == 1 && unwatched.first?.reason == .noSpace)
        #expect(unwatched.first?.count == 101 - 10 && world.count("watch_failed") == 101 - 10)
        #expect(world.input.follower.watcher.faults.told == [.noSpace])
        let problems = world.input.status(at: world.now).problems
        #expect(problems.count == 1)
        #expect(problems.first?.contains("90 other directories") == true, "\(problems)")
        #expect(problems.first?.contains("fs.inotify.max_user_watches") == true)
        let elsewhere = try TemporaryDirectory()
        for number in 8..<100 { #expect(rename(world.path("d\(number)"), "\(elsewhere.path)/\(number)") == 0) }
        world.advance(.seconds(1))
        world.read()
        world.advance(.seconds(1))
        world.read()
        #expect(world.input.follower.watcher.faults.isEmpty && world.input.follower.watcher.faults.told.isEmpty)
        #expect(world.input.status(at: world.now).problems.isEmpty)
    }

    @Test func aDescriptorLimitLeavesRoomForOthers() {
        #expect(DescriptorBudget(descriptorLimit: 1024).limit == 512)
        #expect(DescriptorBudget(descriptorLimit: 256).limit == 128)
        #expect(DescriptorBudget(descriptorLimit: 10).limit == 8)
    }

    @Test(arguments: [
        FileLimits(watches: 0), FileLimits(watches: 2), FileLimits(hasINotify: false),
    ]) func whatCannotBeWatchedIsLookedAt(limits: FileLimits) throws {
        let world = try FileWorld(#""paths": ["DIR/**/*.log"]"#, limits: limits)
        for name in ["a", "b", "c"] {
            try makeDirectories(world.path(name))
            world.append("one\n", to: "\(name)/x.log")
        }
        #expect(world.read().count == 3)
        #expect(world.count("watch_failed") >= 1)
        for name in ["a", "b", "c"] {
            world.append("two\n", to: "\(name)/x.log")
            world.append("new\n", to: "\(name)/y.log")
        }
        world.advance(.seconds(1))
        #expect(world.read().count == 6)
        #expect(
            world.input.status(at: world.now).problems.contains { $0.contains("looked at instead") }
                || !limits.hasINotify)
        // Rotated meanwhile: nothing tells but the scan.
        world.append("three\n", to: "c/x.log")
        world.move("c/x.log", "c/x.log.1")
        world.append("four\n", to: "c/x.log")
        world.advance(.seconds(1))
        #expect(world.read() == ["three", "four"])
        #expect(world.input.read(into: &world.batch, at: world.now) == .until(world.now.monotonic + .seconds(1)))
    }

    @Test func aDirectoryThatComesCostsNoLookAtTheOthers() throws {
        let world = try FileWorld(#""paths": ["DIR/**/*.log"]"#)
        for number in 0..<50 {
            try makeDirectories(world.path("old\(number)/deep"))
            world.append("x\n", to: "old\(number)/deep/x.log")
        }
        #expect(world.read().count == 50)
        world.advance(.seconds(10))
        try makeDirectories(world.path("old7/deep/er/and/deeper"))
        world.append("new\n", to: "old7/deep/er/and/deeper/y.log")
        #expect(world.read() == ["new"])
        // The scan of all is due when it was.
        #expect(world.input.read(into: &world.batch, at: world.now) == .until(world.now.monotonic + .seconds(50)))
        world.append("newer\n", to: "old7/deep/er/z.log")
        #expect(world.read() == ["newer"])
        // What goes costs none either, and may come again.
        try FileManager.default.removeItem(atPath: world.path("old7/deep/er"))
        #expect(world.read() == [])
        #expect(world.input.read(into: &world.batch, at: world.now) == .until(world.now.monotonic + .seconds(10)))
        try makeDirectories(world.path("old7/deep/er"))
        world.append("again\n", to: "old7/deep/er/z.log")
        #expect(world.read() == ["again"])
    }

    @Test func aFinderBelowAPlaceListsNothingBesideIt() throws {
        let world = try FileWorld()
        for name in ["a/b/c", "a/d", "e"] {
            try makeDirectories(world.path(name))
            world.append("x\n", to: name + "/x.log")
        }
        let globs = [try Glob("\(world.directory)/**/*.log"), try Glob("\(world.directory)/e/x.log")]
        var noted: [String] = []
        let finder = FileFinder(globs, below: Path(world.path("a/b"))) { noted.append("\($0) \($1)") }
        #expect(finder.paths == [Path(world.path("a/b/c/x.log"))])
        #expect(finder.directories.keys.allSatisfy { !$0.hasSuffix("/d") && !$0.hasSuffix("/e") })
        #expect(noted.contains(world.path("a/b/c") + " true"))
        #expect(Set(FileFinder(globs).paths).count == 3)
    }

    @Test func aLiteralDirectoryThatGoesAndComesIsFollowed() throws {
        let world = try FileWorld(#""paths": ["DIR/logs/*.log"]"#)
        for round in 0..<3 {
            try makeDirectories(world.path("logs"))
            world.append("\(round)\n", to: "logs/x.log")
            #expect(world.read() == ["\(round)"])
            try FileManager.default.removeItem(atPath: world.path("logs"))
            #expect(world.read() == [])
        }
    }
}
