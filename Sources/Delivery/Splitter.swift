// Finds the records that a receiver refuses by halving, and delivers their good neighbours once, in order. Decides
// only; the lane encodes, sends and asks again.

struct Splitter {
    /// What is left, the front of it last. Each range goes on where the one before it ends.
    private var ranges: [Range<Int>] = []

    init(_ records: Range<Int>) {
        if !records.isEmpty { ranges = [records] }
    }

    /// What to send next; nil when all is done.
    var next: Range<Int>? { ranges.last }

    /// Of all that is left.
    var count: Int { ranges.reduce(0) { $0 + $1.count } }

    /// The receiver has `next`.
    mutating func accept() { _ = ranges.popLast() }

    /// The receiver has `next` but for these of its records, counted from the first of them. Returns all that is left,
    /// which is counted from 0 from here on; what was refused comes first, in one request.
    mutating func accept(butFor indexes: [Int]) -> [Int] {
        guard let range = ranges.popLast() else { return [] }
        let left = indexes.map { range.lowerBound + $0 } + ranges.reversed().flatMap(Array.init)
        let shift = range.upperBound - indexes.count
        ranges = ranges.map { $0.lowerBound - shift..<$0.upperBound - shift }
        if !indexes.isEmpty { ranges.append(0..<indexes.count) }
        return left
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
