// What one file is read with, and what is only true while it is read. A file that is quiet, closed and acknowledged has
// none of it.

internal import Bytes
internal import Logs
internal import Platform

/// What the tails of one input share.
final class TailShare {
    let lineLimit: Int
    /// Before anything of a file was seen.
    let form: TextForm
    /// What of their cursors is not saved.
    let unsaved = UnsavedTails()

    init(_ settings: FileInputSettings) {
        (lineLimit, form) = (settings.lineLimit, TextForm(settings.encoding, settings.lineEnd))
    }
}

/// A class, because it owns a descriptor. It belongs to one tail.
final class TailReading {
    /// A line without its end that stands where reading stopped, and since when it has not grown.
    struct Partial {
        var bytes = 0
        var since: Instant?
    }

    /// What is read of a compressed file is the text in it.
    struct Inflating {
        /// The way through that text, as long as it is being read.
        var text: InflatedText?
        /// What the file was when it was found to be incomplete.
        var incomplete: IncompleteText?
    }

    var file: File?
    var splitter: LineSplitter
    var quickPrint = QuickPrint()
    /// Where a record ended within a line, in order, as long as a restart might have to go on there.
    var marks: [(offset: UInt64, mark: LineSplitter.Mark)] = []
    /// The end of the last record. When that is acknowledged, so is what was skipped after it.
    var lastRecordOffset: UInt64
    var partial = Partial()
    /// What of its size is NULs up to its end, which are not written yet.
    var unwritten: UnwrittenEnd?
    /// Where text stands behind the NULs that come next: they are a hole up to there.
    var holeEnd: UInt64 = 0
    var inflating = Inflating()
    /// When a file that is away was first found to have nothing more.
    var quietSince: Instant?
    /// The file before this one in a rotation; its lines come first.
    var predecessor: Tail?
    /// Read to the end, closed, and only waiting for acknowledgements: under this it is one of the known files.
    var knownKey: FileCursor.Key?

    init(_ share: TailShare, offset: UInt64, mark: LineSplitter.Mark = .line) {
        splitter = LineSplitter(lineLimit: share.lineLimit, mark: mark, form: share.form)
        lastRecordOffset = offset
        if mark != .line { marks.append((offset, mark)) }
    }

    var isOpen: Bool { file != nil }

    /// Nothing of it is needed to go on later.
    var isSpent: Bool {
        !isOpen && partial.bytes == 0 && marks.isEmpty && splitter.mark == .line && unwritten == nil
            && inflating.text == nil && inflating.incomplete == nil && quietSince == nil && predecessor == nil
            && knownKey == nil
    }

    /// Lets go of the descriptor and of what reads through it.
    func close() {
        file = nil
        inflating.text = nil
    }
}
