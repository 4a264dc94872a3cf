// From one input to one output: reads on one worker, encodes and sends on one for each lane, saves the cursor on
// another.
//
// Reading the next batch overlaps with sending the last, and `in_flight` lanes send at once. A batch is acknowledged to
// the input when the receiver has all of it, or it was put into `rejected/`, in the order of reading; the cursor is the
// input's acknowledged positions. The reading side is in RouteReading.swift, a lane in RouteSending.swift; what they
// decide with is BatchPolicy, Window, Pacing, Course and Splitter.

package import Durable
package import Inputs
package import Logs
package import Outputs
package import Platform

package final class Route: Sendable {
    /// How long after the end of draining the cursor may take to be saved; a disk that hangs does not hold the stop up.
    static let saveGrace: Duration = .seconds(1)

    let exchange: Exchange
    let reading: Worker<Reader>
    let lanes: [Worker<Lane>]
    let saving: Worker<CursorSaver>
    let rejected: RejectedStore
    let policy: BatchPolicy
    let options: RouteOptions
    let inputName: String
    let outputName: String
    let log: AgentLog
    /// What it has to do with the reserve; without one, its records are as large as they are.
    let account: ReserveAccount?
    /// How many times what is sent is there while it is encoded.
    let copyCount: Int

    /// Of the stops of all routes.
    private static let guardian = Worker("stop", ())

    /// Starts nothing. `status` brings the names; its counts go on from what they are. `cursors` is the log from
    /// which the input's `resume` was loaded; `json` is how a record of this route is written in `rejected`.
    package init(
        input: sending any Input, pipeline: sending RecordPipeline = RecordPipeline(), output: sending any Output,
        status: RouteStatus, options: RouteOptions, cursors: CursorLog<HostCursorDisk>, rejected: RejectedStore,
        json: RecordJSON, account: ReserveAccount? = nil, log: AgentLog
    ) {
        var status = status
        status.cursorFilesDamaged = cursors.damagedFileCount
        status.cursorLinesDamaged = cursors.damagedLineCount
        status.dropReasons += type(of: output).dropReasons
        status.address = output.address
        let name = "\(status.input) to \(status.output)"
        let readingEncoder = output.makeEncoder()
        copyCount = readingEncoder.copyCount
        var reader = Reader(input: input, pipeline: pipeline, encoder: readingEncoder, options: options)
        if account != nil, !options.mayPassLimit { reader.countMemory(options) }
        // Before anything is read: what is counted is there from the first scrape on, as 0.
        status.reading = reader.inputStatus(at: .now)
        status.reading.hasLooked = false
        status.logMetrics = reader.pipeline.metrics.map(\.values)
        reading = Worker("read \(name)", reader, sharing: .reading)
        self.account = account
        lanes = Self.makeLanes(output, json, count: options.inFlight, name)
        exchange = Exchange(status, laneCount: lanes.count, keptParcels: options.inFlight)
        saving = Worker("save \(name)", CursorSaver(cursors), sharing: .saving)
        self.rejected = rejected
        self.options = options
        policy = BatchPolicy(inFlightLimit: options.inFlight, batchAge: options.batchAge, spacing: options.batchSpacing)
        inputName = status.input
        outputName = status.output
        self.log = log
    }

    private static func makeLanes(
        _ output: sending any Output, _ json: RecordJSON, count: Int, _ name: String
    ) -> [Worker<Lane>] {
        var others: [Worker<Lane>] = []
        while others.count + 1 < count {
            guard let lane = makeLane(beside: output, others.count + 1, json, name) else { break }
            others.append(lane)
        }
        return [Worker("send \(name)", Lane(index: 0, output: output, json: json), sharing: .sending)] + others
    }

    private static func makeLane(
        beside output: some Output, _ index: Int, _ json: RecordJSON, _ name: String
    ) -> Worker<Lane>? {
        guard let other = output.forAnotherLane() else { return nil }
        return Worker("send \(name) \(index)", Lane(index: index, output: other, json: json), sharing: .sendingMore)
    }

    /// Opens what others reach the input by. Waits for that.
    package func open() { reading.runAndWait { $0.input.open() } }

    /// Begins to read. Returns at once.
    package func start() {
        reading.run { reader in
            reader.hasMore = true
            self.pump(&reader)
        }
    }

    /// Stops reading, sends what was read as long as `drainUntil` allows, saves the cursor, and calls `done` on a
    /// queue of its own.
    ///
    /// A delivery that waits to be tried again is tried at once. A delivery or a disk that hangs is left behind; the
    /// cursor is true in any case: it never passes what was not acknowledged.
    package func stop(drainUntil: Instant, done: @escaping @Sendable () -> Void) {
        let isDone = exchange.with { state in
            if state.isDone { return true }
            state.drainUntil = min(drainUntil, state.drainUntil ?? drainUntil)
            state.onDone.append(done)
            return false
        }
        guard !isDone else {
            done()
            return
        }
        reading.run { self.beginStop(&$0, drainUntil: drainUntil) }
        exchange.with { $0.hurry() }
        for lane in lanes { lane.run { self.work(&$0) } }
        // Whatever hangs, on whatever queue: `done` is called.
        Self.guardian.run(after: max(.zero, drainUntil - .now) + Self.saveGrace) { [exchange] _ in
            exchange.with { $0.isFinished = true }
            exchange.callDone()
        }
    }

    /// Removes rejected records that are too old. Returns at once.
    package func removeOldRejects() {
        saving.run { _ in
            do throws(Errno) {
                let bytes = try self.rejected.removeOld(at: Moment.now.unixNanoseconds)
                guard bytes > 0 else { return }
                self.log.warning(
                    "rejected records were removed: they are too old",
                    ["output": self.outputName, "bytes": "\(bytes)"])
            } catch {
                self.log.error(
                    "old rejected records cannot be removed",
                    ["output": self.outputName, "reason": error.description])
            }
        }
    }

    /// What is known now. Never waits: what the input says of itself is at most a second older than its last step,
    /// and is asked for anew each time this is called, for the next time.
    package var status: RouteStatus {
        let mayAsk = exchange.with { state in
            guard !state.isRefreshAsked, !state.isFinished else { return false }
            state.isRefreshAsked = true
            return true
        }
        if mayAsk { reading.run { self.refreshStatus(&$0) } }
        return exchange.status(at: .now)
    }

    /// Now, when all sides wait for something to do (also for a receiver that is down to be tried again); else when
    /// the step began that one of them is at. Minutes ago means that an input or an output hangs, which is a bug.
    package var lastProgress: Instant {
        let now = Instant.now
        return exchange.with { state in
            guard !state.isFinished else { return now }
            return state.sendingSince.reduce(state.readingSince ?? now) { min($0, $1 ?? now) }
        }
    }
}
