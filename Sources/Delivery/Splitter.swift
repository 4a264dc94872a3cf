// Finds the records that a receiver refuses by halving, and delivers their good neighbours once, in order. Decides
// only; the sender encodes, sends and asks again.

struct Splitter {
    /// What is left of the batch, the front of it last.
    private var ranges: [Range<Int>] = []

    init(recordCount: Int) {
        if recordCount > 0 { ranges = [0..<recordCount] }
    }

    /// For a batch that is divided already: its pieces, in their order.
    init(_ pieces: [Range<Int>]) { ranges = pieces.filter { !$0.isEmpty }.reversed() }

    /// What to send next; nil when all of the batch is done.
    var next: Range<Int>? { ranges.last }

    /// The receiver has `next`.
    mutating func accept() { _ = ranges.popLast() }

    /// The receiver has `next` but for these of its records, which come again, before what is left.
    mutating func accept(butFor indexes: [Int]) {
        guard let range = ranges.popLast() else { return }
        var runs: [Range<Int>] = []
        for index in indexes.map({ range.lowerBound + $0 }) {
            if let last = runs.last, last.upperBound == index {
                runs[runs.count - 1] = last.lowerBound..<index + 1
            } else {
                runs.append(index..<index + 1)
            }
        }
        ranges += runs.reversed()
    }

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
