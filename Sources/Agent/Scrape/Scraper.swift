// One reading of the host: all collectors that are enabled, within a time, whatever one of them does.
//
// No scrape is a hostage: a collector that hangs keeps its thread and is left behind, the rest is served, and the
// answer says what is missing. It is not asked again until it has come back.

internal import Bytes
internal import CLinux
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
    private let listMetrics: @Sendable () -> [MetricDescriptor]
    /// All metrics with fixed names. Made when somebody asks: most are of what a host does not have.
    package var metrics: [MetricDescriptor] { listMetrics() }
    /// nil before the first scrape, and when it is not enabled.
    package var status: CollectorStatus?
    /// What is wrong, or missing on this host.
    package var reason: String?

    package init(
        name: String, isEnabled: Bool, isEnabledByDefault: Bool,
        metrics: @autoclosure @escaping @Sendable () -> [MetricDescriptor],
        status: CollectorStatus? = nil, reason: String? = nil
    ) {
        self.name = name
        self.isEnabled = isEnabled
        self.isEnabledByDefault = isEnabledByDefault
        listMetrics = metrics
        self.status = status
        self.reason = reason
    }

    init(of type: any Collector.Type, isEnabled: Bool) {
        self.init(
            name: type.name, isEnabled: isEnabled, isEnabledByDefault: type.isEnabledByDefault, metrics: type.metrics)
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

/// What a client wants to have.
package struct ScrapeRequest: Sendable {
    /// Names of collectors; with neither, all that are enabled are asked. Unknown names are passed over: see
    /// `Scraper.check`.
    package var only: [String] = []
    package var without: [String] = []
    package var format = ExpositionFormat.prometheusText
    package var escaping = NameEscaping.underscores
    package var isCompressed = false
    /// When the asker gives up; the timeout of the settings holds besides.
    package var deadline: Instant?

    package init(only: [String] = [], without: [String] = []) {
        self.only = only
        self.without = without
    }

    /// Whether one reading serves both.
    func isOfSameCollectors(as other: Self) -> Bool { only == other.only && without == other.without }
}

/// Why a choice of collectors cannot be served.
package struct SelectionError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// The collectors, and the one worker on which scrapes run. Those that come while one is under way, and want the same
/// collectors, share its reading.
package final class Scraper: Sendable {
    /// Beyond it no scrape waits, whatever the settings say: Prometheus itself gives up after some seconds.
    private static let timeoutLimit: Duration = .seconds(600)
    /// A scrape that had to wait for another still has this long, so that its collectors are not called late for
    /// nothing.
    private static let leastTime: Duration = .milliseconds(100)
    /// What a host never had seldom comes: it is looked for again after this, not at each scrape.
    package static let absencePause: Duration = .seconds(30)
    /// Two have been read, written and compressed by then.
    private static let settledReadingCount = 3

    /// A client whose answer is to come.
    private struct Waiting: Sendable {
        let request: ScrapeRequest
        let answer: @Sendable ([UInt8]) -> Void
    }

    /// In the order of the list that was passed in.
    private let cells: [CollectorCell]
    private let known: [CollectorState]
    /// Names of those that are not enabled.
    private let disabled: [String]
    private let timeout: Duration
    private let relay = Relay("collectors")
    private let worker = Worker<Exposition>("scrape", Exposition())
    private let waiting = Mutex<[Waiting]>([])
    private let log: AgentLog

    /// Makes every collector that is enabled, from the section `collectors`: `timeout`, `enable`, `disable`, and an
    /// object of options under the name of a collector. Options of one that is not enabled are checked all the same.
    /// Those of `asked` are enabled whatever the settings say: a person has named them.
    package init(
        _ section: inout SettingsSection, host: Host, collectors: [any Collector.Type], log: AgentLog,
        asked: [String] = [], absencePause: Duration = absencePause
    ) throws(SettingsError) {
        self.log = log
        timeout = try section.duration("timeout", default: .seconds(5), in: .milliseconds(10)...Self.timeoutLimit)
        let names = collectors.map { $0.name }
        let enabled = try Self.names("enable", in: &section, known: names)
        let switchedOff = try Self.names("disable", in: &section, known: names)
        if let index = switchedOff.firstIndex(where: { enabled.contains($0) }) {
            throw section.error(
                at: "disable", element: index, "\"\(switchedOff[index])\" stands in \"enable\" and in \"disable\"")
        }
        var cells: [CollectorCell] = []
        var known: [CollectorState] = []
        for type in collectors {
            let name = type.name
            let isEnabled =
                asked.contains(name)
                || !switchedOff.contains(name) && (enabled.contains(name) || type.isEnabledByDefault)
            known.append(CollectorState(of: type, isEnabled: isEnabled))
            guard isEnabled || section.has(name) else { _ = section.value(name); continue }
            var options = try section.section(name)
            let collector = try type.init(&options, host: host)
            try options.finish()
            guard isEnabled else { continue }
            cells.append(CollectorCell(name, collector, absencePause: absencePause))
        }
        try section.finish()
        self.cells = cells
        self.known = known
        self.disabled = known.filter { !$0.isEnabled }.map(\.name)
    }

    /// A list of names of collectors; an error points at the name in it that is not known.
    private static func names(
        _ key: String, in section: inout SettingsSection, known: [String]
    ) throws(SettingsError) -> [String] {
        guard let value = section.value(key) else { return [] }
        let path = section.pathOf(key)
        guard case .array(let elements) = value.content else {
            throw value.error(path, "expected a list of names of collectors [ \"…\" ]")
        }
        var names: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let name) = element.content else {
                throw element.error("\(path)[\(index)]", "expected the name of a collector in quotes")
            }
            guard known.contains(name) else {
                let hint = nearest(to: name, among: known).map { ", did you mean \"\($0)\"?" } ?? ""
                throw element.error("\(path)[\(index)]", "unknown collector \"\(name)\"\(hint)")
            }
            names.append(name)
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

    /// Reads the host and writes it. Blocks until it is done: not from the worker of a scrape.
    package func exposition(
        _ request: ScrapeRequest = ScrapeRequest(), adding extra: @Sendable (inout Snapshot) -> Void = { _ in }
    ) -> [UInt8] {
        worker.runAndWait { exposition in
            self.read(into: &exposition, request, extra)
            let body = exposition.body(request)
            self.sayRepaired(&exposition)
            exposition.end(giveBack: self.giveBack)
            return body
        }
    }

    /// The same on the scrape's own worker. `extra` may be that of another request which shares the reading.
    package func exposition(
        _ request: ScrapeRequest, adding extra: @escaping @Sendable (inout Snapshot) -> Void,
        then answer: @escaping @Sendable ([UInt8]) -> Void
    ) {
        waiting.withLock { $0.append(Waiting(request: request, answer: answer)) }
        worker.run { exposition in
            // Another reading may have served this request meanwhile.
            guard let first = self.waiting.withLock({ $0.first?.request }) else { return }
            self.read(into: &exposition, first, extra)
            let served = self.waiting.withLock { waiting in
                defer { waiting.removeAll { $0.request.isOfSameCollectors(as: first) } }
                return waiting.filter { $0.request.isOfSameCollectors(as: first) }
            }
            for waiting in served {
                waiting.answer(exposition.body(waiting.request))
            }
            self.sayRepaired(&exposition)
            exposition.end(giveBack: self.giveBack)
        }
    }

    /// Calls `body` when the scrapes that were asked for by now are done: how a watchdog sees that they still are.
    package func whenIdle(_ body: @escaping @Sendable () -> Void) { worker.run { _ in body() } }

    private func read(
        into exposition: inout Exposition, _ request: ScrapeRequest, _ extra: @Sendable (inout Snapshot) -> Void
    ) {
        let cells = cells
        let indexes = indexes(of: request)
        let begin = Instant.now
        let asked = request.deadline.map { max($0, begin + Self.leastTime) }
        let end = min(begin + timeout, asked ?? begin + timeout)
        let outcomes = relay.run(indexes, until: end) { place in cells[indexes[place]].collect(until: end) }
        exposition.begin()
        // The tables that the first readings make are made: that code is not needed again.
        if exposition.readingCount == Self.settledReadingCount { linux_release_memory() }
        var absent: [String] = []
        for (index, outcome) in zip(indexes, outcomes) {
            take(outcome, from: index, at: .now, into: &exposition, &absent)
        }
        // Most hosts lack the subjects of twenty collectors: that is one line.
        if !absent.isEmpty {
            log.info("collectors have nothing to read here", ["collectors": absent.joined(separator: " ")])
        }
        if request.only.isEmpty {
            for name in disabled { exposition.extra.add(ScrapeMetrics.status, 1, name, "disabled") }
        }
        exposition.process.add(to: &exposition.extra)
        extra(&exposition.extra)
    }

    private func indexes(of request: ScrapeRequest) -> [Int] {
        if request.only.isEmpty, request.without.isEmpty { return Array(cells.indices) }
        return cells.indices.filter { index in
            request.only.isEmpty
                ? !request.without.contains(cells[index].name) : request.only.contains(cells[index].name)
        }
    }

    /// Says once of each collector that it has series that cannot be told apart.
    private func sayRepaired(_ exposition: inout Exposition) {
        let new = Set(exposition.repairedCounts.keys).subtracting(exposition.repairedSaid)
        guard !new.isEmpty else { return }
        exposition.repairedSaid.formUnion(new)
        let names = new.sorted().map { cells[$0].name }
        log.warning(
            "series left out: names that are not UTF-8 differ only in the bytes that U+FFFD stands for; "
                + "the first of each is served", ["collectors": names.joined(separator: " ")])
    }

    /// The snapshots go back for their capacity. Those that were late keep theirs, or make a new one.
    private func giveBack(_ snapshot: inout Snapshot, to cell: Int) { cells[cell].giveBack(&snapshot) }

    /// What the scrape says of one collector, besides the collector's own samples.
    private func take(
        _ outcome: RelayOutcome, from index: Int, at now: Instant, into exposition: inout Exposition,
        _ absent: inout [String]
    ) {
        let cell = cells[index]
        let result: Finding
        let took: Duration
        switch outcome {
        case .finished(let time):
            took = time
            result = cell.finding
            exposition.add(cell.takeSnapshot(), from: index)
        case .late, .stillLate:
            took = cell.startedAt.map { now - $0 } ?? .zero
            result = Finding(status: .late, reason: "has not come back")
        }
        exposition.extra.add(ScrapeMetrics.duration, took.inSeconds, cell.name)
        exposition.extra.add(ScrapeMetrics.success, result.isSuccess ? 1 : 0, cell.name)
        exposition.extra.add(ScrapeMetrics.status, 1, cell.name, result.status.rawValue)
        exposition.extra.add(ScrapeMetrics.skippedRows, Double(cell.skippedRowCount), cell.name)
        reportOddFiles(of: cell)
        report(result, of: cell, &absent)
    }

    private func reportOddFiles(of cell: CollectorCell) {
        let (began, ended) = cell.takeOddFiles()
        for file in began {
            log.warning(
                "collector left out what it cannot read in a file; the rest is served",
                [
                    "collector": cell.name, "file": file.path, "rows": "\(file.rows)",
                    "first": file.problem.description,
                ])
        }
        for path in ended {
            log.info("collector can read all of a file again", ["collector": cell.name, "file": path])
        }
    }

    /// Said when it begins, when it changes and when it ends, not each time. Those that are absent from the beginning
    /// are gathered.
    private func report(_ finding: Finding, of cell: CollectorCell, _ absent: inout [String]) {
        let before = cell.last.withLock { last in
            defer { last = finding }
            return last
        }
        guard before != finding else { return }
        switch finding.status {
        case .ok:
            if before != nil, before?.status != .absent { log.info("collector works again", ["collector": cell.name]) }
        case .absent where before == nil:
            absent.append(cell.name)
            log.debug("collector has nothing to read here", ["collector": cell.name, "reason": finding.reason ?? ""])
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
        help: "Whether a collector succeeded: 0 when it failed, is late, or, for most, has nothing to read here.")
    static let status = MetricDescriptor(
        "vitals_collector_status", .gauge, labels: ["collector", "status"],
        help: "How a collector fared, as its label says; absent: there is nothing for it to read on this host.")
    static let skippedRows = MetricDescriptor(
        "vitals_collector_rows_skipped_total", .counter, labels: ["collector"],
        help: "Rows of tables, and files of single devices and processes, left out because they could not be read.")
}
