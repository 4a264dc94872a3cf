// Which entries of the cursor log are to be written: what is written grows with what changes.
//
// Each tail, each known file and each floor has an entry of its own, as long as it is one of these. Its number counts
// up within one run. A file that is finished moves from one entry to another.

internal import Bytes
internal import Durable
internal import Logs

/// What an entry is of. Two bits of its key in the log, below its number.
enum CursorEntryKind: UInt64 {
    /// Key 0: what there is once.
    case once = 0
    case tail
    case known
    case floor

    func key(_ number: UInt64) -> UInt64 { number << 2 | rawValue }
}

/// A part of all entries. An entry never changes it.
struct CursorPart {
    /// Some milliseconds of work, and a megabyte of text.
    static let entryCount = 4_096

    let number: Int
    let count: Int

    func has(_ entry: UInt64) -> Bool { entry % UInt64(count) == UInt64(number) }
}

/// Entries that were added, changed or removed since they were taken last.
struct UnsavedEntries<Value> {
    private let kind: CursorEntryKind
    private var nextNumber: UInt64 = 1
    /// Until the first snapshot all of them are to be written anyhow: a million need not be noted.
    private var isNoting = false
    private var changed: [UInt64: Value] = [:]
    private var gone: [UInt64] = []

    init(_ kind: CursorEntryKind) { self.kind = kind }

    /// Returns the number of a new entry.
    mutating func add(_ value: Value) -> UInt64 {
        defer { nextNumber += 1 }
        note(nextNumber, value)
        return nextNumber
    }

    mutating func note(_ number: UInt64, _ value: Value) { if isNoting { changed[number] = value } }

    mutating func remove(_ number: UInt64) {
        guard isNoting else { return }
        changed[number] = nil
        gone.append(number)
    }

    /// With their keys in the log, in order.
    mutating func takeChanged() -> [(key: UInt64, value: Value)] {
        isNoting = true
        defer { changed.removeAll(keepingCapacity: changed.count < CursorPart.entryCount) }
        return changed.sorted { $0.key < $1.key }.map { (kind.key($0.key), $0.value) }
    }

    mutating func takeGone() -> [UInt64] {
        defer { gone.removeAll(keepingCapacity: gone.count < CursorPart.entryCount) }
        return gone.map { kind.key($0) }
    }
}

/// The same of tails, which change all the time.
final class UnsavedTails {
    /// What of a tail changed. Each case includes those before it.
    enum Parts: Int, Comparable {
        case none
        /// Only its size, which is worth a line when somebody asks for it.
        case size
        case progress
        case whole

        static func < (one: Parts, other: Parts) -> Bool { one.rawValue < other.rawValue }
    }

    /// What a line said last of a tail, as far as the next one depends on that.
    struct Saved {
        var parts = Parts.none
        var hasMark = false
        /// The lengths of the text that identifies it.
        var headLength: UInt16 = 0
        var innerEnd: UInt32 = 0

        /// What is saved of it is right, and says less than is known. That is worth a line when it doubles.
        func lacks(_ print: FilePrint, isAllWanted: Bool) -> Bool {
            func isWorthIt(_ length: UInt64, _ saved: UInt64, _ limit: UInt64) -> Bool {
                length > saved && (isAllWanted || length >= 2 * saved || length == limit)
            }
            return isWorthIt(UInt64(print.head.length), UInt64(headLength), UInt64(FilePrint.Head.lengthLimit))
                || isWorthIt(print.inner?.end ?? 0, UInt64(innerEnd), FilePrint.Inner.endLimit)
        }
    }

    /// At least their progress changed.
    private var changed: [Tail] = []
    private var gone: [UInt64] = []
    /// How large files are is to be saved, too.
    var areSizesWanted = false

    func note(_ parts: Parts, of tail: Tail) {
        if parts >= .progress, tail.saved.parts < .progress { changed.append(tail) }
        tail.saved.parts = max(tail.saved.parts, parts)
    }

    func remove(_ tail: Tail) { gone.append(UInt64(tail.number)) }

    /// Returns the entries that are gone.
    func take(of table: TailTable, into lines: inout CursorLines) -> [UInt64] {
        let tails = areSizesWanted ? table.values.sorted { $0.number < $1.number } : changed
        for tail in tails where table[tail.number] === tail { write(tail, into: &lines, isAllWanted: areSizesWanted) }
        areSizesWanted = false
        defer { (changed, gone) = ([], []) }
        return gone.map { CursorEntryKind.tail.key($0) }
    }

    private func write(_ tail: Tail, into lines: inout CursorLines, isAllWanted: Bool) {
        let saved = tail.saved
        let hasPrint = saved.parts == .whole || saved.lacks(tail.print, isAllWanted: isAllWanted)
        guard hasPrint || saved.parts != .none else { return }
        let (key, cursor) = (CursorEntryKind.tail.key(UInt64(tail.number)), tail.cursor)
        let hasMark = cursor.mark != .line
        if saved.parts == .whole {
            lines.put(key) { cursor.write(into: &$0) }
        } else {
            lines.set(key) { json in
                json.object { json in
                    cursor.writeProgress(into: &json, withPrint: hasPrint)
                    if hasMark || saved.hasMark { cursor.writeMark(into: &json) }
                }
            }
        }
        tail.saved.parts = .none
        tail.saved.hasMark = hasMark
        guard hasPrint else { return }
        tail.saved.headLength = UInt16(cursor.print.head.length)
        tail.saved.innerEnd = UInt32(clamping: cursor.print.inner?.end ?? 0)
    }
}

extension FileFollower {
    var cursorPartCount: Int {
        max(1, (tails.count + memory.entryCount + CursorPart.entryCount - 1) / CursorPart.entryCount)
    }

    /// How large files are is to be saved, too, so that what is deleted after a stop can be counted whole.
    func wantSizes() {
        tails.unsaved.areSizesWanted = true
        cursorVersion += 1
    }

    func takeCursorChanges(into lines: inout CursorLines) {
        var gone = tails.unsaved.take(of: tails, into: &lines)
        gone += memory.takeChanges(into: &lines)
        for key in gone { lines.remove(key) }
    }

    func writeCursor(into lines: inout CursorLines, part number: Int, of count: Int) {
        let part = CursorPart(number: number, count: count)
        func put(_ tail: Tail) {
            lines.put(CursorEntryKind.tail.key(UInt64(tail.number))) { tail.cursor.write(into: &$0) }
        }
        // Of a million, nobody goes through all for each part; nor through all numbers that were ever given, for a few.
        if Int(tails.lastNumber) / count < tails.count {
            for number in stride(from: UInt32(number), through: tails.lastNumber, by: count) {
                if let tail = tails[number] { put(tail) }
            }
        } else {
            for tail in tails.values where part.has(UInt64(tail.number)) { put(tail) }
        }
        memory.write(into: &lines, part: part)
    }
}
