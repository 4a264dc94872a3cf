// What a spool finds on the disk when it opens: which segments hold records that nobody has acknowledged, which hold
// nothing, and what is missing. Pure: it is told what each segment holds, in the order of their numbers.

/// Records that are lost because a segment is damaged, unreadable, removed, emptied or replaced.
struct SpoolDamage: Equatable {
    var records: UInt64 = 0
    var bytes: UInt64 = 0
    var tornBytes: UInt64 = 0
}

struct SpoolInventory {
    /// With the places of all its whole records.
    private(set) var found: [(segment: SpoolStore.Segment, places: [SpoolScan.Place])] = []
    private(set) var damage = SpoolDamage()
    /// Segments that hold nothing that is needed: to be removed.
    private(set) var useless: [UInt64] = []
    /// Segments with bytes behind the last whole record, and where that ends.
    private(set) var torn: [(id: UInt64, end: Int)] = []
    private(set) var lastID: UInt64 = 0

    private let acknowledged: UInt64
    /// Segments since the last one with records that hold none, or cannot be read. How many records they had is told by
    /// the numbers before and after them, where there are any after them.
    private var emptied: UInt64 = 0
    /// Bytes behind the last whole record of the segment before: something is missing there, unless it is the last.
    private var isBehindTornEnd = false

    /// Records before the number `acknowledged` are not needed.
    init(after acknowledged: UInt64) { self.acknowledged = acknowledged }

    /// One that cannot be read.
    mutating func add(unreadable id: UInt64, byteCount: Int) {
        lastID = max(lastID, id)
        damage.bytes += UInt64(byteCount)
        emptied += 1
    }

    mutating func add(_ id: UInt64, _ bytes: [UInt8]) {
        let scan = SpoolScan(bytes)
        damage.records += scan.damagedRecords
        damage.bytes += UInt64(scan.damagedBytes)
        damage.tornBytes += UInt64(scan.tornBytes)
        // Ids have gaps only where a segment could not be made: records that were dropped then count twice here.
        let isBehindGap = emptied > 0 || isBehindTornEnd || (lastID > 0 && id > lastID + 1)
        lastID = max(lastID, id)
        isBehindTornEnd = scan.tornBytes > 0
        guard let first = scan.places.first, let last = scan.places.last else {
            useless.append(id)
            emptied += 1
            return
        }
        // What is written again after a failed sync begins in the last segment, never before it: this is a copy of
        // another segment, put in the place of one that is missing.
        if let before = found.last, first.number < before.segment.first {
            damage.bytes += UInt64(scan.end)
            emptied += 1
            return
        }
        let expected = max(acknowledged, found.last?.segment.end ?? 0)
        if isBehindGap, first.number > expected { damage.records += first.number - expected }
        emptied = 0
        guard last.number >= acknowledged else { return useless.append(id) }
        if scan.tornBytes > 0 { torn.append((id, scan.end)) }
        // What was written again, after a sync that had failed, counts where it was written last.
        while let before = found.last, before.segment.end > first.number {
            found[found.count - 1].segment.end = first.number
            guard before.segment.first >= first.number else { break }
            useless.append(found.removeLast().segment.id)
        }
        let segment = SpoolStore.Segment(
            id: id, first: first.number, end: last.number + 1, byteCount: scan.end,
            recordCount: UInt64(scan.places.count), damagedBytes: scan.damagedBytes)
        found.append((segment, scan.places))
    }

    /// There are no more. Of the last ones without records nobody knows how many they had: one each, at the least.
    mutating func finish() {
        damage.records += emptied
        emptied = 0
    }

    /// What there is to read.
    var waiting: (records: UInt64, bytes: UInt64) {
        var waiting: (records: UInt64, bytes: UInt64) = (0, 0)
        for (segment, places) in found {
            for place in places where place.number >= acknowledged && place.number < segment.end {
                waiting.records += 1
                waiting.bytes += UInt64(place.range.count)
            }
        }
        return waiting
    }
}
