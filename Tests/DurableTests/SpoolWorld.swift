// A disk for spools that fails when it is told to, and loses in a power cut what was not synced.

import Platform
import TestSupport

@testable import Durable

/// Shared by the runs of one test, as a disk is.
final class FakeSpoolDisk: SpoolDisk, @unchecked Sendable {
    struct Segment {
        var bytes: [UInt8]
        /// What outlasts a power cut; nil when the name does not.
        var syncedCount: Int?
        /// A sync failed: the kernel has given up what was dirty, and later syncs bring none of it back.
        var isGivenUp = false
    }

    var files: [UInt64: Segment] = [:]
    var removed: [UInt64: Segment] = [:]
    var callsUntilFailure = Int.max
    /// How many calls fail from then on.
    var failures = 0
    var calls = 0
    /// Segments that a bad sector keeps from being read.
    var unreadable: Set<UInt64> = []
    /// Segments in whose place something stands that cannot be removed.
    var unremovable: Set<UInt64> = []

    private func count() throws(Errno) {
        calls += 1
        callsUntilFailure -= 1
        guard callsUntilFailure <= 0, failures > 0 else { return }
        failures -= 1
        throw .io
    }

    func fail(after calls: Int, times: Int) { (callsUntilFailure, failures) = (calls, times) }

    func segments() throws(Errno) -> [(id: UInt64, byteCount: Int)] {
        try count()
        return files.map { ($0.key, $0.value.bytes.count) }.sorted { $0.0 < $1.0 }
    }

    func read(_ id: UInt64, from offset: Int) throws(Errno) -> [UInt8] {
        try count()
        guard let file = files[id] else { throw .notFound }
        guard !unreadable.contains(id) else { throw .io }
        return Array(file.bytes.dropFirst(offset))
    }

    func append(_ bytes: [UInt8], to id: UInt64) throws(Errno) {
        do throws(Errno) { try count() } catch {
            files[id, default: Segment(bytes: [])].bytes += bytes.prefix(bytes.count / 2)
            throw error
        }
        files[id, default: Segment(bytes: [])].bytes += bytes
    }

    func sync(_ id: UInt64, names: Bool) throws(Errno) {
        do throws(Errno) { try count() } catch {
            files[id]?.isGivenUp = true
            throw error
        }
        guard let file = files[id], !file.isGivenUp else { return }
        if names {
            removed = [:]
            // There is one directory: the names of all others last as well, with nothing in them for sure.
            for other in files.keys where files[other]?.syncedCount == nil { files[other]?.syncedCount = 0 }
        }
        if files[id]?.syncedCount != nil { files[id]?.syncedCount = file.bytes.count }
    }

    func isUntouched(_ id: UInt64, byteCount: Int) -> Bool { files[id]?.bytes.count == byteCount }

    func cut(_ id: UInt64, to byteCount: Int) throws(Errno) {
        try count()
        guard let file = files[id] else { throw .notFound }
        files[id]?.bytes = Array(file.bytes.prefix(byteCount))
        files[id]?.syncedCount = file.syncedCount.map { min($0, byteCount) }
    }

    func remove(_ id: UInt64) throws(Errno) {
        try count()
        guard !unremovable.contains(id) else { throw .io }
        removed[id] = files.removeValue(forKey: id)
    }

    /// Everything that was not synced may be there, in part, or not; what was removed may be back.
    func cutPower(_ random: inout SeededRandom) {
        fail(after: .max, times: 0)
        // In order: a dictionary has another in every process, and a seed has to give the same cut again.
        for (id, file) in removed.sorted(by: { $0.key < $1.key })
        where files[id] == nil && Bool.random(using: &random) {
            files[id] = file
        }
        removed = [:]
        for (id, file) in files.sorted(by: { $0.key < $1.key }) {
            if file.syncedCount == nil, Bool.random(using: &random) {
                files[id] = nil
                continue
            }
            var kept = Array(file.bytes.prefix(.random(in: (file.syncedCount ?? 0)...file.bytes.count, using: &random)))
            if kept.count < file.bytes.count, Bool.random(using: &random) {
                // The size was written, and the content was not.
                kept += [UInt8](repeating: 0, count: .random(in: 0...file.bytes.count - kept.count, using: &random))
            }
            files[id] = Segment(bytes: kept, syncedCount: kept.count)
        }
    }
}

/// Spools of one route, one after another, and what must come out of them.
struct SpoolWorld {
    let disk = FakeSpoolDisk()
    var limitBytes = 8 << 20
    var memoryLimitBytes = 1 << 20
    var spool: Spool
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var putCount = 0
    /// Put, without a number before the disk was opened.
    var unnumbered: [String] = []
    var numbers: [UInt64: String] = [:]
    /// What a power cut must not take, by the number that the record has.
    var stored: Set<String> = []
    var delivered: [String] = []
    /// Read in this run, and not acknowledged.
    var underWay: [(number: UInt64, epoch: UInt32, text: String)] = []
    var acknowledged: Set<String> = []
    /// The cursor on the disk.
    var cursor: UInt64?
    var dropped: UInt64 = 0
    /// In this run records went from memory before what is on the disk.
    var wasDetached = false

    init(limitBytes: Int = 8 << 20, memoryLimitBytes: Int = 1 << 20) {
        self.limitBytes = limitBytes
        self.memoryLimitBytes = memoryLimitBytes
        spool = Spool(name: "test", disk: nil, limitBytes: 0, resume: nil, log: .silent)
        begin()
    }

    mutating func begin() {
        spool = Spool(
            name: "test", disk: disk, limitBytes: limitBytes, resume: cursor, log: .silent,
            memoryLimitBytes: memoryLimitBytes, turnsItself: false)
        unnumbered = []
        numbers = [:]
        underWay = []
        wasDetached = false
        turn()
    }

    func count(_ reason: String) -> UInt64 { spool.status.counts.first { $0.reason == reason }?.count ?? 0 }

    var droppedNow: UInt64 { count("spool_dropped") + count("spool_dropped_unstored") }

    mutating func put(_ count: Int, bytes: Int = 40) {
        for _ in 0..<count {
            putCount += 1
            let text = "record \(putCount) " + String(repeating: "x", count: bytes)
            if spool.memoryPhase == .attached { numbers[spool.nextNumber] = text } else { unnumbered.append(text) }
            spool.put([Array(text.utf8)], at: Int64(putCount))
        }
    }

    mutating func turn(seconds: Int = 0, isLast: Bool = false) {
        now = now + .seconds(seconds)
        let wasAttached = spool.memoryPhase == .attached
        spool.turn(at: now, isLast: isLast)
        if spool.memoryPhase == .detached { wasDetached = true }
        if !wasAttached, spool.memoryPhase == .attached {
            for (index, text) in unnumbered.enumerated() {
                numbers[spool.nextNumber - UInt64(unnumbered.count - index)] = text
            }
            unnumbered = []
            underWay = []
        }
        for (number, text) in numbers where number < spool.storedEnd && spool.memoryPhase == .attached {
            stored.insert(text)
        }
    }

    @discardableResult
    mutating func read(_ limit: Int = 10) -> Int {
        let (records, epoch) = spool.read(recordLimit: limit, byteLimit: 64 << 10)
        for record in records {
            let text = String(decoding: record.bytes, as: UTF8.self)
            delivered.append(text)
            unnumbered.removeAll { $0 == text }
            underWay.append((record.number, epoch, text))
        }
        return records.count
    }

    mutating func acknowledge(_ count: Int) {
        for record in underWay.prefix(count) { acknowledged.insert(record.text) }
        if let last = underWay.prefix(count).last {
            spool.acknowledge(before: last.number + 1, epoch: last.epoch)
        }
        underWay.removeFirst(min(count, underWay.count))
    }

    mutating func saveCursor() { if spool.cursorVersion > 0 { cursor = spool.cursor } }

    /// The run ends without a word.
    mutating func kill() {
        dropped += droppedNow
        // The kernel forgets what it has given up.
        for (id, file) in disk.files where file.isGivenUp {
            disk.files[id]?.bytes = Array(file.bytes.prefix(file.syncedCount ?? 0))
            disk.files[id]?.isGivenUp = false
        }
        // What goes while a batch has it is not counted: it is being sent, unless there is a kill.
        if limitBytes < 8 << 20 || memoryLimitBytes < 1 << 20 { dropped += UInt64(underWay.count) }
        disk.fail(after: .max, times: 0)
        begin()
    }

    /// Reads all there is.
    mutating func drain() {
        disk.fail(after: .max, times: 0)
        var idle = 0
        while idle < 6 {
            turn(seconds: 2)
            idle = read(1_000) == 0 ? idle + 1 : 0
            acknowledge(.max)
        }
    }
}
