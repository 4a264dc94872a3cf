// A turn of one file: its next lines, plain or out of a compressed file.

internal import Bytes
internal import Logs
internal import Platform

extension Tail {
    /// What came of a turn.
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

    /// Reads lines into `batch`, until it is full, the turn is over, or the file has no more.
    ///
    /// Each piece is verified after it was read and before any of it is used: the file is not shorter than what was
    /// read, and still begins as it did.
    func readLines(
        into batch: inout LogBatch, through buffers: inout TailBuffers, flushPartial: Bool, at now: Moment
    ) -> Outcome {
        guard let reading, let descriptor = reading.file?.descriptor, descriptor >= 0 else {
            return .failed(.system(.notFound))
        }
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
                switch try readPiece(of: reading, through: &buffers) {
                case .text(let bytes, let isEnd): (count, isLast) = (bytes, isEnd)
                case .incomplete(let bytes): (count, isLast, isIncomplete) = (bytes, true, true)
                case .skipped: return .skipped
                case .other(let outcome):
                    if outcome == .incomplete, !stage.isCutShort {
                        reading.quietSince = reading.quietSince ?? now.monotonic
                    }
                    return outcome
                }
                switch try leaveUnwritten(&count, &isLast, of: reading, in: buffers) {
                case .split: break
                case .passed: continue
                case .lookOn: return .skipped
                }
                if fields == nil, count > 0 {
                    let field = batch.addField("file", Array(path.bytes))
                    fields = field..<field + 1
                }
                // In a compressed file, what stands before its end is a line, and what stands before damage is none.
                let mayBeFlushed =
                    isCompressed ? !isIncomplete && reading.inflating.text?.isDamaged != true : flushPartial
                let done = reading.splitter.split(
                    buffers.chunk, count: count,
                    of: .init(
                        number: number, offset: readOffset, fields: fields ?? 0..<0,
                        unixNanoseconds: now.unixNanoseconds),
                    isLast: isLast && mayBeFlushed, into: &batch)
                advance(by: done, of: reading, in: batch)
                noteInner(from: offset, through: &buffers)
                turn += done
                if isLast, !batch.isFull || done == count {
                    if isCompressed {
                        return isIncomplete ? endIncomplete(reading, flushPartial, at: now) : endCompressed(reading)
                    }
                    notePartial(count - done, of: reading, at: now)
                    return .atEnd
                }
                if done == 0, !batch.isFull {
                    guard !buffers.isWhole, count == buffers.chunk.count else { return .atEnd }
                    // How long the line is, is not known before it is read.
                    guard batch.takes(reading.splitter.lineLimit) else { return .more }
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
    private func readPiece(of reading: TailReading, through buffers: inout TailBuffers) throws(Errno) -> Piece {
        if isCompressed { return try readCompressed(reading, through: &buffers) }
        let count = try reading.file?.read(into: &buffers.chunk, limit: .max, at: readOffset) ?? 0
        switch compare(upTo: readOffset + UInt64(count), through: &buffers.reader) {
        case .same: break
        case .unreadable(let error): throw error
        case .other, .unwritten:
            return .other(try reading.file?.hasMoreThanItsSize() == true ? .failed(.sizeIsWrong) : .truncated)
        }
        return .text(count, isLast: readOffset + UInt64(count) >= sizeBytes)
    }

    private func readCompressed(
        _ reading: TailReading, through buffers: inout TailBuffers
    ) throws(Errno) -> Piece {
        guard let status = try reading.file?.status() else { return .other(.failed(.system(.notFound))) }
        stage.isDeleted = status.linkCount == 0
        let state = DiskState(status)
        if reading.inflating.incomplete?.seen == state {
            if stage.isCutShort { return .other(.incomplete) }
        } else {
            reading.quietSince = nil
        }
        setCutShort(false)
        if let incomplete = reading.inflating.incomplete {
            if incomplete.isWrittenAnew(state) { reading.inflating.text = nil }
            guard incomplete.isWorthReading(state, hasPlace: reading.inflating.text != nil) else {
                reading.inflating.incomplete?.seen = state
                return .other(.incomplete)
            }
            reading.inflating.incomplete = nil
        }
        let text = reading.inflating.text ?? InflatedText(inflaters: buffers.reader.inflaters)
        reading.inflating.text = text
        guard let piece = try reading.file?.read(text, into: &buffers.chunk, at: readOffset) else {
            return .other(.failed(.system(.notFound)))
        }
        switch piece {
        case .text(let count, let isEnd):
            let end = readOffset + UInt64(count)
            noteSize(isEnd && !text.isDamaged ? end : max(sizeBytes, end))
            return .text(count, isLast: isEnd)
        case .skipped: return .skipped
        case .incomplete(let count):
            reading.inflating.incomplete = IncompleteText(state)
            return .incomplete(count)
        }
    }

    /// `isQuiet` when it was found so before, and has not changed for the grace.
    private func endIncomplete(_ reading: TailReading, _ isQuiet: Bool, at now: Moment) -> Outcome {
        // It may have changed since that was asked.
        let isCutShort = isQuiet && reading.quietSince != nil
        setCutShort(isCutShort)
        if isCutShort { reading.inflating.text = nil }
        // At least its end is missing; but nobody waits for one that does not come.
        noteSize(isCutShort ? readOffset : max(sizeBytes, readOffset + 1))
        reading.quietSince = isCutShort ? nil : reading.quietSince ?? now.monotonic
        return isCutShort ? .cutShort : .incomplete
    }

    private func endCompressed(_ reading: TailReading) -> Outcome {
        defer { reading.inflating.text = nil }
        return switch reading.inflating.text?.fault {
        case nil: .complete
        case .damaged: .failed(.damaged)
        case .followedByOther: .failed(.followedByOther)
        case .refused(let refusal): .failed(.refused(refusal))
        }
    }

    private func advance(by done: Int, of reading: TailReading, in batch: LogBatch) {
        guard done > 0 else { return }
        reading.quietSince = nil
        reading.partial = .init()
        if let last = batch.records.last, last.next.source == number, last.next.offset > readOffset {
            reading.lastRecordOffset = last.next.offset
        }
        readOffset += UInt64(done)
        // Only the last record of a piece can end within a line.
        if reading.splitter.mark != .line, reading.lastRecordOffset > (reading.marks.last?.offset ?? 0) {
            reading.marks.append((reading.lastRecordOffset, reading.splitter.mark))
        }
        settle()
    }

    /// What is inside tells the file from others that begin alike. Also of text that is not read yet: it may be gone
    /// from there before its turn comes.
    func noteInner(through reader: inout TextReader) {
        guard let reading, !isCompressed, !print.isWhole else { return }
        do throws(Errno) {
            try reading.file?.grow(
                &identity.print, seen: writtenBytes, in: reading.splitter.form, through: &reader)
        } catch {
            // Reading it will fail too, and say so.
        }
    }

    /// The chunk is the text from `offset` on. Of a compressed file it is all that is at hand.
    private func noteInner(from offset: UInt64, through buffers: inout TailBuffers) {
        guard isCompressed else { return noteInner(through: &buffers.reader) }
        guard let end = FilePrint.Inner.end(seen: readOffset), FilePrint.Inner.isWorth(end, over: print.inner),
            end >= offset + UInt64(FilePrint.Inner.length)
        else { return }
        identity.print.inner = .init(end: end, last: buffers.chunk[..<Int(end - offset)])
    }

    private func notePartial(_ count: Int, of reading: TailReading, at now: Moment) {
        guard count != reading.partial.bytes else { return }
        reading.partial = .init(bytes: count, since: count > 0 ? now.monotonic : nil)
    }

    /// Whether a plain file that is open still has what was seen, and is not shorter than `end`. If so, notes what
    /// else its status and its first bytes say.
    func compare(upTo end: UInt64, through reader: inout TextReader) -> FilePrint.Match {
        do throws(Errno) {
            guard let reading, let status = try reading.file?.status(), status.sizeBytes >= end,
                let (match, startCount) = reading.file?.match(print, &reading.quickPrint, through: &reader)
            else { return .other }
            guard match == .same else { return match }
            let start = reader.bytes[..<startCount]
            if !print.head.isWhole { identity.print.head.grow(from: start) }
            reading.splitter.form.note(start: start)
            noteSize(status.sizeBytes)
            modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
            stage.isDeleted = status.linkCount == 0
            return .same
        } catch {
            return .unreadable(error)
        }
    }
}
