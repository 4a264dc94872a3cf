// One collector as the scraper keeps it: asked on a thread of the relay, which it may never give back.

internal import Collectors
internal import Metrics
internal import Platform
internal import Procfs
internal import Synchronization

/// What a collector had to say, besides its samples.
struct Finding: Sendable, Equatable {
    var status: CollectorStatus
    var reason: String?
    /// `node_scrape_collector_success`.
    var isSuccess: Bool { status == .ok || isAbsenceSuccess }
    /// It has nothing to read, and that is no fault of the host: see NodeExporterDifferences.swift.
    var isAbsenceSuccess = false
}

/// One collector. Its lock is held as long as it works, which may be for ever; the relay sees to it that nobody waits
/// for that.
final class CollectorCell: Sendable {
    private struct Asked {
        var collector: any Collector
        /// What the last asking left out; kept for its memory.
        let skipped = SkippedRows()
        /// What it reads was there once: when that is gone, it may be back at any time.
        var hasWorked = false
        /// It had nothing to read, and is not asked again until then.
        var absence: (finding: Finding, until: Instant)?
    }

    let name: String
    /// How the last scrape found it.
    let last = Mutex<Finding?>(nil)
    /// Rows of tables and files of devices and processes that it left out since the start, for what they hold.
    private let skippedRows = Atomic<UInt64>(0)
    private let oddFiles = Mutex(OddFiles())
    private let absencePause: Duration
    private let asked: Mutex<Asked>
    private let found = Mutex(Finding(status: .late))
    private let snapshot = Mutex(Snapshot())
    private let started = Mutex<Instant?>(nil)

    /// A collector that never had anything to read is asked once in `absencePause`.
    init(_ name: String, _ collector: sending any Collector, absencePause: Duration) {
        self.name = name
        self.absencePause = absencePause
        asked = Mutex(Asked(collector: collector))
    }

    /// When it began with what it has not finished yet.
    var startedAt: Instant? { started.withLock(\.self) }

    /// How it fared, and its samples, are there to be taken afterwards.
    func collect(until deadline: Instant) {
        let now = Instant.now
        started.withLock { $0 = now }
        defer { started.withLock { $0 = nil } }
        var samples = takeSnapshot()
        samples.removeAll()
        let finding = asked.withLock { asked -> Finding in
            if let absence = asked.absence, now < absence.until { return absence.finding }
            asked.skipped.removeAll()
            let finding = asked.skipped.gather { Self.ask(&asked.collector, until: deadline, &samples) }
            skippedRows.add(UInt64(asked.skipped.count), ordering: .relaxed)
            oddFiles.withLock { $0.take(asked.skipped.files) }
            if finding.status == .ok { asked.hasWorked = true }
            let mayPause = finding.status == .absent && !asked.hasWorked && samples.samples.isEmpty
            asked.absence = mayPause ? (finding, now + absencePause) : nil
            return finding
        }
        found.withLock { $0 = finding }
        giveBack(&samples)
    }

    /// Since the start, also in readings that came too late for their scrape.
    var skippedRowCount: UInt64 { skippedRows.load(ordering: .relaxed) }

    /// What is to be said of files that hold odd rows: once when that begins, and once when it ends.
    func takeOddFiles() -> (began: [SkippedRows.File], ended: [String]) { oddFiles.withLock { $0.takeNews() } }

    private static func ask(
        _ collector: inout any Collector, until deadline: Instant, _ snapshot: inout Snapshot
    ) -> Finding {
        do throws(CollectError) { try collector.collect(into: &snapshot, until: deadline) } catch {
            switch error {
            case .absent(let what):
                return Finding(status: .absent, reason: what, isAbsenceSuccess: collector.isAbsenceSuccess)
            case .failed(let what): return Finding(status: .failed, reason: what)
            }
        }
        return Finding(status: .ok)
    }

    /// How the last reading went.
    var finding: Finding { found.withLock(\.self) }

    /// The samples of the last reading; they go back for their capacity.
    func takeSnapshot() -> Snapshot {
        var taken = Snapshot()
        snapshot.withLock { swap(&$0, &taken) }
        return taken
    }

    /// Swapped, as it is taken: a copy counts all its references.
    func giveBack(_ snapshot: inout Snapshot) { self.snapshot.withLock { swap(&$0, &snapshot) } }
}
