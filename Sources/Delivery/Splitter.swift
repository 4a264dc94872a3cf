// Finds the records that a receiver refuses by halving, and delivers their good neighbours once, in order. Decides
// only; the sender encodes, sends and asks again.

struct Splitter {
    /// What is left of the batch, the front of it last.
    private var ranges: [Range<Int>] = []

    init(recordCount: Int) {
        if recordCount > 0 { ranges = [0..<recordCount] }
    }

    /// What to send next; nil when all of the batch is done.
    var next: Range<Int>? { ranges.last }

    /// The receiver has `next`.
    mutating func accept() { _ = ranges.popLast() }

    /// The receiver will not take `next` as it is. Returns the index of a record that must be given up, nil when
    /// there are two halves to try instead.
    mutating func refuse() -> Int? {
        guard let range = ranges.popLast() else { return nil }
        guard range.count > 1 else { return range.lowerBound }
        let middle = range.lowerBound + range.count / 2
        ranges.append(middle..<range.upperBound)
        ranges.append(range.lowerBound..<middle)
        return nil
    }
}
