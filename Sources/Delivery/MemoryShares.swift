// How much memory the batches of each route may take, so that those of all routes together stay under one limit.
//
// Shares are fixed at the start: no route can take from another, and one that has used its share waits for its own
// acknowledgements. Routes that need less than an even share leave the rest to the others. Where the largest record of
// a route does not fit into its share, a part of the limit is nobody's share: from this reserve routes borrow for such
// records, one at a time. Who may have how much of it decides MemoryReserve.

internal import Logs

/// The limit, divided.
package struct MemoryPlan: Sendable {
    /// With batches that are within their shares.
    package let routes: [RouteOptions]
    package let reserveBytes: Int
}

extension RouteOptions {
    /// Smaller batches would be mostly requests. A route whose settings ask for less than that gets it.
    private static let leastBytes = 4 << 10
    private static let leastRecords = 64
    /// What JSON puts around a text: the time, the host, the input, the file, and their names.
    private static let envelopeBytes = 128
    /// Room that a batch reserves beside its text, as a part of it: see LogBatch.
    private static let reservedPart = 8

    /// A record that is passed on as it was read is there three times: where the input read it, in what that remembers
    /// of a compressed file, and in the batch.
    private static let copiesWhenRead = 3
    /// Stages add the batch that they read from, what they work on, twice where lines are joined, and found fields.
    private static let copiesInStages = 4
    /// While it is sent: its text, as JSON, and that compressed. What needs more waits until nobody else has borrowed.
    private static let copiesWhenSent = 3

    /// Part of the limit that is kept as a reserve where one is needed, and there is so much.
    private static let reservePart = 4

    /// What one batch holds when it is full.
    private var batchMemory: Int {
        batchBytes + batchBytes / Self.reservedPart + batchRecords * MemoryLayout<LogBatch.Record>.stride
            + passingBytes
    }

    private var passingBytes: Int { mayPassLimit ? recordBytes : 0 }

    /// What a lane makes of a batch: the JSON, and what compression leaves of it, which is rarely more than the text.
    var bodyMemory: Int { 2 * (batchBytes + passingBytes) + batchRecords * Self.envelopeBytes }

    /// What the route holds at the most, but for what it borrows.
    package var memory: Int {
        // Those in flight, the one being filled, and what the stages of the input read from.
        (inFlight + 2) * batchMemory + laneCount * bodyMemory + heldBytes
    }

    /// To read a record of so many bytes.
    func readingMemory(_ byteCount: Int) -> Int {
        byteCount * (Self.copiesWhenRead + (hasStages ? Self.copiesInStages : 0))
    }

    /// All its records fit into its batches.
    private var holdsLargest: Bool { mayPassLimit || recordBytes <= batchBytes }

    private var largestLoan: Int { max(readingMemory(recordBytes), Self.copiesWhenSent * recordBytes) }

    private var least: RouteOptions {
        var least = self
        least.batchBytes = min(batchBytes, Self.leastBytes)
        least.batchRecords = min(batchRecords, Self.leastRecords)
        return least
    }

    /// With batches so small that they take no more than `share`.
    private func limited(to share: Int) -> RouteOptions {
        guard share < memory else { return self }
        var limited = least
        // Memory is a linear function of both.
        let part = max(0, Double(share - limited.memory) / Double(memory - limited.memory))
        limited.batchBytes += Int(Double(batchBytes - limited.batchBytes) * part)
        limited.batchRecords += Int(Double(batchRecords - limited.batchRecords) * part)
        return limited
    }

    private static func leastShares(of routes: [RouteOptions]) -> Int { routes.reduce(0) { $0 + $1.least.memory } }

    /// The least limit with which these can run.
    package static func leastMemory(of routes: [RouteOptions]) -> Int {
        let least = routes.map(\.least)
        return leastShares(of: routes) + (least.lazy.filter { !$0.holdsLargest }.map(\.largestLoan).max() ?? 0)
    }

    /// `limit`, divided among the routes; nil when that is too little for so many, or for a record of theirs.
    package static func plan(_ limit: Int, for routes: [RouteOptions]) -> MemoryPlan? {
        guard let shares = share(limit, among: routes) else { return nil }
        if shares.allSatisfy(\.holdsLargest) { return plan(limit, shares) }
        // Of any route: with less for the shares, more of them need it.
        let largest = routes.lazy.filter { !$0.mayPassLimit }.map(\.largestLoan).max() ?? 0
        let room = limit - leastShares(of: routes)
        guard largest <= room else {
            // Those with the largest records may have shares that hold them.
            guard limit >= leastMemory(of: routes) else { return nil }
            return plan(limit, routes.map(\.least))
        }
        // Two of the largest, so that one that waits for a receiver leaves room for another.
        let reserve = min(room, max(2 * largest, limit / reservePart))
        return share(limit - reserve, among: routes).map { plan(limit, $0) }
    }

    /// What nobody needs for batches is for records that are not whole yet.
    private static func plan(_ limit: Int, _ shares: [RouteOptions]) -> MemoryPlan {
        var shares = shares
        var rest = limit - shares.reduce(0) { $0 + $1.memory }
        guard shares.allSatisfy(\.holdsLargest) else { return MemoryPlan(routes: shares, reserveBytes: rest) }
        let holding = shares.indices.filter { shares[$0].heldBytes > 0 }
        let more = holding.isEmpty ? 0 : rest / 2 / holding.count
        for index in holding {
            let given = max(0, min(more, RecordAssembly.heldBytesMost - shares[index].heldBytes))
            shares[index].heldBytes += given
            rest -= given
        }
        return MemoryPlan(routes: shares, reserveBytes: rest)
    }

    /// The routes with batches that together take no more than `limit`; nil when that is too little for so many.
    static func share(_ limit: Int, among routes: [RouteOptions]) -> [RouteOptions]? {
        // Each has its least; what is left goes to all evenly, and what one does not need to those that need more.
        var rest = limit - leastShares(of: routes)
        guard rest >= 0 else { return nil }
        var shared = routes
        let wishes = routes.map { $0.memory - $0.least.memory }
        let order = wishes.indices.sorted { wishes[$0] < wishes[$1] }
        for (done, index) in order.enumerated() {
            let more = min(wishes[index], rest / (order.count - done))
            shared[index] = routes[index].limited(to: routes[index].least.memory + more)
            rest -= more
        }
        return shared
    }
}
