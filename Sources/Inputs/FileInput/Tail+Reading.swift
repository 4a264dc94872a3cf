// A turn of one file: its next lines, plain or out of a compressed file.

internal import Bytes
internal import Logs
internal import Platform

extension Tail {
    /// Reads lines into `batch`, until it is full, the turn is over, or the file has no more.
    ///
    /// Each piece is verified after it was read and before any of it is used: the file is not shorter than what was
    /// read, and still begins as it did.
    func readLines(
        into batch: inout LogBatch, through buffers: inout TailBuffers, flushPartial: Bool, at now: Moment
    ) -> Outcome {
        guard let descriptor = file?.descriptor, descriptor >= 0 else { return .failed(.system(.notFound)) }
        var turn = 0
        var fields: Range<UInt32>?
        buffers.prepare()
        defer { buffers.prepare() }
        do throws(Errno) {
            while !batch.isFull, turn < Self.turnBytes {
                var count: Int
                var isLast: Bool
                var isIncomplete = false
                let (offset, recordCount) = (readOffset, batch.records.count)
                switch try readPiece(through: &buffers) {
                case .text(let bytes, let isEnd): (count, isLast) = (bytes, isEnd)
                case .incomplete(let bytes): (count, isLast, isIncomplete) = (bytes, true, true)
                case .skipped: return .skipped
                case .other(let outcome):
                    if outcome == .incomplete, !isCutShort { quietSince = quietSince ?? now.monotonic }
                    return outcome
                }
                switch try leaveUnwritten(&count, &isLast, in: buffers) {
                case .split: break
                case .passed: continue
                case .lookOn: return .skipped
                }
                if fields == nil, count > 0 {
                    let field = batch.addField("file", Array(path.bytes))
                    fields = field..<field + 1
                }
                // In a compressed file, what stands before its end is a line, and what stands before damage is none.
                let mayBeFlushed = isCompressed ? !isIncomplete && inflated?.isDamaged != true : flushPartial
                let done = splitter.split(
                    buffers.chunk, count: count,
                    of: .init(
                        number: number, offset: readOffset, fields: fields ?? 0..<0,
                        unixNanoseconds: now.unixNanoseconds),
                    isLast: isLast && mayBeFlushed, into: &batch)
                advance(by: done, in: batch)
                noteInner(from: offset, through: &buffers)
                turn += done
                if isLast, !batch.isFull || done == count {
                    if isCompressed { return isIncomplete ? endIncomplete(flushPartial, at: now) : endCompressed() }
                    notePartial(count - done, at: now)
                    return .atEnd
                }
                if done == 0, !batch.isFull {
                    guard !buffers.isWhole, count == buffers.chunk.count else { return .atEnd }
                    // How long the line is, is not known before it is read.
                    guard batch.takes(splitter.lineLimit) else { return .more }
                    buffers.grow()
                }
                // A line without an end: others are to have their turns, and somebody may be waiting.
                if done > 0, batch.records.count == recordCount { return .more }
            }
            return .more
        } catch {
            return .failed(.system(error))
        }
    }

    private enum Piece {
        /// `isLast` when there is no more behind it now.
        case text(Int, isLast: Bool)
        /// There is no more of a compressed file behind it now, and it is not whole.
        case incomplete(Int)
        case skipped
        case other(Outcome)
    }

    /// Reads on at `readOffset`.
    private func readPiece(through buffers: inout TailBuffers) throws(Errno) -> Piece {
        if isCompressed { return try readCompressed(through: &buffers) }
        let count = try file?.read(into: &buffers.chunk, limit: .max, at: readOffset) ?? 0
        switch compare(upTo: readOffset + UInt64(count), through: &buffers.reader) {
        case .same: break
        case .unreadable(let error): throw error
        case .other, .unwritten:
            return .other(try file?.hasMoreThanItsSize() == true ? .failed(.sizeIsWrong) : .truncated)
        }
        return .text(count, isLast: readOffset + UInt64(count) >= sizeBytes)
    }

    private func readCompressed(through buffers: inout TailBuffers) throws(Errno) -> Piece {
        guard let status = try file?.status() else { return .other(.failed(.system(.notFound))) }
        isDeleted = status.linkCount == 0
        let state = DiskState(status)
        if incomplete?.seen == state {
            if isCutShort { return .other(.incomplete) }
        } else {
            quietSince = nil
        }
        isCutShort = false
        if incomplete?.isWrittenAnew(state) == true { inflated = nil }
        if incomplete?.isWorthReading(state, hasPlace: inflated != nil) == false {
            incomplete?.seen = state
            return .other(.incomplete)
        }
        incomplete = nil
        let text = inflated ?? InflatedText(inflaters: buffers.reader.inflaters)
        inflated = text
        guard let piece = try file?.read(text, into: &buffers.chunk, at: readOffset) else {
            return .other(.failed(.system(.notFound)))
        }
        switch piece {
        case .text(let count, let isEnd):
            let end = readOffset + UInt64(count)
            sizeBytes = isEnd && !text.isDamaged ? end : max(sizeBytes, end)
            return .text(count, isLast: isEnd)
        case .skipped: return .skipped
        case .incomplete(let count):
            incomplete = IncompleteText(state)
            return .incomplete(count)
        }
    }

    /// `isQuiet` when it was found so before, and has not changed for the grace.
    private func endIncomplete(_ isQuiet: Bool, at now: Moment) -> Outcome {
        // It may have changed since that was asked.
        isCutShort = isQuiet && quietSince != nil
        if isCutShort { inflated = nil }
        // At least its end is missing; but nobody waits for one that does not come.
        sizeBytes = isCutShort ? readOffset : max(sizeBytes, readOffset + 1)
        quietSince = isCutShort ? nil : quietSince ?? now.monotonic
        return isCutShort ? .cutShort : .incomplete
    }

    private func endCompressed() -> Outcome {
        defer { inflated = nil }
        return switch inflated?.fault {
        case nil: .complete
        case .damaged: .failed(.damaged)
        case .followedByOther: .failed(.followedByOther)
        case .refused(let refusal): .failed(.refused(refusal))
        }
    }

    private func advance(by done: Int, in batch: LogBatch) {
        guard done > 0 else { return }
        quietSince = nil
        partialBytes = 0
        partialSince = nil
        if let last = batch.records.last, last.next.source == number, last.next.offset > readOffset {
            lastRecordOffset = last.next.offset
        }
        readOffset += UInt64(done)
        // Only the last record of a piece can end within a line.
        if splitter.mark != .line, lastRecordOffset > (marks.last?.offset ?? 0) {
            marks.append((lastRecordOffset, splitter.mark))
        }
        settle()
    }

    /// What is inside tells the file from others that begin alike. Also of text that is not read yet: it may be gone
    /// from there before its turn comes.
    func noteInner(through reader: inout TextReader) {
        guard !isCompressed, !print.isWhole else { return }
        do throws(Errno) {
            try file?.grow(&identity.print, seen: writtenBytes, in: splitter.form, through: &reader)
        } catch {
            // Reading it will fail too, and say so.
        }
    }

    /// The chunk is the text from `offset` on. Of a compressed file it is all that is at hand.
    private func noteInner(from offset: UInt64, through buffers: inout TailBuffers) {
        guard isCompressed else { return noteInner(through: &buffers.reader) }
        guard let end = FilePrint.Inner.end(seen: readOffset), end > print.inner?.end ?? 0,
            end >= offset + UInt64(FilePrint.Inner.length)
        else { return }
        identity.print.inner = .init(end: end, last: buffers.chunk[..<Int(end - offset)])
    }

    private func notePartial(_ count: Int, at now: Moment) {
        guard count != partialBytes else { return }
        partialBytes = count
        partialSince = count > 0 ? now.monotonic : nil
    }

    /// Whether a plain file that is open still has what was seen, and is not shorter than `end`. If so, notes what
    /// else its status and its first bytes say.
    func compare(upTo end: UInt64, through reader: inout TextReader) -> FilePrint.Match {
        do throws(Errno) {
            guard let status = try file?.status(), status.sizeBytes >= end else { return .other }
            guard let (match, startCount) = file?.match(print, &quickPrint, through: &reader) else { return .other }
            guard match == .same else { return match }
            let start = reader.bytes[..<startCount]
            if !print.head.isWhole { identity.print.head.grow(from: start) }
            splitter.form.note(start: start)
            sizeBytes = status.sizeBytes
            modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
            isDeleted = status.linkCount == 0
            return .same
        } catch {
            return .unreadable(error)
        }
    }
}
