// The reading side of a route: reads, batches, divides and acknowledges. All of it on one worker; what that has is in
// Reader.swift, how the cursor is saved in RouteCursor.swift.

internal import Bytes
internal import Inputs
internal import Logs
internal import Outputs
internal import Platform

extension Route {
    /// How often an input looks around while there is no room to read: files that live shorter in an outage are missed.
    private static let lookInterval: Duration = .seconds(1)
    /// Under a steady trickle the input is read from this far apart. No further, however seldom is sent: what is not
    /// read may be truncated.
    private static let readSpacing: Duration = .milliseconds(20)
    /// Deliveries that follow each other no further apart are a trickle, which goes on.
    private static let steadySpacing = readSpacing * 4
    /// Steps in one turn, so that acknowledgements and the stop get theirs.
    private static let stepsInTurn = 8
    /// Timers no closer than that, whatever an input asks for: a time in the past must not become a busy loop.
    private static let shortestWait: Duration = .milliseconds(1)
    /// No timer is set further ahead; when it fires early, nothing happens but the next one.
    private static let longestWait: Duration = .seconds(86_400)

    /// Does what there is to do, then arranges to be woken.
    func pump(_ reader: inout Reader) {
        guard !reader.isFinished else { return }
        takeAcknowledgements(&reader)
        defer { exchange.with { $0.readingSince = nil } }
        steps: for _ in 0..<Self.stepsInTurn {
            let now = Moment.now
            if reader.readAgain <= now.monotonic { reader.hasMore = true }
            if let until = reader.pausedUntil, until <= now.monotonic {
                reader.pausedUntil = nil
                reader.hasMore = true
            }
            if let due = reader.lookDue, due <= now.monotonic { lookAround(&reader, at: now) }
            if let due = reader.housekeepingDue, due <= now.monotonic { keepHouse(&reader, at: now) }
            if let due = reader.saving.due, due <= now.monotonic { saveCursor(&reader, at: now.monotonic) }
            if let due = reader.pipeline.deadline, due <= now.monotonic, !reader.batch.isFull {
                flush(&reader, at: now)
            }
            borrow(&reader)
            switch policy.action(for: situation(of: reader), at: now.monotonic) {
            case .read: read(&reader, at: now)
            case .dispatch: dispatch(&reader, at: now.monotonic)
            case .wait(let until):
                rest(&reader, until: until, at: now.monotonic)
                return
            case .blocked, .rest:
                if reader.drainUntil != nil, reader.inFlight == 0 {
                    finish(&reader)
                } else if nap(&reader, at: now.monotonic) {
                    break steps
                } else {
                    rest(&reader, until: nil, at: now.monotonic)
                }
                return
            }
        }
        guard !reader.isPumpScheduled else { return }
        reader.isPumpScheduled = true
        reading.run { reader in
            reader.isPumpScheduled = false
            self.pump(&reader)
        }
    }

    private func situation(of reader: borrowing Reader) -> BatchPolicy.Situation {
        var situation = reader.situation
        if reader.inFlight > 0, reader.wantedBytes > 0 {
            let wakes = exchange.with { state in
                let before = state.isRoomWanted
                state.wantRoom()
                return state.isRoomWanted && !before
            }
            if wakes { lanes[0].run { self.work(&$0) } }
        }
        guard situation.inFlight >= policy.inFlightLimit else { return situation }
        situation.inFlight -= exchange.with { $0.heldParcelCount(withinBytes: options.batchBytes) }
        return situation
    }

    private func read(_ reader: inout Reader, at now: Moment) {
        let recordsBefore = reader.batch.records.count
        var records = 0
        var bytes = 0
        if reader.pipeline.isEmpty {
            let bytesBefore = reader.batch.textByteCount
            note(reader.input.read(into: &reader.batch, at: now), &reader, at: now.monotonic)
            reader.pipeline.recogniseDocuments(in: &reader.batch, from: recordsBefore, at: now)
            records = reader.batch.records.count - recordsBefore
            bytes = reader.batch.textByteCount - bytesBefore
        } else {
            if reader.rawNext == reader.raw.records.count {
                reader.raw.letGoIfLarge()
                reader.raw.removeAll()
                reader.rawNext = 0
                note(reader.input.read(into: &reader.raw, at: now), &reader, at: now.monotonic)
                (records, bytes) = (reader.raw.records.count, reader.raw.textByteCount)
            }
            reader.pipeline.process(reader.raw, from: &reader.rawNext, into: &reader.batch, at: now)
            if reader.rawNext < reader.raw.records.count { reader.hasMore = true }
            settleSkipped(&reader)
        }
        reader.noteChange(at: now.monotonic)
        exchange.with { state in
            state.status.recordsRead += UInt64(records)
            state.status.bytesRead += UInt64(bytes)
        }
        if reader.batch.records.count > recordsBefore { noteFilling(&reader, at: now.monotonic) }
    }

    private func note(_ wait: Wait, _ reader: inout Reader, at now: Instant) {
        switch wait {
        case .notAtAll:
            reader.hasMore = true
            return
        case .until(let instant): (reader.readAgain, reader.isInputPaused) = (instant, false)
        case .pause(let instant): (reader.readAgain, reader.isInputPaused) = (instant, true)
        }
        reader.hasMore = false
        reader.readAgain = max(reader.readAgain, now + Self.shortestWait)
    }

    /// The batch has more than it had.
    private func noteFilling(_ reader: inout Reader, at now: Instant) {
        if reader.begun == nil { reader.begun = now }
        // Until the next delivery may begin, so that it takes along what came meanwhile.
        let next = (reader.lastDispatch ?? now) + Self.readSpacing
        reader.pausedUntil = next > now ? next : now + Self.readSpacing
        let begun = reader.begun
        exchange.with { $0.fillingSince = begun }
    }

    /// What the pipeline held back for more is as whole as it gets.
    private func flush(_ reader: inout Reader, at now: Moment) {
        let recordsBefore = reader.batch.records.count
        reader.pipeline.flush(into: &reader.batch, at: now)
        settleSkipped(&reader)
        // What it counted is to be seen, and the cursor may have moved.
        reader.noteChange(at: now.monotonic)
        if reader.batch.records.count > recordsBefore { noteFilling(&reader, at: now.monotonic) }
    }

    /// Where nothing is under way, records that were left out need wait for no other.
    private func settleSkipped(_ reader: inout Reader) {
        guard reader.inFlight == 0, reader.batch.isEmpty, !reader.batch.skipped.isEmpty else { return }
        for position in reader.batch.takeSkipped() { reader.input.acknowledge(position) }
    }

    private func lookAround(_ reader: inout Reader, at now: Moment) {
        reader.lookDue = nil
        reader.input.lookAround(at: now)
        reader.noteChange(at: now.monotonic)
    }

    private func dispatch(_ reader: inout Reader, at now: Instant) {
        // There are as many parcels as may be under way; each was made when it was first needed.
        var parcel =
            exchange.with { $0.returned.popLast() }
            ?? Parcel(batch: LogBatch(byteLimit: options.batchBytes, recordLimit: options.batchRecords))
        parcel.batch.recordByteLimit = reader.batch.recordByteLimit
        swap(&parcel.batch, &reader.batch)
        reader.batch.removeAll()
        parcel.begun = reader.begun ?? now
        parcel.positions = parcel.batch.allPositions
        let shipments = reader.encoder.divide(&parcel.batch)
        reader.begun = nil
        reader.inFlight += 1
        let loan = settleLoan(&reader, for: &parcel)
        let isSteady = reader.lastDispatch.map { now - $0 < Self.steadySpacing } ?? false
        reader.pausedUntil = isSteady ? now + Self.readSpacing : nil
        reader.lastDispatch = now
        let (wakes, isDone) = exchange.with { state in
            state.fillingSince = nil
            state.loan = loan
            return state.add(parcel, shipments)
        }
        if let wakes { lanes[wakes].run { self.work(&$0) } }
        if isDone { reading.run { self.pump(&$0) } }
    }

    /// Takes what the sending side has put into the exchange.
    private func takeAcknowledgements(_ reader: inout Reader) {
        let acknowledgements = exchange.with { state in
            state.readingSince = .now
            state.isReaderComing = false
            let taken = state.acknowledgements
            state.acknowledgements.removeAll(keepingCapacity: true)
            if state.window.count == 0 {
                state.isRoomWanted = false
                if !taken.isEmpty { state.loan = .none }
            }
            return taken
        }
        guard !acknowledgements.isEmpty else { return }
        for acknowledgement in acknowledgements {
            for position in acknowledgement { reader.input.acknowledge(position) }
            reader.inFlight -= 1
        }
        if reader.borrowing == .underWay, reader.inFlight == 0 { endLoan(&reader) }
        settleSkipped(&reader)
        reader.noteChange(at: .now)
    }

    // MARK: Waiting

    /// Arranges to be woken by the input if there is room for what it has, and at the earliest time at which there is
    /// something to do.
    private func rest(_ reader: inout Reader, until: Instant?, at now: Instant) {
        let isHeldBack = (reader.batch.isFull || reader.isHeldBack) && reader.drainUntil == nil
        let mayRead = !isHeldBack && reader.drainUntil == nil
        reader.lookDue = isHeldBack ? reader.lookDue ?? now + Self.lookInterval : nil
        // Under a steady trickle each line would wake us, only to wait for the same delivery.
        let pause = reader.batch.isEmpty ? nil : reader.pausedUntil
        watchInput(&reader, mayRead && !reader.hasMore && pause == nil && !reader.isInputPaused)
        var wanted = until
        if mayRead, !reader.hasMore, let pause { wanted = min(wanted ?? pause, pause) }
        if mayRead, !reader.hasMore { wanted = min(wanted ?? reader.readAgain, reader.readAgain) }
        if let due = reader.lookDue { wanted = min(wanted ?? due, due) }
        if !reader.batch.isFull, let due = reader.pipeline.deadline { wanted = min(wanted ?? due, due) }
        if let due = reader.housekeepingDue { wanted = min(wanted ?? due, due) }
        if let due = reader.saving.due { wanted = min(wanted ?? due, due) }
        if let drainUntil = reader.drainUntil { wanted = min(wanted ?? drainUntil, drainUntil) }
        guard let wanted, wanted.nanoseconds != .max else { return }
        setTimer(&reader, wanted, at: now)
    }

    /// Sleeps until the next lines of a trickle are to be looked for. False when there is none.
    ///
    /// Here, on the worker's own queue, since it is short: a timer would wake two threads more for each delivery, which
    /// is most of what a trickle costs.
    private func nap(_ reader: inout Reader, at now: Instant) -> Bool {
        guard let until = reader.pausedUntil, until > now, until <= now + Self.readSpacing,
            reader.batch.isEmpty, !reader.hasMore, reader.drainUntil == nil
        else { return false }
        exchange.with { $0.isReaderComing = true }
        sleep(until: until)
        return true
    }

    func setTimer(_ reader: inout Reader, _ wanted: Instant, at now: Instant) {
        if let fires = reader.timerFires, fires <= wanted { return }
        let wait = min(max(wanted - now, Self.shortestWait), Self.longestWait)
        reader.timerFires = now + wait
        let timer =
            reader.timer
            ?? reading.timer { [weak self] reader in
                reader.timerFires = nil
                guard let self else { return }
                if let drainUntil = reader.drainUntil, drainUntil <= .now { self.finish(&reader) }
                self.pump(&reader)
            }
        timer.set(wait)
        reader.timer = timer
    }

    private func watchInput(_ reader: inout Reader, _ isWanted: Bool) {
        let descriptor = isWanted ? reader.input.wakeDescriptor : nil
        guard descriptor != reader.watchedDescriptor else { return }
        reader.watch = nil
        reader.watchedDescriptor = descriptor
        guard let descriptor else { return }
        reader.watch = reading.whenReadable(descriptor) { [weak self] reader in
            reader.hasMore = true
            self?.pump(&reader)
        }
    }
}
