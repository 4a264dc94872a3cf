// One reading of the host: all collectors that are enabled, within a time, whatever one of them does.
//
// No scrape is a hostage: a collector that hangs keeps its thread and is left behind, the rest is served, and the
// answer says what is missing. It is not asked again until it has come back.

internal import Bytes
package import Collectors
package import Metrics
package import Platform
package import Procfs
package import Settings
internal import Synchronization

/// A collector as `vitals collectors` and the status page show it.
package struct CollectorState: Sendable {
    package var name: String
    package var isEnabled: Bool
    package var isEnabledByDefault: Bool
    /// All metrics with fixed names.
    package var metrics: [MetricDescriptor]
    /// nil before the first scrape, and when it is not enabled.
    package var status: CollectorStatus?
    /// What is wrong, or missing on this host.
    package var reason: String?

    package init(
        name: String, isEnabled: Bool, isEnabledByDefault: Bool, metrics: [MetricDescriptor],
        status: CollectorStatus? = nil, reason: String? = nil
    ) {
        self.name = name
        self.isEnabled = isEnabled
        self.isEnabledByDefault = isEnabledByDefault
        self.metrics = metrics
        self.status = status
        self.reason = reason
    }
}

package enum CollectorStatus: String, Sendable {
    case ok
    /// This host has nothing for it.
    case absent
    case failed
    /// It did not come back in time, from this scrape or an earlier one.
    case late
}

/// Why a choice of collectors cannot be served.
package struct SelectionError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// The collectors, and the one worker on which scrapes run: of two at the same time the second waits for the first.
package final class Scraper: Sendable {
    /// Beyond it no scrape waits, whatever the settings say: Prometheus itself gives up after some seconds.
    private static let timeoutLimit: Duration = .seconds(600)
    /// A scrape that had to wait for another still has this long, so that its collectors are not called late for
    /// nothing.
    private static let leastTime: Duration = .milliseconds(100)

    /// In the order of the list that was passed in.
    private let cells: [Cell]
    private let known: [CollectorState]
    private let timeout: Duration
    private let relay = Relay<Int, Reading>("collectors")
    private let worker = Worker<Exposition>("scrape", Exposition())
    private let log: AgentLog

    /// Makes every collector that is enabled, from the section `collectors`: `timeout`, `enable`, `disable`, and an
    /// object of options under the name of a collector. Options of one that is not enabled are checked all the same.
    package init(
        _ section: inout SettingsSection, host: Host, collectors: [any Collector.Type], log: AgentLog
    ) throws(SettingsError) {
        self.log = log
        timeout = try section.duration("timeout", default: .seconds(5), in: .milliseconds(10)...Self.timeoutLimit)
        let names = collectors.map { $0.name }
        let enabled = try Self.names("enable", in: &section, known: names)
        let disabled = try Self.names("disable", in: &section, known: names)
        if let both = names.first(where: { enabled.contains($0) && disabled.contains($0) }) {
            throw section.error("\"\(both)\" stands in \"enable\" and in \"disable\"")
        }
        var cells: [Cell] = []
        var known: [CollectorState] = []
        for type in collectors {
            let name = type.name
            let isEnabled = !disabled.contains(name) && (enabled.contains(name) || type.isEnabledByDefault)
            known.append(
                CollectorState(
                    name: name, isEnabled: isEnabled, isEnabledByDefault: type.isEnabledByDefault, metrics: type.metrics
                ))
            guard isEnabled || section.has(name) else { _ = section.value(name); continue }
            var options = try section.section(name)
            let collector = try type.init(&options, host: host)
            try options.finish()
            if isEnabled { cells.append(Cell(name, collector)) }
        }
        try section.finish()
        self.cells = cells
        self.known = known
    }

    /// A list of names of collectors; an error points at the name in it that is not known.
    private static func names(
        _ key: String, in section: inout SettingsSection, known: [String]
    ) throws(SettingsError) -> Set<String> {
        guard let value = section.value(key) else { return [] }
        let path = section.pathOf(key)
        guard case .array(let elements) = value.content else {
            throw value.error(path, "expected a list of names of collectors [ \"…\" ]")
        }
        var names: Set<String> = []
        for (index, element) in elements.enumerated() {
            guard case .string(let name) = element.content else {
                throw element.error("\(path)[\(index)]", "expected the name of a collector in quotes")
            }
            guard known.contains(name) else {
                let hint = nearest(to: name, among: known).map { ", did you mean \"\($0)\"?" } ?? ""
                throw element.error("\(path)[\(index)]", "unknown collector \"\(name)\"\(hint)")
            }
            names.insert(name)
        }
        return names
    }

    // MARK: Asking

    /// All collectors there are, enabled or not, and how the last scrape found them.
    package var collectors: [CollectorState] {
        known.map { collector in
            var collector = collector
            if let finding = cells.first(where: { $0.name == collector.name })?.last.withLock(\.self) {
                collector.status = finding.status
                collector.reason = finding.reason
            }
            return collector
        }
    }

    /// What a scrape with these choices would not find, as node_exporter sees it: names to leave out need not exist.
    package func check(only: [String], without: [String]) throws(SelectionError) {
        guard only.isEmpty || without.isEmpty else {
            throw SelectionError(description: "collect[] and exclude[] cannot be used together")
        }
        for name in only where !cells.contains(where: { $0.name == name }) {
            let isKnown = known.contains { $0.name == name }
            throw SelectionError(description: isKnown ? "disabled collector: \(name)" : "unknown collector: \(name)")
        }
    }

    /// Reads the host and writes it as Prometheus text. Blocks until it is done: not from the worker of a scrape.
    ///
    /// `only` and `without` name collectors; with neither, all that are enabled are asked. Unknown names are passed
    /// over: see `check`.
    package func exposition(
        only: [String] = [], without: [String] = [], adding extra: @Sendable (inout Snapshot) -> Void = { _ in }
    ) -> [UInt8] {
        worker.runAndWait { exposition in
            self.write(into: &exposition, only: only, without: without, until: nil, extra)
            return exposition.text
        }
    }

    /// The same on the scrape's own worker. `deadline` is when the asker gives up; the timeout of the settings holds
    /// besides.
    package func exposition(
        only: [String], without: [String], until deadline: Instant?, compressed: Bool,
        adding extra: @escaping @Sendable (inout Snapshot) -> Void, then answer: @escaping @Sendable ([UInt8]) -> Void
    ) {
        worker.run { exposition in
            self.write(into: &exposition, only: only, without: without, until: deadline, extra)
            answer(compressed ? exposition.compressed() : exposition.text)
        }
    }

    /// Calls `body` when the scrapes that were asked for by now are done: how a watchdog sees that they still are.
    package func whenIdle(_ body: @escaping @Sendable () -> Void) { worker.run { _ in body() } }

    private func write(
        into exposition: inout Exposition, only: [String], without: [String], until deadline: Instant?,
        _ extra: @Sendable (inout Snapshot) -> Void
    ) {
        let cells = cells
        let indexes = cells.indices.filter { index in
            only.isEmpty ? !without.contains(cells[index].name) : only.contains(cells[index].name)
        }
        let begin = Instant.now
        let asked = deadline.map { max($0, begin + Self.leastTime) }
        let end = min(begin + timeout, asked ?? begin + timeout)
        let outcomes = relay.run(indexes, until: end) { index in cells[index].collect() }
        exposition.extra.removeAll()
        for (index, outcome) in zip(indexes, outcomes) {
            take(outcome, from: index, at: .now, into: &exposition)
        }
        exposition.process.add(to: &exposition.extra)
        extra(&exposition.extra)
        exposition.encode()
        // The snapshots go back for their capacity. Those that were late keep theirs, or make a new one.
        for (index, snapshot) in zip(exposition.owners, exposition.takeSnapshots()) { cells[index].giveBack(snapshot) }
        exposition.owners.removeAll(keepingCapacity: true)
    }

    /// What the scrape says of one collector, besides the collector's own samples.
    private func take(
        _ outcome: RelayOutcome<Reading>, from index: Int, at now: Instant, into exposition: inout Exposition
    ) {
        let cell = cells[index]
        let result: Finding
        let took: Duration
        switch outcome {
        case .finished(let reading, let time):
            took = time
            result = reading.finding
            exposition.snapshots.append(reading.snapshot)
            exposition.owners.append(index)
        case .late, .stillLate:
            took = cell.startedAt.map { now - $0 } ?? .zero
            result = Finding(status: .late, reason: "has not come back")
        }
        let isGood = result.status == .ok
        exposition.extra.add(ScrapeMetrics.duration, took.inSeconds, cell.name)
        exposition.extra.add(ScrapeMetrics.success, isGood ? 1 : 0, cell.name)
        exposition.extra.add(ScrapeMetrics.status, 1, cell.name, result.status.rawValue)
        report(result, of: cell)
    }

    /// Said when it begins, when it changes and when it ends, not each time.
    private func report(_ finding: Finding, of cell: Cell) {
        let before = cell.last.withLock { last in
            defer { last = finding }
            return last
        }
        guard before != finding else { return }
        switch finding.status {
        case .ok:
            if before != nil, before?.status != .absent { log.info("collector works again", ["collector": cell.name]) }
        case .absent:
            log.info("collector has nothing to read here", ["collector": cell.name, "reason": finding.reason ?? ""])
        case .failed:
            log.error("collector failed", ["collector": cell.name, "reason": finding.reason ?? ""])
        case .late:
            log.error("collector is late, and left out until it is back", ["collector": cell.name])
        }
    }
}

private enum ScrapeMetrics {
    static let duration = MetricDescriptor(
        "node_scrape_collector_duration_seconds", .gauge, labels: ["collector"],
        help: "How long a collector took; for one that is late, since when it has been asked.")
    static let success = MetricDescriptor(
        "node_scrape_collector_success", .gauge, labels: ["collector"],
        help: "Whether a collector succeeded: 0 when it failed, is late, or has nothing to read on this host.")
    static let status = MetricDescriptor(
        "vitals_collector_status", .gauge, labels: ["collector", "status"],
        help: "How a collector fared, as its label says: ok, absent (nothing to read on this host), failed or late.")
}

/// What a collector had to say, besides its samples.
private struct Finding: Sendable, Equatable {
    var status: CollectorStatus
    var reason: String?
}

private struct Reading: Sendable {
    var snapshot: Snapshot
    var finding: Finding
}

/// One collector. Its lock is held as long as it works, which may be for ever; the relay sees to it that nobody waits
/// for that.
private final class Cell: Sendable {
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

    func collect() -> Reading {
        started.withLock { $0 = .now }
        defer { started.withLock { $0 = nil } }
        var snapshot = Snapshot()
        spare.withLock { swap(&$0, &snapshot) }
        snapshot.removeAll()
        var finding = Finding(status: .ok)
        collector.withLock { collector in
            do throws(CollectError) { try collector.collect(into: &snapshot) } catch {
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

/// What the worker of the scrapes keeps between them.
private struct Exposition {
    /// Of an exposition of 57 kB by node_exporter, level 1 leaves 11.1 kB in half the time in which level 6 leaves 9.5
    /// kB: a scrape is short of CPU, not of network.
    static let compressionLevel = 1

    var snapshots: [Snapshot] = []
    /// Indexes of the cells whose snapshots these are.
    var owners: [Int] = []
    /// What is said of the collectors and of the agent itself.
    var extra = Snapshot()
    var process = ProcessMetrics()
    var text: [UInt8] = []
    private var encoder = PrometheusText()
    private var packed: [UInt8] = []
    private var compressor: GzipCompressor?

    mutating func encode() {
        snapshots.append(extra)
        text.removeAll(keepingCapacity: true)
        let refusals = encoder.arrange(snapshots)
        if !refusals.isEmpty {
            TextfileCollector.report(refusals, of: snapshots, into: &extra)
            snapshots[snapshots.count - 1] = extra
            _ = encoder.arrange(snapshots)
        }
        encoder.write(snapshots, into: &text)
        snapshots.removeLast()
    }

    mutating func takeSnapshots() -> [Snapshot] {
        defer { snapshots = [] }
        return snapshots
    }

    mutating func compressed() -> [UInt8] {
        let compressor = compressor ?? GzipCompressor(level: Self.compressionLevel)
        self.compressor = compressor
        packed.removeAll(keepingCapacity: true)
        compressor.compress(text, into: &packed)
        return packed
    }
}
