// Copies and compressed files that are met while they are made, or where an inode is used again.

import Bytes
import Glibc
import Platform
import Synchronization
import Testing

@testable import Inputs

/// Reads from the disk, and lets something happen right after one of the looks.
private final class Interrupted: Sendable {
    private struct State {
        var left = Int.max
        var what: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    func happen(afterLook count: Int, _ what: @escaping @Sendable () -> Void) {
        state.withLock { $0 = State(left: count, what: what) }
    }

    private func noteLook() {
        let due: (@Sendable () -> Void)? = state.withLock { state in
            guard state.what != nil else { return nil }
            state.left -= 1
            guard state.left == 0 else { return nil }
            defer { state.what = nil }
            return state.what
        }
        due?()
    }

    var hasHappened: Bool { state.withLock { $0.what == nil } }

    var read: TextReader.Read {
        { [self] (file: borrowing File, bytes: inout [UInt8], limit: Int, offset: UInt64) throws(Errno) -> Int in
            let count = try file.read(into: &bytes, limit: limit, at: offset)
            noteLook()
            return count
        }
    }
}

@Suite struct FileCopyTests {
    private func follow(_ glob: String, _ lines: [String] = ["one"]) throws -> FileWorld {
        let world = try FileWorld(#""paths": ["DIR/\#(glob)"]"#)
        for line in lines { world.append(line + "\n") }
        #expect(world.read() == lines)
        return world
    }

    /// A look at what stands beside a path takes its time; on a busy machine a whole rotation happens meanwhile.
    @Test(arguments: [false, true]) func compressedWhileItIsLookedAt(isRenamed: Bool) throws {
        for look in 1...40 {
            let interrupted = Interrupted()
            let world = try FileWorld(#""paths": ["DIR/a.log"]"#, limits: FileLimits(reader: interrupted.read))
            let lines = (0..<40).map { "line \($0) of a text that is longer than what is looked at of its beginning" }
            for line in lines { world.append(line + "\n") }
            #expect(world.read() == lines)
            let (log, copy) = (world.path("a.log"), world.path("a.log.1.gz"))
            let packed = world.gzipped(Array(world.content("a.log").utf8))
            interrupted.happen(afterLook: look) {
                let descriptor = open(copy, O_WRONLY | O_CREAT, 0o644)
                _ = unsafe packed.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
                close(descriptor)
                if isRenamed { unlink(log) }
                let new = open(log, O_WRONLY | O_TRUNC | O_APPEND | O_CREAT, 0o644)
                _ = unsafe write(new, "new\n", 4)
                close(new)
            }
            world.input.follower.catchUp(Path(log), at: world.now)
            guard interrupted.hasHappened else { break }
            #expect(world.read() == ["new"], "after look \(look)")
            try expectQuiet(world)
        }
    }

    private func expectQuiet(_ world: FileWorld) throws {
        for _ in 0..<3 {
            world.advance(.seconds(11))
            #expect(world.read() == [])
        }
        world.acknowledge()
        try world.restart(world.saved())
        world.read()
        world.advance(.seconds(30))
        #expect(world.read() == [])
        for reason in ["bytes_lost_deleted", "bytes_lost_truncation"] { #expect(world.count(reason) == 0) }
    }

    /// The inode of a file that is finished and not acknowledged goes to the compressed form of another one.
    @Test(arguments: [false, true], ["a.log", "a.log*"])
    func compressedIntoTheInodeOfAFinishedFile(isAcknowledged: Bool, glob: String) throws {
        let world = try follow(glob)
        mkdir(world.path("elsewhere"), 0o755)
        world.move("a.log", "a.log.1")
        world.append("two\n")
        #expect(world.read() == ["two"])
        world.move("a.log.1", "a.log.2")
        world.move("a.log", "a.log.1")
        world.append("three\n")
        #expect(world.read() == ["three"])
        for _ in 0..<2 {
            world.advance(.seconds(11))
            #expect(world.read() == [])
        }
        world.acknowledge(isAcknowledged ? .max : 1)
        let text = world.content("a.log.2")
        world.move("a.log.1", "elsewhere/x")
        world.truncate("elsewhere/x")
        world.write(bytes: world.gzipped(Array(text.utf8)), to: "elsewhere/x")
        world.move("elsewhere/x", "a.log.3.gz")
        #expect(world.read() == [])
        // And the inode of that one to the next copy.
        world.append("four\n")
        world.move("a.log.2", "elsewhere/y")
        world.truncate("elsewhere/y")
        world.copy("a.log", "elsewhere/y")
        world.move("elsewhere/y", "a.log.1")
        world.truncate()
        #expect(world.read() == ["four"])
        try expectQuiet(world)
    }

    /// Nothing is remembered of the path but since when it is ours.
    @Test(arguments: ["a.log", "a.log*"]) func onlyACompressedFileIsLeftOfAPath(glob: String) throws {
        let world = try follow(glob, [])
        world.append("")
        world.now.unixNanoseconds = Moment.now.unixNanoseconds
        world.advance(.seconds(61))
        world.read()
        world.acknowledge()
        let saved = world.saved()
        world.append("two\n")
        world.move("a.log", "a.log.1")
        world.compress("a.log.1")
        try world.restart(saved)
        #expect(world.read() == ["two"])
    }

    @Test(arguments: ["a.log", "a.log*"], [0, 1, 2, 3, 12, 30]) func metWhileItIsCompressed(glob: String, count: Int)
        throws
    {
        let world = try follow(glob, ["one", "two"])
        world.move("a.log", "a.log.1")
        world.append("three\n")
        let bytes = world.gzipped(Array(world.content("a.log.1").utf8))
        let half = min(count, bytes.count - 1)
        world.write(bytes: Array(bytes[..<half]), to: "a.log.1.gz")
        #expect(world.read() == ["three"])
        world.write(bytes: Array(bytes[half...]), to: "a.log.1.gz")
        #expect(world.read() == [])
        world.delete("a.log.1")
        #expect(world.read() == [])
        try expectQuiet(world)
    }

    @Test(arguments: ["a.log", "a.log*"], [0, 2, 8]) func metWhileItIsCopied(glob: String, count: Int) throws {
        let world = try follow(glob, ["one", "two"])
        let bytes = Array(world.content("a.log").utf8)
        world.write(bytes: Array(bytes[..<count]), to: "a.log.1")
        #expect(world.read() == [])
        world.advance(.seconds(5))
        #expect(world.read() == [])
        world.write(bytes: Array(bytes[count...]), to: "a.log.1")
        #expect(world.read() == [])
        world.truncate()
        world.append("three\n")
        #expect(world.read() == ["three"])
        try expectQuiet(world)
    }

    /// Both are new: the one at the path is read, and what is like it is taken for its copy.
    @Test(arguments: ["a.log", "a.log*"]) func metTogetherWithItsCopy(glob: String) throws {
        let world = try follow(glob)
        world.acknowledge()
        world.delete("a.log")
        #expect(world.read() == [])
        world.append("two\nthree\n")
        world.copy("a.log", "a.log.1")
        #expect(world.read() == ["two", "three"])
        world.truncate()
        world.append("four\n")
        #expect(world.read() == ["four"])
        try expectQuiet(world)
    }

    /// As between two names, or while it is compressed: what was read is remembered until the copy is there.
    @Test(arguments: ["a.log", "a.log*"], [false, true])
    func theCopyIsFoundAfterTheTruncation(glob: String, isCompressed: Bool) throws {
        let world = try follow(glob)
        world.append("two\n")
        mkdir(world.path("elsewhere"), 0o755)
        world.copy("a.log", "elsewhere/x")
        world.truncate()
        world.append("three\n")
        #expect(world.read() == ["three"])
        if isCompressed { world.compress("elsewhere/x") }
        world.move(isCompressed ? "elsewhere/x.gz" : "elsewhere/x", isCompressed ? "a.log.1.gz" : "a.log.1")
        #expect(world.read() == ["two"])
        try expectQuiet(world)
    }

    /// While a receiver is down a copy may be older than the grace before what it holds was read.
    @Test(arguments: ["a.log", "a.log*"]) func copiedLongBeforeTheTruncationInAnOutage(glob: String) throws {
        let world = try follow(glob)
        world.append("two\n")
        world.input.lookAround(at: world.now)
        world.copy("a.log", "a.log.1")
        for _ in 0..<4 {
            world.advance(.seconds(6))
            world.input.lookAround(at: world.now)
        }
        world.truncate()
        world.append("three\n")
        #expect(world.read() == ["two", "three"])
        try expectQuiet(world)
    }

    @Test func copiedWhileDownAndNotTruncated() throws {
        let world = try follow("a.log*")
        world.acknowledge()
        let saved = world.saved()
        world.append("two\n")
        world.copy("a.log", "a.log.1")
        try world.restart(saved)
        #expect(world.read() == ["two"])
        world.advance(.seconds(11))
        #expect(world.read() == [])
        world.append("three\n", to: "a.log.1")
        #expect(world.read() == ["three"])
    }
}
