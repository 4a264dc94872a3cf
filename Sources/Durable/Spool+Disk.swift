// The spool's side of the disk: one worker that writes, syncs, loads and removes, in turns that are short.

internal import Platform
internal import Synchronization

extension Spool {
    func askForTurn() {
        guard hasDisk, turnsItself else { return }
        let isFirst = state.withLock { state in
            guard state.isStarted, state.isOpen, !state.isTurnAsked else { return false }
            state.isTurnAsked = true
            return true
        }
        guard isFirst else { return }
        worker.run { worker in
            self.state.withLock { $0.isTurnAsked = false }
            self.takeTurn(&worker)
        }
    }

    private func takeTurn(_ worker: inout SpoolWorker) {
        guard isOpen else { return }
        let now = Instant.now
        guard let due = turn(&worker, at: now) else { return }
        // One timer: an earlier one plans the next.
        if let planned = worker.plannedTurn, planned <= due, planned > now { return }
        worker.plannedTurn = due
        self.worker.run(after: max(.milliseconds(1), due - now)) { [weak self] worker in self?.takeTurn(&worker) }
    }

    /// What a test does in place of the worker.
    func turn(at now: Instant, isLast: Bool = false) {
        worker.runAndWait { worker in _ = self.turn(&worker, at: now, isLast: isLast) }
    }

    /// What is known of the disk, for a test.
    var nextNumber: UInt64 { state.withLock { $0.memory.next } }
    var storedEnd: UInt64 { state.withLock { $0.memory.stored } }
    var memoryPhase: SpoolMemory.Phase { state.withLock { $0.memory.phase } }

    /// Does all there is to do with the disk. Returns when there will be more, if nothing happens before.
    func turn(_ worker: inout SpoolWorker, at now: Instant, isLast: Bool = false) -> Instant? {
        guard var store = worker.store.take() else { return nil }
        defer { worker.store = store }
        let mayTry = isLast || now >= worker.retryAt
        if mayTry {
            do throws(Errno) {
                try open(&store)
                try write(&store, isLast ? nil : now, &worker.syncedAt)
                noteFault(nil)
            } catch {
                worker.retryAt = now + Self.retryInterval
                state.withLock { $0.memory.detach() }
                // What is in memory can be read now.
                wake?.signal()
                noteFault(error)
            }
        }
        var due: Instant? = worker.retryAt > now ? worker.retryAt : nil
        if store.hasUnsynced { due = min(due ?? .max, max(now, worker.syncedAt + Self.syncInterval)) }
        // A disk that is full can be read.
        if now >= worker.loadAgainAt {
            do throws(Errno) { try load(&store) } catch { worker.loadAgainAt = now + Self.retryInterval }
        }
        if worker.loadAgainAt > now { due = min(due ?? .max, worker.loadAgainAt) }
        publish(store)
        return due
    }

    private func open(_ store: inout SpoolStore) throws(Errno) {
        let (phase, resume) = state.withLock { ($0.memory.phase, $0.resume) }
        guard phase != .attached else { return }
        let found = try store.open(after: resume)
        state.withLock { state in
            state.memory.attach(
                resume: resume, next: store.written, waitingBytes: Int(clamping: found.bytes))
            state.inheritedEnd = store.written + state.inheritedCount
        }
        if found.records > 0 {
            log.info("goes on with what an earlier run has left", ["spool": name, "records": "\(found.records)"])
        }
        wake?.signal()
    }

    /// Writes what is in memory, and syncs when that is due; always without a time.
    private func write(_ store: inout SpoolStore, _ now: Instant?, _ syncedAt: inout Instant) throws(Errno) {
        try store.removeAcknowledged(before: state.withLock { $0.memory.acknowledged })
        while true {
            let records = state.withLock { $0.memory.unwritten(from: store.written, byteLimit: Self.writeBytes) }
            guard !records.isEmpty else { break }
            let byteCount = records.reduce(0) { $0 + $1.bytes.count + SpoolFrame.headBytes }
            try makeRoom(for: byteCount, &store)
            try store.append(records)
            // A full memory waits for no second to be over.
            if state.withLock({ $0.memory.isBehind }) { _ = try store.sync() }
            publish(store)
        }
        if let now, now < syncedAt + Self.syncInterval { return }
        guard store.hasUnsynced else { return }
        if let now { syncedAt = now }
        guard try !store.sync() else { return }
        // Once more, elsewhere: what is gone had not been stored, and is in memory. Synced with the next turn.
        let records = state.withLock { $0.memory.unwritten(from: store.written, byteLimit: Self.writeBytes) }
        if !records.isEmpty { try store.append(records) }
        if now == nil { _ = try store.sync() }
    }

    private func makeRoom(for byteCount: Int, _ store: inout SpoolStore) throws(Errno) {
        while store.isFull(for: byteCount), let (segment, records) = store.oldest() {
            let dropped = state.withLock { state in
                let before = state.memory.counts.droppedRecords
                state.memory.drop(records, before: segment.end)
                return state.memory.counts.droppedRecords - before
            }
            if dropped > 0 { log.warning("spool is full: its oldest records are dropped", ["spool": name]) }
            try store.removeOldest()
        }
    }

    private func load(_ store: inout SpoolStore) throws(Errno) {
        guard let next = state.withLock({ $0.memory.wantsLoad ? $0.memory.read : nil }) else { return }
        let found = try store.load(from: next)
        state.withLock { $0.memory.takeLoaded(found?.records ?? [], end: found?.end) }
        wake?.signal()
    }

    private func publish(_ store: borrowing SpoolStore) {
        let (written, stored, damage) = (store.written, store.stored, store.damage)
        let removable = store.segments.count > 1 ? store.segments[0].end : .max
        sayLosses(damage)
        let waiting = state.withLock { state -> [Latch<Void>] in
            if state.memory.phase == .attached { state.memory.note(written: written, stored: stored) }
            state.damage = damage
            state.removable = removable
            if let end = state.inheritedEnd, state.inheritedCount > 0, max(stored, state.memory.acknowledged) >= end {
                state.inheritedCount = 0
                state.cursorVersion += 1
            }
            guard !state.memory.isBehind || state.fault != nil else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for latch in waiting { latch.open(()) }
    }

    /// Those that nobody has said yet; `damage` is what is known of it now.
    private func sayLosses(_ damage: SpoolDamage) {
        let (isDropping, wasDamaged) = state.withLock { state in
            let unstored = state.memory.counts.unstoredRecords
            defer { state.saidUnstored = unstored }
            return (unstored > state.saidUnstored, damage != state.damage)
        }
        if isDropping {
            log.error("the disk takes nothing and memory is full: records are dropped", ["spool": name])
        }
        if wasDamaged {
            log.warning(
                "a spool is damaged: what cannot be read is left out",
                [
                    "spool": name, "records": "\(damage.records)", "bytes": "\(damage.bytes)",
                    "torn_bytes": "\(damage.tornBytes)",
                ])
        }
    }

    private func noteFault(_ error: Errno?) {
        let text = error.map { "spool: the disk fails, records live in memory: \($0)" }
        let before = state.withLock { state in
            defer { state.fault = text }
            return state.fault
        }
        guard before != text else { return }
        if let error {
            log.error(
                "the disk of a spool fails; records live in memory", ["spool": name, "reason": error.description])
        } else {
            log.info("the disk of a spool works again", ["spool": name])
        }
    }
}

/// What belongs to the spool's worker.
struct SpoolWorker {
    var store: SpoolStore?
    /// Not before this time, since it failed.
    var retryAt = Instant(nanoseconds: 0)
    var loadAgainAt = Instant(nanoseconds: 0)
    var syncedAt = Instant(nanoseconds: 0)
    var plannedTurn: Instant?
}

extension Instant {
    fileprivate static let max = Instant(nanoseconds: .max)
}
