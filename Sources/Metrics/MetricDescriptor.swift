// What a metric is: https://prometheus.io/docs/instrumenting/exposition_formats/

internal import Synchronization

/// The raw value is the word of a TYPE line.
package enum MetricKind: String, Sendable {
    case counter, gauge, untyped
    /// Only in what is passed on from files: nothing here is one.
    case histogram, summary
}

/// A metric family: its name, kind, label names and help. A class, so that a sample refers to it for nothing.
package final class MetricDescriptor: Sendable {
    package let name: String
    /// The name of the HELP and TYPE lines: `name`, but for the parts of a histogram or a summary, `_bucket`, `_sum`
    /// and `_count`. Descriptors of one family stand under one header.
    package let family: String
    /// Read from a file that somebody else wrote: where it contradicts what Vitals itself serves, it is left out.
    package let isForeign: Bool
    /// Its names are not those that stand in the file, but what a scraper takes: see NameEscaping.
    let isEscaped: Bool
    package let kind: MetricKind
    /// In the order in which `Snapshot.add` takes the values; written in this order too.
    package let labels: [String]
    package let help: String
    private let kept = AtomicLazyReference<Rendered>()

    /// Its samples are parts of histograms or summaries, which stand together.
    var isPart: Bool { kind == .histogram || kind == .summary }
    /// The label, by its place in `labels`, that tells buckets (`le`) or quantiles of one metric from each other.
    let partLabel: Int?

    package init(
        _ name: String, _ kind: MetricKind, labels: [String] = [], help: String, family: String? = nil,
        isForeign: Bool = false, isEscaped: Bool = false
    ) {
        self.name = name
        self.family = family ?? name
        self.isForeign = isForeign
        self.isEscaped = isEscaped
        self.kind = kind
        self.labels = labels
        self.help = help
        switch kind {
        case .histogram where name.hasSameBytes(as: self.family + "_bucket"): partLabel = labels.firstIndex(of: "le")
        case .summary where name.hasSameBytes(as: self.family): partLabel = labels.firstIndex(of: "quantile")
        case .counter, .gauge, .untyped, .histogram, .summary: partLabel = nil
        }
    }

    /// The labels of the whole histogram or summary of which its samples are parts.
    var labelsOfWholeMetric: [String] { labels.without(partLabel) }

    /// What stands in an exposition for each of its samples alike.
    final class Rendered: Sendable {
        /// The HELP and TYPE lines.
        let header: [UInt8]
        /// What a line has before its label values, between them, and between the last one and the number: `name{a="`,
        /// `",b="`, `"} `.
        let pieces: [[UInt8]]
        let nameByteCount: Int

        init(_ descriptor: MetricDescriptor) {
            header = PrometheusText.header(descriptor.family, descriptor.kind, help: descriptor.help)
            pieces = PrometheusText.pieces(descriptor.name, labels: descriptor.labels)
            nameByteCount = descriptor.name.utf8.count
        }
    }

    /// Made when it is first written: most descriptors are of things that a host does not have.
    var rendered: Rendered { kept.load() ?? kept.storeIfNil(Rendered(self)) }
}

extension [String] {
    /// All but the one at `index`.
    func without(_ index: Int?) -> [String] {
        guard let index else { return self }
        var rest = self
        rest.remove(at: index)
        return rest
    }
}
