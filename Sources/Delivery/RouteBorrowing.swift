// What a route does about a record that is larger than its share of the memory: it borrows from the reserve of all
// routes, and sends the record alone.
//
// Nobody waits for memory while he holds some. To read, the route asks when it has nothing under way, and when what it
// has read needs more to be sent than it needed to be read, and there is not so much, the text is put into a file and
// the loan given back; so is that of a batch that waits to be tried again. A receiver that is down thus holds up only
// the routes to it.

internal import Logs
internal import Outputs
internal import Platform

// MARK: Reading

extension Route {
    /// Sees to the memory for a record that found no room in an empty batch.
    func borrow(_ reader: inout Reader) {
        guard let account else { return }
        let wanted = reader.wantedBytes
        if case .granted = reader.borrowing {
            // It is not there any more, was left out, or is larger by now.
            let isRead = reader.rawNext == reader.raw.records.count && !reader.hasMore
            if reader.batch.isEmpty, wanted > 0 || isRead { return endLoan(&reader) }
        }
        guard wanted > 0, reader.borrowing == .no, reader.batch.isEmpty, reader.inFlight == 0, reader.drainUntil == nil
        else { return }
        reader.borrowing = .asked
        let isGranted = account.ask(options.readingMemory(wanted)) { [weak self] in
            guard let self else { return }
            reading.run { reader in
                guard reader.borrowing == .asked else { return }
                self.take(&reader)
                self.pump(&reader)
            }
        }
        if isGranted { take(&reader) }
    }

    private func take(_ reader: inout Reader) {
        let wanted = reader.wantedBytes
        // What stages held back may have come meanwhile; it is sent first.
        guard !reader.isFinished, wanted > 0, reader.batch.isEmpty, reader.inFlight == 0 else {
            return endLoan(&reader)
        }
        reader.borrowing = .granted(wanted)
        reader.lend(wanted)
        reader.hasMore = true
    }

    func endLoan(_ reader: inout Reader) {
        account?.giveBack()
        reader.borrowing = .no
        reader.lend(nil)
    }

    /// The batch for which memory was borrowed is about to be sent.
    func settleLoan(_ reader: inout Reader, for parcel: inout Parcel) -> Loan {
        guard let account, case .granted = reader.borrowing else { return .none }
        reader.borrowing = .underWay
        reader.lend(nil)
        reader.letGo()
        parcel.batch.recordByteLimit = options.batchBytes
        let needed = parcel.batch.heldByteCount + reader.encoder.copyCount * parcel.batch.jsonByteBound
        if account.change(to: needed) { return .held }
        do throws(Errno) {
            let parked = try ParkedText(parcel.batch.bytes, account)
            var text: [UInt8] = []
            parcel.batch.exchangeBytes(with: &text)
            text = []
            account.giveBack()
            return .parked(parked, neededBytes: needed)
        } catch {
            sayNotParked(error)
            return .stuck
        }
    }

    fileprivate func sayNotParked(_ error: Errno) {
        log.error(
            "a large record cannot be put into a file: it keeps memory that others may wait for",
            ["input": inputName, "output": outputName, "reason": error.description])
    }
}

extension Reader {
    /// Room for one record of so many bytes.
    fileprivate mutating func lend(_ byteCount: Int?) {
        guard batch.recordByteLimit != nil else { return }
        if pipeline.isEmpty {
            batch.recordByteLimit = byteCount ?? batch.byteLimit
        } else {
            raw.recordByteLimit = byteCount ?? batch.byteLimit
            // What stages make of it is not known before.
            batch.recordByteLimit = byteCount == nil ? batch.byteLimit : .max
        }
    }

    /// Of what a large record has left behind.
    fileprivate mutating func letGo() {
        encoder.letGo()
        guard rawNext == raw.records.count else { return }
        raw.letGo()
        rawNext = 0
        pipeline.letGo()
    }
}

// MARK: Sending

extension Route {
    /// When a file that could not be read is tried again.
    private static let restoreInterval: Duration = .seconds(1)

    /// Puts the text of the batch into a file, and gives the memory back.
    func park() {
        guard let account else { return }
        var (text, needed) = exchange.with { state in
            // Another lane may have begun to send it meanwhile.
            guard case .held = state.loan, !state.isLaneBusy.contains(true), let parcel = state.window.first
            else { return ([UInt8](), 0) }
            state.loan = .moving
            let needed = parcel.batch.heldByteCount + copyCount * parcel.batch.jsonByteBound
            return (parcel.batch.bytes, needed)
        }
        guard needed > 0 else { return }
        do throws(Errno) {
            let parked = try ParkedText(text, account)
            exchange.with { $0.exchangeText([]) }
            text = []
            // Before another lane may ask for it again.
            account.giveBack()
            exchange.with { $0.loan = .parked(parked, neededBytes: needed) }
        } catch {
            exchange.with { $0.loan = .stuck }
            sayNotParked(error)
        }
    }

    /// Borrows again for the batch whose text is in a file, and gets that back. False when others have to give back
    /// first; then the lane is woken.
    func unpark(_ lane: Int) -> Bool {
        guard let account else { return true }
        let parked: (text: ParkedText, bytes: Int)? = exchange.with { state in
            guard case .parked(let text, let bytes) = state.loan else { return nil }
            state.loan = .moving
            return (text, bytes)
        }
        guard let parked else { return true }
        let isGranted = account.ask(parked.bytes) { [weak self] in
            guard let self else { return }
            lanes[lane].run { lane in
                self.restore(parked.text, parked.bytes)
                self.work(&lane)
            }
        }
        guard isGranted else { return false }
        restore(parked.text, parked.bytes)
        return true
    }

    private func restore(_ parked: ParkedText, _ bytes: Int) {
        do throws(Errno) {
            let text = try parked.read()
            exchange.with { state in
                state.exchangeText(text)
                state.loan = .held
            }
        } catch {
            account?.giveBack()
            log.error(
                "a large record cannot be read back",
                ["input": inputName, "output": outputName, "reason": error.description])
            exchange.with { state in
                state.loan = .parked(parked, neededBytes: bytes)
                for index in state.pending.indices { state.pending[index].due = .now + Self.restoreInterval }
            }
        }
    }
}
