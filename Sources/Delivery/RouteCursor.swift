// The cursor of a route and its status, once a second while there is something new; and its stop, when the cursor is
// saved for the last time.

internal import Bytes
internal import Durable
internal import Inputs
internal import Platform

extension Route {
    /// The cursor is saved at most this often: what is sent twice after a kill is what was acknowledged in this time.
    static let housekeepingInterval: Duration = .seconds(1)

    func keepHouse(_ reader: inout Reader, at now: Moment) {
        reader.housekeepingDue = nil
        reader.lastHousekeeping = now.monotonic
        reader.report(to: exchange, at: now)
        saveCursor(&reader)
    }

    func refreshStatus(_ reader: inout Reader) {
        reader.report(to: exchange, at: .now)
        exchange.with { $0.isRefreshAsked = false }
    }

    /// Has the cursor saved if it changed, on a worker of its own: fsync may take seconds.
    private func saveCursor(_ reader: inout Reader) {
        let version = reader.input.cursorVersion
        guard version != reader.savedVersion, !reader.isSaving else { return }
        reader.isSaving = true
        let bytes = cursorText(of: reader)
        saving.run { store in
            let failure = self.save(bytes, in: &store)
            self.reading.run { self.noteSaved(&$0, version: version, failure) }
        }
    }

    private func cursorText(of reader: borrowing Reader) -> [UInt8] {
        var json = JSONWriter()
        reader.input.writeCursor(into: &json)
        return json.bytes
    }

    private func save(_ bytes: [UInt8], in store: inout CursorStore<HostDisk>) -> Errno? {
        // Too late: another route may have begun from what is on the disk.
        guard !exchange.with({ $0.isDone }) else { return nil }
        do throws(Errno) {
            try store.save(bytes)
            let wasUnsaved = exchange.with { state in
                defer { state.status.isCursorUnsaved = false }
                return state.status.isCursorUnsaved
            }
            if wasUnsaved {
                log.endFolding(["input": inputName, "output": outputName, "path": store.path])
                log.info("cursor is saved again", ["input": inputName, "output": outputName, "path": store.path])
            }
            return nil
        } catch {
            log.error(
                "cursor cannot be saved; trying again; after a crash, what is delivered meanwhile is sent again",
                [
                    "input": inputName, "output": outputName, "path": store.path,
                    "reason": error.description,
                ])
            exchange.with { state in
                state.status.cursorSaveFailures += 1
                state.status.isCursorUnsaved = true
                state.status.noteError("cursor cannot be saved: \(error)")
            }
            return error
        }
    }

    private func noteSaved(_ reader: inout Reader, version: UInt64, _ failure: Errno?) {
        guard !reader.isFinished else { return }
        reader.isSaving = false
        if failure == nil { reader.savedVersion = version }
        guard reader.input.cursorVersion != reader.savedVersion else { return }
        reader.noteChange(at: .now)
        pump(&reader)
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
        guard reader.isSaving || reader.input.cursorVersion != reader.savedVersion else {
            exchange.callDone()
            return
        }
        let bytes = cursorText(of: reader)
        saving.run { store in
            _ = self.save(bytes, in: &store)
            self.exchange.callDone()
        }
    }
}
