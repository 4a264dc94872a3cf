// Each row of the table in design section 7 that is about one file and its rotation.

import Bytes
import Glibc
import Logs
import Platform
import Testing

@testable import Inputs

@Suite struct FileRotationTests {
    @Test func readsWhatIsThereAndWhatComes() throws {
        let world = try FileWorld()
        world.append("one\ntwo\n")
        #expect(world.read() == ["one", "two"])
        world.append("three\n")
        #expect(world.read() == ["three"])
        world.append("b\n", to: "b.log")
        #expect(world.read() == ["b"])
        #expect(world.read() == [])
    }

    @Test func renamedAwayIsReadToItsEndAndTheNewOneFromZero() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\n")
        let writer = open(world.path("a.log"), O_WRONLY | O_APPEND)
        world.move("a.log", "a.log.1")
        world.append("four\n")
        #expect(world.read() == ["two", "four"])
        // The writer has not been told yet.
        world.write("three\n", writer)
        #expect(world.read() == ["three"])
        world.advance(.seconds(9))
        world.write("late\n", writer)
        #expect(world.read() == ["late"])
        close(writer)
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.acknowledge()
        #expect(world.input.status(at: world.now).sourceCount == 1)
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test(arguments: ["*.log", "a.log*"]) func rotatedTwiceBetweenTwoReads(glob: String) throws {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        world.append("0\n")
        #expect(world.read() == ["0"])
        world.move("a.log", "a.log.1")
        world.append("1\n")
        #expect(world.read() == ["1"])
        // The first event is about a.log.1, and what was being read grows under its new name.
        let writer = open(world.path("a.log"), O_WRONLY | O_APPEND)
        for round in 2...4 {
            if round > 2 { world.append("\(round)\n") }
            world.move("a.log.2", "a.log.3")
            world.move("a.log.1", "a.log.2")
            world.move("a.log", "a.log.1")
            if round == 2 { world.write("2\n", writer) }
        }
        close(writer)
        world.append("5\n")
        #expect(world.read() == ["2", "3", "4", "5"])
    }

    /// The old file was at its end before, and its writer was told between two looks.
    @Test(arguments: ["a.log.1", "old/a.log.1"]) func writtenToUntilTheNewFileCame(rotated: String) throws {
        let world = try FileWorld()
        mkdir(world.path("old"), 0o755)
        world.append("1\n")
        #expect(world.read() == ["1"])
        let writer = open(world.path("a.log"), O_WRONLY | O_APPEND)
        world.move("a.log", rotated)
        #expect(world.read() == [])
        world.append("3\n")
        world.write("2\n", writer)
        close(writer)
        #expect(world.read() == ["2", "3"])
    }

    /// A file that is made, filled, copied and truncated between two looks is known to us by its copy alone.
    @Test(arguments: ["a.log.copy", "a.log.7", "a.log.bak.1"]) func copiedBeforeItWasEverSeen(copy: String) throws {
        let world = try FileWorld()
        world.append("0\n")
        #expect(world.read() == ["0"])
        world.move("a.log", "a.log.1")
        world.append("1\n")
        world.copy("a.log", copy)
        world.truncate()
        world.append("2\n")
        world.move("a.log", "a.log.2")
        world.append("3\n")
        #expect(world.read() == ["1", "2", "3"])
    }

    /// A log that came while the agent ran, or since it ran last, is ours from its beginning.
    @Test(arguments: [false, true]) func rotatedBeforeItWasEverSeen(isRestarted: Bool) throws {
        let world = try FileWorld()
        world.append("not ours\n", to: "old.log.1")
        world.append("0\n", to: "old.log")
        #expect(world.read() == ["0"])
        let saved = world.saved()
        for round in 1...3 {
            world.append("\(round)\n")
            world.move("a.log.2", "a.log.3")
            world.move("a.log.1", "a.log.2")
            world.move("a.log", "a.log.1")
        }
        world.append("4\n")
        world.now.unixNanoseconds = Moment.now.unixNanoseconds
        if isRestarted { try world.restart(saved) }
        #expect(world.read().filter { $0 != "0" } == ["1", "2", "3", "4"])
    }

    @Test func aNewPatternIsFollowedFromNowOn() throws {
        let world = try FileWorld()
        #expect(world.read() == [])
        let saved = world.saved()
        world.append("not ours\n", to: "b.txt.1")
        world.append("b\n", to: "b.txt")
        world.settings = #""paths": ["DIR/*.log", "DIR/*.txt"]"#
        world.now.unixNanoseconds = Moment.now.unixNanoseconds
        try world.restart(saved)
        #expect(world.read() == ["b"])
    }

    @Test func whatComesAndGoesWhileNothingIsReadIsHeld() throws {
        let world = try FileWorld()
        world.append("1\n")
        #expect(world.read() == ["1"])
        world.append("2\n")
        world.move("a.log", "a.log.1")
        world.append("3\n")
        world.input.lookAround(at: world.now)
        world.delete("a.log.1")
        world.delete("a.log")
        #expect(world.input.status(at: world.now).lagBytes == 6)
        #expect(world.read() == ["2", "3"])
    }

    @Test func whatATruncationTookIsCountedThoughNothingWasRead() throws {
        let world = try FileWorld()
        world.append("1\n")
        #expect(world.read() == ["1"])
        world.append("22\n")
        world.input.lookAround(at: world.now)
        world.truncate()
        #expect(world.read() == [])
        #expect(world.count("bytes_lost_truncation") == 0)
        world.advance(.seconds(11))
        #expect(world.read() == [])
        #expect(world.count("bytes_lost_truncation") == 3)
    }

    @Test func copytruncateTakesTheRestFromTheCopy() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\nthree\n")
        world.copy("a.log", "a.log.1")
        world.truncate()
        world.append("four\n")
        #expect(world.read() == ["two", "three", "four"])
        #expect(world.count("bytes_lost_truncation") == 0)
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test func copytruncateToALargerFileIsSeenByTheFingerprint() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\n")
        world.copy("a.log", "a.log-20261121")
        world.truncate()
        world.append("this is much longer than what was there\n")
        #expect(world.read() == ["two", "this is much longer than what was there"])
    }

    @Test func copytruncateWithAGlobThatMatchesTheCopyReadsNothingTwice() throws {
        let world = try FileWorld(#""paths": ["DIR/a.log*"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\n")
        world.copy("a.log", "a.log.1")
        #expect(world.read() == ["two"])
        world.append("three\n")
        world.append("three\n", to: "a.log.1")
        world.truncate()
        world.append("four\n")
        #expect(world.read() == ["three", "four"])
        world.advance(.seconds(30))
        #expect(world.read() == [])
        world.advance(.seconds(30))
        #expect(world.read() == [])
    }

    /// Of the tails of a path, the newest may be one of a rotated file: the copy is one of the file that stands there.
    @Test func copiedWhileAnOlderCopyIsBeingRead() throws {
        let world = try FileWorld()
        world.append("0\n")
        #expect(world.read() == ["0"])
        world.truncate()
        #expect(world.read() == [])
        // Filled, copied and truncated between two looks: the copy is all that tells of it.
        world.append("1 first\n")
        world.copy("a.log", "a.log.1")
        world.truncate()
        world.append("2 second\n2 again\n")
        world.batch = LogBatch(recordLimit: 1)
        world.readOnce()
        world.advance(.seconds(11))
        for _ in 0..<3 { world.readOnce() }
        world.move("a.log.1", "a.log.2")
        world.append("2 more\n")
        world.copy("a.log", "a.log.1")
        world.readOnce()
        world.truncate()
        world.append("3\n")
        world.batch = LogBatch()
        world.read()
        for _ in 0..<3 {
            world.advance(.seconds(11))
            world.read()
        }
        #expect(world.lines.sorted() == ["0", "1 first", "2 again", "2 more", "2 second", "3"])
    }

    @Test func aFileThatLooksLikeACopyAndIsNoneIsReadLater() throws {
        let world = try FileWorld(#""paths": ["DIR/a.log*"]"#)
        world.append("start\none\n")
        #expect(world.read() == ["start", "one"])
        world.append("start\nother\n", to: "a.log.b")
        world.advance(.seconds(1))
        #expect(world.read() == ["start", "other"])
        world.append("start\none\n", to: "a.log.c")
        #expect(world.read() == [])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.append("more\n", to: "a.log.c")
        #expect(world.read() == ["more"])
    }

    @Test func truncationWithoutACopyIsCounted() throws {
        let world = try FileWorld()
        world.append("one\n")
        world.batch = LogBatch(recordLimit: 1)
        #expect(world.read() == ["one"])
        world.append("two\n")
        world.advance(.seconds(11))
        world.append("x\n", to: "b.log")
        world.batch = LogBatch(recordLimit: 1)
        world.readOnce()
        #expect(world.lines.count == 2)
        world.append("y\n", to: "b.log")
        world.read()
        world.truncate()
        world.append("new\n")
        world.read()
        #expect(world.lines.last == "new")
        world.truncate()
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.append("again\n")
        #expect(world.read() == ["again"])
    }

    @Test func unreadBytesOfATruncatedFileAreCounted() throws {
        let world = try FileWorld()
        world.append("one\ntwo\nthree\n")
        world.batch = LogBatch(recordLimit: 1)
        world.readOnce()
        #expect(world.lines == ["one"])
        world.truncate()
        world.append("4\n")
        world.read()
        #expect(world.lines == ["one", "4"])
        // Not before it is certain: a copy may be between two names.
        #expect(world.count("bytes_lost_truncation") == 0)
        world.advance(.seconds(11))
        world.read()
        #expect(world.count("bytes_lost_truncation") == 10)
    }

    @Test func aNewFileOnTheSameInodeStartsAtZero() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        let cursor = world.saved()
        world.truncate()
        world.append("another content altogether\n")
        try world.restart(cursor)
        #expect(world.read() == ["another content altogether"])
    }

    @Test func deletedWhileUnreadIsReadOn() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        let writer = open(world.path("a.log"), O_WRONLY | O_APPEND)
        world.append("two\n")
        world.delete("a.log")
        #expect(world.read() == ["two"])
        world.write("three\n", writer)
        world.advance(.seconds(5))
        #expect(world.read() == [])
        world.advance(.seconds(5))
        #expect(world.read() == ["three"])
        close(writer)
        world.append("four\n")
        #expect(world.read() == ["four"])
        world.advance(.seconds(11))
        world.read()
        world.acknowledge()
        #expect(world.input.status(at: world.now).sourceCount == 1)
        // It might have been copied or compressed: that is looked for until the grace is over.
        world.advance(.seconds(11))
        world.read()
        #expect(world.input.follower.memory.known.isEmpty)
    }

    @Test func renamedToANameThatMatchesTooIsNotReadTwice() throws {
        let world = try FileWorld(#""paths": ["DIR/*"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(world.read() == ["two"])
        for _ in 0..<5 {
            world.advance(.seconds(11))
            #expect(world.read() == [])
        }
        world.append("late\n", to: "a.log.1")
        #expect(world.read() == ["late"])
        world.acknowledge()
        try world.restart(world.saved())
        #expect(world.read() == [])
    }

    @Test func rotatedWhileDownOnceAndMoreOften() throws {
        for times in 1...4 {
            let world = try FileWorld()
            world.append("0\n")
            #expect(world.read() == ["0"])
            world.acknowledge()
            let cursor = world.saved()
            world.append("rest\n")
            for round in 1...times {
                for number in stride(from: 9, to: 0, by: -1) { world.move("a.log.\(number)", "a.log.\(number + 1)") }
                world.move("a.log", "a.log.1")
                world.append("\(round)\n")
            }
            try world.restart(cursor)
            #expect(world.read() == ["rest"] + (1...times).map(String.init))
            world.acknowledge()
            try world.restart(world.saved())
            #expect(world.read() == [])
            #expect(world.count("bytes_lost_deleted") == 0)
        }
    }

    @Test func copytruncatedWhileDown() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.acknowledge()
        let cursor = world.saved()
        world.append("two\n")
        world.copy("a.log", "a.log.1")
        world.truncate()
        world.append("three\n")
        world.move("a.log.1", "a.log.2")
        world.copy("a.log", "a.log.1")
        world.truncate()
        world.append("four\n")
        try world.restart(cursor)
        #expect(world.read() == ["two", "three", "four"])
    }

    @Test func siblingsFromBeforeTheFirstStartAreNotRead() throws {
        let world = try FileWorld()
        world.append("old\n", to: "a.log.1")
        world.append("other\n", to: "a.log.err")
        usleep(20_000)  // Let the clock of the file system tick.
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.move("a.log.1", "a.log.2")
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(world.read() == ["two"])
        world.acknowledge()
        try world.restart(world.saved())
        #expect(world.read() == [])
    }

    @Test func goneWhileDownIsCounted() throws {
        let world = try FileWorld()
        world.append("one\ntwo\n")
        world.read()
        world.acknowledge(1)
        let cursor = world.saved()
        world.delete("a.log")
        try world.restart(cursor)
        #expect(world.read() == [])
        // Not before it is certain: a listing may have missed a file that was being renamed.
        #expect(world.count("bytes_lost_deleted") == 0)
        world.advance(.seconds(11))
        #expect(world.read() == [])
        #expect(world.count("bytes_lost_deleted") == 4)
    }

    /// Nothing is acknowledged, and yet its size is saved: all of it is counted when it is gone.
    @Test func whatGrewInAnOutageIsCountedWhenItIsGone() throws {
        let world = try FileWorld()
        world.append("one\n")
        world.read()
        world.acknowledge()
        let before = world.input.cursorVersion
        world.input.lookAround(at: world.now)
        let quiet = world.input.cursorVersion
        world.append("two\n")
        world.append("three\n")
        world.input.lookAround(at: world.now)
        #expect(before <= quiet && quiet < world.input.cursorVersion)
        let saved = world.saved()
        let grown = world.input.cursorVersion
        world.input.lookAround(at: world.now)
        #expect(world.input.cursorVersion == grown, "nothing grew")
        world.delete("a.log")
        try world.restart(saved)
        world.read()
        world.advance(.seconds(11))
        world.read()
        #expect(world.count("bytes_lost_deleted") == 10)
    }

    @Test func aFileThatAListingMissedIsNotReadAgain() throws {
        let world = try FileWorld(#""paths": ["DIR/a.log*"]"#)
        world.append("1\n")
        #expect(world.read() == ["1"])
        world.move("a.log", "a.log.1")
        world.append("2\n")
        #expect(world.read() == ["2"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.acknowledge()
        // Elsewhere while the directory is listed, as between two names.
        world.move("a.log.1", "elsewhere")
        world.move("a.log", "a.log.1")
        world.append("3\n")
        #expect(world.read() == ["3"])
        world.move("elsewhere", "a.log.2")
        #expect(world.read() == [])
        for _ in 0..<3 {
            world.advance(.seconds(11))
            #expect(world.read() == [])
        }
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    @Test func symbolicLinkIsFollowedAndItsTargetRotated() throws {
        let world = try FileWorld(#""paths": ["DIR/links/*.log"]"#)
        mkdir(world.path("links"), 0o755)
        mkdir(world.path("real"), 0o755)
        world.append("one\n", to: "real/0.log")
        symlink(world.path("real/0.log"), world.path("links/a.log"))
        #expect(world.read() == ["one"])
        world.append("two\n", to: "real/0.log")
        world.move("real/0.log", "real/0.log.20261121-033000")
        world.append("three\n", to: "real/0.log")
        #expect(world.read() == ["two", "three"])
    }
}
