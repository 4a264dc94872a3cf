// What a metric is: https://prometheus.io/docs/instrumenting/exposition_formats/

package enum MetricKind: Sendable {
    case counter, gauge, untyped
}

/// A metric family: its name, kind, label names and help. A class, so that a sample refers to it for nothing.
package final class MetricDescriptor: Sendable {
    package let name: String
    package let kind: MetricKind
    /// In the order in which `Snapshot.add` takes the values; written in this order too.
    package let labels: [String]
    package let help: String
    /// The HELP and TYPE lines, rendered once.
    let header: [UInt8]
    /// What a line has before its label values, between them, and between the last one and the number: `name{a="`,
    /// `",b="`, `"} `.
    let pieces: [[UInt8]]

    package init(_ name: String, _ kind: MetricKind, labels: [String] = [], help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        header = PrometheusText.header(name, kind, help: help)
        pieces = PrometheusText.pieces(name, labels: labels)
    }
}
