// Whose turn it is, and when the next one comes.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        takeEvents(at: now)
        if now.monotonic >= nextScan { scan(at: now) }
        wakeTimed(at: now)
        var waiting = 0
        let lastTurn = turnCount + UInt64(Self.turnsInOneReadLimit)
        while !batch.isFull, waiting < turns.count, turnCount < lastTurn {
            let tail = turns.takeFirst()
            tail.isReady = false
            if tail.isFinished { continue }
            if tail.mustWait || isInflatingEnough(tail) {
                makeReady(tail)
                waiting += 1
                continue
            }
            waiting = 0
            takeTurn(tail, into: &batch, at: now)
        }
        if !turns.isEmpty { return .notAtAll }
        return .until(max(now.monotonic, nextDeadline))
    }

    /// Opens what is new, and holds what goes, without reading a line: files may come and go while a receiver is down.
    func lookAround(at now: Moment) {
        takeEvents(at: now)
        if now.monotonic >= nextScan { scan(at: now) }
        for tail in turns.waiting { tail.noteGrowth(through: &buffers) }
        let sizeBytes = tails.values.reduce(0) { $0 &+ $1.sizeBytes }
        guard sizeBytes != sizeBytesOfLastLook else { return }
        // Saved, though nothing was acknowledged: what is deleted after a stop is to be counted whole.
        sizeBytesOfLastLook = sizeBytes
        wantSizes()
    }

    func makeReady(_ tail: Tail) {
        guard !tail.isReady, !tail.isFinished else { return }
        tail.isReady = true
        turns.append(tail)
    }

    private func isInflatingEnough(_ tail: Tail) -> Bool {
        tail.isCompressed && inflating.count >= Self.inflatingLimit && !inflating.contains(tail.number)
    }

    private func takeTurn(_ tail: Tail, into batch: inout LogBatch, at now: Moment) {
        turnCount += 1
        guard tail.file != nil || reopen(tail, at: now) else { return }
        tail.lastTurn = turnCount
        let partialIsDue = tail.partialSince.map { $0 + settings.partialLineTimeout <= now.monotonic } ?? false
        let graceIsOver = tail.quietSince.map { $0 + settings.rotationGrace <= now.monotonic } ?? false
        let (cutBefore, skippedBefore) = (tail.cutCount, tail.skippedBytes)
        let (nulBefore, replacedBefore) = (tail.nulBytes, tail.replacedCount)
        let acknowledgedBefore = tail.acknowledgedOffset
        let outcome = tail.readLines(
            into: &batch, through: &buffers, flushPartial: partialIsDue || graceIsOver, at: now)
        // What is skipped moves the cursor as well.
        if tail.acknowledgedOffset != acknowledgedBefore { cursorVersion += 1 }
        if tail.inflated == nil { inflating.remove(tail.number) } else { inflating.insert(tail.number) }
        if tail.cutCount > cutBefore { count(.lineCut, tail.cutCount - cutBefore) }
        if tail.skippedBytes > skippedBefore { count(.bytesCut, tail.skippedBytes - skippedBefore) }
        if tail.nulBytes > nulBefore { count(.nulSkipped, tail.nulBytes - nulBefore) }
        if tail.replacedCount > replacedBefore { count(.utf16Replaced, tail.replacedCount - replacedBefore) }
        noteRead(tail, outcome)
        switch outcome {
        case .more where batch.wantedBytes > 0:
            // When there is room for its record, it is to be the first that is asked.
            tail.isReady = true
            turns.putBack(tail)
        case .more: makeReady(tail)
        case .skipped:
            // It took as long as many turns that read.
            turnCount += UInt64(Self.turnsInOneReadLimit / 4)
            makeReady(tail)
        case .atEnd:
            tail.hasReachedEnd = true
            if tail.isAway {
                if graceIsOver, tail.quietSince != nil { return finish(tail, at: now) }
                if tail.quietSince == nil { tail.quietSince = now.monotonic }
            }
        case .truncated: return truncated(tail, at: now)
        case .complete: return finish(tail, at: now)
        case .incomplete:
            tail.hasReachedEnd = true
            close(tail)
            nextScan = min(nextScan, now.monotonic + settings.rotationGrace)
        case .failed(.damaged):
            count(.bytesLostDamaged, tail.unreadBytes)
            report(tail.place ?? tail.path, .damaged)
            tail.giveUpRest()
            return finish(tail, at: now)
        case .failed(let error):
            // Others must not wait for it.
            tail.hasReachedEnd = true
            close(tail)
            reportAndTryAgain(tail.path, error, at: now)
        }
        if isOverOpenLimit || isAtOpenLimit && outcome == .atEnd, !tail.isAway { close(tail) }
        if tail.isAway || tail.partialSince != nil, !tail.isTimed {
            tail.isTimed = true
            timed.append(tail)
        }
    }

    private func noteRead(_ tail: Tail, _ outcome: Tail.Outcome) {
        if case .failed = outcome { return }
        guard !unreadable.isEmpty else { return }
        noteReadable(tail.path)
        if let place = tail.place { noteReadable(place) }
    }

    // MARK: Deadlines

    private func deadline(of tail: Tail) -> Instant? {
        if tail.isFinished { return nil }
        let partial = tail.partialSince.map { $0 + settings.partialLineTimeout }
        let grace = tail.isAway ? tail.quietSince.map { $0 + settings.rotationGrace } : nil
        guard let partial, let grace else { return partial ?? grace }
        return min(partial, grace)
    }

    private func wakeTimed(at now: Moment) {
        timed.removeAll { tail in
            guard let deadline = deadline(of: tail), deadline > now.monotonic else {
                tail.isTimed = false
                if deadline(of: tail) != nil { makeReady(tail) }
                return true
            }
            return false
        }
        releaseHeld(at: now)
    }

    private var nextDeadline: Instant {
        var next = nextScan
        for tail in timed { if let deadline = deadline(of: tail) { next = min(next, deadline) } }
        for file in held.values { next = min(next, file.since + settings.rotationGrace) }
        return next
    }
}
