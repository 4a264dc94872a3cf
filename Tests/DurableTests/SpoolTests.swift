// The spool: its frames, a disk that fails at any call, power cuts, and random life against what was put.

import Bytes
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Durable

@Suite struct SpoolFrameTests {
    private func records(_ count: Int) -> [SpoolRecord] {
        (0..<count).map { index in
            SpoolRecord(
                number: UInt64(10 + index), unixNanoseconds: Int64(index) - 5,
                bytes: Array("record \(index) \(String(repeating: "ü", count: index * 7))".utf8))
        }
    }

    private func frames(_ records: [SpoolRecord]) -> (bytes: [UInt8], ends: [Int]) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for record in records {
            SpoolFrame.append(record, to: &bytes)
            ends.append(bytes.count)
        }
        return (bytes, ends)
    }

    private func read(_ bytes: [UInt8]) -> (records: [SpoolRecord], scan: SpoolScan) {
        let scan = SpoolScan(bytes)
        return (scan.places.map { scan.record($0, of: bytes) }, scan)
    }

    @Test func theChecksumIsThatOfGzip() {
        let text = Array("123456789".utf8)
        #expect(text.crc32(0..<9) == 0xCBF4_3926)
        #expect(text.crc32(3..<3) == 0 && [].crc32(0..<0) == 0)
    }

    @Test func readsWhatWasWritten() {
        let records = records(9)
        let (bytes, _) = frames(records)
        let (read, scan) = read(bytes)
        #expect(read == records && scan.end == bytes.count)
        #expect(scan.damagedBytes == 0 && scan.damagedRecords == 0 && scan.tornBytes == 0)
        #expect(self.read([]).records.isEmpty)
    }

    @Test func everyTruncationLosesTheTornTailAlone() {
        let records = records(6)
        let (bytes, ends) = frames(records)
        for count in bytes.indices {
            let (read, scan) = read(Array(bytes[..<count]))
            let whole = ends.count { $0 <= count }
            #expect(read == Array(records[..<whole]), "cut at \(count)")
            #expect(scan.tornBytes == count - (whole == 0 ? 0 : ends[whole - 1]) && scan.damagedBytes == 0)
        }
    }

    @Test func everyChangedBitLosesItsFrameAlone() {
        let records = records(6)
        let (bytes, ends) = frames(records)
        for at in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[at] ^= 1 << UInt8(bit)
                let (read, scan) = read(changed)
                let hit = ends.firstIndex { $0 > at } ?? 0
                var expected = records
                expected.remove(at: hit)
                #expect(read == expected, "bit \(bit) of \(at)")
                if hit == records.count - 1 {
                    #expect(scan.tornBytes > 0 && scan.damagedBytes == 0)
                } else {
                    #expect(scan.damagedRecords == 1 && scan.damagedBytes > 0 && scan.tornBytes == 0)
                }
            }
        }
    }

    @Test func randomDamageNeverGivesWhatWasNotWritten() {
        var random = SeededRandom()
        for _ in 0..<300 {
            let records = records(.random(in: 1...12, using: &random))
            var (bytes, _) = frames(records)
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let at = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + .random(in: 1...60, using: &random)))
                case 2: bytes.insert(contentsOf: random.bytes(1...60), at: at)
                default:
                    for index in at..<min(bytes.count, at + .random(in: 1...60, using: &random)) { bytes[index] = 0 }
                }
            }
            let read = read(bytes).records
            #expect(read.allSatisfy(records.contains))
            #expect(zip(read, read.dropFirst()).allSatisfy { $0.number < $1.number })
        }
        for _ in 0..<200 { #expect(read(random.bytes(0...400)).records.isEmpty) }
    }
}

@Suite struct SpoolTests {
    @Test func givesInOrderAndForgetsWhatWasAcknowledged() {
        var world = SpoolWorld()
        world.put(25)
        world.turn()
        while world.read(7) > 0 {}
        #expect(world.delivered.count == 25 && world.delivered == world.delivered.sorted { order($0) < order($1) })
        #expect(world.spool.status.byteCount > 0 && world.spool.cursorVersion == 0)
        world.acknowledge(10)
        world.saveCursor()
        #expect(world.cursor == 10)
        // What was not acknowledged comes again.
        world.kill()
        world.drain()
        #expect(world.delivered.dropFirst(25).first?.hasPrefix("record 11 ") == true && world.delivered.count == 40)
        #expect(world.spool.status.byteCount == 0 && world.droppedNow == 0)
    }

    private func order(_ text: String) -> Int { Int(text.split(separator: " ")[1]) ?? 0 }

    @Test func syncsEverySecondAtMost() {
        var world = SpoolWorld()
        world.put(1)
        world.turn()
        #expect(world.stored.count == 1, "the first is synced at once")
        world.put(1)
        world.turn()
        #expect(world.stored.count == 1)
        world.turn(seconds: 1)
        #expect(world.stored.count == 2)
        world.put(1)
        world.turn(isLast: true)
        #expect(world.stored.count == 3, "the stop waits for no second")
    }

    @Test func dropsTheOldestSegmentOfAFullSpoolAndCountsExactly() {
        var world = SpoolWorld(limitBytes: 512 << 10, memoryLimitBytes: 32 << 10)
        for round in 0..<60 {
            world.put(20, bytes: 1_000)
            world.turn(seconds: 1)
            if round == 30 { world.read(15) }
        }
        let (inFlight, dropped) = (world.delivered.count, world.count("spool_dropped"))
        #expect(inFlight == 15 && dropped > 0)
        #expect(world.disk.files.values.reduce(0) { $0 + $1.bytes.count } <= 512 << 10)
        #expect(Int(world.count("spool_dropped_bytes")) > Int(dropped) * 1_000)
        world.drain()
        #expect(world.delivered.count + Int(world.count("spool_dropped")) == world.putCount)
        #expect(world.count("spool_dropped") == dropped && world.droppedNow == dropped)
        #expect(Set(world.delivered).count == world.delivered.count)
        #expect(world.spool.status.byteCount == 0)
    }

    @Test func keepsNoMoreInMemoryThanItMay() {
        var world = SpoolWorld(memoryLimitBytes: 16 << 10)
        world.put(200, bytes: 500)
        world.turn()
        #expect(world.delivered.isEmpty)
        world.drain()
        // The disk was asked only after all of them were put: what had no room was counted.
        #expect(world.delivered.count + Int(world.count("spool_dropped_unstored")) == 200)
        #expect(world.delivered.count >= 25)
    }

    @Test func livesInMemoryWhileTheDiskFailsAndGoesBackToIt() {
        var world = SpoolWorld()
        world.put(3)
        world.turn(seconds: 1)
        world.disk.fail(after: 1, times: 1_000)
        world.put(3)
        world.turn(seconds: 1)
        #expect(world.spool.status.problem != nil && world.stored.count == 3)
        #expect(world.read() == 6, "the route goes on")
        world.acknowledge(4)
        world.disk.fail(after: .max, times: 0)
        world.turn()
        #expect(world.stored.count == 3, "not before a second is over")
        world.turn(seconds: 1)
        #expect(world.spool.status.problem == nil)
        world.saveCursor()
        world.kill()
        world.drain()
        #expect(world.delivered.suffix(2).map(order) == [5, 6])
    }

    /// Counts alone would be found by those who look.
    @Test func whatIsLostIsSaid() {
        let lines = Mutex<[String]>([])
        let log = AgentLog(level: .info, underSystemd: true) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        let disk = FakeSpoolDisk()
        func spool() -> Spool {
            Spool(
                name: "in~out", disk: disk, limitBytes: 8 << 20, resume: nil, log: log, memoryLimitBytes: 4 << 10,
                turnsItself: false)
        }
        let first = spool()
        var now = Instant(nanoseconds: 1_000_000_000_000)
        first.turn(at: now)
        disk.fail(after: 1, times: .max)
        for _ in 0..<3 {
            now = now + .seconds(1)
            first.put((0..<8).map { _ in [UInt8](repeating: 1, count: 1_000) }, at: 1)
            first.turn(at: now)
        }
        disk.fail(after: .max, times: 0)
        first.turn(at: now + .seconds(1), isLast: true)
        disk.files[1]?.bytes[100] ^= 1
        let second = spool()
        second.open()
        second.turn(at: now)
        disk.fail(after: 1, times: .max)
        second.put([[1], [2]], at: 1)
        second.close()
        let said = lines.withLock { $0 }
        #expect(
            said.last == "<3>level=error msg=\"the disk took no more before the stop: records are lost\" "
                + "spool=in~out records=2\n"
        )
        #expect(
            said.count {
                $0.hasPrefix("<3>level=error msg=\"the disk takes nothing and memory is full: records are dropped\"")
            } > 0)
        #expect(
            said.contains {
                $0.hasPrefix("<4>level=warning msg=\"a spool is damaged: what cannot be read is left out\"")
            }, "\(said)")
    }

    @Test func aDiskThatCannotBeOpenedHoldsUpNothing() {
        var world = SpoolWorld()
        world.put(4)
        world.turn(seconds: 2)
        world.disk.fail(after: 1, times: 2)
        world.cursor = 1
        world.spool = Spool(
            name: "test", disk: world.disk, limitBytes: 8 << 20, resume: 1, log: .silent, turnsItself: false)
        world.numbers = [:]
        world.put(3)
        #expect(world.read() == 0, "what is on the disk comes first, if it can")
        world.turn()
        #expect(world.read(2) == 2)
        let before = world.spool.cursor
        world.acknowledge(2)
        #expect(world.spool.cursorVersion == 0 && before == 1 && world.spool.cursor == 1, "the disk's place is kept")
        world.turn(seconds: 1)
        world.turn(seconds: 1)
        world.drain()
        #expect(world.delivered.map(order) == [5, 6, 2, 3, 4, 7])
        #expect(world.spool.status.byteCount == 0 && world.spool.cursor == 5)
    }

    @Test func anInheritedCursorIsKeptUntilItsRecordsAreStored() {
        let disk = FakeSpoolDisk()
        disk.fail(after: 1, times: 1)
        let spool = Spool(
            name: "test", disk: disk, limitBytes: 8 << 20, resume: nil,
            inherited: [(Array("old 1".utf8), 7), (Array("old 2".utf8), 8)], log: .silent, turnsItself: false)
        spool.put([Array("new".utf8)], at: 9)
        spool.turn(at: Instant(nanoseconds: 1))
        #expect(spool.cursorVersion == 0 && spool.storedEnd == 0)
        spool.turn(at: Instant(nanoseconds: 3_000_000_000))
        #expect(spool.cursorVersion == 1 && spool.cursor == 0)
        let (records, _) = spool.read(recordLimit: 9, byteLimit: 999)
        #expect(records.map { String(decoding: $0.bytes, as: UTF8.self) } == ["old 1", "old 2", "new"])
        #expect(records.map(\.unixNanoseconds) == [7, 8, 9])
    }

    // MARK: Faults

    /// One life: much is put, some is read and acknowledged, the disk fails at one call or at many.
    private func live(failing call: Int, times: Int) -> SpoolWorld {
        var world = SpoolWorld(limitBytes: 2 << 20, memoryLimitBytes: 512 << 10)
        world.disk.fail(after: call, times: times)
        for round in 0..<14 {
            world.put(6, bytes: 3_000)
            world.turn(seconds: round % 3 == 0 ? 1 : 0)
            world.read(5)
            if round % 2 == 0 { world.acknowledge(4) }
            if round % 5 == 4 { world.saveCursor() }
        }
        return world
    }

    /// Whatever call fails, once, thrice, or for good: a power cut after it takes nothing that was said to be stored,
    /// and nothing comes out that was not put.
    @Test(arguments: [1, 3, 100_000])
    func losesNothingWhateverCallFails(times: Int) {
        let calls = live(failing: .max, times: 0).disk.calls
        #expect(calls > 25)
        var random = SeededRandom()
        for call in 1...calls + 1 {
            var world = live(failing: call, times: times)
            #expect(world.droppedNow == 0)
            let before = world.delivered.count
            if times < 10 {
                // The disk is well again: everything comes, in this run.
                var healed = world
                healed.drain()
                #expect(Set(healed.delivered).count == healed.putCount, "call \(call)")
                #expect(healed.delivered.count == healed.putCount, "nothing comes twice in one run, call \(call)")
                #expect(healed.count("spool_damaged") == 0)
                world = live(failing: call, times: times)
            }
            world.disk.cutPower(&random)
            world.kill()
            world.drain()
            check(world, from: before, "call \(call)")
        }
    }

    /// A segment is removed since its sync failed, and the numbers that it had are given to others after a kill. It
    /// must not come back behind them.
    @Test func aSegmentThatWasGivenUpTakesNoPlaceOfLaterRecords() {
        for seed in 0..<32 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var world = SpoolWorld()
            world.put(3)
            world.turn()
            world.put(2)
            world.disk.fail(after: 2, times: 1)
            world.turn(seconds: 1)
            world.disk.fail(after: 2, times: 1)
            world.turn(seconds: 1)
            #expect(world.disk.files.keys.sorted() == [1] && world.disk.removed.keys.sorted() == [2])
            world.kill()
            world.put(1)
            world.turn(seconds: 1)
            #expect(world.stored.count == 4 && world.disk.files.keys.sorted() == [1], "in the place of record 4")
            world.disk.cutPower(&random)
            world.kill()
            world.drain()
            #expect(world.delivered.map(order) == [1, 2, 3, 6], "seed \(seed)")
        }
    }

    private func check(_ world: SpoolWorld, from start: Int, _ place: String) {
        let after = Set(world.delivered[start...])
        let missing = world.stored.filter { !after.contains($0) && !world.acknowledged.contains($0) }
        #expect(missing.count <= Int(world.dropped), "\(place): \(missing.sorted().prefix(3))")
        let orders = world.delivered[start...].map(order)
        #expect(world.wasDetached || orders == orders.sorted(), "\(place): in order")
        #expect(world.delivered.allSatisfy { $0.hasPrefix("record ") })
    }

    @Test func randomLivesLoseNothingThatWasStored() {
        var random = SeededRandom()
        for life in 0..<120 {
            var world = SpoolWorld(
                limitBytes: life % 2 == 0 ? 64 << 20 : 1 << 20, memoryLimitBytes: life % 3 == 0 ? 40 << 10 : 1 << 20)
            var start = 0
            for _ in 0..<60 {
                switch Int.random(in: 0..<12, using: &random) {
                case 0...3:
                    world.put(.random(in: 1...12, using: &random), bytes: .random(in: 0...9_000, using: &random))
                case 4...5: world.turn(seconds: .random(in: 0...2, using: &random))
                case 6...7: world.read(.random(in: 1...30, using: &random))
                case 8: world.acknowledge(.random(in: 1...30, using: &random))
                case 9: world.saveCursor()
                case 10:
                    world.disk.fail(
                        after: .random(in: 1...6, using: &random), times: .random(in: 1...4, using: &random))
                default:
                    start = world.delivered.count
                    if Bool.random(using: &random) { world.disk.cutPower(&random) }
                    world.kill()
                }
            }
            world.disk.fail(after: .max, times: 0)
            world.turn(seconds: 2)
            world.drain()
            world.dropped += world.droppedNow
            check(world, from: start, "life \(life), seed \(random.seed)")
        }
    }
}
