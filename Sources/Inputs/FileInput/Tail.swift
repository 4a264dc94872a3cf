// One file that is being followed: its identity, how far it was read, and how far that was acknowledged.

internal import Bytes
internal import Logs
internal import Platform

/// A class, because it owns a descriptor and stands in several tables; it never leaves its input's queue.
final class Tail {
    enum Outcome: Equatable {
        /// It has had its turn, or the batch is full.
        case more
        case atEnd
        /// The content is another: what was read last is not there any more. Nothing of the new content has been read.
        case truncated
        /// On the way through a compressed file to where reading stopped.
        case skipped
        /// The end of a compressed file: there will be no more.
        case complete
        /// There is nothing more of a compressed file yet.
        case incomplete
        /// Nor will there be, as far as can be told: it has not changed for the grace.
        case cutShort
        case failed(TailFailure)
    }

    /// What one file may give before it is the next one's turn.
    static let turnBytes = 1 << 20

    /// The number in the positions of its records. Another content gets another number.
    let number: UInt32
    /// Where it was found; what its records carry as `file`.
    var path: Path
    /// The same without symbolic links. Rotated siblings stand beside it.
    var family: Path { didSet { note(.whole) } }
    /// Where it stands now; nil when no name that is watched leads to it.
    var place: Path?
    /// Its path does not lead to it any more: it is read until it has been quiet for the rotation grace.
    var isAway = false
    /// Read to the end, closed, and only waiting for acknowledgements. It is one of the known files then.
    var isFinished = false
    var knownKey: FileCursor.Key? { didSet { note(.whole) } }
    /// Deleted: there is no way back to it once it is closed.
    var isDeleted = false

    var identity: FileIdentity {
        didSet {
            if identity.id != oldValue.id || identity.born != oldValue.born { note(.whole) }
        }
    }
    var quickPrint = QuickPrint()
    var file: File?
    /// What is read is the text in a compressed file. It is a rotated one, and does not grow once it is complete.
    var isCompressed: Bool
    /// The way through that text, as long as it is being read.
    var inflated: InflatedText?
    /// What the compressed file was when it was found to be incomplete.
    var incomplete: IncompleteText?
    /// It stayed so for the grace. If more of it comes, that is read.
    var isCutShort = false { didSet { if isCutShort != oldValue { note(.whole) } } }
    var sizeBytes: UInt64 { didSet { if sizeBytes != oldValue { note(.size) } } }
    /// What of that is NULs up to its end, which are not written yet.
    var unwritten: UnwrittenEnd? { didSet { note(.size) } }
    /// Where text stands behind the NULs that come next: they are a hole up to there.
    var holeEnd: UInt64 = 0
    var modifiedUnixNanoseconds: Int64
    var readOffset: UInt64
    var acknowledgedOffset: UInt64 { didSet { if acknowledgedOffset != oldValue { note(.progress) } } }

    var splitter: LineSplitter
    /// Where a record ended within a line, in order, as long as a restart might have to go on there.
    var marks: [(offset: UInt64, mark: LineSplitter.Mark)] = []
    /// The end of the last record. When that is acknowledged, so is what was skipped after it.
    var lastRecordOffset: UInt64

    /// A line without its end that stands at `readOffset`, and since when it has not grown.
    var partialBytes = 0
    var partialSince: Instant?
    /// When an away file was first found to have nothing more.
    var quietSince: Instant?

    /// The file before this one in a rotation; its lines come first.
    var predecessor: Tail?
    /// Of two rotated files of a path, the later one has the higher.
    var order: UInt64 = 0
    /// It has been at its end once, so that its successor may begin.
    var hasReachedEnd = false
    var isReady = false
    var isTimed = false
    /// A count of turns: the lowest was read least recently.
    var lastTurn: UInt64 = 0
    /// When it was last read.
    var lastReadAt: Instant

    /// What of its cursor is saved, and what is not.
    var saved = UnsavedTails.Saved()
    private let unsaved: UnsavedTails

    init(
        number: UInt32, path: Path, family: Path, place: Path, cursor: FileCursor,
        settings: FileInputSettings, isCompressed: Bool, unsaved: UnsavedTails, at now: Instant
    ) {
        self.number = number
        self.unsaved = unsaved
        self.isCompressed = isCompressed
        self.path = path
        self.family = family
        self.place = place
        identity = cursor.identity
        sizeBytes = cursor.sizeBytes
        modifiedUnixNanoseconds = 0
        lastReadAt = now
        readOffset = cursor.offset
        acknowledgedOffset = cursor.offset
        lastRecordOffset = cursor.offset
        splitter = LineSplitter(
            lineLimit: settings.lineLimit, mark: cursor.mark, form: TextForm(settings.encoding, settings.lineEnd))
        if cursor.mark != .line { marks.append((cursor.offset, cursor.mark)) }
        note(.whole)
    }

    private func note(_ parts: UnsavedTails.Parts) { unsaved.note(parts, of: self) }

    /// What only grows while it is read.
    struct Counted {
        let cut, skippedBytes, nulBytes, replaced: UInt64
    }

    var counted: Counted {
        Counted(
            cut: splitter.cutCount, skippedBytes: splitter.skippedBytes, nulBytes: splitter.nulBytes,
            replaced: splitter.replacedCount)
    }

    var id: FileID { identity.id }
    var print: FilePrint { identity.print }
    /// As far as it is written.
    var writtenBytes: UInt64 {
        guard let unwritten, unwritten.end >= sizeBytes else { return sizeBytes }
        return max(unwritten.start, readOffset)
    }
    var unreadBytes: UInt64 { writtenBytes > readOffset ? writtenBytes - readOffset : 0 }
    /// Half a character is nothing that could be read.
    var lagBytes: UInt64 {
        let end = writtenBytes - writtenBytes % UInt64(splitter.form.unitBytes)
        return end > acknowledgedOffset ? end - acknowledgedOffset : 0
    }
    var isAcknowledged: Bool { acknowledgedOffset >= readOffset }

    /// Its turn comes when the file before it has been read to the end once.
    var mustWait: Bool {
        guard let before = predecessor else { return false }
        if before.hasReachedEnd || before.isFinished { predecessor = nil }
        return predecessor != nil
    }

    var cursor: FileCursor {
        var identity = identity
        if let knownKey { (identity.id, identity.born) = (knownKey.id, knownKey.born) }
        return FileCursor(
            path: family, identity: identity, offset: acknowledgedOffset,
            mark: marks.last { $0.offset == acknowledgedOffset }?.mark ?? .line, sizeBytes: writtenBytes,
            isCutShort: isCutShort)
    }

    /// Up to where it was read, for when it is only remembered.
    var readCursor: FileCursor {
        var cursor = cursor
        cursor.offset = readOffset
        cursor.mark = splitter.mark
        return cursor
    }

    /// Its path leads elsewhere now: it is read until it was quiet for the grace.
    func goAway() { (isAway, hasReachedEnd, quietSince) = (true, false, nil) }

    /// True when that moved the acknowledged offset.
    func acknowledge(_ offset: UInt64) -> Bool {
        guard offset > acknowledgedOffset, offset <= readOffset else { return false }
        acknowledgedOffset = offset
        settle()
        return true
    }

    /// What was skipped after the last record needs no acknowledgement of its own: nor does the rest of a line that was
    /// cut, whose end may never come.
    func settle() {
        if acknowledgedOffset >= lastRecordOffset, splitter.mark != .partial {
            if splitter.mark == .cut, readOffset > acknowledgedOffset { marks.append((readOffset, .cut)) }
            acknowledgedOffset = readOffset
        }
        while let first = marks.first, first.offset < acknowledgedOffset { marks.removeFirst() }
    }

    /// For one whose beginning is not read again.
    func note(_ text: FileText) { splitter.form.note(start: text.start) }

    /// What was not read of it cannot be read.
    func giveUpRest() { sizeBytes = readOffset }

    /// Lets go of its descriptor and of what reads through it.
    func closeFile() {
        file = nil
        inflated = nil
    }

    /// Goes on in a copy of its content, at the same offset.
    func moveTo(copy: consuming File, _ found: FoundFile) {
        file = consume copy
        identity.take(numbersOf: found)
        isCompressed = found.text.form.isCompressed
        inflated = nil
        (incomplete, isCutShort) = (nil, false)
        unwritten = nil
        (partialBytes, partialSince) = (0, nil)
        note(found.text)
        place = found.place
        sizeBytes = max(found.text.sizeBytes, readOffset)
        modifiedUnixNanoseconds = found.modifiedUnixNanoseconds
        isAway = true
        quietSince = nil
        hasReachedEnd = false
    }
}
