// What the reading worker of a route has: the input, the batch that is being filled, and when to do what next.

internal import Bytes
internal import Inputs
internal import Logs
internal import Outputs
internal import Platform

/// What belongs to the reading worker.
struct Reader {
    var input: any Input
    var pipeline: RecordPipeline
    var encoder: any RecordEncoder

    /// What the input gave to the pipeline, and the first of it that is still to be looked at. Without a pipeline the
    /// input reads into `batch`.
    var raw: LogBatch
    var rawNext = 0
    /// Being filled.
    var batch: LogBatch
    /// When its first record was read.
    var begun: Instant?
    var inFlight = 0
    var borrowing = Borrowing.no
    var lastDispatch: Instant?
    /// The input has more, or may have; else it is asked again at `readAgain`.
    var hasMore = false
    var readAgain = Instant(nanoseconds: .max)
    /// It is not asked before that, though there is something.
    var isInputPaused = false

    /// The input does not wake us before this time, and is asked again then: records wait to be sent, or were sent just
    /// now under a steady trickle, so that the next ones will have to wait.
    var pausedUntil: Instant?

    /// A turn of `pump` is on its way.
    var isPumpScheduled = false
    /// When the input is to look around, while there is no room to read.
    var lookDue: Instant?
    /// Kept while the input has nothing to read, and let go while it is held back: a descriptor that stays readable
    /// would keep us awake.
    var watch: Watch?
    var watchedDescriptor: Int32?
    /// The one timer, and when it fires. It may fire too early, never too late, so that it need not be made anew for
    /// each step.
    var timer: WorkerTimer?
    var timerFires: Instant?

    /// When the status is to be asked for; nil when nothing changed since.
    var housekeepingDue: Instant?
    var lastHousekeeping: Instant?
    /// When the cursor is to be saved.
    var saving: CursorSaving

    var drainUntil: Instant?
    var isFinished = false

    /// What a file input reads at once.
    private static let rawBytes = 256 << 10

    /// Where a record larger than a batch is, for which there must be memory of the reserve.
    enum Borrowing: Equatable {
        case no
        case asked
        /// For a record of so many bytes, which can be read now.
        case granted(Int)
        /// It is on its way.
        case underWay
    }

    init(input: any Input, pipeline: RecordPipeline, encoder: any RecordEncoder, options: RouteOptions) {
        saving = CursorSaving(savedVersion: input.cursorVersion)
        self.input = input
        self.pipeline = pipeline
        self.encoder = encoder
        raw = LogBatch(byteLimit: min(Self.rawBytes, options.batchBytes), recordLimit: options.batchRecords)
        batch = LogBatch(byteLimit: options.batchBytes, recordLimit: options.batchRecords)
    }

    /// No batch takes a record that is larger than it may be.
    mutating func countMemory(_ options: RouteOptions) {
        raw.recordByteLimit = options.batchBytes
        batch.recordByteLimit = options.batchBytes
    }

    /// Asks for housekeeping, one interval after the last, and for the cursor to be saved if it moved.
    mutating func noteChange(at now: Instant) {
        noteCursor(at: now)
        guard housekeepingDue == nil else { return }
        housekeepingDue = lastHousekeeping.map { max(now, $0 + Route.housekeepingInterval) } ?? now
    }

    /// What the input knows of itself, and what the pipeline met.
    func inputStatus(at now: Moment) -> InputStatus {
        var status = input.status(at: now)
        let met = pipeline.eventCounts
        for event in RecordPipeline.Event.allCases {
            status.counts.append((event.rawValue, met.first { $0.event == event }?.count ?? 0))
        }
        status.counts += encoder.counts
        return status
    }

    /// Puts what is known of the reading side into the status.
    func report(to exchange: Exchange, at now: Moment) {
        var input = inputStatus(at: now)
        let dropped = pipeline.dropCounts
        let metrics = pipeline.metrics.map(\.values)
        let held = batch.heldByteCount + raw.heldByteCount
        let redirected = exchange.with(\.redirectedCount)
        input.counts.append(("log_group_refused", redirected))
        exchange.with { [input, borrowing] state in
            state.status.reading = input
            state.status.logMetrics = metrics
            state.status.isWaitingForMemory = borrowing == .asked
            state.status.memoryBytes = held + state.heldByteCount
            for (reason, count) in dropped { state.status.setDropped(reason.rawValue, count) }
        }
    }

    /// Of a record that found no room in an empty batch; 0 when none did.
    var wantedBytes: Int { max(raw.isEmpty ? raw.wantedBytes : 0, batch.isEmpty ? batch.wantedBytes : 0) }

    var isHeldBack: Bool { wantedBytes > 0 || borrowing == .underWay }

    private var isGranted: Bool { if case .granted = borrowing { true } else { false } }

    var situation: BatchPolicy.Situation {
        BatchPolicy.Situation(
            recordCount: batch.records.count, textBytes: batch.textByteCount,
            isFull: batch.isFull || isGranted && !batch.isEmpty,
            begun: begun, inFlight: inFlight, isHeldBack: isHeldBack, lastDispatch: lastDispatch, hasMore: hasMore,
            isStopping: drainUntil != nil)
    }
}
