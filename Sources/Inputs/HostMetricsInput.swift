// The host's own metrics as EMF documents, pushed at an interval.
//
// What was measured cannot be read again, so documents go through a spool. Measuring has a queue of its own, so that it
// goes on while the route waits for a receiver that is down.

package import Bytes
internal import Collectors
internal import Durable
package import Logs
package import Platform
internal import Procfs
package import Settings
internal import Synchronization

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
    private var documents: SpooledDocuments
    private let problems = SharedProblems()
    private let log: AgentLog
    private var isMeasuring = false

    /// Settings: `interval` ("60s"), `vocabulary` ("cloudwatch"), `metrics` (["*"]: patterns of names),
    /// `namespace` ("CWAgent"), `dimensions` ({"host": "{hostname}"}), `spool_bytes` ("64MiB").
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
        documents = try SpooledDocuments(&section, context)
    }

    deinit { documents.spool.close() }

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
            Self.measure(on: worker, into: documents.spool, problems, every: interval, at: .now)
        } catch {
            problems.set([error.description])
        }
    }

    /// Measures at `due`, and then every interval, as long as the spool is open. What is late is not made up for: two
    /// readings of one interval would be one too many.
    private static func measure(
        on worker: Worker<HostMetrics>, into spool: Spool, _ shared: SharedProblems, every interval: Duration,
        at due: Instant
    ) {
        worker.run(after: max(.zero, due - .now)) { metrics in
            guard spool.isOpen else { return }
            let now = Moment.now
            let (documents, problems) = metrics.documents(unixNanoseconds: now.unixNanoseconds)
            shared.set(problems)
            spool.put(documents, at: now.unixNanoseconds)
            let next = due + interval
            measure(
                on: worker, into: spool, shared, every: interval, at: next > .now ? next : now.monotonic + interval)
        }
    }
}

/// What the last measuring could not read.
private final class SharedProblems: Sendable {
    private let state = Mutex<[String]>([])

    var texts: [String] { state.withLock { $0 } }
    func set(_ texts: [String]) { state.withLock { $0 = texts } }
}
