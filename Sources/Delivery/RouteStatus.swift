// What a route knows about itself: read by the self-metrics, the status page and `vitals status`.

package import Inputs
package import Logs

/// A value, copied out whenever somebody asks.
package struct RouteStatus: Sendable {
    package var input: String
    package var inputType: String
    package var output: String
    package var outputType: String

    package var recordsRead: UInt64 = 0
    package var bytesRead: UInt64 = 0
    package var recordsAcknowledged: UInt64 = 0
    package var bytesAcknowledged: UInt64 = 0
    /// Deliveries tried again.
    package var retries: UInt64 = 0
    package var recordsRejected: UInt64 = 0
    /// Records that no receiver will get, by reason: those rejected when `rejected/` is full, for one.
    package var recordsDropped: [(reason: String, count: UInt64)] = []
    /// All reasons that `recordsDropped` can ever have, so that each is served as 0 before it happens: the increase of
    /// a series that is born at 4 000 is 0, and no alert would see it.
    package var dropReasons: [String]
    package var invalidSequencesReplaced: UInt64 = 0

    package var batchesInFlight = 0
    /// What its batches and bodies keep.
    package var memoryBytes = 0
    /// How long the oldest record that was read waits for its acknowledgement; 0 when none does.
    package var lagSeconds = 0.0
    package var lastError: String?
    /// When `lastError` happened; 0 when there was none.
    package var lastErrorUnixNanoseconds: Int64 = 0
    /// Deliveries fail, and are tried again.
    package var isRetrying = false
    /// Because the receiver does not let us in, or takes nothing at all: a person has to change its settings or ours.
    package var isNotAllowed = false
    /// A record larger than the route's share of memory waits until others have given back what they borrowed.
    package var isWaitingForMemory = false
    /// Nothing is read or sent any more.
    package var isStopped = false

    /// Where the output sends, without secrets; empty when each record says so.
    package var address = ""
    /// When a receiver took records last, nanoseconds since 1970; 0 when none has yet.
    package var lastSuccessUnixNanoseconds: Int64 = 0
    /// When what failed is tried again, nanoseconds since 1970; 0 when nothing waits.
    package var nextTryUnixNanoseconds: Int64 = 0
    /// The cursor could not be saved the last time: after a crash, what was delivered since is sent again.
    package var isCursorUnsaved = false

    /// Cursor files that were there at the start and could not be used.
    package var cursorFilesDamaged: UInt64 = 0
    /// Lines of its cursor file that could not be used at the start.
    package var cursorLinesDamaged: UInt64 = 0
    /// Times that the cursor could not be saved; it is tried again each second.
    package var cursorSaveFailures: UInt64 = 0

    package var reading = InputStatus()
    /// What the settings count of the records that were read.
    package var logMetrics: [LogMetricValues] = []

    private static let ownDropReasons =
        ["rejected_store_full", "rejected_store_failed", "given_up"] + RecordPipeline.Drop.allCases.map(\.rawValue)

    /// In one word, as metrics and `vitals status` say it.
    package enum State: String, CaseIterable, Sendable {
        case ok
        case retrying
        case notAllowed = "not_allowed"
        case held
        case stopped
    }

    package var state: State {
        if isStopped { return .stopped }
        if isRetrying { return isNotAllowed ? .notAllowed : .retrying }
        return isWaitingForMemory ? .held : .ok
    }

    package init(input: String, inputType: String, output: String, outputType: String) {
        self.input = input
        self.inputType = inputType
        self.output = output
        self.outputType = outputType
        dropReasons = Self.ownDropReasons
    }
}
