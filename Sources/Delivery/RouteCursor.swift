// The cursor of a route, as its acknowledgements move it, and its status, once a second; and its stop, when the cursor
// is saved for the last time.
//
// What changed is appended to a log (CursorLog) a tenth of a second later at the most, which outlasts a kill, and is
// synced once a second, which outlasts a power cut. A snapshot is written part by part, since reading must not wait for
// a million files. The reading worker puts together what is written, and the saving worker writes it: a disk may take
// seconds.

internal import Bytes
internal import Durable
internal import Inputs
internal import Platform

extension Route {
    /// How often the status is asked for, and a cursor that could not be saved is saved again.
    static let housekeepingInterval: Duration = .seconds(1)

    func keepHouse(_ reader: inout Reader, at now: Moment) {
        reader.housekeepingDue = nil
        reader.lastHousekeeping = now.monotonic
        reader.report(to: exchange, at: now)
    }

    func refreshStatus(_ reader: inout Reader) {
        reader.report(to: exchange, at: .now)
        exchange.with { $0.isRefreshAsked = false }
    }

    // MARK: Saving

    /// Has what changed saved, on a worker of its own.
    func saveCursor(_ reader: inout Reader, at now: Instant) {
        reader.saving.due = nil
        guard !reader.saving.isUnderWay else { return }
        guard let step = reader.nextCursorStep(at: now) else { return }
        let version = reader.input.cursorVersion
        saving.run { saver in
            let outcome = self.perform(step, with: &saver)
            self.reading.run { self.noteSaved(&$0, version: version, outcome) }
        }
    }

    private func noteSaved(_ reader: inout Reader, version: UInt64, _ outcome: CursorOutcome) {
        reader.saving.note(outcome, version: version, at: .now)
        if reader.isFinished {
            saveForTheLastTime(&reader)
        } else if reader.saving.partCount != nil {
            saveCursor(&reader, at: .now)
        } else {
            reader.noteCursor(at: .now)
            if let due = reader.saving.due { setTimer(&reader, due, at: .now) }
        }
    }

    private func perform(_ step: CursorStep, with saver: inout CursorSaver) -> CursorOutcome {
        // Too late: another route may have begun from what is on the disk.
        guard !exchange.with({ $0.isDone }) else { return CursorOutcome() }
        let outcome = saver.perform(step, at: .now)
        report(outcome.failure, saver.log.path)
        if let failure = outcome.snapshotFailure {
            log.warning(
                "cursor file cannot be written anew; changes are added to it, and it grows until it can be",
                ["input": inputName, "output": outputName, "path": saver.log.path, "reason": failure.description])
        }
        scheduleSync(&saver)
        return outcome
    }

    private func scheduleSync(_ saver: inout CursorSaver) {
        guard !saver.isSyncScheduled, let due = saver.syncDue else { return }
        saver.isSyncScheduled = true
        saving.run(after: max(.zero, due - .now)) { [weak self] saver in
            saver.isSyncScheduled = false
            guard let self, !self.exchange.with({ $0.isDone }) else { return }
            if let due = saver.syncDue, due <= .now, let failure = saver.sync(at: .now) {
                self.report(failure, saver.log.path)
                let outcome = CursorOutcome(failure: failure, wantsSnapshot: true)
                self.reading.run { reader in
                    // What is under way will say the same.
                    if !reader.saving.isUnderWay { self.noteSaved(&reader, version: .max, outcome) }
                }
            }
            self.scheduleSync(&saver)
        }
    }

    private func report(_ failure: Errno?, _ path: String) {
        let fields: KeyValuePairs = ["input": inputName, "output": outputName, "path": path]
        guard let failure else {
            let wasUnsaved = exchange.with { state in
                defer { state.status.isCursorUnsaved = false }
                return state.status.isCursorUnsaved
            }
            guard wasUnsaved else { return }
            log.endFolding(fields)
            log.info("cursor is saved again", fields)
            return
        }
        log.error(
            "cursor cannot be saved; trying again; after a crash, what is delivered meanwhile is sent again",
            [
                "input": inputName, "output": outputName, "path": path,
                "reason": failure == .notFound
                    ? "somebody removed or changed it; all of it is written anew" : failure.description,
            ])
        exchange.with { state in
            state.status.cursorSaveFailures += 1
            state.status.isCursorUnsaved = true
            state.status.noteError("cursor cannot be saved: \(failure)")
        }
    }

    // MARK: Stop

    func beginStop(_ reader: inout Reader, drainUntil: Instant) {
        guard !reader.isFinished else { return }
        if reader.drainUntil == nil { reader.input.stopReceiving(until: drainUntil) }
        reader.drainUntil = min(drainUntil, reader.drainUntil ?? drainUntil)
        pump(&reader)
    }

    /// The end: nothing is read, acknowledged or sent from here on. Saves the cursor, and tells who waits.
    func finish(_ reader: inout Reader) {
        guard !reader.isFinished else { return }
        reader.isFinished = true
        reader.timer = nil
        // The input, which owns the descriptor, stays until it is no longer watched.
        reader.watch?.cancel(then: { withExtendedLifetime(self) {} })
        reader.watch = nil
        reader.input.close()
        reader.report(to: exchange, at: .now)
        exchange.with { $0.isFinished = true }
        account?.giveBack()
        reader.saving.beginEnd()
        saveForTheLastTime(&reader)
    }

    private func saveForTheLastTime(_ reader: inout Reader) {
        guard !reader.saving.isUnderWay else { return }
        guard reader.saving.isWorthTrying, var step = reader.nextCursorStep(at: .now) else {
            exchange.callDone()
            return
        }
        step.isLastOfRun = step.part?.isLast ?? true
        let version = reader.input.cursorVersion
        let last = step
        saving.run { saver in
            let outcome = self.perform(last, with: &saver)
            self.reading.run { self.noteSaved(&$0, version: version, outcome) }
        }
    }
}
