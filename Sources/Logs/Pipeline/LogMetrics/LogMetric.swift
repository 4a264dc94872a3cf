// Metrics from logs: counts records, or the numbers in them, into series that labels tell apart.
//
// https://prometheus.io/docs/concepts/metric_types/

package import Bytes

/// What a metric is, as the settings say it. It stays the same for as long as the agent runs.
package final class LogMetricDefinition: Sendable {
    package let name: String
    package let help: String
    package let labels: [String]
    /// The upper bounds of a histogram, rising; nil for a counter.
    package let bounds: [Double]?

    package init(_ name: String, help: String, labels: [String], bounds: [Double]? = nil) {
        self.name = name
        self.help = help
        self.labels = labels
        self.bounds = bounds
    }

    /// Both can stand under one name.
    package func isLike(_ other: LogMetricDefinition) -> Bool {
        name == other.name && help == other.help && labels == other.labels && bounds == other.bounds
    }
}

/// The series that a metric has, at one time.
package struct LogMetricValues: Sendable {
    package let definition: LogMetricDefinition
    /// The values of the labels of each series.
    package fileprivate(set) var labels: [[String]] = []
    package fileprivate(set) var counts: [UInt64] = []
    /// Of a histogram: the sum of the numbers of each series, and how many numbers each bucket has, one series after
    /// another; those beyond the last bound have a bucket of their own.
    package fileprivate(set) var sums: [Double] = []
    package fileprivate(set) var buckets: [UInt64] = []

    package init(_ definition: LogMetricDefinition) { self.definition = definition }

    package func buckets(ofSeries index: Int) -> ArraySlice<UInt64> {
        let width = (definition.bounds?.count ?? -1) + 1
        return buckets[index * width..<(index + 1) * width]
    }

    fileprivate mutating func addSeries(_ values: [String]) -> Int {
        labels.append(values)
        counts.append(0)
        if let bounds = definition.bounds {
            sums.append(0)
            buckets.append(contentsOf: repeatElement(0, count: bounds.count + 1))
        }
        return labels.count - 1
    }

    fileprivate mutating func add(_ number: Double?, toSeries index: Int) {
        counts[index] += 1
        guard let number, let bounds = definition.bounds else { return }
        sums[index] += number
        let bucket = bounds.firstIndex { number <= $0 } ?? bounds.count
        buckets[index * (bounds.count + 1) + bucket] += 1
    }
}

/// One entry of `metrics`.
package final class LogMetric {
    /// Where the value of a label comes from.
    package enum LabelSource: Sendable {
        case field([UInt8])
        /// Of the pattern.
        case group(Int)
    }

    /// What is counted.
    package struct Source {
        /// What the pattern looks at, and a histogram's number without one; nil for the message.
        package var field: [UInt8]?
        /// nil for every record.
        package var pattern: Pattern?
        /// Of the pattern: the number of a histogram; 0 for the whole text, or the whole match.
        package var group = 0
        /// A histogram's number is multiplied by this: milliseconds to seconds.
        package var scale = 1.0

        package init() {}
    }

    /// Of the value of a label; what is longer is cut.
    private static let valueLimit = 128
    /// What all labels say of records that have no series of their own.
    package static let otherValue = "other"

    package let definition: LogMetricDefinition
    package private(set) var values: LogMetricValues
    private let source: Source
    private let labels: [LabelSource]
    private let seriesLimit: Int

    /// By the bytes of the labels' values, and by their text: bytes that are no UTF-8 may become the same text.
    private var seriesByBytes: [[UInt8]: Int] = [:]
    private var seriesByText: [[String]: Int] = [:]
    private var key: [UInt8] = []

    package init(_ definition: LogMetricDefinition, _ source: Source, labels: [LabelSource], seriesLimit: Int) {
        self.definition = definition
        self.source = source
        self.labels = labels
        self.seriesLimit = seriesLimit
        values = LogMetricValues(definition)
        // A rate needs a 0 to begin with, where that can be known.
        if labels.isEmpty { seriesByBytes[[]] = series(of: []) }
    }

    func observe(_ draft: borrowing RecordDraft, of input: borrowing LogBatch, _ events: inout EventCounts) {
        switch draft.place(of: source.field, in: input) {
        case .draft(let range)?: observe(draft.bytes, range, draft, input, &events)
        case .input(let range)?: observe(input.bytes, range, draft, input, &events)
        case nil: break
        }
    }

    private func observe(
        _ bytes: [UInt8], _ range: Range<Int>, _ draft: borrowing RecordDraft, _ input: borrowing LogBatch,
        _ events: inout EventCounts
    ) {
        if let pattern = source.pattern {
            switch pattern.match(bytes, range) {
            case .doesNotMatch: return
            case .gaveUp:
                events[.patternGaveUp, default: 0] += 1
                return
            case .matches: break
            }
        }
        var number: Double?
        if definition.bounds != nil {
            guard let place = place(ofGroup: source.group, range) else { return }
            guard let read = bytes.decimalNumber(in: place) else {
                events[.metricValueUnreadable, default: 0] += 1
                return
            }
            number = read * source.scale
        }
        makeKey(bytes, range, draft, input)
        values.add(number, toSeries: seriesByBytes[key] ?? newSeries(&events))
    }

    private func place(ofGroup group: Int, _ range: Range<Int>) -> Range<Int>? {
        guard let pattern = source.pattern else { return range }
        return pattern.range(ofGroup: group, startingAt: range.lowerBound)
    }

    // MARK: Series

    private func makeKey(
        _ bytes: [UInt8], _ range: Range<Int>, _ draft: borrowing RecordDraft, _ input: borrowing LogBatch
    ) {
        key.removeAll(keepingCapacity: true)
        for label in labels {
            switch label {
            case .group(let group): appendToKey(bytes, place(ofGroup: group, range))
            case .field(let name):
                switch draft.place(of: name, in: input) {
                case .draft(let value)?: appendToKey(draft.bytes, value)
                case .input(let value)?: appendToKey(input.bytes, value)
                case nil: appendToKey([], nil)
                }
            }
        }
    }

    /// A value behind its length; what is not there is empty, which Prometheus takes for a label that is not there.
    private func appendToKey(_ bytes: [UInt8], _ value: Range<Int>?) {
        var value = value ?? 0..<0
        if value.count > Self.valueLimit {
            var end = value.lowerBound + Self.valueLimit
            // Not within a character.
            while end > value.lowerBound, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            value = value.lowerBound..<end
        }
        key.append(UInt8(value.count))
        key.append(contentsOf: bytes[value])
    }

    /// For a key that is not known yet.
    private func newSeries(_ events: inout EventCounts) -> Int {
        var texts: [String] = []
        var rest = key[...]
        while let count = rest.popFirst() {
            texts.append(String(decoding: rest.prefix(Int(count)), as: UTF8.self))
            rest = rest.dropFirst(Int(count))
        }
        if seriesByBytes.count < seriesLimit {
            let index = series(of: texts)
            seriesByBytes[key] = index
            return index
        }
        events[.metricSeriesFull, default: 0] += 1
        return series(of: labels.map { _ in Self.otherValue })
    }

    private func series(of texts: [String]) -> Int {
        if let index = seriesByText[texts] { return index }
        let index = values.addSeries(texts)
        seriesByText[texts] = index
        return index
    }
}
