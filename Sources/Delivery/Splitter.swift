// Finds the records that a receiver refuses by halving, and delivers their good neighbours once, in order. Decides
// only; the lane encodes, sends and asks again.

struct Splitter {
    /// What is left, the front of it last. In the order of reading unless something was brought forward.
    private var ranges: [Range<Int>] = []

    init(_ records: Range<Int>) {
        if !records.isEmpty { ranges = [records] }
    }

    /// What to send next; nil when all is done.
    var next: Range<Int>? { ranges.last }

    /// Of all that is left.
    var count: Int { ranges.reduce(0) { $0 + $1.count } }

    /// All that is left, in the order in which it will be sent.
    var left: [Int] { ranges.reversed().flatMap(Array.init) }

    /// The receiver has `next`.
    mutating func accept() { _ = ranges.popLast() }

    /// The receiver has `next` but for these of its records, counted from the first of them. Returns all that is left,
    /// which is counted from 0 from here on; what was refused comes first, in one request.
    mutating func accept(butFor indexes: [Int]) -> [Int] {
        guard let range = ranges.popLast() else { return [] }
        let left = indexes.map { range.lowerBound + $0 } + left
        var next = indexes.count
        ranges = ranges.reversed().map { range in
            defer { next += range.count }
            return next..<next + range.count
        }.reversed()
        if !indexes.isEmpty { ranges.append(0..<indexes.count) }
        return left
    }

    /// The receiver will not take `next` as it is. Returns the index of a record that was refused alone, nil when
    /// there are two halves to try instead.
    mutating func refuse() -> Int? {
        guard let range = ranges.popLast() else { return nil }
        guard range.count > 1 else { return range.lowerBound }
        let middle = range.lowerBound + range.count / 2
        ranges.append(middle..<range.upperBound)
        ranges.append(range.lowerBound..<middle)
        return nil
    }

    /// Sends this record next, alone. Nothing happens when it is not left.
    mutating func bringForward(_ index: Int) {
        guard let place = ranges.lastIndex(where: { $0.contains(index) }) else { return }
        let range = ranges.remove(at: place)
        let around = [index + 1..<range.upperBound, range.lowerBound..<index].filter { !$0.isEmpty }
        ranges.insert(contentsOf: around, at: place)
        ranges.append(index..<index + 1)
    }

    /// Sends next the first range that is not one of `records` alone.
    mutating func bringForward(rangeNotOf records: Set<Int>) {
        guard let place = ranges.lastIndex(where: { !$0.isAlone(in: records) }) else { return }
        ranges.append(ranges.remove(at: place))
    }

    /// Whether there is more than records of these.
    func has(otherThan records: Set<Int>) -> Bool { ranges.contains { !$0.isAlone(in: records) } }

    /// Sends these records once more, each alone: first of all, or right behind `next`.
    mutating func putBack(_ records: [Int], behindNext: Bool = false) {
        let place = behindNext && !ranges.isEmpty ? ranges.endIndex - 1 : ranges.endIndex
        ranges.insert(contentsOf: records.sorted(by: >).map { $0..<$0 + 1 }, at: place)
    }
}

extension Range<Int> {
    fileprivate func isAlone(in records: Set<Int>) -> Bool { count == 1 && records.contains(lowerBound) }
}
