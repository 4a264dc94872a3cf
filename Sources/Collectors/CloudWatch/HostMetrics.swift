// The host's metrics as EMF documents: one reading after another into a table, and the table into documents.

internal import Bytes
internal import Metrics
package import Platform
package import Procfs
package import Settings

/// Belongs to the queue that measures.
package final class HostMetrics {
    private enum Reader {
        case cloudwatch(CloudWatchReader)
        case node(NodeReader)
    }

    private let selection: MetricSelection
    private let dimensions: [HostDimension]
    private let reader: Reader
    /// What the last reading left out because it could not be read.
    package let skipped = SkippedRows()
    private var points = MetricPoints()
    private var table: EMFTable
    private var encoder: EMFEncoder
    private var readings = 0
    private var hasWaited = false
    /// By the name of the vocabulary: one for all groups that have it.
    private var metrics: [String: EMFMetric?] = [:]

    package init(_ plan: HostMetricsPlan) throws(SettingsError) {
        selection = plan.selection
        dimensions = plan.dimensions
        table = EMFTable(dimensions: plan.dimensions.map(\.now))
        encoder = EMFEncoder(namespace: plan.namespace, aggregates: plan.aggregates)
        switch plan.vocabulary {
        case .cloudwatch(let choice):
            reader = .cloudwatch(try CloudWatchReader(choice, plan.selection, host: plan.host))
        case .node(let choice):
            reader = .node(try NodeReader(choice, host: plan.host))
        }
    }

    /// Reads the host once. Returns what could not be read.
    package func sample(at now: Instant) -> [String] {
        skipped.removeAll()
        return skipped.gather { read(at: now) }
    }

    private func read(at now: Instant) -> [String] {
        var problems: [String] = []
        readings += 1
        switch reader {
        case .cloudwatch(let reader):
            points.removeAll()
            reader.read(at: now, to: &points, &problems)
            for index in points.groups.indices {
                let group = points.groups[index]
                table.begin(group.dimensions, onceIn: group.isShared ? nil : readings)
                for point in points.points(of: index) {
                    table.add(point.metric, point.value) { metric(point.metric.name, point.metric.unit) }
                }
            }
        case .node(let reader):
            reader.read(at: now, into: &table, &problems) { metric($0, $1) }
        }
        for dimensions in table.takeRepeated() {
            SkippedRows.note(
                of: dimensions.map { "\($0.name)=\($0.value)" }.joined(separator: " "),
                "another thing before it has the same dimensions for CloudWatch")
        }
        return problems + table.problems.sorted()
    }

    /// Blocks until the instance has said what dimensions ask of it, the first time, and for `HostValues.patience` at
    /// most: what is measured before would be a series of its own.
    package func waitForInstance() {
        guard !hasWaited else { return }
        hasWaited = true
        HostDimension.wait(for: dimensions)
    }

    /// All that was read since the last time, one document or more for each set of dimensions.
    package func documents(unixNanoseconds: Int64) -> [[UInt8]] {
        var documents: [[UInt8]] = []
        for (index, dimension) in dimensions.enumerated() { table.setDimension(index, dimension.now) }
        encoder.encode(&table, unixMilliseconds: unixNanoseconds / 1_000_000, into: &documents)
        return documents
    }

    private func metric(_ name: String, _ unit: EMFUnit) -> EMFMetric? {
        if let known = metrics[name] { return known }
        let metric = selection.metric(name, unit)
        metrics[name] = .some(metric)
        return metric
    }
}
