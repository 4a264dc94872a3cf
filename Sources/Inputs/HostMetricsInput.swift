// The host's own metrics as EMF documents, pushed at an interval.
//
// What was measured cannot be read again, so a document is kept until it is acknowledged: in memory, up to
// `HostMetricsOutbox.byteLimit`, and in the cursor file, whence the next run takes it up. Beyond the limit the oldest
// is dropped and counted as `document_dropped_outbox_full`. What is not kept: the documents of the last second before a
// kill. Measuring has a queue of its own, so that it goes on while the route waits for a receiver that is down.

package import Bytes
internal import Collectors
package import Logs
package import Platform
internal import Procfs
package import Settings

/// `type: host_metrics`. A class, since measuring must end when nobody has the input any more.
package final class HostMetricsInput: Input {
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
    let outbox: HostMetricsOutbox
    private let log: AgentLog
    private var isMeasuring = false

    /// Settings: `interval` ("60s"), `sample_interval` (the same), and those of `HostMetricsPlan`.
    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        interval = try section.duration("interval", default: .seconds(60), in: Self.intervals)
        sampleInterval = try section.duration("sample_interval", default: interval, in: Self.intervals)
        guard sampleInterval <= interval, interval.nanoseconds % sampleInterval.nanoseconds == 0 else {
            throw section.error(
                at: "sample_interval", "expected a whole part of the interval of \(durationText(interval))")
        }
        plan = try HostMetricsPlan(
            &section, host: context.host, hostName: context.hostName,
            isHighResolution: interval < Self.ordinaryResolution)
        log = context.log
        var wake: WakeSignal?
        do throws(Errno) { wake = try WakeSignal() } catch {
            // Without it the route looks again after a second.
            context.log.warning("no eventfd for host_metrics", ["error": error.description])
        }
        outbox = HostMetricsOutbox(wake: wake)
        if let resume = context.resume { outbox.resume(from: resume) }
    }

    deinit { outbox.close() }

    // MARK: Input

    package var wakeDescriptor: Int32? { outbox.wake?.descriptor }

    package func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        if !isMeasuring {
            isMeasuring = true
            startMeasuring()
        }
        guard outbox.read(into: &batch) else { return .notAtAll }
        return .until(now.monotonic + (outbox.wake == nil ? .seconds(1) : interval))
    }

    package func acknowledge(_ position: Position) { outbox.acknowledge(before: position.offset) }

    package func writeCursor(into json: inout JSONWriter) { outbox.writeCursor(into: &json) }

    package var cursorVersion: UInt64 { outbox.version }

    package func status(at now: Moment) -> InputStatus {
        var status = InputStatus()
        status.lagBytes = UInt64(outbox.byteCount)
        status.sourceCount = 1
        status.counts = [("document_dropped_outbox_full", outbox.droppedCount)]
        status.problems = outbox.problems
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
            Self.measure(on: worker, into: outbox, every: sampleInterval, of: samples, at: .now)
        } catch {
            outbox.put([], at: 0, problems: [error.description])
        }
    }

    /// Reads the host at `due`, and then every `step`, as long as the outbox is open; each `count`-th time documents
    /// are made of what was read. What is late is not made up for: two readings of one interval would be one too many.
    private static func measure(
        on worker: Worker<HostMetrics>, into outbox: HostMetricsOutbox, every step: Duration, of count: Int,
        at due: Instant, number: Int = 1
    ) {
        worker.run(after: max(.zero, due - .now)) { metrics in
            guard outbox.isOpen else { return }
            let now = Moment.now
            let problems = metrics.sample(at: now.monotonic)
            if number == count {
                let documents = metrics.documents(unixNanoseconds: now.unixNanoseconds)
                outbox.put(documents, at: now.unixNanoseconds, problems: problems)
            }
            let next = due + step
            measure(
                on: worker, into: outbox, every: step, of: count, at: next > .now ? next : now.monotonic + step,
                number: number % count + 1)
        }
    }
}
