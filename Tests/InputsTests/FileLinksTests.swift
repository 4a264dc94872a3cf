// Symbolic links to files and directories that are switched, come late or go; directories under two names; and that
// nothing is left of what is gone.

import Bytes
import Glibc
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileLinksTests {
    private func link(_ world: FileWorld, _ name: String, to target: String) {
        let next = world.path(".next")
        unlink(next)
        #expect(symlink(target, next) == 0)
        #expect(rename(next, world.path(name)) == 0)
    }

    /// Every line of every release comes, though no scan is due in between.
    @Test(arguments: ["DIR/cur/log/*.log", "DIR/*/log/x.log", "DIR/cur/log/x.log", "DIR/cur/*/*.log"])
    func aLinkToADirectoryThatIsSwitched(pattern: String) throws {
        let world = try FileWorld(#""paths": ["\#(pattern)"], "exclude": ["DIR/r*/**"]"#)
        for release in 1...4 {
            try makeDirectories(world.path("r\(release)/log"))
            world.append("first of \(release)\n", to: "r\(release)/log/x.log")
            link(world, "cur", to: "r\(release)")
            #expect(world.read() == ["first of \(release)"])
            world.append("second of \(release)\n", to: "r\(release)/log/x.log")
            #expect(world.read() == ["second of \(release)"])
            world.acknowledge()
            world.advance(.seconds(4))
        }
        #expect(world.input.status(at: world.now).problems == [])
    }

    /// The directory behind the link comes after the switch.
    @Test func aLinkToADirectoryThatIsFilledLater() throws {
        let world = try FileWorld(#""paths": ["DIR/cur/log/*.log"]"#)
        world.read()
        link(world, "cur", to: "r1")
        world.read()
        for part in ["r1", "r1/log"] {
            try makeDirectories(world.path(part))
            world.read()
        }
        world.append("one\n", to: "r1/log/x.log")
        #expect(world.read() == ["one"])
    }

    @Test(arguments: ["there", "a/b/there", "../DIR/there"]) func aLinkWhoseFileComesLater(target: String) throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        let own = splitPath(Path(world.directory)).1.repaired
        link(world, "x.log", to: target.replacing("DIR", with: own))
        world.read()
        world.read()
        try makeDirectories(world.path("a/b"))
        world.read()
        world.append("one\n", to: target.hasPrefix("a/") ? target : "there")
        #expect(world.read() == ["one"])
        #expect(world.count("watch_failed") == 0)
    }

    @Test func aLinkToALinkThatLeadsNowhere() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"]"#)
        link(world, "x.log", to: "middle")
        link(world, "middle", to: "end")
        world.read()
        world.append("one\n", to: "end")
        #expect(world.read() == ["one"])
    }

    @Test(arguments: [
        #""paths": ["DIR/sub/*.log", "DIR//sub/*.log"]"#, #""paths": ["DIR/sub/*.log", "DIR/./sub/*.log"]"#,
        #""paths": ["DIR/sub/*.log", "DIR/other/*.log"]"#, #""paths": ["DIR/*/*.log"]"#,
    ])
    func oneDirectoryUnderTwoNames(settings: String) throws {
        let world = try FileWorld(settings)
        try makeDirectories(world.path("sub"))
        link(world, "other", to: "sub")
        var lines: [String] = []
        for round in 0..<4 {
            for name in ["sub/a.log", "sub/b.log"] { world.append("\(name) \(round)\n", to: name) }
            #expect(world.read().sorted() == ["sub/a.log \(round)", "sub/b.log \(round)"])
            world.acknowledge()
            if round == 1 { world.move("sub/a.log", "sub/a.log.1") }
            world.advance(.seconds(round == 2 ? 61 : 1))
            lines += world.read()
        }
        #expect(lines == [])
        #expect(world.input.status(at: world.now).problems == [] && world.count("watch_failed") == 0)
        #expect(world.input.status(at: world.now).sourceCount == 2)
        // The name that is watched goes; the other one stays.
        unlink(world.path("other"))
        world.append("after\n", to: "sub/b.log")
        #expect(world.read() == ["after"])
    }

    /// Rounds of links into directories that are removed before the next round cost no more than the first.
    @Test func linksThatComeAndGoLeaveNothing() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "follow_symlinks": "always""#)
        for round in 0..<4 {
            for number in 0..<30 {
                try makeDirectories(world.path("r\(round)/\(number)"))
                world.append("\(round) \(number)\n", to: "r\(round)/\(number)/x")
                link(world, "\(number).log", to: world.path("r\(round)/\(number)/x"))
            }
            #expect(world.read().count == 30)
            world.acknowledge()
            for number in 0..<30 {
                for name in ["\(number).log", "r\(round)/\(number)/x"] { world.delete(name) }
                rmdir(world.path("r\(round)/\(number)"))
            }
            rmdir(world.path("r\(round)"))
            for _ in 0..<3 {
                world.advance(.seconds(61))
                world.read()
            }
            expectEmpty(world)
        }
        #expect(world.count("watch_failed") == 0)
    }

    /// Whatever was there, nothing is remembered when all of it is gone.
    @Test func everyTableIsEmptyWhenAllFilesAreGone() throws {
        let world = try FileWorld(#""paths": ["DIR/**/*.log"]"#)
        for day in 1...5 {
            try makeDirectories(world.path("day\(day)"))
            for name in ["day\(day)/a.log", "day\(day)/a.log.1", "day\(day)/b.log"] {
                world.append("\(name)\n", to: name)
            }
            world.append("x", to: "day\(day)/b.log.1.xz")
            world.read()
            world.move("day\(day)/b.log", "day\(day)/b.log.2")
            world.compress("day\(day)/b.log.2")
            link(world, "day\(day)/l.log", to: "nowhere")
            world.read()
            world.acknowledge()
            world.advance(.seconds(11))
        }
        world.read()
        #expect(!world.input.follower.memory.floors.isEmpty)
        for day in 1...5 {
            for name in try directoryEntries(Path(world.path("day\(day)"))) { world.delete("day\(day)/\(name)") }
            rmdir(world.path("day\(day)"))
        }
        for _ in 0..<6 {
            world.advance(.seconds(61))
            world.read()
            world.acknowledge()
        }
        expectEmpty(world)
        // The next look is the next scan: nothing is waited for.
        #expect(world.readOnce() == .until(world.now.monotonic + .seconds(60)), "\(world.input.status(at: world.now))")
    }

    private func expectEmpty(_ world: FileWorld) {
        let follower = world.input.follower
        #expect(follower.tails.count == 0 && follower.tails.places.isEmpty && follower.tails.families.isEmpty)
        #expect(follower.memory.known.isEmpty && follower.memory.held.isEmpty && follower.memory.floors.isEmpty)
        #expect(follower.memory.isEmpty && follower.links.isEmpty && follower.turns.isEmpty)
        #expect(follower.problems.unreadable.isEmpty && follower.problems.unclear.isEmpty)
        #expect(follower.problems.compressedCount == 0)
        #expect(world.saved()?["files"]?.array?.isEmpty == true && world.saved()?["floors"]?.array?.isEmpty == true)
    }
}
