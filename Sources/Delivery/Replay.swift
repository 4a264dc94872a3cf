// Records that a receiver had refused, sent once more: `vitals replay`. What an answer means is decided as on a route,
// by Course; but nothing is tried again here: whoever calls sees what stays, and why.

internal import Bytes
package import Durable
internal import Logs
package import Outputs
internal import Platform

/// What became of some lines, by the numbers that they were given.
package struct ReplayOutcome: Equatable, Sendable {
    package var taken: [Int] = []
    /// The receiver refuses them again.
    package var refused: [(line: Int, reason: String)] = []
    /// Left alone: the receiver took nothing of what was sent with them.
    package var held: [(line: Int, reason: String)] = []
    /// Why it stopped before the end; nothing that was not taken is lost.
    package var stopped: String?

    package static func == (one: ReplayOutcome, other: ReplayOutcome) -> Bool {
        one.taken == other.taken && one.stopped == other.stopped
            && one.refused.elementsEqual(other.refused) { $0 == $1 }
            && one.held.elementsEqual(other.held) { $0 == $1 }
    }
}

/// For the records of one input, in its own words: an output made for that input.
package struct Replay {
    /// So many shipments in a row, of which nothing was taken, are searched for records that are; each takes some 30
    /// requests. Then one request for each shipment shows whether the receiver has changed its mind.
    private static let searchedLimit = 5

    private var output: any Output
    private var encoder: any RecordEncoder
    private let options: RouteOptions
    private var reader = RecordReader()
    private var body: [UInt8] = []
    /// Shipments since something was last taken.
    private var heldInARow = 0
    private var lastTakenSent: Instant?

    package init(_ output: any Output, options: RouteOptions) {
        self.output = output
        self.options = options
        encoder = output.makeEncoder()
    }

    /// Sends in batches as a route does, and halves what is refused until the culprits are found.
    package mutating func send(_ lines: [(number: Int, line: RejectedLine)], now: Int64) -> ReplayOutcome {
        var outcome = ReplayOutcome()
        var rest = lines[...]
        while !rest.isEmpty, outcome.stopped == nil {
            var batch = LogBatch(byteLimit: options.batchBytes, recordLimit: options.batchRecords)
            var numbers: Set<Int> = []
            while let (number, line) = rest.first, !batch.isFull {
                let position = Position(source: 0, offset: UInt64(number))
                reader.read(line.bytes, line.record, into: &batch, next: position, now: now)
                numbers.insert(number)
                rest.removeFirst()
            }
            for shipment in encoder.divide(&batch) { send(shipment, of: batch, &numbers, &outcome) }
            // Those that are left are neither refused nor on their way: a record in several pieces is whole or not.
            outcome.taken += numbers.sorted()
        }
        return outcome
    }

    /// Removes from `numbers` what was not taken.
    private mutating func send(
        _ shipment: Shipment, of batch: LogBatch, _ numbers: inout Set<Int>, _ outcome: inout ReplayOutcome
    ) {
        var batch = batch
        var course = Course(shipment.records)
        var destination = shipment.destination
        while let range = course.next {
            guard outcome.stopped == nil else {
                for index in course.left { _ = leave(batch.records[index], &numbers) }
                return
            }
            let sentAt = Instant.now
            let answer = deliver(batch, range, to: destination)
            let actions = course.decide(answer, giveUpAfter: nil, breaker, at: .now)
            if answer.hasTaken(of: range.count) { (heldInARow, lastTakenSent) = (0, sentAt) }
            for action in actions {
                switch action {
                case .count: break
                // What the receiver would drop stays: a person may change its time.
                case .putAside(let index, let reason), .drop(let index, let reason):
                    if let line = leave(batch.records[index], &numbers) { outcome.refused.append((line, reason)) }
                case .giveUp(_, let reason): bug("gave up, without a limit: \(reason)")
                case .select(let indexes): batch = batch.selecting(indexes)
                case .goElsewhere(_, let reason):
                    guard let other = destination.other else { bug("no other place: \(reason)") }
                    destination = other
                // Half of it may get through.
                case .backOff where answer.isTooSlow && range.count > 1: break
                case .backOff(let trouble):
                    guard case .refusesAll = trouble.kind else {
                        outcome.stopped = trouble.reason
                        break
                    }
                    heldInARow += 1
                    hold(course, of: batch, trouble.reason, &numbers, &outcome)
                    return
                }
            }
        }
    }

    private mutating func deliver(
        _ batch: LogBatch, _ range: Range<Int>, to destination: Destination
    ) -> Result<DeliveryOutcome, DeliveryError> {
        body.removeAll(keepingCapacity: true)
        _ = encoder.encode(batch, range, for: destination, into: &body)
        do throws(DeliveryError) {
            return .success(try output.deliver(body, recordCount: range.count, to: destination))
        } catch { return .failure(error) }
    }

    private var breaker: CircuitBreaker {
        var breaker = CircuitBreaker()
        if let lastTakenSent { _ = breaker.noteTaken(sentAt: lastTakenSent) }
        if heldInARow >= Self.searchedLimit {
            _ = breaker.noteHeld(refusedCount: CircuitBreaker.refusedLimit, wasProbe: false, isFreshThere: false)
        }
        return breaker
    }

    /// Nothing of a shipment was taken: those that were refused alone are said to be, and the rest is left alone.
    private func hold(
        _ course: Course, of batch: LogBatch, _ reason: String, _ numbers: inout Set<Int>,
        _ outcome: inout ReplayOutcome
    ) {
        for index in course.left {
            guard let line = leave(batch.records[index], &numbers) else { continue }
            if course.wasRefused(index) {
                outcome.refused.append((line, reason))
            } else {
                outcome.held.append((line, reason))
            }
        }
    }

    /// The number of the line that stays; nil when another piece of it has said so.
    private func leave(_ record: LogBatch.Record, _ numbers: inout Set<Int>) -> Int? {
        numbers.remove(Int(record.next.offset))
    }
}
