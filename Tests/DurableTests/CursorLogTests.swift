// Cursor logs on a disk that fails, forgets and tears, and what is read of damaged ones.

import Bytes
import Foundation
import Glibc
import Platform
import TestSupport
import Testing

@testable import Durable

@Suite struct CursorLogTests {
    private let own: TemporaryDirectory
    private var directory: String { own.path }
    private let path = "/state/cursors/in~out.cursor"

    init() throws { own = try TemporaryDirectory() }

    private func log<D: CursorDisk>(_ disk: D, input: String = "in", output: String = "out") -> CursorLog<D> {
        CursorLog(
            stateDirectory: disk is HostCursorDisk ? directory : "/state", input: input, output: output, disk: disk,
            log: .silent)
    }

    private func lines(_ offsets: [UInt64: UInt64]) -> CursorLines {
        var lines = CursorLines()
        for (key, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            lines.put(key) { json in
                json.object { json in
                    json.key("offset")
                    json.number(offset)
                }
            }
        }
        return lines
    }

    private func snapshot<D>(_ log: inout CursorLog<D>, _ offsets: [UInt64: UInt64]) throws(Errno) {
        try log.beginSnapshot()
        try log.addToSnapshot(lines(offsets))
        try log.endSnapshot()
    }

    @Test func loadsWhatWasSaved() throws {
        var log = log(HostCursorDisk())
        #expect(log.load() == nil && log.wantsSnapshot)
        try snapshot(&log, [1: 10, 2: 20])
        #expect(!log.wantsSnapshot)
        try log.append(lines([2: 25, 3: 30]))
        #expect(log.unsyncedByteCount > 0)
        try log.sync()
        #expect(log.unsyncedByteCount == 0)
        var gone = CursorLines()
        gone.remove(1)
        try log.append(gone)
        var next = self.log(HostCursorDisk())
        #expect(CursorWorld.offsets(next.load()) == [2: 25, 3: 30])
        #expect(next.damagedLineCount == 0 && next.damagedFileCount == 0)
        // The log is of the run that made it.
        #expect(next.wantsSnapshot && !next.isOpen)
    }

    /// Whatever calls fail, and whenever power is cut or the agent is killed: what was acknowledged no later than the
    /// last sync (or append) is there, and nothing that was not acknowledged.
    @Test(arguments: 0..<40) func outlastsKillsAndPowerCuts(_ part: Int) {
        for seed in part * 50..<part * 50 + 50 {
            var random = SeededRandom(seed: UInt64(seed))
            var world = CursorWorld()
            for run in 0..<6 {
                let calls = world.log.disk.calls
                var disk = world.log.disk
                if Bool.random(using: &random) {
                    let first = calls + .random(in: 0..<60, using: &random)
                    disk.failing = first..<first + .random(in: 1..<12, using: &random)
                }
                if let fault = world.restart(disk, atLeast: [:]) {
                    Issue.record("seed \(seed), run \(run), at its start: \(fault)")
                    return
                }
                for _ in 0..<Int.random(in: 1..<60, using: &random) {
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0..<4:
                        world.acknowledge(.random(in: 0..<9, using: &random), by: .random(in: 1..<99, using: &random))
                    case 4: world.remove(.random(in: 0..<9, using: &random))
                    case 5..<8: world.save()
                    default: world.sync()
                    }
                }
                disk = world.log.disk
                let isPowerCut = Bool.random(using: &random)
                if isPowerCut { disk.cutPower(&random) } else { disk.kill() }
                if let fault = world.restart(disk, atLeast: isPowerCut ? world.synced : world.appended) {
                    Issue.record("seed \(seed), run \(run), \(isPowerCut ? "power cut" : "kill"): \(fault)")
                    return
                }
            }
        }
    }

    /// A power cut after each call of a run in which a snapshot is written piece by piece and takes the log's place.
    @Test func outlastsAPowerCutAtEveryCall() {
        for end in 0..<200 {
            for seed in 0..<20 {
                var random = SeededRandom(seed: UInt64(end * 1000 + seed))
                var world = CursorWorld()
                _ = world.restart(FakeCursorDisk(), atLeast: [:])
                for key in 0..<6 as Range<UInt64> { world.acknowledge(key, by: 10 + key) }
                for _ in 0..<4 { world.save() }
                var disk = world.log.disk
                // Nothing that is called from here on has an effect: the machine is off.
                disk.failing = disk.calls + end..<Int.max
                disk.kill()
                disk.failing = disk.calls + end..<Int.max
                _ = world.restart(disk, atLeast: [:])
                for key in 0..<6 as Range<UInt64> {
                    world.acknowledge(key, by: 5)
                    world.save()
                    world.sync()
                }
                disk = world.log.disk
                disk.cutPower(&random)
                let fault = world.restart(disk, atLeast: world.synced)
                #expect(fault == nil, "call \(end), seed \(seed): \(fault ?? "")")
            }
        }
    }

    // MARK: Damage

    /// A log with every kind of line, and its offsets.
    private func sample() throws -> (bytes: [UInt8], lines: [[UInt8]]) {
        var log = log(FakeCursorDisk())
        try snapshot(&log, [1: 10, 2: 20, 3: 30])
        for step in 1...4 as ClosedRange<UInt64> { try log.append(lines([1: 10 + step, 2: 20 + step])) }
        var gone = CursorLines()
        gone.remove(3)
        try log.append(gone)
        let bytes = try log.disk.read(path, from: 0, limit: .max)
        return (bytes, bytes.split(separator: UInt8(ascii: "\n")).map(Array.init))
    }

    private func load(_ bytes: [UInt8]) -> (offsets: [UInt64: UInt64], damaged: UInt64) {
        var disk = FakeCursorDisk()
        disk.put(bytes, at: path)
        var log = log(disk)
        let offsets = CursorWorld.offsets(log.load())
        return (offsets, log.damagedLineCount)
    }

    @Test func everyTruncationIsWhatWasSavedUpToThere() throws {
        let (bytes, lines) = try sample()
        #expect(load(bytes).offsets == [1: 14, 2: 24] && load(bytes).damaged == 0)
        for count in 0..<bytes.count {
            let (offsets, damaged) = load(Array(bytes[..<count]))
            // A torn end is what every kill may leave.
            #expect(damaged == 0, "\(count)")
            let whole = bytes[..<count].count { $0 == UInt8(ascii: "\n") }
            var expected: [UInt64: UInt64] = [:]
            for line in lines.prefix(whole) {
                guard case .entry(let entry) = ParsedCursorLine(line) else { continue }
                if case .whole(let json) = entry.change {
                    expected[entry.key] = json["offset"]?.unsigned
                } else {
                    expected[entry.key] = nil
                }
            }
            #expect(offsets == expected, "\(count)")
        }
    }

    /// Every byte changed costs at most what its line said: an older value holds then, and no entry is lost that is in
    /// another line.
    @Test func everyChangedByteCostsItsLine() throws {
        let (bytes, _) = try sample()
        for at in bytes.indices {
            for change in [1, 0x20, 0xFF] as [UInt8] {
                var changed = bytes
                changed[at] ^= change
                let (offsets, damaged) = load(changed)
                #expect(damaged <= 2, "\(at)")
                #expect([13, 14].contains(offsets[1]) && [23, 24].contains(offsets[2]), "\(at): \(offsets)")
                // Gone, unless that was in the damaged line, or a line that it replaces may have been.
                let mayBeThere = damaged > 0 || at == bytes.count - 1
                #expect(offsets[3] == nil || mayBeThere && offsets[3] == 30, "\(at): \(offsets)")
            }
        }
    }

    @Test func randomBytesAreNoLines() {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = (0..<Int.random(in: 1..<2000, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random)
                    : Array("{\"crc\":\"0\nkeyis,}".utf8).randomElement(using: &random)!
            }
            let (offsets, _) = load(bytes)
            #expect(offsets.isEmpty, "seed \(seed)")
        }
    }

    /// A line that no version writes, longer than memory should be given for: what stands behind it still holds.
    @Test func aHugeLineCostsItself() throws {
        let (bytes, _) = try sample()
        let half = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        var huge = Array(bytes[...half])
        huge += [UInt8](repeating: 0, count: 5 << 20)
        huge.append(UInt8(ascii: "\n"))
        huge += bytes[(half + 1)...]
        let (offsets, damaged) = load(huge)
        #expect(offsets == [1: 14, 2: 24, 3: 30] && damaged == 1)
    }

    /// The log before stands in for an entry whose only line in the log is damaged.
    @Test func theLogBeforeStandsIn() throws {
        var log = log(FakeCursorDisk())
        try snapshot(&log, [1: 10, 2: 20])
        try snapshot(&log, [1: 11, 2: 21, 3: 31])
        var disk = log.disk
        let bytes = try disk.read(path, from: 0, limit: .max)
        let place = try #require(
            bytes.indices.first { bytes[$0...].starts(with: "\"key\":2".utf8) })
        var changed = bytes
        changed[place + 8] ^= 1
        disk.set(changed, at: path)
        var next = self.log(disk)
        let loaded = next.load()
        let replay = try #require(loaded)
        var found: [UInt64: (offset: UInt64?, isDoubtful: Bool)] = [:]
        replay.forEach { line in
            if case .whole(let json) = line.change { found[line.key] = (json["offset"]?.unsigned, line.isDoubtful) }
        }
        #expect(found[1]?.offset == 11 && found[2] == nil && found[3]?.offset == 31)
        // Under numbers of its own: those of another run mean other entries.
        #expect(found[1 << 63 | 2]?.offset == 20 && found[1 << 63 | 2]?.isDoubtful == true)
        #expect(next.damagedLineCount == 1 && next.damagedFileCount == 0)
        // Gone as a whole, it is as good as there was none.
        disk.set([], at: path)
        next = self.log(disk)
        #expect(CursorWorld.offsets(next.load()) == [1: 10, 2: 20])
        #expect(next.damagedFileCount == 1)
    }

    // MARK: The disk

    /// A full disk: the log stays as it was, and the next snapshot brings all that was acknowledged meanwhile.
    @Test func aFailedAppendWantsASnapshot() throws {
        var log = log(FakeCursorDisk())
        try snapshot(&log, [1: 10])
        var disk = log.disk
        disk.failing = disk.calls..<disk.calls + 2
        log = self.log(disk)
        #expect(throws: Errno.io) { try log.beginSnapshot() }
        #expect(throws: Errno.notFound) { try log.append(self.lines([1: 11])) }
        #expect(log.wantsSnapshot && !log.isOpen)
        #expect(throws: Errno.io) { try log.beginSnapshot() }
        try snapshot(&log, [1: 12])
        #expect(CursorWorld.offsets(log.load()) == [1: 12])
        // What an unfinished one leaves takes no room.
        disk = log.disk
        #expect(disk.names.keys.sorted() == [path, path + ".old"])
    }

    @Test func aLogThatIsNoLongerThereIsWrittenAnew() throws {
        var log = log(HostCursorDisk())
        for removal in ["\(directory)/cursors/in~out.cursor", "\(directory)/cursors"] {
            try snapshot(&log, [1: 10])
            try FileManager.default.removeItem(atPath: removal)
            #expect(throws: Errno.notFound) { try log.append(self.lines([1: 11])) }
            #expect(log.wantsSnapshot)
            try snapshot(&log, [1: 11])
            #expect(CursorWorld.offsets(self.loaded()) == [1: 11])
        }
    }

    /// What another program does to the log is seen before anything is added: a kill would else find a log without
    /// what was before.
    @Test(arguments: Tampering.allCases, [false, true]) func aLogThatSomebodyChangedIsWrittenAnew(
        tampering: Tampering, atTheStop: Bool
    ) throws {
        let path = "\(directory)/cursors/in~out.cursor"
        var log = log(HostCursorDisk())
        try snapshot(&log, [1: 10, 2: 20])
        try log.append(lines([1: 11]))
        try log.sync()
        let before = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        // The clock of the file system ticks.
        while try FileStatus(of: path).modifiedUnixNanoseconds + 20_000_000 > Moment.now.unixNanoseconds {
            usleep(1_000)
        }
        try tampering.apply(to: path, before)
        if tampering == .touched {
            try log.append(lines([1: 12]))
            #expect(!log.wantsSnapshot)
        } else {
            if atTheStop {
                #expect(throws: Errno.notFound) { try log.sync() }
            } else {
                #expect(throws: Errno.notFound) { try log.append(self.lines([1: 12])) }
            }
            #expect(log.wantsSnapshot && !log.isOpen)
            try snapshot(&log, [1: 12, 2: 20])
        }
        #expect(CursorWorld.offsets(loaded()) == [1: 12, 2: 20])
    }

    enum Tampering: CaseIterable {
        case removed, truncated, cut, overwritten, endOverwritten, grown, copied, directory, touched

        func apply(to path: String, _ bytes: [UInt8]) throws {
            func write(_ bytes: [UInt8]) throws {
                let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try handle.write(contentsOf: Data(bytes))
                try handle.close()
            }
            switch self {
            case .removed: try FileManager.default.removeItem(atPath: path)
            case .truncated: #expect(truncate(path, 0) == 0)
            case .cut: #expect(truncate(path, off_t(bytes.count - 5)) == 0)
            case .overwritten: try write([UInt8](repeating: 0, count: bytes.count))
            case .endOverwritten: try write(bytes.dropLast(40) + [UInt8](repeating: 0, count: 40))
            case .grown: try write(bytes + Array("more\n".utf8))
            case .copied:
                try FileManager.default.copyItem(atPath: path, toPath: path + ".copy")
                #expect(rename(path + ".copy", path) == 0)
            case .directory:
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            case .touched: #expect(utimensat(AT_FDCWD, path, nil, 0) == 0)
            }
        }
    }

    private func loaded() -> CursorReplay? {
        var log = log(HostCursorDisk())
        return log.load()
    }

    /// Small changes for long: the log is written anew when they outgrow it, and not before.
    @Test func isCompactedWhenItOutgrowsItsSnapshot() throws {
        var log = log(FakeCursorDisk())
        try snapshot(&log, [1: 0])
        var appends: UInt64 = 0
        while !log.wantsSnapshot, appends < 1_000_000 {
            appends += 1
            try log.append(lines([1: appends]))
        }
        let limit = CursorLog<FakeCursorDisk>.changesLimitBytes
        #expect((limit / 60...limit / 30).contains(appends), "\(appends)")
        try snapshot(&log, [1: appends])
        #expect(!log.wantsSnapshot)
        #expect(CursorWorld.offsets(log.load()) == [1: appends])
    }

    // MARK: Names and earlier versions

    private func earlier(_ cursor: String, _ input: String = "in", _ output: String = "out") -> [UInt8] {
        var body: [UInt8] = Array("\"route\":{\"input\":".utf8)
        body.append(jsonString: input)
        body += Array(",\"output\":".utf8)
        body.append(jsonString: output)
        body += Array("},\"cursor\":\(cursor)".utf8)
        var fingerprint = Fingerprint()
        fingerprint.add(body[...])
        let digits = String(fingerprint.value, radix: 16)
        let zeros = String(repeating: "0", count: 16 - digits.count)
        return Array("{\"version\":1,\"checksum\":\"\(zeros)\(digits)\",".utf8) + body + Array("}\n".utf8)
    }

    @Test func takesOverWhatEarlierVersionsSaved() throws {
        let json = "/state/cursors/in~out.json"
        for suffix in ["", ".new", ".old"] {
            var disk = FakeCursorDisk()
            disk.put(earlier(#"{"offset":7}"#), at: json + suffix)
            if suffix == ".old" { disk.put(Array("{".utf8), at: json) }
            var log = log(disk)
            #expect(log.load()?.single?["offset"]?.unsigned == 7)
            #expect(log.damagedFileCount == (suffix == ".old" ? 1 : 0))
            try snapshot(&log, [0: 8])
            #expect(log.disk.names.keys.sorted() == [path])
            #expect(CursorWorld.offsets(log.load()) == [0: 8])
            // An earlier version ran again, and then this one.
            disk = log.disk
            disk.put(earlier(#"{"offset":9}"#), at: json)
            log = self.log(disk)
            #expect(log.load()?.single?["offset"]?.unsigned == 9)
            // A file that stayed, since it could not be removed, is older than the log.
            try snapshot(&log, [0: 10])
            disk = log.disk
            disk.put(earlier(#"{"offset":9}"#), at: json)
            try disk.create(path + ".x")
            disk.put(try disk.read(path, from: 0, limit: .max), at: path)
            log = self.log(disk)
            #expect(CursorWorld.offsets(log.load()) == [0: 10])
        }
    }

    /// A first snapshot that was not finished is worth less than what an earlier version saved, and than nothing.
    @Test func anUnfinishedSnapshotSaysNothing() throws {
        var disk = FakeCursorDisk()
        disk.put(earlier(#"{"offset":7}"#), at: "/state/cursors/in~out.json")
        var log = log(disk)
        try log.beginSnapshot()
        try log.addToSnapshot(lines([0: 8]))
        disk = log.disk
        disk.kill()
        log = self.log(disk)
        #expect(log.load()?.single?["offset"]?.unsigned == 7)
        try disk.remove("/state/cursors/in~out.json")
        log = self.log(disk)
        #expect(log.load() == nil && log.damagedFileCount == 0)
    }

    /// Files of two routes that were swapped say nothing of either: the copy before is used, or none, and counted.
    @Test func aFileOfAnotherRouteIsDamage() throws {
        var one = log(FakeCursorDisk())
        try snapshot(&one, [0: 1])
        try snapshot(&one, [0: 2])
        var disk = one.disk
        // `e` with an accent, in one code point and in two: other bytes are another route.
        for (input, name) in [("other", "in~out"), ("in", "other~out"), ("e\u{301}", "%c3%a9~out")] {
            var other = log(FakeCursorDisk(), input: input)
            try snapshot(&other, [0: 7])
            let place = try #require(other.disk.names.keys.first)
            disk.set(try other.disk.read(place, from: 0, limit: .max), at: "/state/cursors/\(name).cursor")
        }
        var swapped = log(disk)
        #expect(CursorWorld.offsets(swapped.load()) == [0: 1] && swapped.damagedFileCount == 1)
        try disk.remove(path + ".old")
        swapped = log(disk)
        #expect(swapped.load() == nil && swapped.damagedFileCount == 1)
        var accented = log(disk, input: "\u{E9}")
        #expect(accented.load() == nil && accented.damagedFileCount == 1)
    }

    @Test func listsAllCursors() throws {
        #expect(try savedCursors(in: directory).cursors.isEmpty)
        let long = String(repeating: "long", count: 99)
        for (input, output) in [("a", "b"), ("a~b", "c"), ("../x/ü", "."), (long, "d")] {
            var log = log(HostCursorDisk(), input: input, output: output)
            try snapshot(&log, [0: 5])
        }
        let cursors = "\(directory)/cursors"
        try HostDisk().write(Array("{".utf8), to: "\(cursors)/bad~x.cursor")
        try HostDisk().write(Array("{".utf8), to: "\(cursors)/worse~x.json")
        try HostDisk().write(earlier(#"{"offset":6}"#, "earlier", "x"), to: "\(cursors)/earlier~x.json.old")
        // A snapshot that was interrupted between two renames.
        try renameFile("\(cursors)/a~b.cursor", to: "\(cursors)/a~b.cursor.new")
        // A damaged line.
        let place = "\(cursors)/\(routeFileName(input: long, output: "d")).cursor"
        try HostDisk().write(Array("no line\n".utf8) + (try readWhole(place)), to: place)
        let (found, unusable) = try savedCursors(in: directory)
        #expect(Set(found.map(\.input)) == ["a", "a~b", "../x/ü", long, "earlier"])
        for cursor in found {
            #expect(cursor.replay.single?["offset"]?.unsigned == (cursor.input == "earlier" ? 6 : 5))
            #expect(cursor.damagedLineCount == (cursor.input == long ? 1 : 0))
        }
        #expect(unusable.map(\.path) == ["\(cursors)/bad~x.cursor", "\(cursors)/worse~x.json"])
    }

    @Test func fileNamesAreSafeAndDistinct() {
        #expect(routeFileName(input: "sys-log_1", output: "a/b") == "sys-log_1~a%2fb")
        #expect(routeFileName(input: "a~", output: "b") != routeFileName(input: "a", output: "~b"))
        let long = String(repeating: "x", count: 300)
        #expect(routeFileName(input: long, output: "a") != routeFileName(input: long, output: "b"))
        #expect(routeFileName(input: long, output: "a").utf8.count < 240)
    }
}
