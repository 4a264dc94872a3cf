import Bytes
import Platform
import TestSupport
import Testing

@testable import Durable

/// Files in memory; the n-th call fails, and what it was about to write is cut at half.
struct FailingDisk: Disk {
    var files: [String: [UInt8]] = [:]
    var callsUntilFailure = Int.max

    private mutating func count() throws(Errno) {
        callsUntilFailure -= 1
        if callsUntilFailure == 0 { throw .io }
    }

    mutating func write(_ bytes: [UInt8], to path: String) throws(Errno) {
        do throws(Errno) { try count() } catch {
            files[path] = Array(bytes.prefix(bytes.count / 2))
            throw error
        }
        files[path] = bytes
    }

    mutating func rename(_ from: String, to: String) throws(Errno) {
        try count()
        guard let bytes = files.removeValue(forKey: from) else { throw .notFound }
        files[to] = bytes
    }

    mutating func syncDirectory(_ path: String) throws(Errno) { try count() }

    mutating func read(_ path: String) throws(Errno) -> [UInt8] {
        guard let bytes = files[path] else { throw .notFound }
        return bytes
    }
}

@Suite struct CursorStoreTests {
    private let own: TemporaryDirectory
    private var directory: String { own.path }

    init() throws { own = try TemporaryDirectory() }

    private func store<D: Disk>(_ disk: D, _ directory: String = "/state") -> CursorStore<D> {
        CursorStore(stateDirectory: directory, input: "in", output: "out", disk: disk, log: .silent)
    }

    private func offset(_ value: JSONValue?) -> UInt64? { value?["offset"]?.unsigned }

    @Test func loadsWhatWasSaved() throws {
        var store = store(FailingDisk())
        #expect(offset(store.load()) == nil)
        for offset in 1...5 {
            try store.save([UInt8]("{\"offset\":\(offset)}".utf8))
            #expect(self.offset(store.load()) == UInt64(offset))
        }
        #expect(store.damagedCount == 0)
    }

    /// Whatever call fails, and whether the disk recovers after it or not, a cursor that is not older than the last
    /// whole save is there.
    @Test func survivesADiskThatFailsAtAnyCall() throws {
        for failing in 1...40 {
            var disk = FailingDisk()
            disk.callsUntilFailure = failing
            var store = store(disk)
            var saved: UInt64?
            for offset in 1...12 as ClosedRange<UInt64> {
                do throws(Errno) {
                    try store.save([UInt8]("{\"offset\":\(offset)}".utf8))
                    saved = offset
                } catch { #expect(error == .io) }
                let loaded = self.offset(store.load())
                #expect((loaded ?? 0) >= (saved ?? 0), "call \(failing), offset \(offset)")
                #expect((loaded ?? 0) <= offset)
            }
        }
    }

    /// The disk stops working at the n-th call for good.
    @Test func survivesADiskThatKeepsFailing() throws {
        struct DyingDisk: Disk {
            var disk = FailingDisk()
            var callsLeft: Int
            mutating func spend() { if callsLeft > 0 { callsLeft -= 1 } }
            mutating func write(_ bytes: [UInt8], to path: String) throws(Errno) {
                disk.callsUntilFailure = callsLeft == 0 ? 1 : .max
                spend()
                try disk.write(bytes, to: path)
            }
            mutating func rename(_ from: String, to: String) throws(Errno) {
                disk.callsUntilFailure = callsLeft == 0 ? 1 : .max
                spend()
                try disk.rename(from, to: to)
            }
            mutating func syncDirectory(_ path: String) throws(Errno) {
                disk.callsUntilFailure = callsLeft == 0 ? 1 : .max
                spend()
                try disk.syncDirectory(path)
            }
            mutating func read(_ path: String) throws(Errno) -> [UInt8] { try disk.read(path) }
        }
        for calls in 0...24 {
            var store = store(DyingDisk(callsLeft: calls))
            var saved: UInt64 = 0
            for offset in 1...8 as ClosedRange<UInt64> {
                do throws(Errno) {
                    try store.save([UInt8]("{\"offset\":\(offset)}".utf8))
                    saved = offset
                } catch { #expect(error == .io) }
                #expect((self.offset(store.load()) ?? 0) >= saved, "\(calls) calls, offset \(offset)")
            }
        }
    }

    /// Every cut and every changed byte of the file is noticed, and the one before is taken.
    @Test func fallsBackFromADamagedFile() throws {
        var whole = store(FailingDisk())
        try whole.save([UInt8]("{\"offset\":1}".utf8))
        try whole.save([UInt8]("{\"offset\":2}".utf8))
        var real = store(HostDisk(), directory)
        try real.save([UInt8]("{\"offset\":1}".utf8))
        try real.save([UInt8]("{\"offset\":2}".utf8))
        let path = "\(directory)/cursors/in~out.json"
        let bytes = try readWhole(path)
        #expect(offset(real.load()) == 2)
        for at in bytes.indices {
            try HostDisk().write(Array(bytes[..<at]), to: path)
            #expect(offset(real.load()) == 1, "cut at \(at)")
            var changed = bytes
            changed[at] ^= 1
            try HostDisk().write(changed, to: path)
            #expect(offset(real.load()) == 1, "changed at \(at)")
        }
        #expect(real.damagedCount == UInt64(bytes.count) * 2)
        try HostDisk().write([], to: path + ".old")
        #expect(offset(real.load()) == nil)
    }

    /// Files of two routes that were swapped say nothing of either: the copy before is used, or none, and counted.
    @Test func aFileOfAnotherRouteIsDamage() throws {
        var one = store(FailingDisk())
        try one.save(Array("{\"offset\":1}".utf8))
        try one.save(Array("{\"offset\":2}".utf8))
        var disk = FailingDisk()
        // `e` with an accent, in one code point and in two: other bytes are another route.
        for (input, name) in [("other", "in~out"), ("in", "other~out"), ("e\u{301}", "%c3%a9~out")] {
            var store = CursorStore(
                stateDirectory: "/state", input: input, output: "out", disk: FailingDisk(), log: .silent)
            try store.save(Array("{\"offset\":7}".utf8))
            let saved = try #require(store.disk.files.values.first)
            disk.files["/state/cursors/\(name).json"] = saved
        }
        disk.files["/state/cursors/in~out.json.old"] = one.disk.files["/state/cursors/in~out.json.old"]
        var swapped = store(disk)
        #expect(offset(swapped.load()) == 1 && swapped.damagedCount == 1)
        disk.files["/state/cursors/in~out.json.old"] = nil
        swapped = store(disk)
        #expect(swapped.load() == nil && swapped.damagedCount == 1)
        var accented = CursorStore(
            stateDirectory: "/state", input: "\u{E9}", output: "out", disk: disk, log: .silent)
        #expect(accented.load() == nil && accented.damagedCount == 1)
    }

    @Test func listsAllCursors() throws {
        #expect(try savedCursors(in: directory).cursors.isEmpty)
        for (input, output) in [("a", "b"), ("a~b", "c"), ("../x/ü", "."), (String(repeating: "long", count: 99), "d")]
        {
            var store = CursorStore(
                stateDirectory: directory, input: input, output: output, disk: HostDisk(), log: .silent)
            try store.save([UInt8]("{\"n\": [1, 2]}".utf8))
        }
        try HostDisk().write([UInt8]("{".utf8), to: "\(directory)/cursors/bad~x.json")
        // A replacement that was interrupted between its renames.
        try renameFile("\(directory)/cursors/a~b.json", to: "\(directory)/cursors/a~b.json.new")
        let (cursors, unusable) = try savedCursors(in: directory)
        #expect(Set(cursors.map(\.input)) == ["a", "a~b", "../x/ü", String(repeating: "long", count: 99)])
        #expect(cursors.allSatisfy { $0.json == [UInt8]("{\"n\": [1, 2]}".utf8) })
        #expect(unusable.map(\.path) == ["\(directory)/cursors/bad~x.json"])
    }

    @Test func fileNamesAreSafeAndDistinct() {
        #expect(cursorFileName(input: "sys-log_1", output: "a/b") == "sys-log_1~a%2fb.json")
        #expect(cursorFileName(input: "a~", output: "b") != cursorFileName(input: "a", output: "~b"))
        let long = String(repeating: "x", count: 300)
        #expect(cursorFileName(input: long, output: "a") != cursorFileName(input: long, output: "b"))
        #expect(cursorFileName(input: long, output: "a").utf8.count < 240)
    }
}
