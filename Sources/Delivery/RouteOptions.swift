// How a route batches: keys of the output's section, since limits come from the receiver.

package import Durable
package import Outputs
package import Settings

package struct RouteOptions: Sendable {
    /// Text of one batch, before encoding and compression.
    package var batchBytes: Int
    package var batchRecords: Int
    /// The longest that a record waits for others while a delivery is under way. A limit, not a delay: with none it
    /// goes at once.
    package var batchAge: Duration
    /// Small batches begin this far apart.
    package var batchSpacing: Duration
    /// Batches under way, and deliveries at once. Memory is bounded by this and one batch being filled.
    package var inFlight = 2
    /// Deliveries at once; fewer than `inFlight` where they must follow one another.
    package var laneCount: Int { haveLanes ? inFlight : 1 }
    /// What its route takes of threads when all that it does waits at the same time: to read, to save, and to send.
    package var threadCount: Int { 2 + laneCount }
    private var haveLanes = true
    /// A delivery that fails for so long is given up. Nil: never.
    package var giveUpAfter: Duration?

    /// Of what the receiver refuses for good.
    package var rejected = RejectedLimits()

    /// The largest record that its input gives, and whether that may pass the limit of a batch: see `Input`.
    package var recordBytes = 256 << 10
    package var mayPassLimit = false
    /// Records go through stages, which have copies of their own.
    package var hasStages = false
    /// What these may hold back for more of a record.
    package var heldBytes = 0

    package init(_ defaults: BatchDefaults = BatchDefaults()) {
        batchBytes = defaults.bytes
        batchRecords = defaults.records
        batchAge = defaults.age
        batchSpacing = defaults.spacing
        haveLanes = defaults.haveLanes
    }

    /// Takes its keys from the section of an output, which has these defaults.
    package init(
        _ section: inout SettingsSection, _ defaults: BatchDefaults = BatchDefaults()
    ) throws(SettingsError) {
        self.init(defaults)
        batchBytes = try section.size("batch_bytes", default: batchBytes, in: 1 << 10...16 << 20)
        batchRecords = try section.integer("batch_records", default: batchRecords, in: 1...100_000)
        batchAge = try section.duration("batch_age", default: batchAge, in: .milliseconds(10) ... .seconds(3_600))
        batchSpacing = try section.duration("batch_spacing", default: batchSpacing, in: .zero ... .seconds(60))
        inFlight = try section.integer("in_flight", default: inFlight, in: 1...16)
        rejected.totalBytes = try section.size("rejected_bytes", default: rejected.totalBytes, in: 0...1 << 40)
        rejected.age = try section.duration(
            "rejected_age", default: rejected.age, in: .seconds(86_400) ... .seconds(3_650 * 86_400))
        let givesUp = section.has("give_up_after")
        let patience = try section.duration(
            "give_up_after", default: .seconds(86_400), in: .seconds(1) ... .seconds(366 * 86_400))
        giveUpAfter = givesUp ? patience : nil
    }
}
