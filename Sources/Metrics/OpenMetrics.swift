// OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/
//
// The lines of the samples are those of the text format 0.0.4; what differs stands here: the names and types of
// families, units, the time since which a counter counts, and the end.

internal import Bytes

/// How a snapshot is written.
package enum ExpositionFormat: Sendable, Equatable, CaseIterable {
    case prometheusText, openMetrics

    /// The media type, as it stands in Content-Type.
    package var contentType: String {
        switch self {
        case .prometheusText: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

enum OpenMetrics {
    static let end: StaticString = "# EOF\n"

    /// Base units of Prometheus and what node_exporter measures in; a unit must end the name of its family.
    private static let units = [
        "seconds", "bytes", "celsius", "volts", "amperes", "joules", "watts", "hertz", "ratio", "meters", "grams",
    ]

    /// What a family has here.
    struct Family {
        /// The TYPE, UNIT and HELP lines.
        let header: [UInt8]
        /// The name of the series that says since when a counter counts; nil for what is no counter here.
        let createdName: [UInt8]?
    }

    /// One for each of `descriptors`, in their order. A counter whose name without `_total` another family has, or that
    /// does not end so, cannot be one here: its type is unknown, and its name stays.
    static func families(of descriptors: [MetricDescriptor]) -> [Family] {
        var owners: [String: Set<String>] = [:]
        for descriptor in descriptors {
            owners[descriptor.family, default: []].insert(descriptor.family)
            owners[counterName(descriptor), default: []].insert(descriptor.family)
        }
        return descriptors.map { descriptor in
            let name = counterName(descriptor)
            let isCounter = name != descriptor.family && owners[name]?.count == 1
            return Family(
                header: header(descriptor, name: isCounter ? name : descriptor.family, isCounter: isCounter),
                createdName: isCounter ? Array((name + "_created").utf8) : nil)
        }
    }

    /// The samples of a counter end in `_total`, and its family has the name without that.
    private static func counterName(_ descriptor: MetricDescriptor) -> String {
        descriptor.kind == .counter && descriptor.name.hasSuffix("_total")
            ? String(descriptor.name.dropLast("_total".utf8.count)) : descriptor.family
    }

    private static func header(_ descriptor: MetricDescriptor, name family: String, isCounter: Bool) -> [UInt8] {
        var header: [UInt8] = []
        header.append("# TYPE ")
        header.append(text: family)
        switch descriptor.kind {
        case .counter where isCounter: header.append(" counter\n")
        case .gauge, .histogram, .summary: header.append(text: " \(descriptor.kind.rawValue)\n")
        case .counter, .untyped: header.append(" unknown\n")
        }
        if let unit = units.first(where: { family.hasSuffix("_" + $0) }) {
            header.append("# UNIT ")
            header.append(text: family)
            header.append(UInt8(ascii: " "))
            header.append(text: unit)
            header.append(UInt8(ascii: "\n"))
        }
        header.append("# HELP ")
        header.append(text: family)
        header.append(UInt8(ascii: " "))
        for byte in descriptor.help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): header.append("\\\\")
            case UInt8(ascii: "\n"): header.append("\\n")
            case UInt8(ascii: "\""): header.append("\\\"")
            default: header.append(byte)
            }
        }
        header.append(UInt8(ascii: "\n"))
        return header
    }
}
