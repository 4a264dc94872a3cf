// What a spool has in memory: records on their way to the disk, those that came from it, and how far everybody is.
// A value, changed in small steps under a lock; it knows no disk and no clock.
//
//     acknowledged ≤ read ≤ next      the reading side: what the receiver has, what a batch has had
//     stored ≤ written ≤ next         the writing side: what outlasts a power cut, what outlasts a kill
//
// A record is kept here until it was stored and read, or acknowledged; one that was written is given up before when
// memory is short, and is read from the disk later.

internal import Bytes

struct SpoolMemory {
    enum Phase: Equatable {
        /// Nobody has looked at the disk yet: nothing is read, so that what is there comes first.
        case opening
        /// There is no disk, or it could not be opened so far: records live here alone.
        case detached
        case attached
    }

    /// Records that were lost, by whose fault.
    struct Counts: Equatable {
        var droppedRecords: UInt64 = 0
        var droppedBytes: UInt64 = 0
        /// Dropped since the disk took nothing and memory was full.
        var unstoredRecords: UInt64 = 0
        var unstoredBytes: UInt64 = 0
    }

    private let byteLimit: Int
    private(set) var phase = Phase.opening
    /// Positions of another epoch are of numbers that are not valid any more.
    private(set) var epoch: UInt32 = 0
    private(set) var counts = Counts()

    /// In the order of their numbers.
    private var records = SpoolQueue<SpoolRecord>()
    private var recordBytes = 0
    private var unstoredBytes = 0
    /// Given up here when they were written and not stored: lost if that fails.
    private var risked: (records: UInt64, bytes: UInt64) = (0, 0)
    /// From the disk, to be read before those; they are all there is up to `loadedEnd`.
    private var loaded = SpoolQueue<SpoolRecord>()
    private var loadedEnd: UInt64 = 0
    /// Records before this one that are not in memory are on the disk.
    private var evictedEnd: UInt64 = 0
    /// Sizes of records that are read and not acknowledged.
    private var underWay = SpoolQueue<(number: UInt64, byteCount: Int)>()
    private var underWayBytes = 0
    private var unreadBytes = 0

    private(set) var next: UInt64 = 0
    private(set) var read: UInt64 = 0
    private(set) var acknowledged: UInt64 = 0
    private(set) var stored: UInt64 = 0
    private var written: UInt64 = 0

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Bytes that no receiver has.
    var byteCount: Int { unreadBytes + underWayBytes }
    /// Half of memory waits for the disk: who puts more should wait a little.
    var isBehind: Bool { phase == .attached && unstoredBytes > byteLimit / 2 }
    /// Records that are here alone: no disk has them for good, and no receiver.
    var unsavedCount: Int {
        let first = phase == .attached ? max(stored, acknowledged) : acknowledged
        return records.count - records.firstIndex { $0.number >= first }
    }
    /// What is to be read next is on the disk.
    var wantsLoad: Bool { phase == .attached && loaded.isEmpty && read >= loadedEnd && read < evictedEnd }

    // MARK: The disk

    /// The disk cannot be opened now.
    mutating func detach() { if phase == .opening { phase = .detached } }

    /// The disk was opened: `waitingBytes` of it are to be read from `resume` on, and `next` is the first free number.
    mutating func attach(resume: UInt64, next first: UInt64, waitingBytes: Int) {
        phase = .attached
        epoch += 1
        // Those that a batch has had are sent from there; what is left comes after what the disk has.
        while let record = records.first, record.number < read { removeFirst(record) }
        records.map { index, record in
            SpoolRecord(
                number: first + UInt64(index), unixNanoseconds: record.unixNanoseconds, bytes: record.bytes)
        }
        next = first + UInt64(records.count)
        underWay = SpoolQueue()
        underWayBytes = 0
        unreadBytes = recordBytes + waitingBytes
        (read, acknowledged) = (resume, resume)
        (stored, written, evictedEnd, loadedEnd) = (first, first, first, 0)
        unstoredBytes = recordBytes
    }

    /// The first records from number `first` on that are not acknowledged, about `byteLimit` bytes of them.
    func unwritten(from first: UInt64, byteLimit: Int) -> [SpoolRecord] {
        guard phase == .attached else { return [] }
        var taken: [SpoolRecord] = []
        var bytes = 0
        var index = records.firstIndex { $0.number >= max(first, acknowledged) }
        while index < records.count, bytes < byteLimit {
            taken.append(records[index])
            bytes += records[index].bytes.count
            index += 1
        }
        return taken
    }

    /// How far the disk is. It goes back when a sync has failed: what was written since the last is written again.
    mutating func note(written: UInt64, stored: UInt64) {
        var index = records.firstIndex { $0.number >= self.stored }
        while index < records.count, records[index].number < stored {
            unstoredBytes -= records[index].bytes.count
            index += 1
        }
        let wentBack = written < self.written
        (self.written, self.stored) = (written, stored)
        if stored >= evictedEnd {
            risked = (0, 0)
        } else if wentBack {
            counts.unstoredRecords += risked.records
            counts.unstoredBytes += risked.bytes
            unreadBytes = max(0, unreadBytes - Int(clamping: risked.bytes))
            risked = (0, 0)
            evictedEnd = stored
        }
        evict()
    }

    /// What the disk had for `wantsLoad`: all there is before `end`; without an end all that it can have.
    mutating func takeLoaded(_ records: [SpoolRecord], end: UInt64?) {
        guard wantsLoad else { return }
        loaded = SpoolQueue(records)
        loadedEnd = end ?? evictedEnd
    }

    /// A segment goes, with these records, the last of which is before `end`. Those that nobody has read are lost.
    mutating func drop(_ segment: [(number: UInt64, byteCount: Int)], before end: UInt64) {
        for (number, byteCount) in segment where number >= read {
            counts.droppedRecords += 1
            counts.droppedBytes += UInt64(byteCount)
            unreadBytes -= byteCount
        }
        while let record = loaded.first, record.number < end { loaded.removeFirst() }
        read = max(read, end)
        evict()
    }

    // MARK: Putting and reading

    mutating func put(_ bytes: [UInt8], at unixNanoseconds: Int64) {
        records.append(SpoolRecord(number: next, unixNanoseconds: unixNanoseconds, bytes: bytes))
        next += 1
        recordBytes += bytes.count
        unstoredBytes += bytes.count
        unreadBytes += bytes.count
        evict()
    }

    /// Takes records until there are so many, or so many bytes, or no more for now.
    mutating func read(recordLimit: Int, byteLimit: Int) -> [SpoolRecord] {
        var taken: [SpoolRecord] = []
        var byteCount = 0
        guard phase != .opening else { return taken }
        while taken.count < recordLimit, byteCount < byteLimit {
            guard let record = nextToRead() else { break }
            note(record)
            taken.append(record)
            byteCount += record.bytes.count
        }
        evict()
        return taken
    }

    private mutating func nextToRead() -> SpoolRecord? {
        while let record = loaded.first {
            loaded.removeFirst()
            if record.number >= read { return record }
        }
        read = max(read, loadedEnd)
        // The rest has to come from the disk first.
        if phase == .attached, read < evictedEnd { return nil }
        let index = records.firstIndex { $0.number >= read }
        if index < records.count { return records[index] }
        unreadBytes = 0
        return nil
    }

    private mutating func note(_ record: SpoolRecord) {
        read = record.number + 1
        unreadBytes = max(0, unreadBytes - record.bytes.count)
        underWay.append((record.number, record.bytes.count))
        underWayBytes += record.bytes.count
    }

    /// The receiver has everything before `number`. False when that was of another epoch.
    mutating func acknowledge(before number: UInt64, epoch: UInt32) -> Bool {
        guard epoch == self.epoch, number > acknowledged else { return false }
        acknowledged = min(number, next)
        while let first = underWay.first, first.number < acknowledged {
            underWayBytes -= first.byteCount
            underWay.removeFirst()
        }
        evict()
        return true
    }

    /// Lets go of what is not needed, and of what there is no room for.
    private mutating func evict() {
        while let record = records.first {
            let isStored = phase == .attached && record.number < stored
            let isRead = record.number < read
            if record.number < acknowledged || (isStored && isRead) {
                removeFirst(record)
                continue
            }
            guard recordBytes > byteLimit else { return }
            removeFirst(record)
            if phase == .attached, record.number < written {
                evictedEnd = record.number + 1
                guard !isStored, !isRead else { continue }
                risked.records += 1
                risked.bytes += UInt64(record.bytes.count)
            } else if !isRead {
                counts.unstoredRecords += 1
                counts.unstoredBytes += UInt64(record.bytes.count)
                unreadBytes = max(0, unreadBytes - record.bytes.count)
            }
        }
    }

    private mutating func removeFirst(_ record: SpoolRecord) {
        recordBytes -= record.bytes.count
        if phase != .attached || record.number >= stored { unstoredBytes -= record.bytes.count }
        records.removeFirst()
    }
}

/// First in, first out.
struct SpoolQueue<Element> {
    /// What was taken is nil: it must not hold memory until its place is given up.
    private var elements: [Element?] = []
    private var head = 0

    init(_ elements: [Element] = []) { self.elements = elements }

    var count: Int { elements.count - head }
    var isEmpty: Bool { head == elements.count }
    var first: Element? { isEmpty ? nil : elements[head] }

    subscript(index: Int) -> Element {
        guard let element = elements[head + index] else { bug("an element that was taken") }
        return element
    }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        elements[head] = nil
        head += 1
        // Half of the places at the least, or moving the others would cost more than they do.
        guard head == elements.count || head >= 1_024, head * 2 >= elements.count else { return }
        elements.removeFirst(head)
        head = 0
    }

    /// Of elements in order: the first for which `isReached` holds, or `count`.
    func firstIndex(_ isReached: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isReached(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    mutating func map(_ change: (Int, Element) -> Element) {
        self = SpoolQueue((0..<count).map { change($0, self[$0]) })
    }
}
