// Segments of a spool that are unreadable, removed, emptied or replaced by somebody else: each costs its own records,
// which are counted as `spool_damaged`, and no others.

import Foundation
import Platform
import TestSupport
import Testing

@testable import Durable

@Suite struct SpoolDamageTests {
    /// What somebody does to a file of the spool.
    enum Harm: CaseIterable { case removed, emptied, cut, garbage, anotherSegment }

    /// 40 records in segments of seven, none of them read.
    private func written() -> SpoolWorld {
        // Hardly any of them stay in memory.
        var world = SpoolWorld(limitBytes: 2 << 20, memoryLimitBytes: 64 << 10)
        for _ in 0..<8 {
            world.put(5, bytes: 9_500)
            world.turn(seconds: 2)
        }
        return world
    }

    private func harm(_ world: SpoolWorld, _ id: UInt64, _ harm: Harm) {
        switch harm {
        case .removed: world.disk.files[id] = nil
        case .emptied: world.disk.files[id]?.bytes = []
        case .cut: world.disk.files[id]?.bytes.removeLast(30_000)
        case .garbage: world.disk.files[id]?.bytes = [UInt8](repeating: 7, count: 70_000)
        case .anotherSegment: world.disk.files[id] = world.disk.files[id == 1 ? 2 : 1]
        }
    }

    private func number(_ text: String) -> Int { Int(text.split(separator: " ")[1]) ?? 0 }

    /// While the agent runs: each record comes or is counted, and what is put afterwards comes.
    @Test(arguments: Harm.allCases, [UInt64(2), 4, 0])
    func whileItRuns(what: Harm, segment: UInt64) {
        var world = written()
        let id = segment > 0 ? segment : world.disk.files.keys.max() ?? 0
        harm(world, id, what)
        world.put(5, bytes: 9_500)
        world.turn(seconds: 2)
        world.drain()
        let missing = Set(1...45).subtracting(world.delivered.map(number))
        #expect(!missing.isEmpty && missing.count <= 8)
        #expect(missing.allSatisfy { $0 <= 40 }, "what came afterwards is whole")
        #expect(Set(world.delivered).count == world.delivered.count)
        #expect(world.count("spool_damaged") == UInt64(missing.count))
        // The next run does not count it again, and has nothing left.
        world.saveCursor()
        world.kill()
        #expect(world.count("spool_damaged") == 0 && world.read() == 0)
    }

    /// While it does not run. Of the last segment nobody knows what it had: it counts as one.
    @Test(arguments: Harm.allCases) func whileItIsStopped(what: Harm) {
        var world = written()
        world.read(3)
        world.acknowledge(3)
        world.saveCursor()
        harm(world, 3, what)
        world.kill()
        world.put(5, bytes: 9_500)
        world.drain()
        let missing = Set(1...45).subtracting(world.delivered.map(number))
        #expect((what == .cut ? 1...7 : 6...8).contains(missing.count), "\(missing)")
        #expect(world.count("spool_damaged") == UInt64(missing.count))
        #expect(world.spool.status.problem == nil)
    }

    @Test func theLastOneIsEmptiedWhileItIsStopped() {
        var world = written()
        world.disk.files[world.disk.files.keys.max() ?? 0]?.bytes = []
        world.kill()
        world.drain()
        #expect(world.delivered.count >= 33 && world.count("spool_damaged") == 1)
    }

    /// Bad sectors in several segments cost five seconds once, and then their own records.
    @Test(arguments: [[UInt64(2)], [1], [2, 3, 5], [1, 2, 3, 4, 5, 6]]) func unreadableAtTheStart(ids: [UInt64]) {
        var world = written()
        let count = world.disk.files.count
        world.disk.unreadable = Set(ids)
        world.kill()
        world.put(5, bytes: 100)
        for _ in 0..<6 { world.turn(seconds: 1) }
        #expect(world.spool.status.problem == nil, "the disk works")
        world.drain()
        let missing = Set(1...45).subtracting(world.delivered.map(number))
        #expect(missing.count <= 7 * ids.count + 2 && missing.allSatisfy { $0 <= 40 })
        let isLastBad = ids.contains(UInt64(count))
        if !isLastBad { #expect(world.count("spool_damaged") == UInt64(missing.count)) }
        #expect(world.count("spool_damaged") > 0 && world.count("spool_damaged_bytes") > 0)
    }

    /// It costs its place on the disk and nothing else: what comes later goes to the disk and from there.
    @Test func aSegmentThatCannotBeRemoved() {
        var world = written()
        world.disk.unremovable = [2]
        world.drain()
        #expect(Set(world.delivered.map(number)) == Set(1...40))
        for _ in 0..<8 { world.turn(seconds: 1) }
        #expect(world.spool.status.problem == nil, "the disk works")
        for _ in 0..<8 {
            world.put(5, bytes: 9_500)
            world.turn(seconds: 2)
        }
        #expect(world.disk.files.keys.contains { $0 > 6 })
        world.drain()
        #expect(Set(world.delivered.map(number)) == Set(1...80) && world.delivered.count == 80)
        world.disk.unremovable = []
        world.put(5, bytes: 100)
        world.turn(seconds: 2)
        world.drain()
        world.turn(seconds: 2)
        #expect(world.count("spool_damaged") == 0)
    }

    /// On the real disk: a directory, a link that leads nowhere and a file that is too large in the place of segments.
    @Test func oddFilesInItsDirectory() throws {
        let directory = try TemporaryDirectory()
        func spool() -> Spool {
            Spool(
                name: "test", disk: HostSpoolDisk(directory: directory.path), limitBytes: 8 << 20, resume: 0,
                log: .silent,
                turnsItself: false)
        }
        var now = Instant(nanoseconds: 1_000_000_000_000)
        let first = spool()
        first.turn(at: now)
        first.put((0..<100).map { [UInt8](repeating: UInt8($0), count: 9_000) }, at: 1)
        first.turn(at: now, isLast: true)
        let names = try textEntries(directory.path)
        #expect(names.count >= 3)
        try makeDirectories("\(directory.path)/00000090.spool")
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory.path)/00000091.spool", withDestinationPath: "nowhere")
        let second = spool()
        for _ in 0..<7 {
            now = now + .seconds(1)
            second.turn(at: now)
        }
        #expect(second.status.problem == nil)
        var count = 0
        for _ in 0..<20 {
            second.turn(at: now)
            count += second.read(recordLimit: 1_000, byteLimit: 1 << 20).records.count
        }
        #expect(count == 100)
        // While it writes, its file is removed: what was not synced goes into another.
        second.put([[0]], at: 1)
        second.turn(at: now)
        second.put([[1], [2]], at: 1)
        second.turn(at: now)
        for name in try textEntries(directory.path) {
            do throws(Errno) { try removeFile("\(directory.path)/\(name)") } catch {}
        }
        second.turn(at: now + .seconds(2), isLast: true)
        let third = spool()
        for second in 3..<12 { third.turn(at: now + .seconds(second)) }
        #expect(third.read(recordLimit: 9, byteLimit: 1 << 20).records.map(\.bytes).suffix(2) == [[1], [2]])
    }
}
