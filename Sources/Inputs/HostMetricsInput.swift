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

    enum Vocabulary: String, CaseIterable { case cloudwatch }

    /// CloudWatch's own limits are 30 dimensions a set; the subjects bring up to three.
    private static let dimensionLimit = 27
    private static let dimensionNameLimit = 250
    private static let namespaceLimit = 255

    let interval: Duration
    let plan: HostMetricsPlan
    let outbox: HostMetricsOutbox
    private let log: AgentLog
    private var isMeasuring = false

    /// Settings: `interval` ("60s"), `vocabulary` ("cloudwatch"), `metrics` (["*"]: patterns of names),
    /// `namespace` ("CWAgent"), `dimensions` ({"host": "{hostname}"}).
    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        interval = try section.duration("interval", default: .seconds(60), in: .seconds(1)...(.seconds(86_400)))
        _ = try section.choice("vocabulary", default: Vocabulary.cloudwatch)
        let patterns = try section.strings("metrics", default: ["*"])
        let selection = MetricSelection(patterns)
        if let index = patterns.firstIndex(where: { selection.unmatched.contains($0) }) {
            let pattern = patterns[index]
            let like = nearest(to: pattern, among: CloudWatchNames.all).map { ", did you mean \"\($0)\"?" } ?? ""
            throw section.error(
                at: "metrics", element: index, "\"\(pattern)\" is no metric of this vocabulary\(like)")
        }
        let namespace = try section.string("namespace", default: "CWAgent")
        guard Self.isNamespace(namespace) else {
            throw section.error(
                at: "namespace",
                "expected 1 to 255 letters, digits and . - _ / # : or space, not beginning with : or AWS/")
        }
        plan = HostMetricsPlan(
            host: context.host, selection: selection, namespace: namespace,
            dimensions: try Self.dimensions(&section, context), isHighResolution: interval < .seconds(60))
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

    private static func isNamespace(_ text: String) -> Bool {
        let allowed = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: " ._#:/-".utf8.contains($0)
            }
        }
        return allowed && (1...namespaceLimit).contains(text.utf8.count) && !text.hasPrefix(":")
            && !text.hasPrefix("AWS/")
    }

    private static func dimensions(
        _ section: inout SettingsSection, _ context: InputContext
    ) throws(SettingsError) -> [(name: String, value: String)] {
        let isSet = section.has("dimensions")
        let given = try section.table("dimensions")
        let table = isSet ? given : [(name: "host", value: "{hostname}")]
        guard table.count <= dimensionLimit else { throw section.error(at: "dimensions", "at most \(dimensionLimit)") }
        let taken = Set(CloudWatchNames.all + HostMetrics.subjectDimensions + ["_aws"])
        var names: Set<String> = []
        var dimensions: [(name: String, value: String)] = []
        for (name, template) in table {
            guard (1...dimensionNameLimit).contains(name.unicodeScalars.count), !taken.contains(name),
                names.insert(name).inserted
            else {
                throw section.error(at: "dimensions", member: name, "the name is empty, too long, or taken")
            }
            let value = replacing("{hostname}", in: template, with: context.hostName)
            guard !value.utf8.contains(UInt8(ascii: "{")), value.utf8.contains(where: { $0 != UInt8(ascii: " ") })
            else {
                throw section.error(
                    at: "dimensions", member: name, "expected text; the only variable is {hostname}")
            }
            dimensions.append((name, value))
        }
        return dimensions
    }

    private static func replacing(_ word: String, in text: String, with value: String) -> String {
        var rest = text[...]
        var result = ""
        while let next = rest.first {
            if rest.hasPrefix(word) {
                result += value
                rest = rest.dropFirst(word.count)
            } else {
                result.append(next)
                rest = rest.dropFirst()
            }
        }
        return result
    }

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
        report.notes.append("every \(durationText(interval)): \(plan.selection.names.joined(separator: ", "))")
        do throws(SettingsError) {
            let (documents, problems) = try HostMetrics(plan).documents(unixNanoseconds: 0)
            report.notes.append("\(documents.count) documents of different dimensions in the first interval")
            report.problems += problems
        } catch {
            report.problems.append(error.description)
        }
        return report
    }

    // MARK: Measuring

    private func startMeasuring() {
        do throws(SettingsError) {
            let worker = Worker("host_metrics", try HostMetrics(plan))
            Self.measure(on: worker, into: outbox, every: interval, at: .now)
        } catch {
            outbox.put([], at: 0, problems: [error.description])
        }
    }

    /// Measures at `due`, and then every interval, as long as the outbox is open. What is late is not made up for: two
    /// readings of one interval would be one too many.
    private static func measure(
        on worker: Worker<HostMetrics>, into outbox: HostMetricsOutbox, every interval: Duration, at due: Instant
    ) {
        worker.run(after: max(.zero, due - .now)) { metrics in
            guard outbox.isOpen else { return }
            let now = Moment.now
            let (documents, problems) = metrics.documents(unixNanoseconds: now.unixNanoseconds)
            outbox.put(documents, at: now.unixNanoseconds, problems: problems)
            let next = due + interval
            measure(
                on: worker, into: outbox, every: interval, at: next > .now ? next : now.monotonic + interval)
        }
    }
}
