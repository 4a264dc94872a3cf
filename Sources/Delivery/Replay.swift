// Records that a receiver had refused, sent once more: `vitals replay`. Nothing is tried again here; whoever calls sees
// what stays, and why.

internal import Bytes
package import Durable
internal import Logs
package import Outputs

/// What became of some lines, by the numbers that they were given.
package struct ReplayOutcome: Equatable, Sendable {
    package var taken: [Int] = []
    /// The receiver refuses them again.
    package var refused: [(line: Int, reason: String)] = []
    /// Why it stopped before the end; nothing that was not taken is lost.
    package var stopped: String?

    package static func == (one: ReplayOutcome, other: ReplayOutcome) -> Bool {
        one.taken == other.taken && one.stopped == other.stopped
            && one.refused.elementsEqual(other.refused) { $0 == $1 }
    }
}

/// For the records of one input, in its own words: an output made for that input.
package struct Replay {
    private var output: any Output
    private var encoder: any RecordEncoder
    private let options: RouteOptions
    private var reader = RecordReader()
    private var body: [UInt8] = []

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
            send(&batch, &numbers, &outcome)
            // Those that are left are neither refused nor on their way: a record in several pieces is whole or not.
            outcome.taken += numbers.sorted()
        }
        return outcome
    }

    /// Removes from `numbers` what was not taken.
    private mutating func send(_ batch: inout LogBatch, _ numbers: inout Set<Int>, _ outcome: inout ReplayOutcome) {
        for shipment in encoder.divide(&batch) {
            var splitter = Splitter(shipment.records)
            var destination = shipment.destination
            while let range = splitter.next {
                guard outcome.stopped == nil else {
                    for record in batch.records[range] { numbers.remove(Int(record.next.offset)) }
                    splitter.accept()
                    continue
                }
                body.removeAll(keepingCapacity: true)
                _ = encoder.encode(batch, range, for: destination, into: &body)
                do throws(DeliveryError) {
                    let answer = try output.deliver(body, recordCount: range.count, to: destination)
                    if case .partly(let refused) = answer {
                        for record in refused {
                            refuse(batch.records[range.lowerBound + record.index], record.reason, &numbers, &outcome)
                        }
                    }
                    splitter.accept()
                } catch {
                    switch error {
                    case .retry(_, let reason), .notAllowed(let reason): outcome.stopped = reason
                    case .goesElsewhere(let reason):
                        guard let other = destination.other else { bug("no other place: \(reason)") }
                        destination = other
                    case .tooLarge(let reason), .rejected(let reason):
                        guard let index = splitter.refuse() else { continue }
                        refuse(batch.records[index], reason, &numbers, &outcome)
                    }
                }
            }
        }
    }

    private func refuse(
        _ record: LogBatch.Record, _ reason: String, _ numbers: inout Set<Int>, _ outcome: inout ReplayOutcome
    ) {
        let number = Int(record.next.offset)
        guard numbers.remove(number) != nil else { return }
        outcome.refused.append((number, reason))
    }
}
