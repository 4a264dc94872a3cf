// A disk for cursor logs that fails when it is told to, forgets in a power cut what was not synced, and tears what was
// written last; and what a route does with it.

import Bytes
import Platform
import TestSupport

@testable import Durable

/// Files in memory, with what of them outlasts a power cut.
struct FakeCursorDisk: CursorDisk {
    struct Content {
        var bytes: [UInt8] = []
        /// How many of them outlast a power cut.
        var syncedCount = 0
        var modified: Int64 = 0
        /// A sync failed: the kernel has given up what was dirty, and later syncs bring none of it back.
        var isGivenUp = false
    }

    private enum NameChange {
        case set(String, Int)
        case remove(String)
    }

    private(set) var contents: [Int: Content] = [:]
    private(set) var names: [String: Int] = [:]
    private var lastingNames: [String: Int] = [:]
    private var nameChanges: [NameChange] = []
    private var open: [String: Int] = [:]
    private var time: Int64 = 0

    var calls = 0
    /// Calls that fail.
    var failing: Range<Int> = 0..<0

    private mutating func count() throws(Errno) {
        defer { calls += 1 }
        if failing.contains(calls) { throw .io }
    }

    private mutating func change(_ change: NameChange) {
        Self.apply(change, to: &names)
        nameChanges.append(change)
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int]) {
        switch change {
        case .set(let path, let id): names[path] = id
        case .remove(let path): names[path] = nil
        }
    }

    func read(_ path: String, from offset: UInt64, limit: Int) throws(Errno) -> [UInt8] {
        guard let id = names[path], let content = contents[id] else { throw .notFound }
        return Array(content.bytes.dropFirst(Int(offset)).prefix(limit))
    }

    func modified(_ path: String) throws(Errno) -> Int64 {
        guard let id = names[path], let content = contents[id] else { throw .notFound }
        return content.modified
    }

    mutating func create(_ path: String) throws(Errno) {
        open[path] = nil
        try count()
        time += 1
        // `O_TRUNC`: the file stays, and what it held may come back.
        let id = names[path] ?? contents.count
        if contents[id] == nil { change(.set(path, id)) }
        contents[id] = Content(modified: time)
        open[path] = id
    }

    mutating func append(_ bytes: [UInt8], to path: String) throws(Errno) {
        guard let id = open[path] else { throw .notFound }
        time += 1
        contents[id]?.modified = time
        do throws(Errno) { try count() } catch {
            contents[id]?.bytes += bytes.prefix(bytes.count / 2)
            throw error
        }
        contents[id]?.bytes += bytes
    }

    mutating func sync(_ path: String) throws(Errno) {
        guard let id = open[path] else { throw .notFound }
        do throws(Errno) { try count() } catch {
            contents[id]?.isGivenUp = true
            throw error
        }
        guard let content = contents[id], !content.isGivenUp else { return }
        contents[id]?.syncedCount = content.bytes.count
    }

    func isUntouched(_ path: String, byteCount: UInt64) -> Bool {
        guard let id = open[path] else { return false }
        return names[path] == id && contents[id]?.bytes.count == Int(byteCount)
    }

    mutating func rename(_ from: String, to: String) throws(Errno) {
        try count()
        guard let id = names[from] else { throw .notFound }
        change(.set(to, id))
        change(.remove(from))
        open[to] = open.removeValue(forKey: from)
    }

    mutating func remove(_ path: String) throws(Errno) {
        open[path] = nil
        try count()
        if names[path] != nil { change(.remove(path)) }
    }

    mutating func syncDirectory(_ path: String) throws(Errno) {
        try count()
        lastingNames = names
        nameChanges = []
    }

    /// A file that somebody else wrote.
    mutating func put(_ bytes: [UInt8], at path: String) {
        time += 1
        let id = contents.count
        contents[id] = Content(bytes: bytes, syncedCount: bytes.count, modified: time)
        change(.set(path, id))
        lastingNames = names
        nameChanges = []
    }

    /// The agent is gone, and the disk is not.
    mutating func kill() {
        open = [:]
        failing = 0..<0
    }

    /// Of what was not synced some is there, or nothing; the last write is torn, or its size is there and its content
    /// is not. Of the names that changed those up to some one lasted, as in a journal.
    mutating func cutPower(_ random: inout SeededRandom) {
        kill()
        for change in nameChanges.prefix(.random(in: 0...nameChanges.count, using: &random)) {
            Self.apply(change, to: &lastingNames)
        }
        names = lastingNames
        nameChanges = []
        for id in contents.keys.sorted() {
            guard let content = contents[id], content.syncedCount < content.bytes.count else { continue }
            let kept = Int.random(in: content.syncedCount...content.bytes.count, using: &random)
            var bytes = Array(content.bytes.prefix(kept))
            if Bool.random(using: &random) {
                bytes += [UInt8](repeating: 0, count: .random(in: 0...content.bytes.count - kept, using: &random))
            }
            contents[id] = Content(bytes: bytes, syncedCount: bytes.count, modified: content.modified)
        }
    }

    /// Every byte of the file at `path` in turn, as it is changed or cut.
    mutating func set(_ bytes: [UInt8], at path: String) {
        guard let id = names[path] else { return put(bytes, at: path) }
        contents[id] = Content(bytes: bytes, syncedCount: bytes.count, modified: contents[id]?.modified ?? 0)
    }
}

/// A route's cursor: offsets by entry. Runs follow one another on one disk.
struct CursorWorld {
    var log: CursorLog<FakeCursorDisk>
    /// What was acknowledged, by entry, in this run.
    var acknowledged: [UInt64: UInt64] = [:]
    /// What must be there after a power cut, and after a kill.
    private(set) var synced: [UInt64: UInt64] = [:]
    private(set) var appended: [UInt64: UInt64] = [:]
    private var changed: Set<UInt64> = []
    /// Entries that are still to be written into the snapshot.
    private var unwritten: [UInt64]?
    /// The most that was ever acknowledged: an entry that was removed may be there again.
    private var ever: [UInt64: UInt64] = [:]

    init(_ disk: FakeCursorDisk = FakeCursorDisk()) {
        log = CursorLog(stateDirectory: "/state", input: "in", output: "out", disk: disk, log: .silent)
    }

    mutating func acknowledge(_ key: UInt64, by bytes: UInt64) {
        acknowledged[key, default: 0] += bytes
        ever[key] = max(ever[key] ?? 0, acknowledged[key] ?? 0)
        changed.insert(key)
    }

    mutating func remove(_ key: UInt64) {
        acknowledged[key] = nil
        changed.insert(key)
        // It begins anew, if it comes again.
        (synced[key], appended[key]) = (nil, nil)
    }

    private func lines(of keys: [UInt64], isWhole: Bool) -> CursorLines {
        var lines = CursorLines()
        for key in keys {
            guard let offset = acknowledged[key] else {
                lines.remove(key)
                continue
            }
            func write(_ json: inout JSONWriter) {
                json.object { json in
                    json.key("offset")
                    json.number(offset)
                }
            }
            lines.put(key, write)
        }
        return lines
    }

    /// A step as Delivery does it: what changed, and a piece of a snapshot that is under way.
    mutating func save() {
        do throws(Errno) {
            if log.wantsSnapshot {
                changed = []
                try log.beginSnapshot()
                unwritten = acknowledged.keys.sorted()
            }
            let changes = lines(of: changed.sorted(), isWhole: false)
            changed = []
            if log.isOpen {
                do throws(Errno) {
                    try log.append(changes)
                    appended = acknowledged
                } catch { if unwritten == nil { throw error } }
            }
            guard let rest = unwritten else { return }
            try log.addToSnapshot(changes)
            try log.addToSnapshot(lines(of: Array(rest.prefix(2)), isWhole: true))
            unwritten = Array(rest.dropFirst(2))
            guard rest.count <= 2 else { return }
            unwritten = nil
            try log.endSnapshot()
            (appended, synced) = (acknowledged, acknowledged)
        } catch {
            unwritten = nil
        }
    }

    mutating func sync() {
        do throws(Errno) {
            let before = appended
            guard log.isOpen else { return }
            try log.sync()
            synced = before
        } catch {}
    }

    static func offsets(_ replay: CursorReplay?) -> [UInt64: UInt64] {
        var offsets: [UInt64: UInt64] = [:]
        replay?.forEach { line in
            switch line.change {
            case .whole(let json), .members(let json): offsets[line.key] = json["offset"]?.unsigned
            case .gone: if !line.isDoubtful { offsets[line.key] = nil }
            }
        }
        return offsets
    }

    /// The next run, on the same disk. Returns what is wrong with what it finds.
    mutating func restart(_ disk: FakeCursorDisk, atLeast: [UInt64: UInt64]) -> String? {
        self.log = CursorLog(stateDirectory: "/state", input: "in", output: "out", disk: disk, log: .silent)
        let replay = log.load()
        let found = Self.offsets(replay)
        var fault: String?
        let known = synced
        for (key, offset) in found where offset > ever[key] ?? 0 {
            fault = "entry \(key) is at \(offset), acknowledged was \(ever[key] ?? 0)"
        }
        // One that was removed meanwhile need not be there.
        for (key, offset) in atLeast where acknowledged[key] != nil && found[key] ?? 0 < offset {
            fault = "entry \(key) is at \(found[key] ?? 0), saved was \(offset)"
        }
        (acknowledged, appended) = (found, found)
        // What a killed run appended is read, and a power cut may still take it.
        synced = found.filter { known[$0.key] != nil }
        for (key, offset) in synced { synced[key] = min(known[key] ?? 0, offset) }
        changed = []
        unwritten = nil
        return fault
    }
}
