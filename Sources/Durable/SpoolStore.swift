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
        /// Counted when it was opened.
        var damagedBytes = 0
    }

    /// Of what was found wrong.
    struct Damage: Equatable {
        var records: UInt64 = 0
        var bytes: UInt64 = 0
        var tornBytes: UInt64 = 0
    }

    /// Many enough that the oldest is a small part of all, and no larger than what may be read at once.
    private static let segmentShare = 32
    private static let segmentBytes = (64 << 10)...(4 << 20)
    /// Attempts to read a segment, a second apart, before what is left of it is given up: a bad sector does not get
    /// better.
    private static let readAttempts = 5

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
    private var nextID: UInt64 = 1
    /// The number that is written next, at the least.
    private(set) var written: UInt64 = 0
    /// Every record before this one that was written outlasts a power cut.
    private(set) var stored: UInt64 = 0
    private(set) var damage = Damage()

    /// How far a segment was read.
    private var place: (id: UInt64, offset: Int)?
    private var failedReads = 0

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
    /// acknowledged. Numbers go on from there.
    mutating func open(after acknowledged: UInt64) throws(Errno) -> Found {
        var found: [(segment: Segment, places: [SpoolScan.Place])] = []
        var damage = Damage()
        var useless: [UInt64] = []
        var lastID: UInt64 = 0
        var isGrowing = false
        for (id, byteCount) in try disk.segments() {
            lastID = max(lastID, id)
            guard let bytes = try readPatiently(id, from: 0) else {
                damage.bytes += UInt64(byteCount)
                isGrowing = false
                continue
            }
            let scan = SpoolScan(bytes)
            damage.records += scan.damagedRecords
            damage.bytes += UInt64(scan.damagedBytes)
            damage.tornBytes += UInt64(scan.tornBytes)
            isGrowing = scan.tornBytes == 0
            guard let first = scan.places.first, let last = scan.places.last, last.number >= acknowledged else {
                useless.append(id)
                isGrowing = false
                continue
            }
            if scan.tornBytes > 0 {
                // Not worth more than a try: it is stepped over next time as well, and added to never.
                do throws(Errno) {
                    try disk.cut(id, to: scan.end)
                    isGrowing = true
                } catch {}
            }
            // What was written again, after a sync that had failed, counts where it was written last.
            while let before = found.last, before.segment.end > first.number {
                found[found.count - 1].segment.end = first.number
                guard before.segment.first >= first.number else { break }
                useless.append(found.removeLast().segment.id)
            }
            let segment = Segment(
                id: id, first: first.number, end: last.number + 1, byteCount: scan.end, damagedBytes: scan.damagedBytes)
            found.append((segment, scan.places))
        }
        // A kill may have left what is in no more than the kernel's memory.
        for (segment, _) in found { try syncWithNames(segment.id) }
        // One that stays costs its place on the disk, and is removed at the next start.
        for id in useless { do throws(Errno) { try remove(id) } catch {} }
        segments = found.map(\.segment)
        self.isGrowing = isGrowing && segments.last?.id == lastID
        self.damage = damage
        nextID = lastID + 1
        written = max(acknowledged, segments.last?.end ?? 0)
        stored = written
        syncedBytes = segments.last?.byteCount ?? 0
        var waiting = Found()
        for (segment, places) in found {
            for place in places where place.number >= acknowledged && place.number < segment.end {
                waiting.records += 1
                waiting.bytes += UInt64(place.range.count)
            }
        }
        return waiting
    }

    // MARK: Writing

    /// Writes records, the first of which is not before `written`. What was written when this throws, `written` says.
    mutating func append(_ records: [SpoolRecord]) throws(Errno) {
        var bytes: [UInt8] = []
        var first: UInt64?
        for (index, record) in records.enumerated() {
            if first == nil { first = record.number }
            SpoolFrame.append(record, to: &bytes)
            let held = isGrowing ? segments.last?.byteCount ?? 0 : 0
            let isFull = held + bytes.count >= segmentLimit
            guard isFull || index == records.count - 1 else { continue }
            try append(bytes, from: first ?? record.number, to: record.number + 1)
            bytes.removeAll(keepingCapacity: true)
            first = nil
            guard isFull else { continue }
            // No segment but the last has anything to sync.
            try sync()
            isGrowing = false
        }
    }

    private mutating func append(_ bytes: [UInt8], from first: UInt64, to end: UInt64) throws(Errno) {
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
            segments.append(Segment(id: id, first: first, end: end, byteCount: bytes.count))
            isGrowing = true
            syncedBytes = 0
        } else {
            segments[segments.count - 1].end = end
            segments[segments.count - 1].byteCount += bytes.count
        }
    }

    /// What was written outlasts a power cut when this returns. When it throws, what was written since the last time
    /// must be taken as lost, since the kernel may have given it up: it is to be written again, elsewhere.
    mutating func sync() throws(Errno) {
        guard hasUnsynced, let last = segments.last else { return }
        do throws(Errno) { try syncWithNames(last.id) } catch {
            seal()
            throw error
        }
        hasUnsynced = false
        stored = written
        syncedBytes = last.byteCount
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
            segments[last].byteCount = syncedBytes
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
        try remove(segment.id)
        segments.removeFirst()
        guard segments.isEmpty else { return }
        isGrowing = false
        hasUnsynced = false
        stored = written
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
        let offset = place?.id == segment.id ? place?.offset ?? 0 : 0
        let first = max(next, segment.first)
        guard let bytes = try readPatiently(segment.id, from: offset) else {
            damage.records += segment.end - first
            damage.bytes += UInt64(max(0, segment.byteCount - offset))
            return ([], segment.end)
        }
        let scan = SpoolScan(bytes, expecting: offset > 0 ? next : nil)
        place = (segment.id, offset + scan.end)
        let places = scan.places.filter { $0.number >= next && $0.number < segment.end }
        // What was damaged when it was opened was counted then; this was whole when it was looked at last.
        let lost = max(0, scan.damagedBytes - segment.damagedBytes) + max(0, segment.byteCount - offset - scan.end)
        if lost > 0 {
            damage.bytes += UInt64(lost)
            damage.records += segment.end - first - min(segment.end - first, UInt64(places.count))
        }
        return (places.map { scan.record($0, of: bytes) }, segment.end)
    }

    /// nil when it was tried often enough, or there is no such segment any more.
    private mutating func readPatiently(_ id: UInt64, from offset: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            let bytes = try disk.read(id, from: offset)
            failedReads = 0
            return bytes
        } catch {
            failedReads += 1
            guard failedReads >= Self.readAttempts || error == .notFound else { throw error }
            failedReads = 0
            return nil
        }
    }
}
