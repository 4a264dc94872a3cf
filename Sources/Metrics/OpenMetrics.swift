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
        /// It is `x_created` of these: it stands in their family when one of them has samples. Indexes into the layout,
        /// as the others.
        var createdOf: [Int] = []
        /// The descriptors of `x_created`, which a file has as a family of its own.
        var created: [Int] = []
        /// A histogram or summary of which a name is another family's, or whose values do not fit: each of its parts is
        /// a family.
        var isInParts = false
    }

    /// The families of a layout.
    struct Layout {
        /// Whether each descriptor is served now, as far as it matters: what a file no longer has takes no name away.
        private(set) var active: [Bool] = []
        /// Those whose samples their kind cannot have here.
        private(set) var odd: Set<Int> = []
        /// One for each descriptor, in their order.
        private(set) var families: [Family] = []

        init() {}

        init(_ descriptors: [MetricDescriptor], active: [Bool], odd: Set<Int>) {
            self.active = active
            self.odd = odd
            families = OpenMetrics.families(of: descriptors, active, odd)
        }
    }

    /// The descriptors with one base name: those of `x`, and those of `x_created`.
    private struct Base {
        var whole: [Int] = []
        var created: [Int] = []
    }

    private struct FamilyKey: Hashable {
        let name: ExactText
        let kind: MetricKind

        init(_ descriptor: MetricDescriptor) { (name, kind) = (ExactText(descriptor.family), descriptor.kind) }
    }

    /// One for each of `descriptors`, in their order.
    ///
    /// A family may have no name that another has, with the endings of its samples: a counter `x` takes `x`, `x_total`
    /// and `x_created`. One that cannot have its names, or whose samples are odd, and a counter that does not end in
    /// `_total`, is of the type unknown, and its name stays. A gauge `x_created` beside `x`, as Python's library writes
    /// it for the text format, becomes what it means: a part of `x`.
    private static func families(
        of descriptors: [MetricDescriptor], _ active: [Bool], _ odd: Set<Int>
    ) -> [Family] {
        let odd = Set(odd.map { FamilyKey(descriptors[$0]) })
        let bases = bases(of: descriptors, active, odd)
        let created = Set(bases.values.flatMap(\.created))
        var owners: [ExactText: Set<ExactText>] = [:]
        for (index, descriptor) in descriptors.enumerated() where active[index] && !created.contains(index) {
            for name in names(descriptor) { owners[ExactText(name), default: []].insert(ExactText(descriptor.family)) }
        }
        var families = descriptors.map { descriptor in
            let isItself =
                !odd.contains(FamilyKey(descriptor))
                && names(descriptor).allSatisfy { (owners[ExactText($0)]?.count ?? 0) <= 1 }
            let isCounter = descriptor.kind == .counter && isItself && descriptor.countingBase != nil
            let name = isCounter ? descriptor.countingBase ?? descriptor.family : descriptor.family
            var family = Family(header: header(descriptor, name: name, isCounter: isCounter))
            if isCounter { family.createdName = Array((name + "_created").utf8) }
            family.isInParts = descriptor.isPart && !isItself
            return family
        }
        for base in bases.values where !base.created.isEmpty {
            let whole = base.whole.filter {
                families[$0].createdName != nil || descriptors[$0].isPart && !families[$0].isInParts
            }
            // A descriptor from a file is active since it has samples: one says enough.
            let shown = whole.first { descriptors[$0].isForeign }.map { [$0] } ?? whole
            for index in base.created { families[index].createdOf = shown }
            for index in whole {
                families[index].created = base.created
                // Two would say it twice.
                families[index].createdName = nil
            }
        }
        return families
    }

    private static func bases(
        of descriptors: [MetricDescriptor], _ active: [Bool], _ odd: Set<FamilyKey>
    ) -> [ExactText: Base] {
        var bases: [ExactText: Base] = [:]
        for (index, descriptor) in descriptors.enumerated() where active[index] {
            if let base = descriptor.countingBase { bases[ExactText(base), default: Base()].whole.append(index) }
        }
        for (index, descriptor) in descriptors.enumerated() where active[index] {
            guard let base = descriptor.createdBase, !odd.contains(FamilyKey(descriptor)) else { continue }
            bases[ExactText(base)]?.created.append(index)
        }
        return bases
    }

    /// All names that its family would take.
    private static func names(_ descriptor: MetricDescriptor) -> [String] {
        guard let base = descriptor.countingBase else { return [descriptor.family] }
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

extension MetricDescriptor {
    /// The family of the samples `x_total`, or that of a histogram or a summary; nil for all others.
    var countingBase: String? {
        switch kind {
        case .counter: name.without(ending: "_total").flatMap { $0.isEmpty ? nil : $0 }
        case .histogram, .summary: family
        case .gauge, .untyped: nil
        }
    }

    /// `x` for what is named `x_created` and may say since when `x` counts; nil for all others.
    var createdBase: String? {
        switch kind {
        case .gauge, .untyped: family.without(ending: "_created")
        case .counter, .histogram, .summary: nil
        }
    }
}
