// Entries that are pieces of one line.

internal import Logs
internal import Platform

extension JournaldInput {
    /// Takes the entry that was read when it is a piece of a line. False when it is a record by itself.
    mutating func takePiece(
        of journal: Journal, isCut: Bool, into batch: inout LogBatch, at now: Instant
    ) throws(JournalError) -> Bool {
        guard let key = entry.lineKey else { return false }
        var piece = LogBatch()
        entry.beginBatch()
        entry.append(to: &piece, next: Position(source: 0, offset: 0), isCut: isCut)
        // Its fields are in another batch.
        entry.beginBatch()
        switch pieces.add(piece, to: key, at: now) {
        case .added:
            if !entry.isUnfinished { give(pieces.take(key), to: &batch) }
            return true
        case .overLimit:
            counts.piecesOverLimit += 1
            give(pieces.take(key), to: &batch)
        case .noLine: break
        }
        guard entry.isUnfinished else { return false }
        pieces.begin(key, piece, cursor: try journal.cursor(), at: now)
        return true
    }

    /// What has waited long enough, or has no room, goes as it is.
    mutating func releaseDuePieces(into batch: inout LogBatch, at now: Instant) {
        let before = ordinal
        while !batch.isFull, let line = pieces.takeDue(at: now) {
            counts.piecesAlone += 1
            give(line, to: &batch)
        }
        guard ordinal != before else { return }
        bookmarks.note(ordinal, held: pieces.oldestCursor)
        ordinalAtLastNote = ordinal
    }

    private mutating func give(_ line: JournalPieces.Held?, to batch: inout LogBatch) {
        guard let line else { return }
        ordinal += 1
        batch.append(line, next: Position(source: 0, offset: ordinal))
    }
}
