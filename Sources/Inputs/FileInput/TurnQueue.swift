// The tails that have something to read, in the order of their turns.

/// First in, first out. What is taken leaves room that is used again now and then, so that ten thousand tails cost ten
/// thousand steps.
struct TurnQueue {
    private var tails: [Tail] = []
    private var head = 0

    var isEmpty: Bool { head == tails.count }
    var count: Int { tails.count - head }
    var waiting: ArraySlice<Tail> { tails[head...] }

    mutating func append(_ tail: Tail) { tails.append(tail) }

    /// Its turn is not over.
    mutating func putBack(_ tail: Tail) {
        if head == 0 { return tails.insert(tail, at: 0) }
        head -= 1
        tails[head] = tail
    }

    /// There must be one.
    mutating func takeFirst() -> Tail {
        let tail = tails[head]
        head += 1
        if head > 64, head > tails.count / 2 {
            tails.removeFirst(head)
            head = 0
        }
        return tail
    }
}
