// The turn of one file, and what comes of it.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Bytes of deleted files that are kept on the disk because they are not read yet: a log that nobody can see must
    /// not fill the disk. Beyond it the largest is given up, and counted.
    private static let deletedBytesLimit: UInt64 = 4 << 30

    func takeTurn(_ tail: Tail, into batch: inout LogBatch, at now: Moment) {
        guard tail.isOpen || reopen(tail, at: now) else { return }
        turns.noteTurn(of: tail, at: now.monotonic)
        let graceIsOver = turns.graceIsOver(tail, at: now.monotonic)
        let before = tail.counted
        let acknowledgedBefore = tail.acknowledgedOffset
        let outcome = tail.readLines(
            into: &batch, through: &buffers,
            flushPartial: turns.partialIsDue(tail, at: now.monotonic) || graceIsOver, at: now)
        // What is skipped moves the cursor as well.
        if tail.acknowledgedOffset != acknowledgedBefore { cursorVersion += 1 }
        tails.noteInflating(tail)
        problems.count(tail.counted, since: before)
        noteReadable(tail, outcome)
        guard apply(outcome, of: tail, graceIsOver, batch.wantedBytes > 0, at: now) else { return }
        if tails.isOverOpenLimit || tails.isAtOpenLimit && outcome == .atEnd, !tail.isAway { tails.close(tail) }
        turns.noteDeadline(of: tail)
    }

    private func noteReadable(_ tail: Tail, _ outcome: Tail.Outcome) {
        if case .failed = outcome { return }
        guard !problems.unreadable.isEmpty else { return }
        problems.noteReadable(tail.path)
        if let place = tail.place { problems.noteReadable(place) }
    }

    /// False when it is not read on.
    private func apply(
        _ outcome: Tail.Outcome, of tail: Tail, _ graceIsOver: Bool, _ wantsRoom: Bool, at now: Moment
    ) -> Bool {
        switch outcome {
        case .more where wantsRoom: turns.addFirst(tail)
        case .more: turns.add(tail)
        case .skipped:
            turns.noteLong()
            turns.add(tail)
        case .atEnd:
            tail.stage.hasReachedEnd = true
            guard tail.isAway else { break }
            if graceIsOver, tail.reading?.quietSince != nil {
                finish(tail, at: now)
                return false
            }
            if let reading = tail.reading, reading.quietSince == nil { reading.quietSince = now.monotonic }
        case .truncated:
            truncated(tail, at: now)
            return false
        case .complete:
            finish(tail, at: now)
            return false
        case .incomplete, .cutShort:
            tail.stage.hasReachedEnd = true
            tails.pause(tail)
            guard outcome == .cutShort else { break }
            cursorVersion += 1
            problems.reportCutShort(tail.place ?? tail.path)
        case .failed(let failure) where failure.isOfCompressedFile:
            problems.reportDamage(tail.place ?? tail.path, failure, lostBytes: tail.unreadBytes)
            tail.giveUpRest()
            finish(tail, at: now)
            return false
        case .failed(let error):
            // Others must not wait for it.
            tail.stage.hasReachedEnd = true
            tails.close(tail)
            reportAndTryAgain(tail.path, error, at: now)
        }
        return true
    }

    /// Opens a file again that was closed to make room.
    private func reopen(_ tail: Tail, at now: Moment) -> Bool {
        guard let place = tail.place else {
            // It may have been compressed, or copied and deleted, between two looks.
            if moveToCopy(tail, isReplaced: false) { return true }
            finish(tail, at: now)
            return false
        }
        do throws(TailFailure) {
            let file = try settings.open(place, id: tail.id)
            let born: Int64?
            do throws(Errno) { born = try file.birth() } catch { throw .system(error) }
            guard tail.identity.mayBeBorn(at: born) else {
                truncated(tail, losing: .bytesLostDeleted, at: now)
                return false
            }
            tails.reopen(tail, file)
            return true
        } catch {
            if error == .exchanged {
                examine(place, at: now)
                return false
            }
            if error == .system(.notFound) {
                examine(place, at: now)
            } else {
                reportAndTryAgain(tail.path, error, at: now)
            }
            tail.stage.hasReachedEnd = true
            return false
        }
    }

    // MARK: Text that is gone

    /// The file holds another content now. The rest of the old one is looked for in a copy beside it, and the new one
    /// is followed from its beginning.
    private func truncated(_ tail: Tail, losing loss: FileCount = .bytesLostTruncation, at now: Moment) {
        let (family, path) = (tail.family, tail.path)
        giveUpContent(of: tail, losing: loss, at: now)
        memory.forgetSiblings(of: family)
        catchUp(family, at: now)
        examine(path, at: now)
    }

    func giveUpContent(of tail: Tail, losing loss: FileCount = .bytesLostTruncation, at now: Moment) {
        tails.forgetID(of: tail)
        tails.forgetPlace(of: tail)
        tails.close(tail)
        cursorVersion += 1
        if moveToCopy(tail, isReplaced: true) { return }
        // The copy may be between two names, or is being compressed.
        tail.place = nil
        finish(tail, losing: loss, at: now)
    }

    private func moveToCopy(_ tail: Tail, isReplaced: Bool) -> Bool {
        copy(of: tail, isReplaced: isReplaced).map { move(tail, to: $0) } ?? false
    }

    /// Goes on in a copy, at the same offset. False when that cannot be opened.
    func move(_ tail: Tail, to copy: FoundFile) -> Bool {
        do throws(TailFailure) { tails.move(tail, to: copy, try settings.open(copy.place, id: copy.id)) } catch {
            return false
        }
        memory.letGo(copy.place)
        cursorVersion += 1
        turns.add(tail)
        return true
    }

    /// Deleted files that nobody can see any more must not fill the disk.
    func limitDeleted(at now: Moment) {
        var deleted = tails.deleted[...]
        var bytes = deleted.reduce(UInt64(0)) { $0 + $1.sizeBytes }
        while bytes > Self.deletedBytesLimit, let tail = deleted.popFirst() {
            bytes -= tail.sizeBytes
            tails.close(tail)
            if moveToCopy(tail, isReplaced: false) { continue }
            problems.log.warning("gave up a deleted file that was not read to its end", ["path": tail.path.repaired])
            finish(tail, at: now)
        }
    }
}
