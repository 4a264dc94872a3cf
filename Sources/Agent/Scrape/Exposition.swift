// What the worker of the scrapes keeps between them: the snapshots of one reading, and what was made of them.

internal import Bytes
internal import Collectors
internal import Metrics

/// One reading of the host, written in each format at most once.
struct Exposition {
    /// Of an exposition of 57 kB by node_exporter, level 1 leaves 11.1 kB in half the time in which level 6 leaves 9.5
    /// kB: a scrape is short of CPU, not of network.
    static let compressionLevel = 1

    /// With the indexes of the cells whose they are.
    private(set) var snapshots: [Snapshot] = []
    private(set) var owners: [Int] = []
    private(set) var readingCount = 0
    /// What is said of the collectors and of the agent itself.
    var extra = Snapshot()
    var process = ProcessMetrics()
    /// How many series of each cell were left out of the last body since others are the same once the bytes of their
    /// labels that are not UTF-8 are replaced.
    private(set) var repairedCounts: [Int: Int] = [:]
    /// The cells of which the log has said that.
    var repairedSaid: Set<Int> = []
    /// One for each way of escaping that was asked for, nearly always one.
    private var encoders: [NameEscaping: PrometheusText] = [:]
    private var compressor: GzipCompressor?
    private var bodies: [Body] = []

    private static let repaired = MetricDescriptor(
        "vitals_scrape_series_left_out", .gauge,
        help: "Series that are not served: bytes in their labels are not UTF-8, and with U+FFFD for them they are "
            + "series that are served already.")

    /// A format as it was asked for, and what was written for it; `isWritten` says for this reading.
    private struct Body {
        let format: ExpositionFormat
        let escaping: NameEscaping
        let isCompressed: Bool
        var bytes: [UInt8] = []
        var isWritten = false
    }

    /// Begins another reading. Buffers stay.
    mutating func begin() {
        readingCount += 1
        extra.removeAll()
        extra.add(Self.repaired, 0)
        for index in bodies.indices { bodies[index].isWritten = false }
    }

    mutating func add(_ snapshot: consuming Snapshot, from cell: Int) {
        snapshots.append(snapshot)
        owners.append(cell)
    }

    /// Ends the reading, and gives its snapshots back for their capacity.
    mutating func end(giveBack: (inout Snapshot, Int) -> Void) {
        for (index, owner) in owners.enumerated() { giveBack(&snapshots[index], owner) }
        snapshots.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
    }

    /// The reading as it goes to a client.
    mutating func body(_ request: ScrapeRequest) -> [UInt8] {
        let index = place(of: request)
        if bodies[index].isWritten { return bodies[index].bytes }
        var bytes: [UInt8] = []
        swap(&bytes, &bodies[index].bytes)
        bytes.removeAll(keepingCapacity: true)
        if request.isCompressed {
            let compressor = compressor ?? GzipCompressor(level: Self.compressionLevel)
            self.compressor = compressor
            var plain = request
            plain.isCompressed = false
            compressor.compress(body(plain), into: &bytes)
        } else {
            write(request, into: &bytes)
        }
        bodies[index].bytes = bytes
        bodies[index].isWritten = true
        return bytes
    }

    private mutating func write(_ request: ScrapeRequest, into bytes: inout [UInt8]) {
        var encoder = encoders.removeValue(forKey: request.escaping) ?? PrometheusText(escaping: request.escaping)
        snapshots.append(extra)
        let refusals = encoder.arrange(snapshots)
        repairedCounts.removeAll()
        if refusals.isEmpty {
            encoder.write(snapshots, as: request.format, into: &bytes)
        } else {
            // Of this body alone: with other names for another scraper, others may be refused.
            let said = saying(refusals)
            _ = encoder.arrange(said)
            encoder.write(said, as: request.format, into: &bytes)
        }
        snapshots.removeLast()
        encoders[request.escaping] = encoder
    }

    /// The snapshots with what is said of samples that cannot be served. The last one is `extra`.
    private mutating func saying(_ refusals: [Refusal]) -> [Snapshot] {
        var said = snapshots
        let last = said.count - 1
        TextfileCollector.report(refusals, in: &said, into: last)
        let repaired = refusals.filter { $0.reason == .repairedLabel }
        for refusal in repaired where owners.indices.contains(refusal.snapshot) {
            repairedCounts[owners[refusal.snapshot], default: 0] += 1
        }
        said[last].replace(Self.repaired, Double(repaired.count))
        return said
    }

    private mutating func place(of request: ScrapeRequest) -> Int {
        let known = bodies.firstIndex {
            $0.format == request.format && $0.escaping == request.escaping && $0.isCompressed == request.isCompressed
        }
        if let known { return known }
        bodies.append(
            Body(format: request.format, escaping: request.escaping, isCompressed: request.isCompressed))
        return bodies.count - 1
    }
}
