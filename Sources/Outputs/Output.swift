// What an output is: it encodes, sends, and says what the answer means. Batching, retrying and back-off are Delivery's.

package import Logs
package import Platform
package import Settings

/// What to do with a batch that was not taken. The caller does it.
package enum DeliveryError: Error, Equatable, Sendable {
    /// The same again, later; not before `after` when the receiver asked for that.
    case retry(after: Duration?, reason: String)
    /// The batch must be halved.
    case tooLarge(reason: String)
    /// It did not get through in its time, over a slow link for one: half of it, later. It is no record's fault.
    case tooSlow(reason: String)
    /// The receiver will never take this batch: the record that it does not like must be found by halving.
    case rejected(reason: String)
    /// The sender is at fault, not a record (an expired token, a wrong address): the same again, seldom, until somebody
    /// has mended it.
    case notAllowed(reason: String)
    /// This place takes nothing from us, and the destination has another one: the same there, at once.
    case goesElsewhere(reason: String)

    package var reason: String {
        switch self {
        case .retry(_, let reason), .tooLarge(let reason), .tooSlow(let reason), .rejected(let reason),
            .notAllowed(let reason), .goesElsewhere(let reason):
            reason
        }
    }
}

/// Turns records into the bytes that are sent.
package protocol RecordEncoder: Sendable {
    /// Divides a batch among requests, on the reading side. It may put the records into another order for it, and
    /// replace one that is over the receiver's limit by pieces: positions to acknowledge were taken before. The
    /// shipments cover all records, in the order of the batch.
    mutating func divide(_ batch: inout LogBatch) -> [Shipment]

    /// Appends the records of `range` to `body`; compressed and framed as the output sends them.
    /// Returns how many invalid UTF-8 sequences were replaced.
    mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int

    /// The same, for outputs whose requests name the place.
    mutating func encode(
        _ batch: LogBatch, _ range: Range<Int>, for destination: Destination, into body: inout [UInt8]
    ) -> Int

    /// Brings records of one shipment up to date before they are sent, and returns where they go now: what an instance
    /// says of itself, or what time it is, may have become known since they were divided. `destination` is where they
    /// were to go until now; `isRetry` when they were not taken there.
    mutating func renew(
        _ batch: inout LogBatch, _ range: Range<Int>, for destination: Destination, isRetry: Bool
    ) -> Destination

    /// Memory for bodies that is kept between two calls.
    var heldByteCount: Int { get }

    /// As JSON, what is encoded is there so many times at once, the body included.
    var copyCount: Int { get }

    /// Lets go of that memory.
    mutating func letGo()

    /// What happened to records in `divide`, by reason; only grows. Shown with the events of the route's input.
    var counts: [(reason: String, count: UInt64)] { get }
}

extension RecordEncoder {
    package var heldByteCount: Int { 0 }
    package var copyCount: Int { 1 }
    package mutating func letGo() {}
    package var counts: [(reason: String, count: UInt64)] { [] }

    package mutating func encode(
        _ batch: LogBatch, _ range: Range<Int>, for destination: Destination, into body: inout [UInt8]
    ) -> Int { encode(batch, range, into: &body) }

    package mutating func renew(
        _ batch: inout LogBatch, _ range: Range<Int>, for destination: Destination, isRetry: Bool
    ) -> Destination { destination }

    /// One request with all records, in reading order.
    package mutating func divide(_ batch: inout LogBatch) -> [Shipment] {
        [Shipment(records: 0..<batch.records.count, destination: Destination())]
    }
}

/// What every output is made with: one for each route, so that it knows whose records it sends.
package struct OutputContext: Sendable {
    /// The key under `inputs`, sent as `input`.
    package let inputName: String
    /// The input's own `fields`, sent with every record.
    package let fields: [(name: String, value: String)]
    package let hostName: String
    package let log: AgentLog

    package init(inputName: String, fields: [(name: String, value: String)], hostName: String, log: AgentLog) {
        self.inputName = inputName
        self.fields = fields
        self.hostName = hostName
        self.log = log
    }
}

/// How the records of an output travel together unless its settings say otherwise.
package struct BatchDefaults: Sendable {
    /// Text of one batch, before encoding and compression. It is kept several times over: see `MemoryShares`.
    package let bytes: Int
    package let records: Int
    /// The longest that a record waits for others while a delivery is under way.
    package let age: Duration
    /// Small batches begin this far apart.
    package let spacing: Duration
    /// Several deliveries at once are of use, and possible: see `forAnotherLane`.
    package let haveLanes: Bool

    package init(
        bytes: Int = 512 << 10, records: Int = 10_000, age: Duration = .seconds(1),
        // Under a steady trickle a request for each line would be thousands a second. A request costs as much as some
        // hundred lines, and a line that waits for it should arrive within 30 ms.
        spacing: Duration = .milliseconds(20), haveLanes: Bool = false
    ) {
        self.bytes = bytes
        self.records = records
        self.age = age
        self.spacing = spacing
        self.haveLanes = haveLanes
    }
}

/// A receiver of records. It belongs to one lane of one route, and may block there until its own deadline.
package protocol Output: SendableMetatype {
    static var type: String { get }
    static var batchDefaults: BatchDefaults { get }

    /// Documents that log lines are, and that say themselves which host, input or file they are of, go within a record
    /// of ours. False for a receiver that must have the document itself.
    static var enclosesClaims: Bool { get }
    /// Why a receiver of this kind takes records and drops them, all that there is: reasons of
    /// `RefusedRecord.Fate.lost`.
    static var dropReasons: [String] { get }

    /// Asks `section` for its options; the caller calls `finish()` on it. Connects to nothing yet.
    init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError)

    /// One for the reading side, which divides, and one for each lane.
    func makeEncoder() -> any RecordEncoder

    /// Sends what the encoder made of `recordCount` records, and returns when the receiver has it for good.
    mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome

    /// How often what carries the requests has sent one again by itself, since its answer was lost. Only grows.
    var resendCount: Int { get }

    /// One more, for a delivery at the same time: with a connection of its own. Nil where deliveries must follow one
    /// another.
    func forAnotherLane() -> sending Self?

    /// The files of this host that it writes, also those that are not there yet: no input must ship them back to it.
    var writtenFiles: [String] { get }

    /// Where it sends, as people are shown it, without secrets; empty where the destination of each record says so.
    var address: String { get }

    /// What it sets up at its receiver, and how: two outputs that do it differently for one place are refused.
    var claims: [OutputClaim] { get }

    /// Tries whatever would go wrong at the first delivery (a directory that cannot be written), for `vitals check`.
    /// Sends nothing.
    mutating func check() -> CheckReport
}

extension Output {
    package static var batchDefaults: BatchDefaults { BatchDefaults() }
    package static var enclosesClaims: Bool { true }
    package static var dropReasons: [String] { [] }
    package var address: String { "" }
    package var resendCount: Int { 0 }
    package func forAnotherLane() -> sending Self? { nil }

    package var writtenFiles: [String] { [] }
    package var claims: [OutputClaim] { [] }
}

/// One property of a place at a receiver, as an output sets it.
package struct OutputClaim: Sendable {
    package struct Key: Hashable, Sendable {
        /// Whose place: who we are there, and where that is.
        let owner: [String?]
        let place: String
        let setting: String
    }

    package let key: Key
    /// In words for people: `log group /app`.
    package let subject: String
    package let value: String

    /// The key of the settings.
    package var setting: String { key.setting }
}
