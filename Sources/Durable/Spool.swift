// What cannot be read again, kept until a receiver has it: samples pushed at an interval, events that came on a socket.
//
// A record is put into memory and is written to the disk at once, by a worker of the spool's own: a kill loses what was
// put in the moment before. The disk is told to sync after that, at most every second, and at the stop: a power cut may
// cost the last second. Segments that were acknowledged are removed. With more bytes than the limit the oldest segment
// goes, and what nobody had read of it is counted.
//
// A disk that fails is tried again every second. Meanwhile records live in memory, up to its own limit, and go to the
// output as ever; beyond it the oldest are dropped and counted. Nothing here ever waits for the disk but `close`, and
// `put` for a moment when more comes than the disk takes.

internal import Bytes
package import Platform
internal import Synchronization

/// What a spool knows of itself.
package struct SpoolStatus: Sendable, Equatable {
    /// Bytes that no receiver has.
    package var byteCount: Int
    /// Counts that only grow, by reason.
    package var counts: [(reason: String, count: UInt64)]
    package var problem: String?

    package static func == (one: SpoolStatus, other: SpoolStatus) -> Bool {
        one.byteCount == other.byteCount && one.problem == other.problem
            && one.counts.elementsEqual(other.counts) { $0 == $1 }
    }
}

/// Shared by who puts records and by the route that reads them.
package final class Spool: Sendable {
    /// What is in memory of one spool: what the disk has not synced yet, and what waits to be read.
    package static let memoryLimitBytes = 4 << 20
    package static let defaultLimitBytes = 64 << 20
    /// Below it a segment would be too large a part of all; above, a start would read for long.
    package static let limitRange = (8 << 20)...(64 << 30)
    /// What a power cut may cost.
    static let syncInterval: Duration = .seconds(1)
    static let retryInterval: Duration = .seconds(1)
    /// One write.
    static let writeBytes = 256 << 10
    /// Whoever puts more than the disk takes is held up no longer than this at a time.
    private static let patience: Duration = .seconds(1)

    struct State {
        var memory: SpoolMemory
        /// Where an earlier run was.
        var resume: UInt64
        /// Records of an earlier form of the cursor that are not stored yet: until then it must not be replaced.
        var inheritedCount: UInt64
        var inheritedEnd: UInt64?
        var cursorVersion: UInt64 = 0
        var damage = SpoolDamage()
        var fault: String?
        /// Of the records that were dropped since the disk took none, those that the log knows of.
        var saidUnstored: UInt64 = 0
        var isTurnAsked = false
        /// Before it is, nothing touches the disk.
        var isStarted = false
        var isOpen = true
        /// Records before this one may be removed from the disk.
        var removable: UInt64 = .max
        /// Somebody waits for the disk to take what is in memory.
        var waiting: [Latch<Void>] = []
    }

    let state: Mutex<State>
    let worker: Worker<SpoolWorker>
    let hasDisk: Bool
    let turnsItself: Bool
    let name: String
    let log: AgentLog
    /// Readable when there may be something to read; nil where there is no descriptor for it.
    package let wake: WakeSignal?

    /// Touches nothing on the disk before `open`; without a disk everything is kept in memory. `resume` is what
    /// `cursor` was in an earlier run, `inherited` what an earlier form of the cursor held, to be put first. A test
    /// that calls `turn` by hand has `turnsItself` false.
    package init(
        name: String, disk: (any SpoolDisk)?, limitBytes: Int, resume: UInt64?,
        inherited: [(bytes: [UInt8], unixNanoseconds: Int64)] = [], log: AgentLog,
        memoryLimitBytes: Int = Spool.memoryLimitBytes, turnsItself: Bool = true
    ) {
        var memory = SpoolMemory(byteLimit: memoryLimitBytes)
        for record in inherited { memory.put(record.bytes, at: record.unixNanoseconds) }
        if disk == nil { memory.detach() }
        state = Mutex(State(memory: memory, resume: resume ?? 0, inheritedCount: UInt64(inherited.count)))
        worker = Worker(
            "spool \(name)", SpoolWorker(store: disk.map { SpoolStore(disk: $0, totalLimitBytes: limitBytes) }))
        hasDisk = disk != nil
        self.turnsItself = turnsItself
        self.name = name
        self.log = log
        var wake: WakeSignal?
        do throws(Errno) { wake = try WakeSignal() } catch {
            // Without it the route looks again now and then.
            log.warning("no eventfd for a spool", ["spool": name, "reason": error.description])
        }
        self.wake = wake
    }

    /// Begins to use the disk: what an earlier run has left comes first.
    package func open() {
        state.withLock { $0.isStarted = true }
        askForTurn()
    }

    // MARK: Putting

    /// Adds records that came at one time. Waits a moment when the disk does not keep up.
    package func put(_ records: [[UInt8]], at unixNanoseconds: Int64) {
        guard !records.isEmpty else { return }
        let latch = state.withLock { state -> Latch<Void>? in
            for bytes in records { state.memory.put(bytes, at: unixNanoseconds) }
            guard turnsItself, state.memory.isBehind, state.fault == nil else { return nil }
            let latch = Latch<Void>()
            state.waiting.append(latch)
            return latch
        }
        wake?.signal()
        askForTurn()
        _ = latch?.wait(atMost: Self.patience)
    }

    // MARK: Reading

    /// Takes what is there, until so many records were taken, or so many bytes. They stay on the disk until they are
    /// acknowledged, with the epoch that is given here.
    package func read(recordLimit: Int, byteLimit: Int) -> (records: [SpoolRecord], epoch: UInt32) {
        wake?.clear()
        let (records, epoch, wantsLoad) = state.withLock { state in
            let records = state.memory.read(recordLimit: recordLimit, byteLimit: byteLimit)
            return (records, state.memory.epoch, state.memory.wantsLoad)
        }
        if wantsLoad { askForTurn() }
        return (records, epoch)
    }

    /// The receiver has everything before the record of this number.
    package func acknowledge(before number: UInt64, epoch: UInt32) {
        let isTurnDue = state.withLock { state in
            guard state.memory.acknowledge(before: number, epoch: epoch), state.memory.phase == .attached else {
                return false
            }
            if state.inheritedCount == 0 { state.cursorVersion += 1 }
            return state.memory.acknowledged >= state.removable
        }
        if isTurnDue { askForTurn() }
    }

    /// Where the next run goes on. Not that of an earlier run's form before what that held is safe here.
    package var cursor: UInt64 {
        state.withLock { $0.memory.phase == .attached ? $0.memory.acknowledged : $0.resume }
    }

    /// Changes with `cursor`, when that may be saved.
    package var cursorVersion: UInt64 { state.withLock { $0.cursorVersion } }

    package var status: SpoolStatus {
        state.withLock { state in
            let counts = state.memory.counts
            return SpoolStatus(
                byteCount: state.memory.byteCount,
                counts: [
                    ("spool_dropped", counts.droppedRecords), ("spool_dropped_bytes", counts.droppedBytes),
                    ("spool_dropped_unstored", counts.unstoredRecords),
                    ("spool_dropped_unstored_bytes", counts.unstoredBytes),
                    ("spool_damaged", state.damage.records), ("spool_damaged_bytes", state.damage.bytes),
                    ("spool_torn_bytes", state.damage.tornBytes),
                ], problem: state.fault)
        }
    }

    /// What was put outlasts a power cut when this returns, if the disk takes it. Nothing is put any more.
    package func close() {
        let wasOpen = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen && state.isStarted
        }
        guard wasOpen else { return }
        worker.runAndWait { worker in _ = self.turn(&worker, at: .now, isLast: true) }
        let lost = state.withLock { $0.memory.unsavedCount }
        guard lost > 0 else { return }
        log.error("the disk took no more before the stop: records are lost", ["spool": name, "records": "\(lost)"])
    }

    package var isOpen: Bool { state.withLock { $0.isOpen } }
}

/// Where a route keeps what cannot be read again.
package func spoolDirectory(stateDirectory: String, input: String, output: String) -> String {
    "\(stateDirectory)/spool/\(routeFileName(input: input, output: output))"
}
