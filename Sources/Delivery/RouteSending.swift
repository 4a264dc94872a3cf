// The sending side of a route: lanes, each with an output of its own, that take what is to be sent, encode it, send it,
// and do what Course and Pacing make of the answer. A lane works on its own worker, which may block in the network.

internal import Bytes
internal import Durable
internal import Logs
internal import Outputs
internal import Platform

/// What belongs to one sending worker.
struct Lane {
    let index: Int
    var output: any Output
    var encoder: any RecordEncoder
    /// What is sent. Kept for its capacity.
    var body: [UInt8] = []
    /// For records that are given up, whatever the output's own form is: that may be compressed, or the text alone.
    var json: RecordJSON

    /// What it is at.
    var load: Load?
    /// Records were put into `rejected/` that may not be on the disk.
    var hasUnsyncedRejects = false
    /// Wakes it when a load is due.
    var timer: Watch?

    init(index: Int, output: any Output, json: RecordJSON) {
        self.index = index
        self.output = output
        encoder = output.makeEncoder()
        self.json = json
    }
}

extension Route {
    /// More than that is encoded in one piece of memory: growing by doubling leaves as much again behind.
    private static let smallBodyBytes = 64 << 10

    /// Sends until there is nothing left that may be sent.
    func work(_ lane: inout Lane) {
        lane.timer = nil
        while true {
            let (turn, wakes) = exchange.with { $0.take(lane: lane.index, into: &lane.load, at: .now) }
            if let wakes { lanes[wakes].run { self.work(&$0) } }
            switch turn {
            case .send(let isProbe): carry(&lane, isProbe: isProbe)
            case .park: park()
            case .unpark: if !unpark(lane.index) { return }
            case .rest: return
            case .wait(let until):
                lane.timer = lanes[lane.index].every(max(until - .now, .milliseconds(1))) { [weak self] lane in
                    self?.work(&lane)
                }
                return
            case .over:
                // The stop need not wait for its deadline.
                exchange.with { $0.isFinished = true }
                reading.run { self.finish(&$0) }
                return
            }
        }
    }

    /// Sends a load until it is done, or must wait.
    private func carry(_ lane: inout Lane, isProbe: Bool) {
        var isProbe = isProbe
        while let range = lane.load?.course.next {
            guard !exchange.with({ $0.isFinished }) else { return }
            let sentAt = Instant.now
            let answer = deliver(range, &lane)
            let place = lane.load?.destination
            if act(on: answer, of: range.count, sentAt: sentAt, &lane, wasProbe: isProbe) { return }
            // What went on to another place has found nothing out yet.
            isProbe = isProbe && lane.load?.destination != place
        }
        settle(&lane)
    }

    private func deliver(_ range: Range<Int>, _ lane: inout Lane) -> Result<DeliveryOutcome, DeliveryError> {
        guard let load = lane.load else { return .success(.accepted) }
        var batch = load.batch
        let destination = lane.encoder.renew(
            &batch, range, for: load.destination, isRetry: load.course.isFailing)
        // The text of a borrowed one may be put elsewhere, and comes back as it was.
        if !load.isBorrowed { lane.load?.batch = batch }
        lane.load?.destination = destination
        let index = lane.index
        exchange.with { $0.sendingSince[index] = .now }
        defer {
            let held = letGo(&lane, isBorrowed: load.isBorrowed)
            exchange.with { state in
                state.sendingSince[index] = nil
                state.laneBytes[index] = held
            }
        }
        lane.body.removeAll(keepingCapacity: true)
        // Lines in JSON are about twice as long.
        if load.isBorrowed {
            lane.body.reserveCapacity(batch.jsonByteBound)
        } else if batch.textByteCount > Self.smallBodyBytes {
            lane.body.reserveCapacity(2 * options.batchBytes)
        }
        let replaced = lane.encoder.encode(batch, range, for: destination, into: &lane.body)
        if !load.wasEncoded, replaced > 0 { exchange.with { $0.status.invalidSequencesReplaced += UInt64(replaced) } }
        lane.load?.wasEncoded = true
        let resendsBefore = lane.output.resendCount
        defer { countResends(lane.output.resendCount - resendsBefore) }
        do throws(DeliveryError) {
            return .success(try lane.output.deliver(lane.body, recordCount: range.count, to: destination))
        } catch { return .failure(error) }
    }

    /// Of what is kept for bodies, what one record far larger than a batch has made of it. Returns what is left.
    private func letGo(_ lane: inout Lane, isBorrowed: Bool) -> Int {
        let held = lane.body.capacity + lane.encoder.heldByteCount
        guard isBorrowed || held > 2 * options.bodyMemory else { return held }
        lane.body = []
        lane.encoder.letGo()
        return lane.encoder.heldByteCount
    }

    private func countResends(_ count: Int) {
        if count > 0 { exchange.with { $0.status.retries += UInt64(count) } }
    }

    /// Returns whether the lane has put the load back, to be tried again later.
    private func act(
        on answer: Result<DeliveryOutcome, DeliveryError>, of recordCount: Int, sentAt: Instant, _ lane: inout Lane,
        wasProbe: Bool
    ) -> Bool {
        guard var course = lane.load?.course else { return false }
        let wasFailing = course.isFailing
        let now = Instant.now
        let (breaker, isRoomWanted) = exchange.with { ($0.breaker, $0.isRoomWanted) }
        let mayWait = lane.load?.isBorrowed != true && !isRoomWanted
        let actions = course.decide(
            answer, giveUpAfter: options.giveUpAfter, breaker, mayWait: mayWait, at: now)
        lane.load?.course = course
        if !mayWait, case .failure(.rejected) = answer, !actions.isEmpty { exchange.with { $0.breaker.noteUnjudged() } }
        note(answer, of: recordCount, sentAt: sentAt, wasFailing: wasFailing, course)
        for action in actions {
            switch action {
            case .count(let range, let missing): count(range, butFor: missing, lane)
            case .putAside(let index, let reason): putAside(index, reason, &lane)
            case .drop(_, let reason):
                exchange.with { state in
                    state.status.countDropped(reason)
                    state.status.noteError("the receiver has dropped records: \(reason)")
                }
            case .giveUp(let range, let reason): giveUp(range, reason, &lane)
            case .select(let indexes):
                if let batch = lane.load?.batch { lane.load?.batch = batch.selecting(indexes) }
            case .goElsewhere(let count, let reason):
                guard let other = lane.load?.destination.other else { bug("there is no other place") }
                lane.load?.destination = other
                exchange.with { state in
                    state.redirectedCount += UInt64(count)
                    state.status.noteError(reason)
                }
            case .backOff(let trouble):
                if backOff(trouble, &lane, wasProbe: wasProbe, at: now) { return true }
            }
        }
        return false
    }

    /// Lets the other lanes know how the receiver is.
    private func note(
        _ answer: Result<DeliveryOutcome, DeliveryError>, of recordCount: Int, sentAt: Instant, wasFailing: Bool,
        _ course: Course
    ) {
        let isTaken = answer.hasTaken(of: recordCount)
        let isAnswer =
            switch answer {
            case .success, .failure(.tooLarge), .failure(.rejected): !course.isHeld
            // Elsewhere is where it will show.
            case .failure(.retry), .failure(.tooSlow), .failure(.notAllowed), .failure(.goesElsewhere): false
            }
        account?.note(isAnswer: isAnswer)
        let (wakesAll, end) = exchange.with { state in
            state.failingCount += (course.isFailing ? 1 : 0) - (wasFailing ? 1 : 0)
            var wakesAll = false
            if isTaken {
                wakesAll = state.noteTaken(sentAt: sentAt)
            } else if isAnswer, !state.breaker.isOpen {
                wakesAll = state.noteAnswer()
            }
            let isOver = isAnswer && state.failingCount == 0
            return (wakesAll, isOver ? state.outage.noteEnd(at: .now) : nil)
        }
        if wakesAll { for lane in lanes { lane.run { self.work(&$0) } } }
        if case .ended(let duration)? = end { sayOutageIsOver(after: duration) }
    }

    private func count(_ range: Range<Int>, butFor missing: [Int], _ lane: borrowing Lane) {
        guard let batch = lane.load?.batch else { return }
        let lacking = missing.map { batch.records[$0] }
        let records = batch.readCount(in: range) - lacking.count { !$0.isUnfinished }
        let bytes = batch.textByteCount(in: range) - lacking.reduce(0) { $0 + Int($1.text.count) }
        exchange.with { state in
            state.status.recordsAcknowledged += UInt64(records)
            state.status.bytesAcknowledged += UInt64(bytes)
            if records > 0 { state.status.lastSuccessUnixNanoseconds = Moment.now.unixNanoseconds }
        }
    }

    /// The load is done. When it was the last of the oldest batch, that goes back to the reading side.
    private func settle(_ lane: inout Lane) {
        guard let number = lane.load?.number else { return }
        syncRejects(&lane)
        // Before anybody fills the batch again: so that nothing else refers to its buffers.
        lane.load = nil
        let wakesReader = exchange.with { $0.settle(number) && !$0.isReaderComing }
        if wakesReader { reading.run { self.pump(&$0) } }
    }

    // MARK: Trying again

    /// Returns whether there is something to try again.
    private func backOff(_ trouble: Trouble, _ lane: inout Lane, wasProbe: Bool, at now: Instant) -> Bool {
        var load = lane.load?.course.next == nil ? nil : lane.load.take()
        let isLeft = load != nil
        let isHeld = load?.course.isHeld == true
        let (isOpen, begin) = exchange.with { state in
            state.backOff(trouble, load.take(), wasProbe: wasProbe, at: now)
            let kind: Outage.Kind = state.status.isNotAllowed ? .notAllowed : .retrying
            return (state.breaker.isOpen, state.outage.noteFailure(kind, at: now))
        }
        say(trouble, isOpen: isOpen, begin)
        // It may no longer count for one of those under way.
        if isHeld { reading.run { self.pump(&$0) } }
        return isLeft
    }

    // MARK: Giving up

    private func giveUp(_ range: Range<Int>, _ reason: String, _ lane: inout Lane) {
        var count = 0
        var keptCount = 0
        for index in range {
            let isUnfinished = lane.load?.batch.records[index].isUnfinished == true
            count += isUnfinished ? 0 : 1
            // There may be no room: it is counted all the same.
            guard keep(index, "given up: \(reason)", &lane) == .kept else { continue }
            keptCount += isUnfinished ? 0 : 1
            lane.hasUnsyncedRejects = true
        }
        exchange.with { $0.status.countDropped("given_up", count) }
        log.error(
            "records given up",
            [
                "input": inputName, "output": outputName, "records": "\(count)", "kept": "\(keptCount)",
                "reason": reason,
            ])
    }

    private func putAside(_ index: Int, _ reason: String, _ lane: inout Lane) {
        var dropped: String?
        switch keep(index, reason, &lane) {
        case .kept: lane.hasUnsyncedRejects = true
        case .full:
            dropped = "rejected_store_full"
            log.warning("rejected record is dropped: rejected/ is full", ["output": outputName])
        case .failed(let error):
            dropped = "rejected_store_failed"
            log.error("rejected record cannot be kept", ["output": outputName, "reason": error.description])
        }
        exchange.with { state in
            state.status.recordsRejected += 1
            state.status.noteError(reason)
            if let dropped { state.status.countDropped(dropped) }
        }
        log.warning("record rejected", ["input": inputName, "output": outputName, "reason": reason])
    }

    private func keep(_ index: Int, _ reason: String, _ lane: inout Lane) -> RejectedOutcome {
        guard let batch = lane.load?.batch else { return .full }
        return rejected.add(
            rejectedRecord(of: batch, index, &lane.json), input: inputName, reason: reason, at: .now)
    }

    private func syncRejects(_ lane: inout Lane) {
        guard lane.hasUnsyncedRejects else { return }
        lane.hasUnsyncedRejects = false
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
