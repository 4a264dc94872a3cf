// Metrics from logs on /metrics. Their names stand in the settings, so their descriptors are made when they are first
// served, and kept: encoders know a family by them.

internal import Delivery
internal import Logs
internal import Metrics
internal import Settings
internal import Synchronization

final class LogMetricExposition: Sendable {
    private struct Descriptors: Sendable {
        /// A counter, or the buckets of a histogram.
        let main: MetricDescriptor
        let sum: MetricDescriptor
        let count: MetricDescriptor

        init(_ definition: LogMetricDefinition) {
            let (name, help) = (definition.name, definition.help)
            let labels = ["input"] + definition.labels
            let isHistogram = definition.bounds != nil
            main =
                isHistogram
                ? MetricDescriptor(
                    "\(name)_bucket", .histogram, labels: labels + ["le"], help: help, family: name)
                : MetricDescriptor(name, .counter, labels: labels, help: help)
            sum = MetricDescriptor("\(name)_sum", .histogram, labels: labels, help: help, family: name)
            count = MetricDescriptor("\(name)_count", .histogram, labels: labels, help: help, family: name)
        }
    }

    /// By name: inputs may share one.
    private let known = Mutex<[String: Descriptors]>([:])

    func add(_ routes: [RouteStatus], to snapshot: inout Snapshot) {
        for route in routes {
            for values in route.logMetrics {
                let definition = values.definition
                let descriptors = known.withLock { known in
                    if let made = known[definition.name] { return made }
                    let made = Descriptors(definition)
                    known[definition.name] = made
                    return made
                }
                for index in values.labels.indices {
                    let labels = [route.input] + values.labels[index]
                    if let bounds = definition.bounds {
                        add(values, index, labels, bounds, descriptors, to: &snapshot)
                    } else {
                        snapshot.add(descriptors.main, Double(values.counts[index]), labels: labels)
                    }
                }
            }
        }
    }

    /// Buckets count all that is not above their bound.
    private func add(
        _ values: LogMetricValues, _ index: Int, _ labels: [String], _ bounds: [Double], _ descriptors: Descriptors,
        to snapshot: inout Snapshot
    ) {
        var total: UInt64 = 0
        // OpenMetrics wants `1.0` where Prometheus takes `1` too.
        for (bound, count) in zip(bounds.map(\.description) + ["+Inf"], values.buckets(ofSeries: index)) {
            total += count
            snapshot.add(descriptors.main, Double(total), labels: labels + [bound])
        }
        snapshot.add(descriptors.sum, values.sums[index], labels: labels)
        snapshot.add(descriptors.count, Double(values.counts[index]), labels: labels)
    }
}

extension Plugins {
    /// Two inputs may count under one name, and are told apart by the label `input`; what that name means must be the
    /// same then.
    func refuseUnlikeMetrics() throws(SettingsError) {
        var known: [(input: String, definition: LogMetricDefinition)] = []
        for input in settings.inputs {
            for (index, metric) in try makePipeline(input).metrics.enumerated() {
                let definition = metric.definition
                defer { known.append((input.name, definition)) }
                guard let other = known.first(where: { $0.definition.name == definition.name }),
                    !other.definition.isLike(definition)
                else { continue }
                var section = input.section
                var entry = try section.sections("metrics")[index]
                throw entry.error(
                    at: entry.value("full_name") == nil ? "name" : "full_name",
                    "\(definition.name) has another kind, help, other labels or buckets in inputs.\(other.input)")
            }
        }
    }
}
