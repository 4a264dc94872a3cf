// One file that is followed: which one it is, how far it was read, and how far that was acknowledged. What it is read
// with is in TailReading, which a quiet file does without: a million of them are to fit.

internal import Bytes
internal import Logs
internal import Platform

/// A class, because it stands in several tables; it never leaves its input's queue.
final class Tail {
    /// What became of the file.
    struct Stage {
        /// Its path does not lead to it any more: it is read until it has been quiet for the rotation grace.
        var isAway = false
        /// It has been at its end once, so that its successor may begin.
        var hasReachedEnd = false
        /// Deleted: there is no way back to it once it is closed.
        var isDeleted = false
        /// Read to the end, closed, and only waiting for acknowledgements. It is one of the known files then.
        var isFinished = false
        /// A rotated one, which does not grow once it is complete.
        var isCompressed = false
        /// It stayed incomplete for the grace. If more of it comes, that is read.
        var isCutShort = false
    }

    /// `ReadTurns` alone changes it.
    struct Turn {
        var isReady = false
        var isTimed = false
        var isPaced = false
        /// When it was last read.
        var lastReadAt: Instant
    }

    /// What one file may give before it is the next one's turn.
    static let turnBytes = 1 << 20

    /// The number in the positions of its records. Another content gets another number.
    let number: UInt32
    /// Where it was found; what its records carry as `file`.
    var path: Path
    /// The same without symbolic links. Rotated siblings stand beside it.
    private(set) var family: Path
    /// Where it stands now; nil when no name that is watched leads to it.
    var place: Path?
    var stage = Stage()
    var turn: Turn
    /// Of two rotated files of a path, the later one has the higher.
    var order: UInt64 = 0

    var identity: FileIdentity
    private(set) var sizeBytes: UInt64
    var modifiedUnixNanoseconds: Int64 = 0
    var readOffset: UInt64
    private(set) var acknowledgedOffset: UInt64
    /// Nil when it is quiet.
    private(set) var reading: TailReading?

    /// What of its cursor is saved, and what is not.
    var saved = UnsavedTails.Saved()
    private let share: TailShare

    init(
        number: UInt32, path: Path, family: Path, place: Path, cursor: FileCursor, isCompressed: Bool,
        share: TailShare, at now: Instant
    ) {
        self.number = number
        self.share = share
        (self.path, self.family, self.place) = (path, family, place)
        turn = Turn(lastReadAt: now)
        (identity, sizeBytes) = (cursor.identity, cursor.sizeBytes)
        (readOffset, acknowledgedOffset) = (cursor.offset, cursor.offset)
        reading = TailReading(share, offset: cursor.offset, mark: cursor.mark)
        stage.isCompressed = isCompressed
        note(.whole)
    }

    // MARK: What there is to know

    var id: FileID { identity.id }
    var print: FilePrint { identity.print }
    var isAway: Bool { stage.isAway }
    var isFinished: Bool { stage.isFinished }
    var isCompressed: Bool { stage.isCompressed }
    var isOpen: Bool { reading?.isOpen ?? false }
    var isAcknowledged: Bool { acknowledgedOffset >= readOffset }

    /// As far as it is written.
    var writtenBytes: UInt64 {
        guard let unwritten = reading?.unwritten, unwritten.end >= sizeBytes else { return sizeBytes }
        return max(unwritten.start, readOffset)
    }
    var unreadBytes: UInt64 { writtenBytes > readOffset ? writtenBytes - readOffset : 0 }
    /// Half a character is nothing that could be read.
    var lagBytes: UInt64 {
        let end = writtenBytes - writtenBytes % UInt64(share.form.unitBytes)
        return end > acknowledgedOffset ? end - acknowledgedOffset : 0
    }

    /// Its turn comes when the file before it has been read to the end once.
    var mustWait: Bool {
        guard let before = reading?.predecessor else { return false }
        if before.stage.hasReachedEnd || before.isFinished { reading?.predecessor = nil }
        return reading?.predecessor != nil
    }

    /// What only grows while it is read.
    struct Counted {
        var cut: UInt64 = 0
        var skippedBytes: UInt64 = 0
        var nulBytes: UInt64 = 0
        var replaced: UInt64 = 0
    }

    var counted: Counted {
        guard let splitter = reading?.splitter else { return Counted() }
        return Counted(
            cut: splitter.cutCount, skippedBytes: splitter.skippedBytes, nulBytes: splitter.nulBytes,
            replaced: splitter.replacedCount)
    }

    // MARK: Its cursor

    var cursor: FileCursor {
        var identity = identity
        if let key = reading?.knownKey { (identity.id, identity.born) = (key.id, key.born) }
        return FileCursor(
            path: family, identity: identity, offset: acknowledgedOffset,
            mark: reading?.marks.last { $0.offset == acknowledgedOffset }?.mark ?? .line, sizeBytes: writtenBytes,
            isCutShort: stage.isCutShort)
    }

    /// Up to where it was read, for when it is only remembered.
    var readCursor: FileCursor {
        var cursor = cursor
        cursor.offset = readOffset
        cursor.mark = reading?.splitter.mark ?? .line
        return cursor
    }

    private func note(_ parts: UnsavedTails.Parts) { share.unsaved.note(parts, of: self) }

    // MARK: Coming and going

    /// Its path leads elsewhere now: it is read until it was quiet for the grace.
    func goAway() {
        (stage.isAway, stage.hasReachedEnd) = (true, false)
        reading?.quietSince = nil
    }

    func move(toFamily family: Path) {
        self.family = family
        note(.whole)
    }

    func setKnown(_ key: FileCursor.Key?) {
        wake().knownKey = key
        note(.whole)
    }

    func setCutShort(_ isCutShort: Bool) {
        guard stage.isCutShort != isCutShort else { return }
        stage.isCutShort = isCutShort
        note(.whole)
    }

    func open(_ file: consuming File) { wake().file = consume file }

    /// What it is read with, whether it had that or not.
    func wake() -> TailReading {
        if let reading { return reading }
        let new = TailReading(share, offset: readOffset)
        reading = new
        return new
    }

    /// A file that is quiet, closed and acknowledged needs no more than to be known.
    func rest() {
        guard isAcknowledged, !stage.isFinished, reading?.isSpent == true else { return }
        reading = nil
    }

    /// Goes on in a copy of its content, at the same offset.
    func moveTo(copy: consuming File, _ found: FoundFile) {
        let reading = wake()
        reading.close()
        reading.file = consume copy
        reading.inflating.incomplete = nil
        (reading.unwritten, reading.partial, reading.quietSince) = (nil, .init(), nil)
        identity.take(numbersOf: found)
        (stage.isCompressed, stage.isCutShort) = (found.text.form.isCompressed, false)
        (stage.isAway, stage.hasReachedEnd) = (true, false)
        note(found.text)
        place = found.place
        sizeBytes = max(found.text.sizeBytes, readOffset)
        modifiedUnixNanoseconds = found.modifiedUnixNanoseconds
        note(.whole)
    }

    // MARK: What was seen of it

    /// For one whose beginning is not read again.
    func note(_ text: FileText) { wake().splitter.form.note(start: text.start) }

    func noteSize(_ bytes: UInt64) {
        guard bytes != sizeBytes else { return }
        sizeBytes = bytes
        note(.size)
    }

    func noteUnwritten(_ unwritten: UnwrittenEnd?) {
        guard let reading, reading.unwritten != unwritten else { return }
        reading.unwritten = unwritten
        note(.size)
    }

    /// What was not read of it cannot be read.
    func giveUpRest() { noteSize(readOffset) }

    // MARK: How far it was acknowledged

    /// True when that moved the acknowledged offset.
    func acknowledge(_ offset: UInt64) -> Bool {
        guard offset > acknowledgedOffset, offset <= readOffset else { return false }
        acknowledgedOffset = offset
        settle()
        note(.progress)
        return true
    }

    /// What was skipped after the last record needs no acknowledgement of its own: nor does the rest of a line that was
    /// cut, whose end may never come.
    func settle() {
        guard let reading else { return }
        if acknowledgedOffset >= reading.lastRecordOffset, reading.splitter.mark != .partial {
            if reading.splitter.mark == .cut, readOffset > acknowledgedOffset {
                reading.marks.append((readOffset, .cut))
            }
            if acknowledgedOffset != readOffset {
                acknowledgedOffset = readOffset
                note(.progress)
            }
        }
        while let first = reading.marks.first, first.offset < acknowledgedOffset { reading.marks.removeFirst() }
    }
}
