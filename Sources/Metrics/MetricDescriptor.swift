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

    package init(_ name: String, _ kind: MetricKind, labels: [String] = [], help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }
}
