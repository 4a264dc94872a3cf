// Files that are quiet are closed, so that their device can be unmounted, and go on when they are written to.

import Bytes
import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileIdleTests {
    private func isOpen(_ world: FileWorld) -> Bool { world.input.follower.tails.openCount > 0 }

    private func quiet(_ settings: String = "") throws -> FileWorld {
        let world = try FileWorld(#""paths": ["DIR/a.log"]"# + settings)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        return world
    }

    @Test func aQuietFileIsClosedAndOpenedAgain() throws {
        let world = try quiet()
        world.advance(.seconds(299))
        world.read()
        #expect(isOpen(world))
        world.advance(.seconds(1))
        world.read()
        #expect(!isOpen(world))
        world.append("two\n")
        #expect(world.read() == ["two"] && isOpen(world))
    }

    @Test func theTimeIsASetting() throws {
        let world = try quiet(#", "idle_close": "2s""#)
        world.advance(.seconds(2))
        world.read()
        #expect(!isOpen(world))
    }

    /// It is not rotated by being closed: what comes under its old name is another file, and both are read.
    @Test func renamedWhileItIsClosed() throws {
        let world = try quiet()
        world.advance(.seconds(300))
        world.read()
        world.append("late\n")
        world.move("a.log", "a.log.1")
        world.append("new\n")
        #expect(world.read() == ["late", "new"])
    }

    @Test func replacedWhileItIsClosed() throws {
        let world = try quiet()
        world.advance(.seconds(300))
        world.read()
        world.delete("a.log")
        world.append("new\n")
        #expect(world.read() == ["new"])
    }

    /// What is deleted could not be opened again.
    @Test func aDeletedFileIsKept() throws {
        let world = try FileWorld(#""paths": ["DIR/a.log"], "rotation_grace": "1h""#)
        world.append("one\n")
        world.read()
        world.acknowledge()
        let writer = open(world.path("a.log"), O_WRONLY | O_APPEND)
        defer { close(writer) }
        world.delete("a.log")
        world.read()
        world.advance(.seconds(600))
        world.read()
        #expect(isOpen(world))
        world.write("late\n", writer)
        world.advance(.seconds(61))
        #expect(world.read() == ["late"])
    }

    /// A line without an end, however long, gives others their turn, and whoever acknowledges.
    @Test func aLineWithoutAnEndIsReadInPieces() throws {
        let time = Mutex(Instant(nanoseconds: 0))
        var limits = FileLimits()
        // Each look at the clock is 20 ms later.
        limits.clock = {
            time.withLock {
                $0 = $0 + .milliseconds(20); return $0
            }
        }
        let world = try FileWorld(#""paths": ["DIR/*.log"], "line_limit": 1024"#, limits: limits)
        world.append(String(repeating: "x", count: 8 << 20), to: "long.log")
        var steps = 0
        while world.readOnce() == .notAtAll { steps += 1 }
        #expect(steps >= 8)
        world.append("\nshort\n", to: "long.log")
        #expect(world.read().last == "short")
    }
}
