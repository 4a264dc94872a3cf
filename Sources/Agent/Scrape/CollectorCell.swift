// One collector as the scraper keeps it: asked on a thread of the relay, which it may never give back.

internal import Collectors
internal import Metrics
internal import Platform
internal import Synchronization

/// What a collector had to say, besides its samples.
struct Finding: Sendable, Equatable {
    var status: CollectorStatus
    var reason: String?
}

struct Reading: Sendable {
    var snapshot: Snapshot
    var finding: Finding
}

/// One collector. Its lock is held as long as it works, which may be for ever; the relay sees to it that nobody waits
/// for that.
final class CollectorCell: Sendable {
    let name: String
    /// How the last scrape found it.
    let last = Mutex<Finding?>(nil)
    private let collector: Mutex<any Collector>
    private let spare = Mutex(Snapshot())
    private let started = Mutex<Instant?>(nil)

    init(_ name: String, _ collector: sending any Collector) {
        self.name = name
        self.collector = Mutex(collector)
    }

    /// When it began with what it has not finished yet.
    var startedAt: Instant? { started.withLock(\.self) }

    func collect(until deadline: Instant) -> Reading {
        started.withLock { $0 = .now }
        defer { started.withLock { $0 = nil } }
        var snapshot = Snapshot()
        spare.withLock { swap(&$0, &snapshot) }
        snapshot.removeAll()
        var finding = Finding(status: .ok)
        collector.withLock { collector in
            do throws(CollectError) { try collector.collect(into: &snapshot, until: deadline) } catch {
                switch error {
                case .absent(let what): finding = Finding(status: .absent, reason: what)
                case .failed(let what): finding = Finding(status: .failed, reason: what)
                }
            }
        }
        return Reading(snapshot: snapshot, finding: finding)
    }

    func giveBack(_ snapshot: Snapshot) { spare.withLock { $0 = snapshot } }
}
