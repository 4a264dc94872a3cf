// An error while it is looked at which file is which: it is neither the one that is known nor another one, until it can
// be read. The disk fails at the n-th look, for every n.

import Bytes
import Foundation
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Inputs

/// Reads from the disk, and fails from a look on for some looks.
private final class FailingLooks: Sendable {
    private struct State {
        var passing = Int.max
        var failing = 0
        var failedCount = 0
    }

    private let state = Mutex(State())
    let error: Errno

    init(_ error: Errno) { self.error = error }

    func fail(at look: Int, for count: Int = 1) {
        state.withLock { $0 = State(passing: look, failing: count) }
    }

    var failedCount: Int { state.withLock { $0.failedCount } }

    private func isFailing() -> Bool {
        state.withLock { state in
            if state.passing > 0 {
                state.passing -= 1
                return false
            }
            guard state.failing > 0 else { return false }
            state.failing -= 1
            state.failedCount += 1
            return true
        }
    }

    var read: TextReader.Read {
        { [self] (file: borrowing File, bytes: inout [UInt8], limit: Int, offset: UInt64) throws(Errno) -> Int in
            if isFailing() { throw error }
            return try file.read(into: &bytes, limit: limit, at: offset)
        }
    }
}

@Suite struct FileUnclearTests: AlikeLogs {
    enum Change: CaseIterable {
        case grown, renamed, compressed, copied, renamedTwice, truncated
    }

    /// It is tried again after the grace, not at the next scan, which comes later.
    private func readAll(_ world: FileWorld) -> [String] { readAll(world, looks: 6) }

    /// What happens while nobody looks. Returns the lines that are then to be read.
    private func change(_ world: FileWorld, _ change: Change) -> [String] {
        world.append("first late\n")
        switch change {
        case .grown: return ["first late"]
        case .renamed: world.move("a.log", "a.log.1")
        case .compressed:
            world.move("a.log", "a.log.1")
            world.compress("a.log.1")
        case .copied:
            world.copy("a.log", "a.log.1")
            world.truncate()
        case .renamedTwice:
            world.move("a.log", "a.log.2")
            world.append(log("between"), to: "a.log.1")
            world.append(log("second"))
            return ["first late"] + lines("between") + lines("second")
        case .truncated:
            world.truncate()
            world.append(log("second", 80))
            return lines("second", 0..<80)
        }
        world.append(log("second"))
        return ["first late"] + lines("second")
    }

    @Test(arguments: Change.allCases, [true, false]) func nothingIsDecided(by change: Change, isStopped: Bool) throws {
        for look in 0..<200 {
            let looks = FailingLooks(look.isMultiple(of: 2) ? .io : .stale)
            let world = try FileWorld(#""paths": ["DIR/a.log"]"#, limits: FileLimits(reader: looks.read))
            world.append(log("first"))
            world.read()
            world.acknowledge()
            let saved = world.saved()
            let expected = self.change(world, change)
            looks.fail(at: look)
            if isStopped { try world.restart(saved) }
            #expect(readAll(world).sorted() == expected.sorted(), "look \(look)")
            #expect(world.input.status(at: world.now).problems == [], "look \(look)")
            if looks.failedCount == 0 { return }
        }
        Issue.record("every look failed")
    }

    /// As long as it lasts, nothing is read, and it is said and counted; then it goes on where it was.
    @Test func aDiskThatFailsForAWhile() throws {
        let looks = FailingLooks(.io)
        let world = try FileWorld(#""paths": ["DIR/a.log"]"#, limits: FileLimits(reader: looks.read))
        world.append(log("first"))
        world.read()
        world.acknowledge()
        let saved = world.saved()
        _ = change(world, .renamed)
        looks.fail(at: 0, for: .max)
        try world.restart(saved)
        #expect(readAll(world) == [])
        #expect(world.count("file_unreadable") > 0 && world.count("bytes_lost_deleted") == 0)
        #expect(world.input.status(at: world.now).problems.contains { $0.contains("a.log: ") })
        looks.fail(at: .max)
        #expect(readAll(world) == ["first late"] + lines("second"))
        #expect(world.count("bytes_lost_deleted") == 0)
        #expect(world.input.status(at: world.now).problems == [])
    }

    /// Of a file that was closed to make room.
    @Test func aClosedFileThatIsRenamed() throws {
        for look in 0..<20 {
            let looks = FailingLooks(.io)
            let world = try FileWorld(#""paths": ["DIR/*.log"]"#, limits: FileLimits(reader: looks.read))
            world.append(log("first"))
            world.read()
            let tail = try #require(world.input.follower.tails.values.first)
            world.input.follower.tails.close(tail)
            world.move("a.log", "b.log")
            world.append("more\n", to: "b.log")
            looks.fail(at: look)
            #expect(readAll(world) == ["more"], "look \(look)")
            if looks.failedCount == 0 { return }
        }
        Issue.record("every look failed")
    }

    /// Numbers that a file system makes up are compared at the start: when that fails, it is done again.
    @Test func otherNumbersWhileTheDiskFails() throws {
        for look in 0..<20 {
            let looks = FailingLooks(.io)
            let world = try FileWorld(limits: FileLimits(reader: looks.read))
            world.append(log("first"))
            world.read()
            world.acknowledge()
            var malformed = 0
            var cursors = FileCursors(try #require(world.saved()), malformed: &malformed)
            let id = cursors.files[0].id
            cursors.files[0].identity.id = FileID(device: id.device + 77, inode: id.inode + 1_000_000)
            var json = JSONWriter()
            cursors.write(into: &json)
            world.append("more\n")
            looks.fail(at: look)
            try world.restart(try parseJSON(json.bytes))
            #expect(readAll(world) == ["more"], "look \(look)")
            if looks.failedCount == 0 { return }
        }
        Issue.record("every look failed")
    }
}
