// How much memory the batches of each route may take, so that those of all routes together stay under one limit.
//
// Shares are fixed at the start: no route can take from another, and one that has used its share waits for its own
// acknowledgements. Routes that need less than an even share leave the rest to the others.

internal import Logs

extension RouteOptions {
    /// Smaller batches would be mostly requests. A route whose settings ask for less than that gets it.
    private static let leastBytes = 4 << 10
    private static let leastRecords = 64
    /// What JSON puts around a text: the time, the host, the input, the file, and their names.
    private static let envelopeBytes = 128
    /// Room that a batch reserves beside its text, as a part of it: see LogBatch.
    private static let reservedPart = 8

    /// What one batch holds when it is full.
    private var batchMemory: Int {
        batchBytes + batchBytes / Self.reservedPart + batchRecords * MemoryLayout<LogBatch.Record>.stride
    }

    /// What a lane makes of a batch: the JSON, and what compression leaves of it, which is rarely more than the text.
    var bodyMemory: Int { 2 * batchBytes + batchRecords * Self.envelopeBytes }

    /// What the route holds at the most, but for a record that is larger than a batch.
    package var memory: Int {
        // Those in flight, the one being filled, and what the stages of the input read from.
        (inFlight + 2) * batchMemory + inFlight * bodyMemory
    }

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

    /// The least limit with which these can run.
    package static func leastMemory(of routes: [RouteOptions]) -> Int { routes.reduce(0) { $0 + $1.least.memory } }

    /// The routes with batches that together take no more than `limit`; nil when that is too little for so many.
    package static func share(_ limit: Int, among routes: [RouteOptions]) -> [RouteOptions]? {
        // Each has its least; what is left goes to all evenly, and what one does not need to those that need more.
        var rest = limit - leastMemory(of: routes)
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
