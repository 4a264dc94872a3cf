// Who may have how much of the memory that all routes have in common, for records larger than the share of their route.
// A function of values: no lock, no queue.
//
// Each borrower has one loan, first come, first served. But the receiver of one may take half a minute to answer
// nothing, and that of another some milliseconds to take everything: routes to an output that answered last (which is
// proven) and the others queue apart. Of the others, one for each output finds out how that is; together they have at
// most half, since who comes later would have to wait for their time-outs, and they get it also while the proven ones
// would take all. Nobody is overtaken by one with the same output, nor for ever by anybody: when every loan comes back
// some time, everybody gets his turn.

struct MemoryReserve: Sendable {
    private struct Loan: Sendable {
        var bytes: Int
        let output: Int
    }

    private struct Request: Sendable {
        let borrower: Int
        let output: Int
        let bytes: Int
    }

    let limit: Int
    private var loans: [Int: Loan] = [:]
    /// In the order of asking.
    private var queue: [Request] = []
    private var proven: Set<Int> = []

    init(limit: Int) { self.limit = limit }

    var lentBytes: Int { loans.values.reduce(0) { $0 + $1.bytes } }
    var waitingCount: Int { queue.count }

    /// Queues a borrower that has and waits for nothing. `grant` says when he has it.
    mutating func ask(_ borrower: Int, output: Int, bytes: Int) {
        queue.append(Request(borrower: borrower, output: output, bytes: bytes))
    }

    /// A delivery to the output was answered, or was not. Returns whether that is new.
    mutating func note(_ output: Int, isProven: Bool) -> Bool {
        isProven ? proven.insert(output).inserted : proven.remove(output) != nil
    }

    /// Lends what can be lent. Returns who got his.
    mutating func grant() -> [Int] {
        var granted: [Int] = []
        while let index = next, fits(queue[index].bytes) {
            let request = queue.remove(at: index)
            loans[request.borrower] = Loan(bytes: request.bytes, output: request.output)
            granted.append(request.borrower)
        }
        return granted
    }

    /// What a borrower needs was not known before, and is now. False when there is not so much: he keeps what he has.
    mutating func change(_ borrower: Int, to bytes: Int) -> Bool {
        guard let loan = loans.removeValue(forKey: borrower) else { return false }
        let isWithin = bytes <= loan.bytes || fits(bytes) && isWithinHalf(bytes, loan.output)
        loans[borrower] = Loan(bytes: isWithin ? bytes : loan.bytes, output: loan.output)
        return isWithin
    }

    /// Ends his loan, or his wait for one.
    mutating func giveBack(_ borrower: Int) {
        loans[borrower] = nil
        queue.removeAll { $0.borrower == borrower }
    }

    /// Whose turn it is: the one who waits longest of those who may have more.
    private var next: Int? {
        let heads = [queue.firstIndex { proven.contains($0.output) }, firstToFindOut].compactMap(\.self)
        return heads.filter { isWithinHalf(queue[$0].bytes, queue[$0].output) }.min()
    }

    /// The first whose output is not proven, and nobody is finding out about it.
    private var firstToFindOut: Int? {
        let busy = Set(loans.values.map(\.output))
        return queue.firstIndex { !proven.contains($0.output) && !busy.contains($0.output) }
    }

    private func isWithinHalf(_ bytes: Int, _ output: Int) -> Bool {
        let isProven = proven.contains(output)
        if isProven, firstToFindOut == nil { return true }
        let own = loans.values.reduce(0) { $0 + (proven.contains($1.output) == isProven ? $1.bytes : 0) }
        return own == 0 || own + bytes <= limit / 2
    }

    /// What is more than there is at all is lent when nobody else has anything.
    private func fits(_ bytes: Int) -> Bool { loans.isEmpty || lentBytes + bytes <= limit }
}
