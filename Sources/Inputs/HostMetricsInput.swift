// The host's own metrics as EMF documents, pushed at an interval.
//
// What was measured cannot be read again, so documents go through a spool. Measuring has a queue of its own, so that it
// goes on while the route waits for a receiver that is down.

internal import AWS
package import Bytes
internal import Collectors
internal import Durable
package import Logs
package import Platform
internal import Procfs
package import Settings
internal import Synchronization

/// `type: host_metrics`. A class, since measuring must end when nobody has the input any more.
package final class HostMetricsInput: OneEntryInput {
    package static let type = "host_metrics"
    package static let givesDocuments = true

    /// More often is never asked of an agent; more seldom CloudWatch's graphs have holes.
    private static let intervals: ClosedRange<Duration> = .seconds(1)...(.seconds(3_600))
    /// Under this the metrics are kept by the second, at the price of high resolution.
    private static let ordinaryResolution: Duration = .seconds(60)

    let interval: Duration
    /// How often the host is read; the readings of an interval are sent together.
    let sampleInterval: Duration
    let plan: HostMetricsPlan
    private var documents: SpooledDocuments
    private let problems = SharedProblems()
    private let log: AgentLog
    private var isMeasuring = false

    /// Settings: `interval` ("60s"), `sample_interval` (the same), `spool_bytes` ("64MiB"), and those of
    /// `HostMetricsPlan`.
    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        interval = try section.duration("interval", default: .seconds(60), in: Self.intervals)
        sampleInterval = try section.duration("sample_interval", default: interval, in: Self.intervals)
        guard sampleInterval <= interval, interval.nanoseconds % sampleInterval.nanoseconds == 0 else {
            throw section.error(
                at: "sample_interval", "expected a whole part of the interval of \(durationText(interval))")
        }
        plan = try HostMetricsPlan(
            &section, host: context.host,
            values: HostValues(
                hostName: context.hostName, inputName: context.name, instanceID: hostInstanceID(),
                lookUp: { InstanceMetadata.shared.value(named: $0) },
                wait: { InstanceMetadata.shared.wait(for: $0, atMost: $1) }),
            isHighResolution: interval < Self.ordinaryResolution)
        log = context.log
        documents = try SpooledDocuments(&section, context, areOfAgent: true)
    }

    deinit { documents.spool.close() }

    // MARK: Input

    package var wakeDescriptor: Int32? { documents.wakeDescriptor }

    package func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        if !isMeasuring {
            isMeasuring = true
            documents.spool.open()
            startMeasuring()
        }
        return documents.read(into: &batch, at: now)
    }

    package func acknowledge(_ position: Position) { documents.acknowledge(position) }

    package func writeCursor(into json: inout JSONWriter) { documents.writeCursor(into: &json) }

    package var cursorVersion: UInt64 { documents.spool.cursorVersion }

    package func close() { documents.spool.close() }

    package func status(at now: Moment) -> InputStatus {
        var status = documents.status
        status.problems += problems.texts
        status.counts.append(("rows_skipped", problems.skippedRowCount))
        return status
    }

    package func check() -> CheckReport {
        var report = CheckReport()
        do throws(SettingsError) {
            let metrics = try HostMetrics(plan)
            report.problems += metrics.sample(at: .now)
            let documents = metrics.documents(unixNanoseconds: 0)
            let bytes = documents.reduce(0) { $0 + $1.count }
            report.notes.append("every \(durationText(interval)): \(chosen.joined(separator: ", "))")
            report.notes.append("\(documents.count) documents, \(bytes) bytes, in the first interval")
        } catch {
            report.problems.append(error.description)
        }
        return report
    }

    private var chosen: [String] {
        guard case .cloudwatch = plan.vocabulary else { return ["node_*"] }
        let names = allCloudWatchMetrics.map(\.name).filter { plan.selection.takes($0) }
        return names.count == allCloudWatchMetrics.count ? ["all metrics"] : names.sorted()
    }

    // MARK: Measuring

    private func startMeasuring() {
        do throws(SettingsError) {
            let worker = Worker("host_metrics", try HostMetrics(plan))
            let samples = Int(interval.nanoseconds / sampleInterval.nanoseconds)
            Self.measure(on: worker, into: documents.spool, problems, every: sampleInterval, of: samples, at: .now, log)
        } catch {
            problems.set([error.description], log)
        }
    }

    /// Reads the host at `due`, and then every `step`, as long as the spool is open; each `count`-th time documents
    /// are made of what was read. What is late is not made up for: two readings of one interval would be one too many.
    private static func measure(
        on worker: Worker<HostMetrics>, into spool: Spool, _ shared: SharedProblems, every step: Duration,
        of count: Int, at due: Instant, number: Int = 1, _ log: AgentLog
    ) {
        worker.run(after: max(.zero, due - .now)) { metrics in
            guard spool.isOpen else { return }
            let now = Moment.now
            shared.set(metrics.sample(at: now.monotonic), log)
            shared.note(metrics.skipped, log)
            if number == count {
                metrics.waitForInstance()
                spool.put(metrics.documents(unixNanoseconds: now.unixNanoseconds), at: now.unixNanoseconds)
            }
            let next = due + step
            measure(
                on: worker, into: spool, shared, every: step, of: count,
                at: next > .now ? next : now.monotonic + step, number: number % count + 1, log)
        }
    }
}

/// What the last measuring could not read.
private final class SharedProblems: Sendable {
    /// Problems of one reading that the log tells one by one: a host may have thousands of mounts that do not answer,
    /// and `vitals status` has them all.
    private static let saidLimit = 20

    private let state = Mutex<[String]>([])
    private let skipped = Mutex<(count: UInt64, files: OddFiles)>((0, OddFiles()))

    /// Since the start.
    var skippedRowCount: UInt64 { skipped.withLock { $0.count } }

    /// Says of each file with rows that cannot be read that they are left out: once, until all of it can be read again.
    func note(_ rows: SkippedRows, _ log: AgentLog) {
        let (began, ended) = skipped.withLock { skipped in
            skipped.count += UInt64(rows.count)
            skipped.files.take(rows.files)
            return skipped.files.takeNews()
        }
        for file in began {
            log.warning(
                "host_metrics left out what it cannot read in a file; the rest is sent",
                ["file": file.path, "rows": "\(file.rows)", "first": file.problem.description])
        }
        for path in ended { log.info("host_metrics can read all of a file again", ["file": path]) }
    }

    var texts: [String] { state.withLock { $0 } }

    /// Says once what has begun, and once what has ended.
    func set(_ texts: [String], _ log: AgentLog) {
        let before = state.withLock { state in
            defer { state = texts }
            return state
        }
        if before.isEmpty, texts.isEmpty { return }
        for text in texts.prefix(Self.saidLimit) where !before.contains(text) {
            log.warning("host_metrics cannot read a part of the host; the rest is sent", ["reason": text])
        }
        for text in before.prefix(Self.saidLimit) where !texts.contains(text) {
            log.info("host_metrics can read again what it could not", ["reason": text])
        }
    }
}
