// CloudWatch's embedded metric format: a JSON object that is a log record and carries metrics.
//
//     {"_aws":{"Timestamp":1795230523015,"CloudWatchMetrics":[{"Namespace":"CWAgent","Dimensions":[["host","cpu"]],
//      "Metrics":[{"Name":"cpu_usage_idle","Unit":"Percent"}]}]},"host":"web-1","cpu":"cpu0","cpu_usage_idle":93.5}
//
// A dimension set names members of the object; each set of a directive is a series of each of its metrics, so that a
// set with fewer names sums over what it leaves out. A metric's value is a number or an array of them.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

internal import Bytes

/// Makes documents of a table.
package struct EMFEncoder: Sendable {
    /// A quarter of what an event may be: what it was until 2025, which tools on the way may still hold to.
    package static let byteLimit = (256 << 10) - 26

    private struct Entry {
        let metric: EMFMetric
        let values: ArraySlice<Double>
    }

    private let namespace: String
    /// Sets of names, each beside the set of all; one that a document does not have whole is left out of it.
    private let aggregates: [[String]]
    private let byteLimit: Int
    /// Kept for their memory.
    private var entries: [Entry] = []

    package init(namespace: String, aggregates: [[String]] = [], byteLimit: Int = EMFEncoder.byteLimit) {
        self.namespace = namespace
        self.aggregates = aggregates
        self.byteLimit = byteLimit
    }

    /// Appends a document for each group with values, or several when they are more than one may hold, and empties the
    /// table.
    package mutating func encode(_ table: inout EMFTable, unixMilliseconds: Int64, into documents: inout [[UInt8]]) {
        for group in table.groups {
            let dimensions = table.dimensions.compactMap(\.valid) + group.dimensions
            let sets = dimensionSets(dimensions)
            var first = 0
            var isDone = false
            while !isDone {
                isDone = true
                for column in group.columns {
                    guard let metric = column.metric, column.values.count > first else { continue }
                    // What has no set has nowhere to go.
                    guard !metric.isOnlyAggregated || !sets.aggregated.isEmpty else { continue }
                    let end = min(first + EMFLimit.values, column.values.count)
                    if end < column.values.count { isDone = false }
                    entries.append(Entry(metric: metric, values: column.values[first..<end]))
                    if entries.count == EMFLimit.metrics {
                        write(entries[...], dimensions, sets, unixMilliseconds, into: &documents)
                        entries.removeAll(keepingCapacity: true)
                    }
                }
                write(entries[...], dimensions, sets, unixMilliseconds, into: &documents)
                entries.removeAll(keepingCapacity: true)
                first += EMFLimit.values
            }
        }
        table.removeValues()
    }

    // MARK: Dimension sets

    /// The text of `Dimensions`, for metrics of their own and for those of which only aggregates are wanted.
    private struct Sets {
        var all: [UInt8]
        /// Empty when there is none.
        var aggregated: [UInt8]
    }

    private func dimensionSets(_ dimensions: [EMFDimension]) -> Sets {
        let names = dimensions.map(\.name)
        var own: [[String]] = []
        for set in aggregates where set.allSatisfy({ names.contains($0) }) {
            // The same set twice would count each value twice.
            if Set(set) != Set(names), !own.contains(where: { Set($0) == Set(set) }) { own.append(set) }
        }
        return Sets(all: Self.text([names] + own), aggregated: own.isEmpty ? [] : Self.text(own))
    }

    private static func text(_ sets: [[String]]) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            for set in sets {
                json.array { json in
                    for name in set { json.string(name) }
                }
            }
        }
        return json.bytes
    }

    // MARK: One document

    /// In halves when it would be too large.
    private func write(
        _ entries: ArraySlice<Entry>, _ dimensions: [EMFDimension], _ sets: Sets, _ unixMilliseconds: Int64,
        into documents: inout [[UInt8]]
    ) {
        guard !entries.isEmpty else { return }
        let document = document(entries, dimensions, sets, unixMilliseconds)
        guard document.count > byteLimit, entries.count > 1 else {
            // A single metric of 100 values and 30 dimensions is smaller than the limit of an event.
            documents.append(document)
            return
        }
        let middle = entries.startIndex + entries.count / 2
        write(entries[..<middle], dimensions, sets, unixMilliseconds, into: &documents)
        write(entries[middle...], dimensions, sets, unixMilliseconds, into: &documents)
    }

    private func document(
        _ entries: ArraySlice<Entry>, _ dimensions: [EMFDimension], _ sets: Sets, _ unixMilliseconds: Int64
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(256 + entries.reduce(0) { $0 + 2 * $1.metric.definition.count + 20 * $1.values.count })
        text.append("{\"_aws\":{\"Timestamp\":")
        text.append(decimal: unixMilliseconds)
        text.append(",\"CloudWatchMetrics\":[")
        appendDirective(entries, isOnlyAggregated: false, sets.all, to: &text)
        appendDirective(entries, isOnlyAggregated: true, sets.aggregated, to: &text)
        text.append("]}")
        for dimension in dimensions {
            text.append(UInt8(ascii: ","))
            text.append(jsonString: dimension.name)
            text.append(UInt8(ascii: ":"))
            text.append(jsonString: dimension.value)
        }
        for entry in entries {
            text.append(UInt8(ascii: ","))
            text.append(contentsOf: entry.metric.key)
            append(entry.values, to: &text)
        }
        text.append("}")
        return text
    }

    private func append(_ values: ArraySlice<Double>, to text: inout [UInt8]) {
        if values.count == 1, let value = values.first {
            text.append(number: value)
            return
        }
        text.append(UInt8(ascii: "["))
        for value in values {
            if text.last != UInt8(ascii: "[") { text.append(UInt8(ascii: ",")) }
            text.append(number: value)
        }
        text.append(UInt8(ascii: "]"))
    }

    private func appendDirective(
        _ entries: ArraySlice<Entry>, isOnlyAggregated: Bool, _ sets: [UInt8], to text: inout [UInt8]
    ) {
        guard entries.contains(where: { $0.metric.isOnlyAggregated == isOnlyAggregated }) else { return }
        if text.last == UInt8(ascii: "}") { text.append(UInt8(ascii: ",")) }
        text.append("{\"Namespace\":")
        text.append(jsonString: namespace)
        text.append(",\"Dimensions\":")
        text.append(contentsOf: sets)
        text.append(",\"Metrics\":[")
        for entry in entries where entry.metric.isOnlyAggregated == isOnlyAggregated {
            if text.last == UInt8(ascii: "}") { text.append(UInt8(ascii: ",")) }
            text.append(contentsOf: entry.metric.definition)
        }
        text.append("]}")
    }
}
