// Who may have how much of the memory that all routes have in common, for records larger than the share of their route.
// A function of values: no lock, no queue.
//
// First come, first served, each borrower one loan. Two kinds of borrowers must not starve each other: the receiver of
// one may take half a minute to answer nothing, that of another some milliseconds to take everything. So routes whose
// last delivery was taken (proven) and the others queue apart, and neither has more than half while the other waits;
// the others never have, since who comes later would have to wait for a time-out. Nobody is overtaken by one of his own
// kind, and by the other kind only while his own has its half: when every loan comes back, everybody gets his turn.

struct MemoryReserve: Sendable {
    private struct Loan: Sendable {
        var bytes: Int
        let isProven: Bool
    }

    private struct Request: Sendable {
        let borrower: Int
        let bytes: Int
        let isProven: Bool
    }

    let limit: Int
    private var loans: [Int: Loan] = [:]
    /// In the order of asking.
    private var queue: [Request] = []

    init(limit: Int) { self.limit = limit }

    var lentBytes: Int { loans.values.reduce(0) { $0 + $1.bytes } }
    var waitingCount: Int { queue.count }

    /// Queues a borrower that has and waits for nothing. `grant` says when he has it.
    mutating func ask(_ borrower: Int, bytes: Int, isProven: Bool) {
        queue.append(Request(borrower: borrower, bytes: bytes, isProven: isProven))
    }

    /// Lends what can be lent. Returns who got his.
    mutating func grant() -> [Int] {
        var granted: [Int] = []
        while let index = next, fits(queue[index].bytes) {
            let request = queue.remove(at: index)
            loans[request.borrower] = Loan(bytes: request.bytes, isProven: request.isProven)
            granted.append(request.borrower)
        }
        return granted
    }

    /// What a borrower needs was not known before, and is now. False when there is not so much: he keeps what he has.
    mutating func change(_ borrower: Int, to bytes: Int) -> Bool {
        guard let loan = loans[borrower] else { return false }
        if bytes > loan.bytes {
            loans[borrower] = nil
            let mayGrow = fits(bytes) && isWithinHalf(bytes, loan.isProven)
            loans[borrower] = loan
            guard mayGrow else { return false }
        }
        loans[borrower]?.bytes = bytes
        return true
    }

    /// Ends his loan, or his wait for one.
    mutating func giveBack(_ borrower: Int) {
        loans[borrower] = nil
        queue.removeAll { $0.borrower == borrower }
    }

    /// Whose turn it is: the one who waits longest of those whose kind may have more.
    private var next: Int? {
        let heads = [true, false].compactMap { isProven in queue.firstIndex { $0.isProven == isProven } }
        return heads.filter { isWithinHalf(queue[$0].bytes, queue[$0].isProven) }.min()
    }

    private func isWithinHalf(_ bytes: Int, _ isProven: Bool) -> Bool {
        if isProven, !queue.contains(where: { !$0.isProven }) { return true }
        let own = loans.values.reduce(0) { $0 + ($1.isProven == isProven ? $1.bytes : 0) }
        return own == 0 || own + bytes <= limit / 2
    }

    /// What is more than there is at all is lent when nobody else has anything.
    private func fits(_ bytes: Int) -> Bool { loans.isEmpty || lentBytes + bytes <= limit }
}
