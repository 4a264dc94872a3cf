// The sending side of a route: delivers one batch after another, waits and tries again, halves, gives up single
// records. All of it on one worker, which may block in the network.

internal import Bytes
internal import Durable
internal import Logs
internal import Outputs
internal import Platform

/// What belongs to the sending worker.
struct Sender {
    var output: any Output
    /// For halves; whole batches were encoded on the reading side.
    var encoder: any RecordEncoder
    /// An encoded half. Kept for its capacity.
    var half: [UInt8] = []
    /// For records that are given up, whatever the output's own form is: that may be compressed, or the text alone.
    var json: RecordJSON
    var backoff = Backoff(random: SystemRandomNumberGenerator())

    /// The batch under way, and what is left of it.
    var parcel: Parcel?
    var splitter = Splitter(recordCount: 0)
    /// Records were put into `rejected/` that may not be on the disk.
    var hasUnsyncedRejects = false
    /// Set while a delivery waits to be tried again.
    var retryTimer: Watch?

    init(output: any Output, encoder: any RecordEncoder, json: RecordJSON) {
        self.output = output
        self.encoder = encoder
        self.json = json
    }
}

extension Route {
    /// Sends until there is nothing left to send, or a delivery must wait.
    func send(_ sender: inout Sender) {
        guard sender.retryTimer == nil else { return }
        while !exchange.with({ $0.isFinished }) {
            if sender.parcel == nil {
                // Moved out of the queue, so that nothing else refers to its buffers.
                sender.parcel = exchange.with { $0.queued.isEmpty ? nil : $0.queued.removeFirst() }
                sender.splitter = Splitter(sender.parcel?.shipments.map(\.records) ?? [])
            }
            guard let range = sender.splitter.next else {
                guard sender.parcel != nil else { return }
                giveBack(&sender)
                continue
            }
            do throws(DeliveryError) {
                let outcome = try deliver(range, &sender)
                if accept(range, outcome, &sender) { return }
            } catch {
                switch error {
                case .retry(let after, let reason):
                    wait(&sender, after, reason)
                    return
                case .notAllowed(let reason):
                    wait(&sender, nil, reason)
                    return
                case .tooLarge(let reason), .rejected(let reason): refuse(&sender, reason)
                }
            }
        }
    }

    private func deliver(_ range: Range<Int>, _ sender: inout Sender) throws(DeliveryError) -> DeliveryOutcome {
        guard let parcel = sender.parcel else { return .accepted }
        exchange.with { $0.sendingSince = .now }
        defer { exchange.with { $0.sendingSince = nil } }
        let place = parcel.shipments.first { $0.records.contains(range.lowerBound) }?.destination ?? Destination()
        if parcel.shipments.count == 1, range.count == parcel.batch.records.count {
            return try sender.output.deliver(parcel.body, recordCount: range.count, to: place)
        }
        sender.half.removeAll(keepingCapacity: true)
        // Of a single shipment, replaced sequences were counted when the whole was encoded.
        let replaced = sender.encoder.encode(parcel.batch, range, into: &sender.half)
        if parcel.shipments.count > 1 { exchange.with { $0.status.invalidSequencesReplaced += UInt64(replaced) } }
        return try sender.output.deliver(sender.half, recordCount: range.count, to: place)
    }

    /// Returns whether some of the records wait to be tried again.
    private func accept(_ range: Range<Int>, _ outcome: DeliveryOutcome, _ sender: inout Sender) -> Bool {
        guard let batch = sender.parcel?.batch else { return false }
        var refused: [RefusedRecord] = []
        if case .partly(let some) = outcome { refused = some }
        let again = refused.filter { $0.fate == .tryAgain }
        sender.backoff.reset()
        sender.splitter.accept(butFor: again.map(\.index))
        let missing = refused.map { batch.records[range.lowerBound + $0.index] }
        let count = batch.readCount(in: range) - missing.count { !$0.isUnfinished }
        let bytes = batch.textByteCount(in: range) - missing.reduce(0) { $0 + Int($1.text.count) }
        let wasRetrying = exchange.with { state in
            state.status.recordsAcknowledged += UInt64(count)
            state.status.bytesAcknowledged += UInt64(bytes)
            let wasRetrying = state.status.isRetrying
            state.status.isRetrying = false
            return wasRetrying
        }
        if wasRetrying { log.info("delivers again", ["input": inputName, "output": outputName]) }
        for record in refused {
            switch record.fate {
            case .tryAgain: break
            case .putAside: putAside(range.lowerBound + record.index, record.reason, &sender)
            case .lost:
                exchange.with { state in
                    state.status.countDropped(record.reason)
                    state.status.noteError(record.reason)
                }
            }
        }
        guard let first = again.first else { return false }
        wait(&sender, nil, first.reason)
        return true
    }

    /// The whole batch is done: its positions and its buffers go back to the reading side.
    private func giveBack(_ sender: inout Sender) {
        syncRejects(&sender)
        var returned = sender.parcel.take()
        returned?.batch.removeAll()
        // In one step: a reader that saw the acknowledgement before the parcel would make one more.
        let isReaderComing = exchange.with { state in
            // Moved, so that nothing else refers to its buffers.
            guard let parcel = returned.take() else { return state.isReaderComing }
            state.acknowledgements.append(Acknowledgement(positions: parcel.positions))
            if !state.inFlightSince.isEmpty { state.inFlightSince.removeFirst() }
            state.returned.append(parcel)
            return state.isReaderComing
        }
        if !isReaderComing { reading.run { self.pump(&$0) } }
    }

    // MARK: Trying again

    private func wait(_ sender: inout Sender, _ retryAfter: Duration?, _ reason: String) {
        let delay = max(sender.backoff.next(retryAfter: retryAfter), .milliseconds(1))
        log.warning("delivery failed, is tried again", ["input": inputName, "output": outputName, "reason": reason])
        let drainUntil = exchange.with { state in
            state.status.isRetrying = true
            state.status.noteError(reason)
            return state.drainUntil
        }
        if let drainUntil, .now + delay >= drainUntil {
            // There is no time for another try: the stop need not wait for its deadline.
            exchange.with { $0.isFinished = true }
            reading.run { self.finish(&$0) }
            return
        }
        sender.retryTimer = sending.every(delay) { [weak self] sender in self?.interrupt(&sender) }
    }

    /// Tries a delivery that waits at once.
    func interrupt(_ sender: inout Sender) {
        guard sender.retryTimer != nil else { return }
        sender.retryTimer = nil
        exchange.with { $0.status.retries += 1 }
        send(&sender)
    }

    // MARK: Giving up

    private func refuse(_ sender: inout Sender, _ reason: String) {
        sender.backoff.reset()  // the receiver answers
        exchange.with { state in
            state.status.isRetrying = false
            state.status.noteError(reason)
        }
        if let index = sender.splitter.refuse() { putAside(index, reason, &sender) }
    }

    private func putAside(_ index: Int, _ reason: String, _ sender: inout Sender) {
        guard let parcel = sender.parcel else { return }
        let outcome = rejected.add(
            rejectedRecord(of: parcel.batch, index, &sender.json), input: inputName, reason: reason, at: .now)
        var dropped: String?
        switch outcome {
        case .kept: sender.hasUnsyncedRejects = true
        case .full: dropped = "rejected_store_full"
        case .failed(let error):
            dropped = "rejected_store_failed"
            log.error("rejected record cannot be kept", ["output": outputName, "reason": error.description])
        }
        exchange.with { state in
            state.status.recordsRejected += 1
            if let dropped { state.status.countDropped(dropped) }
        }
        log.warning("record rejected", ["input": inputName, "output": outputName, "reason": reason])
    }

    private func syncRejects(_ sender: inout Sender) {
        guard sender.hasUnsyncedRejects else { return }
        sender.hasUnsyncedRejects = false
        do throws(Errno) { try rejected.sync() } catch {
            log.error("rejected records may not outlast a power cut", ["reason": error.description])
            exchange.with { $0.status.noteError("rejected/: \(error)") }
        }
    }
}

/// A record that is given up, as one JSON value.
func rejectedRecord(of batch: LogBatch, _ index: Int, _ json: inout RecordJSON) -> [UInt8] {
    var line: [UInt8] = []
    _ = json.encode(batch, index..<index + 1, into: &line)
    line.removeLast()  // the newline
    guard batch.records[index].isDocument else { return line }
    // What was read as a document may be none, which may be why it was refused: it is kept as a text.
    do throws(JSONError) { _ = try parseJSON(line) } catch {
        var text: [UInt8] = []
        text.append(jsonString: 0..<line.count, of: line)
        return text
    }
    return line
}
