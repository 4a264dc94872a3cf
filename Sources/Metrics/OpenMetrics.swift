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
        var createdName: [UInt8]?
        /// It is `x_created` of these: it stands in their family when they have samples. Indexes into the layout, as
        /// the others.
        var createdOf: [Int] = []
        /// The descriptors of `x_created`, which a file has as a family of its own.
        var created: [Int] = []
        /// A histogram or summary of which a name is another family's: each of its parts is a family.
        var isInParts = false
    }

    /// The families of a layout.
    struct Layout {
        /// Whether each descriptor is served now, as far as it matters: what a file no longer has takes no name away.
        private(set) var active: [Bool] = []
        /// One for each descriptor, in their order.
        private(set) var families: [Family] = []

        init() {}

        init(_ descriptors: [MetricDescriptor], active: [Bool]) {
            self.active = active
            families = OpenMetrics.families(of: descriptors, active)
        }
    }

    /// One for each of `descriptors`, in their order.
    ///
    /// A family may have no name that another has, with the endings of its samples: a counter `x` takes `x`, `x_total`
    /// and `x_created`. One that cannot have its names, and a counter that does not end in `_total`, is of the type
    /// unknown, and its name stays. A gauge `x_created` beside `x`, as Python's library writes it for the text format,
    /// becomes what it means: a part of `x`.
    private static func families(of descriptors: [MetricDescriptor], _ active: [Bool]) -> [Family] {
        var bases: [ExactText: [Int]] = [:]
        for (index, descriptor) in descriptors.enumerated() where active[index] {
            if let base = baseName(descriptor) { bases[ExactText(base), default: []].append(index) }
        }
        func targets(_ index: Int) -> [Int] {
            let descriptor = descriptors[index]
            guard descriptor.kind == .gauge || descriptor.kind == .untyped, active[index],
                let base = descriptor.family.without(ending: "_created")
            else { return [] }
            return bases[ExactText(base)] ?? []
        }
        var owners: [ExactText: Set<ExactText>] = [:]
        for (index, descriptor) in descriptors.enumerated() where active[index] && targets(index).isEmpty {
            for name in names(descriptor) { owners[ExactText(name), default: []].insert(ExactText(descriptor.family)) }
        }
        var families = descriptors.map { descriptor in
            let hasItsNames = names(descriptor).allSatisfy { (owners[ExactText($0)]?.count ?? 0) <= 1 }
            let isCounter = descriptor.kind == .counter && hasItsNames && baseName(descriptor) != nil
            let name = isCounter ? baseName(descriptor) ?? descriptor.family : descriptor.family
            var family = Family(header: header(descriptor, name: name, isCounter: isCounter))
            if isCounter { family.createdName = Array((name + "_created").utf8) }
            family.isInParts = descriptor.isPart && !hasItsNames
            return family
        }
        for index in descriptors.indices {
            for target in targets(index) where families[target].createdName != nil || descriptors[target].isPart {
                guard !families[target].isInParts else { continue }
                families[index].createdOf.append(target)
                families[target].created.append(index)
            }
        }
        // Two would say it twice.
        for index in families.indices where !families[index].created.isEmpty { families[index].createdName = nil }
        return families
    }

    /// The family of the samples `x_total`, or that of a histogram or a summary; nil for all others.
    private static func baseName(_ descriptor: MetricDescriptor) -> String? {
        switch descriptor.kind {
        case .counter: descriptor.name.without(ending: "_total").flatMap { $0.isEmpty ? nil : $0 }
        case .histogram, .summary: descriptor.family
        case .gauge, .untyped: nil
        }
    }

    /// All names that its family would take.
    private static func names(_ descriptor: MetricDescriptor) -> [String] {
        guard let base = baseName(descriptor) else { return [descriptor.family] }
        let endings =
            switch descriptor.kind {
            case .histogram: ["", "_bucket", "_count", "_sum", "_created"]
            case .summary: ["", "_count", "_sum", "_created"]
            case .counter, .gauge, .untyped: ["", "_total", "_created"]
            }
        return endings.map { base + $0 }
    }

    /// The header of one part of a family that is in parts.
    static func header(ofPart descriptor: MetricDescriptor) -> [UInt8] {
        header(descriptor, name: descriptor.name, isCounter: false, isPart: true)
    }

    private static func header(
        _ descriptor: MetricDescriptor, name family: String, isCounter: Bool, isPart: Bool = false
    ) -> [UInt8] {
        var header: [UInt8] = []
        let isPlain = family.isPlainMetricName
        header.append("# TYPE ")
        header.append(name: family, isPlain: isPlain)
        switch descriptor.kind {
        case _ where isPart: header.append(" unknown\n")
        case .counter where isCounter: header.append(" counter\n")
        case .gauge, .histogram, .summary: header.append(text: " \(descriptor.kind.rawValue)\n")
        case .counter, .untyped: header.append(" unknown\n")
        }
        if let unit = units.first(where: { family.hasSuffix("_" + $0) }) {
            header.append("# UNIT ")
            header.append(name: family, isPlain: isPlain)
            header.append(UInt8(ascii: " "))
            header.append(text: unit)
            header.append(UInt8(ascii: "\n"))
        }
        header.append("# HELP ")
        header.append(name: family, isPlain: isPlain)
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
