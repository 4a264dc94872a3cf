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
