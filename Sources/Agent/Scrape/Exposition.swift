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
    private var encoder = PrometheusText()
    private var compressor: GzipCompressor?
    private var bodies: [Body] = []
    /// Whether `extra` says what of this reading could not be served.
    private var isReported = false

    /// A format as it was asked for, and what was written for it; `isWritten` says for this reading.
    private struct Body {
        let format: ExpositionFormat
        let isCompressed: Bool
        var bytes: [UInt8] = []
        var isWritten = false
    }

    /// Begins another reading. Buffers stay.
    mutating func begin() {
        readingCount += 1
        extra.removeAll()
        isReported = false
        for index in bodies.indices { bodies[index].isWritten = false }
    }

    mutating func add(_ snapshot: Snapshot, from cell: Int) {
        snapshots.append(snapshot)
        owners.append(cell)
    }

    /// Ends the reading, and gives its snapshots back for their capacity.
    mutating func end(giveBack: (Snapshot, Int) -> Void) {
        for (snapshot, owner) in zip(snapshots, owners) { giveBack(snapshot, owner) }
        snapshots.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
    }

    /// The reading as it goes to a client.
    mutating func body(_ format: ExpositionFormat, compressed isCompressed: Bool) -> [UInt8] {
        let index = place(of: format, isCompressed)
        if bodies[index].isWritten { return bodies[index].bytes }
        var bytes: [UInt8] = []
        swap(&bytes, &bodies[index].bytes)
        bytes.removeAll(keepingCapacity: true)
        if isCompressed {
            let compressor = compressor ?? GzipCompressor(level: Self.compressionLevel)
            self.compressor = compressor
            compressor.compress(body(format, compressed: false), into: &bytes)
        } else {
            snapshots.append(extra)
            let refusals = encoder.arrange(snapshots)
            if !refusals.isEmpty, !isReported {
                TextfileCollector.report(refusals, of: snapshots, into: &extra)
                snapshots[snapshots.count - 1] = extra
                _ = encoder.arrange(snapshots)
            }
            isReported = true
            encoder.write(snapshots, as: format, into: &bytes)
            snapshots.removeLast()
        }
        bodies[index].bytes = bytes
        bodies[index].isWritten = true
        return bytes
    }

    private mutating func place(of format: ExpositionFormat, _ isCompressed: Bool) -> Int {
        if let known = bodies.firstIndex(where: { $0.format == format && $0.isCompressed == isCompressed }) {
            return known
        }
        bodies.append(Body(format: format, isCompressed: isCompressed))
        return bodies.count - 1
    }
}
