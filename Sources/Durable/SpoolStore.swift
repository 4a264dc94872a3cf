// The segments of a spool on the disk: written at the end, read from the front, removed when they were acknowledged or
// when there are too many. It decides nothing about time, and keeps nothing in memory but where segments begin and end.

internal import Platform

struct SpoolStore {
    struct Segment: Equatable {
        let id: UInt64
        /// Records of these numbers are in it and in no other; one whose last writing failed may hold more.
        var first: UInt64
        var end: UInt64
        var byteCount: Int
        var recordCount: UInt64
        /// Counted when it was opened.
        var damagedBytes = 0
    }

    /// Many enough that the oldest is a small part of all, and no larger than what may be read at once.
    private static let segmentShare = 32
    private static let segmentBytes = (64 << 10)...(4 << 20)
    /// Attempts to read, to sync or to remove a segment, a second apart, before it is given up: a bad sector does not
    /// get better.
    private static let attempts = 5

    private var disk: any SpoolDisk
    private let totalLimit: Int
    private let segmentLimit: Int

    private(set) var segments: [Segment] = []
    /// The last of the segments can be added to.
    private var isGrowing = false
    private(set) var hasUnsynced = false
    /// A segment was made or removed since the disk was told to keep their names; what a run before has left undone is
    /// not known. A segment that was given up must not come back after a power cut, behind what took its numbers.
    private var hasUnsyncedNames = true
    /// Of the last segment.
    private var syncedBytes = 0
    private var syncedRecords: UInt64 = 0
    private var nextID: UInt64 = 1
    /// The number that is written next, at the least.
    private(set) var written: UInt64 = 0
    /// Every record before this one that was written outlasts a power cut.
    private(set) var stored: UInt64 = 0
    /// Found when the spool was opened last, and while it was read.
    private var damageAtOpening = SpoolDamage()
    private var damageWhileReading = SpoolDamage()
    var damage: SpoolDamage { damageAtOpening + damageWhileReading }

    /// How far a segment was read, and how many of its records were.
    private var place: (id: UInt64, offset: Int, recordCount: UInt64)?
    /// Segments that nobody needs any more and that could not be removed. They cost their place on the disk, not the
    /// spool; tried again whenever another one can be removed, and at the next start.
    private var leftBehind: [UInt64] = []
    /// Attempts that failed, by segment; empty when the disk is well.
    private var failures: [UInt64: Int] = [:]

    init(disk: any SpoolDisk, totalLimitBytes: Int) {
        self.disk = disk
        totalLimit = totalLimitBytes
        segmentLimit = min(
            max(totalLimitBytes / Self.segmentShare, Self.segmentBytes.lowerBound), Self.segmentBytes.upperBound)
    }

    var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }

    // MARK: Opening

    /// What there is to read after an earlier run.
    struct Found: Equatable {
        var records: UInt64 = 0
        var bytes: UInt64 = 0
    }

    /// Finds what an earlier run has left: looks at every frame, cuts off what is torn, and removes what was
    /// acknowledged. Numbers go on from there. Each segment is looked at in each attempt, so that several bad ones cost
    /// no more time than one; one that stays unreadable is left out, and the others are read.
    mutating func open(after acknowledged: UInt64) throws(Errno) -> Found {
        var inventory = SpoolInventory(after: acknowledged)
        var failure: Errno?
        for (id, byteCount) in try disk.segments() {
            do throws(Errno) { inventory.add(id, try disk.read(id, from: 0)) } catch {
                if !isGivenUp(id, error) { failure = error }
                inventory.add(unreadable: id, byteCount: byteCount)
            }
        }
        inventory.finish()
        // A kill may have left what is in no more than the kernel's memory.
        for (segment, _) in inventory.found {
            do throws(Errno) { try syncWithNames(segment.id) } catch {
                if !isGivenUp(segment.id, error) { failure = error }
            }
        }
        if let failure { throw failure }
        failures = [:]
        var isGrowing = inventory.lastID == inventory.found.last?.segment.id
        for (id, end) in inventory.torn {
            // Not worth more than a try: it is stepped over next time as well, and added to never.
            do throws(Errno) { try disk.cut(id, to: end) } catch { if id == inventory.lastID { isGrowing = false } }
        }
        // One that stays costs its place on the disk, and is removed at the next start.
        for id in inventory.useless { do throws(Errno) { try remove(id) } catch {} }
        leftBehind = []
        segments = inventory.found.map(\.segment)
        self.isGrowing = isGrowing
        damageAtOpening.raise(to: inventory.damage)
        nextID = inventory.lastID + 1
        written = max(acknowledged, segments.last?.end ?? 0)
        stored = written
        syncedBytes = segments.last?.byteCount ?? 0
        syncedRecords = segments.last?.recordCount ?? 0
        let waiting = inventory.waiting
        return Found(records: waiting.records, bytes: waiting.bytes)
    }

    /// Counts a failure. True when there is no such segment, or it has failed often enough.
    private mutating func isGivenUp(_ id: UInt64, _ error: Errno) -> Bool {
        failures[id, default: 0] += 1
        return error == .notFound || failures[id, default: 0] >= Self.attempts
    }

    // MARK: Writing

    /// Writes records, the first of which is not before `written`. What was written when this throws, `written` says.
    mutating func append(_ records: [SpoolRecord]) throws(Errno) {
        var bytes: [UInt8] = []
        var first: UInt64?
        var count: UInt64 = 0
        for (index, record) in records.enumerated() {
            if first == nil { first = record.number }
            SpoolFrame.append(record, to: &bytes)
            count += 1
            let held = isGrowing ? segments.last?.byteCount ?? 0 : 0
            let isFull = held + bytes.count >= segmentLimit
            guard isFull || index == records.count - 1 else { continue }
            try append(bytes, from: first ?? record.number, to: record.number + 1, recordCount: count)
            bytes.removeAll(keepingCapacity: true)
            (first, count) = (nil, 0)
            guard isFull else { continue }
            // No segment but the last has anything to sync.
            guard try sync() else { return }
            isGrowing = false
        }
    }

    private mutating func append(
        _ bytes: [UInt8], from first: UInt64, to end: UInt64, recordCount: UInt64
    ) throws(Errno) {
        let isNew = !isGrowing
        let id = isNew ? nextID : segments[segments.count - 1].id
        do throws(Errno) { try disk.append(bytes, to: id) } catch {
            // Half a frame must not stand before a whole one. Where it cannot be taken away, nothing follows it.
            do throws(Errno) { if !isNew { try disk.cut(id, to: segments[segments.count - 1].byteCount) } } catch {
                seal()
            }
            if isNew {
                nextID += 1
                do throws(Errno) { try remove(id) } catch {}
            }
            throw error
        }
        hasUnsynced = true
        written = end
        if isNew {
            nextID += 1
            hasUnsyncedNames = true
            segments.append(
                Segment(id: id, first: first, end: end, byteCount: bytes.count, recordCount: recordCount))
            isGrowing = true
            (syncedBytes, syncedRecords) = (0, 0)
        } else {
            segments[segments.count - 1].end = end
            segments[segments.count - 1].byteCount += bytes.count
            segments[segments.count - 1].recordCount += recordCount
        }
    }

    /// What was written outlasts a power cut when this returns. When it throws, what was written since the last time
    /// must be taken as lost, since the kernel may have given it up: it is to be written again, elsewhere. So it is
    /// when this returns false: somebody has removed, emptied or replaced the segment. What of it was stored before is
    /// found to be missing when it is read.
    mutating func sync() throws(Errno) -> Bool {
        guard hasUnsynced, let last = segments.last else { return true }
        guard disk.isUntouched(last.id, byteCount: last.byteCount) else {
            seal()
            return false
        }
        do throws(Errno) { try syncWithNames(last.id) } catch {
            seal()
            throw error
        }
        hasUnsynced = false
        stored = written
        (syncedBytes, syncedRecords) = (last.byteCount, last.recordCount)
        return true
    }

    private mutating func syncWithNames(_ id: UInt64) throws(Errno) {
        try disk.sync(id, names: hasUnsyncedNames)
        hasUnsyncedNames = false
    }

    /// Nothing is added to the last segment any more, and what of it was not synced is written again.
    private mutating func seal() {
        isGrowing = false
        hasUnsynced = false
        written = stored
        guard let last = segments.indices.last else { return }
        if segments[last].first >= stored {
            let id = segments.removeLast().id
            do throws(Errno) { try remove(id) } catch {}
        } else {
            segments[last].end = min(segments[last].end, stored)
            (segments[last].byteCount, segments[last].recordCount) = (syncedBytes, syncedRecords)
            // The next start must not take it for written. It cannot be told from that where this fails too.
            do throws(Errno) { try disk.cut(segments[last].id, to: syncedBytes) } catch {}
        }
    }

    // MARK: Removing

    /// Whether `byteCount` more would be too many: then the oldest has to go.
    func isFull(for byteCount: Int) -> Bool { !segments.isEmpty && self.byteCount + byteCount > totalLimit }

    /// The oldest segment, and the sizes of its records, as far as it can be read.
    mutating func oldest() -> (segment: Segment, records: [(number: UInt64, byteCount: Int)])? {
        guard let segment = segments.first else { return nil }
        do throws(Errno) {
            let scan = SpoolScan(try disk.read(segment.id, from: 0))
            let places = scan.places.filter { $0.number < segment.end }
            return (segment, places.map { ($0.number, $0.range.count) })
        } catch {
            // Told by its numbers, then, and by its size.
            let count = max(1, Int(clamping: segment.end - segment.first))
            let each = max(0, segment.byteCount / count - SpoolFrame.headBytes)
            return (segment, (segment.first..<segment.end).map { ($0, each) })
        }
    }

    private mutating func remove(_ id: UInt64) throws(Errno) {
        hasUnsyncedNames = true
        try disk.remove(id)
    }

    mutating func removeOldest() throws(Errno) {
        guard let segment = segments.first else { return }
        do throws(Errno) {
            try remove(segment.id)
            removeLeftBehind()
        } catch {
            guard isGivenUp(segment.id, error) else { throw error }
            leftBehind.append(segment.id)
        }
        failures[segment.id] = nil
        segments.removeFirst()
        guard segments.isEmpty else { return }
        isGrowing = false
        hasUnsynced = false
        stored = written
    }

    private mutating func removeLeftBehind() {
        let ids = leftBehind
        leftBehind = []
        for id in ids { do throws(Errno) { try remove(id) } catch { leftBehind.append(id) } }
    }

    /// Removes segments that hold nothing from `acknowledged` on.
    mutating func removeAcknowledged(before acknowledged: UInt64) throws(Errno) {
        while let first = segments.first, first.end <= acknowledged,
            segments.count > 1 || first.byteCount >= segmentLimit / 2
        {
            try removeOldest()
        }
    }

    // MARK: Reading

    /// The records of one segment from number `next` on, and the number up to which there are none but these; nil when
    /// there is none on the disk.
    mutating func load(from next: UInt64) throws(Errno) -> (records: [SpoolRecord], end: UInt64)? {
        guard let segment = segments.first(where: { $0.end > next }) else { return nil }
        let (offset, readCount) = place?.id == segment.id ? (place?.offset ?? 0, place?.recordCount ?? 0) : (0, 0)
        let first = max(next, segment.first)
        // Numbers have gaps: there are no more records than either tells.
        let expected = min(segment.recordCount - min(segment.recordCount, readCount), segment.end - first)
        guard let bytes = try readPatiently(segment.id, from: offset) else {
            note(missing: expected, bytes: segment.byteCount - offset, of: segment.id)
            return ([], segment.end)
        }
        let scan = SpoolScan(bytes, expecting: offset > 0 ? next : nil)
        let places = scan.places.filter { $0.number >= next && $0.number < segment.end }
        place = (segment.id, offset + scan.end, readCount + UInt64(scan.places.count))
        // What was damaged when it was opened was counted then; this was whole when it was looked at last.
        let lost = max(0, scan.damagedBytes - segment.damagedBytes) + max(0, segment.byteCount - offset - scan.end)
        let missing = expected - min(expected, UInt64(places.count))
        // One that was replaced may be as large as it was.
        if lost > 0 || missing > 0 { note(missing: missing, bytes: lost, of: segment.id) }
        return (places.map { scan.record($0, of: bytes) }, segment.end)
    }

    private mutating func note(missing records: UInt64, bytes: Int, of id: UInt64) {
        damageWhileReading.records += records
        damageWhileReading.bytes += UInt64(max(0, bytes))
        // Nothing is added to what is not as it was written.
        if id == segments.last?.id, isGrowing, !hasUnsynced { isGrowing = false }
    }

    /// nil when it was tried often enough, or there is no such segment any more.
    private mutating func readPatiently(_ id: UInt64, from offset: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            let bytes = try disk.read(id, from: offset)
            failures[id] = nil
            return bytes
        } catch {
            guard isGivenUp(id, error) else { throw error }
            failures[id] = nil
            return nil
        }
    }
}

extension SpoolDamage {
    fileprivate static func + (one: SpoolDamage, other: SpoolDamage) -> SpoolDamage {
        SpoolDamage(
            records: one.records + other.records, bytes: one.bytes + other.bytes,
            tornBytes: one.tornBytes + other.tornBytes)
    }

    /// A spool that is opened again, after its disk had failed, finds again what it has found before.
    fileprivate mutating func raise(to other: SpoolDamage) {
        records = max(records, other.records)
        bytes = max(bytes, other.bytes)
        tornBytes = max(tornBytes, other.tornBytes)
    }
}
