// Names under which several descriptors stand that may contradict each other: another kind, or the same series twice. A
// file that somebody else wrote can have any name, and Prometheus refuses a whole scrape for less.

/// A sample that the exposition cannot have.
package struct Refusal: Sendable, Equatable {
    package enum Reason: Sendable {
        /// Its family is served as another kind of metric.
        case otherKind
        /// The same series has a value already.
        case servedAlready
        /// With its names escaped as the scraper asks, it is another series, or none that there can be.
        case escapedName
        /// With U+FFFD for what is not UTF-8 in its labels, it is a series that has a value already.
        case repairedLabel
    }

    package let snapshot: Int
    /// Index into the samples of that snapshot.
    package let sample: Int
    package let reason: Reason
}

/// A part of the sorted groups, all of one name.
struct ContestedName {
    let groups: Range<Int>
    /// Some are Vitals' own and some were read from files, or some have escaped names: they may have the same series.
    let mayRepeat: Bool

    /// Those that need a look in each scrape. Found once for a layout; nearly always none.
    static func find(in sorted: [MetricDescriptor], ranks: [Int]) -> [ContestedName] {
        var contested: [ContestedName] = []
        var start = 0
        while start < sorted.count {
            let end = ranks[start...].firstIndex { $0 != ranks[start] } ?? ranks.count
            let named = sorted[start..<end]
            let hasBoth = named.contains(where: \.isForeign) && !named.allSatisfy(\.isForeign)
            let mayRepeat = hasBoth || named.count > 1 && named.contains(where: \.isEscaped)
            if mayRepeat || named.contains(where: { $0.kind != sorted[start].kind }) {
                contested.append(ContestedName(groups: start..<end, mayRepeat: mayRepeat))
            }
            start = end
        }
        return contested
    }
}

/// What makes a series that series: its name and its labels, whatever their order; a label without a value is none.
package struct SeriesKey: Hashable, Sendable {
    package let name: String
    /// Sorted.
    package let labels: [String]
    /// One for each of `labels`, none of them empty.
    package let values: [String]

    init(name: String, labels: [String], values: [String]) {
        self.name = name
        self.labels = labels
        self.values = values
    }

    /// By their bytes: see ExactText.
    package static func == (one: Self, other: Self) -> Bool {
        one.name.hasSameBytes(as: other.name)
            && one.labels.elementsEqual(other.labels) { $0.hasSameBytes(as: $1) }
            && one.values.elementsEqual(other.values) { $0.hasSameBytes(as: $1) }
    }

    package func hash(into hasher: inout Hasher) {
        name.hashBytes(into: &hasher)
        for label in labels { label.hashBytes(into: &hasher) }
        for value in values { value.hashBytes(into: &hasher) }
    }
}

/// Names that Prometheus gives to series of its own, without labels, for each target:
/// https://prometheus.io/docs/concepts/jobs_instances/
let reservedSeriesNames: Set<ExactText> = [
    "up", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped",
    "scrape_series_added", "scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes",
]

/// Names of samples that two families have: a file says that `x` is a histogram, and `x_count` is served as well.
struct CrossedNames {
    /// The descriptors of one family that have the name. A family may have as many of them as series: they are not
    /// compared one by one.
    struct Claim {
        fileprivate let key: Key
        /// Into the layout.
        fileprivate(set) var indexes: [Int] = []

        var isEscaped: Bool { key.isEscaped }

        /// A part gives way, but to what has the name by its escaping alone.
        func givesWay(to other: Claim) -> Bool {
            guard key.family != other.key.family else { return false }
            return key.isPart && (isEscaped || !other.isEscaped) || other.key.isPart && isEscaped && !other.isEscaped
        }
    }

    fileprivate struct Key: Hashable {
        let family: ExactText
        let isEscaped: Bool
        /// Of a histogram or summary out of a file.
        let isPart: Bool
    }

    /// For each such name who claims it, the first in the layout first.
    private(set) var names: [[Claim]] = []

    init(_ layout: [MetricDescriptor]) {
        guard layout.contains(where: { $0.isPart && $0.isForeign }) else { return }
        var claims: [ExactText: [Key: Claim]] = [:]
        for (index, descriptor) in layout.enumerated() {
            let key = Key(
                family: ExactText(descriptor.family), isEscaped: descriptor.isEscaped,
                isPart: descriptor.isPart && descriptor.isForeign)
            claims[ExactText(descriptor.name), default: [:]][key, default: Claim(key: key)].indexes.append(index)
        }
        names = claims.values.filter { claims in
            Set(claims.keys.map(\.family)).count > 1 && claims.keys.contains(where: \.isPart)
        }.map { claims in claims.values.sorted { $0.indexes[0] < $1.indexes[0] } }
        names.sort { $0[0].indexes[0] < $1[0].indexes[0] }
    }
}

/// Histograms and summaries beside a family that is called as one of their parts could be: `x`, and a gauge `x_count`.
/// Readers written in Go take that name for a part, whoever has it, and refuse the whole text.
enum SplitMetrics {
    /// Indexes into `layout`.
    static func find(in layout: [MetricDescriptor]) -> Set<Int> {
        guard layout.contains(where: \.isPart) else { return [] }
        let families = Set(layout.map { ExactText($0.family) })
        return Set(
            layout.indices.filter { index in
                let endings =
                    switch layout[index].kind {
                    case .histogram: ["_bucket", "_count", "_sum"]
                    case .summary: ["_count", "_sum"]
                    case .counter, .gauge, .untyped: [] as [String]
                    }
                return endings.contains { families.contains(ExactText(layout[index].family + $0)) }
            })
    }
}

/// Histograms and summaries of which escaping has made one, of two or more: their parts do not belong together.
enum JoinedMetrics {
    /// Indexes into `layout`; `families` has the same descriptors with the names that stand in the files.
    static func find(in layout: [MetricDescriptor], of families: [MetricDescriptor]) -> Set<Int> {
        guard layout.contains(where: { $0.isPart && $0.isEscaped }) else { return [] }
        var originals: [SeriesKey: SeriesKey] = [:]
        return Set(
            layout.indices.filter { index in
                guard layout[index].isPart else { return false }
                let (name, original) = (key(layout[index]), key(families[index]))
                let first = originals[name] ?? original
                originals[name] = first
                return first != original
            })
    }

    private static func key(_ descriptor: MetricDescriptor) -> SeriesKey {
        let labels = descriptor.labelsOfWholeMetric.sorted { $0.precedes($1) }
        return SeriesKey(name: descriptor.family, labels: labels, values: [])
    }
}

extension MetricDescriptor {
    /// Whether Prometheus could take no series of it: escaping has made two of its labels one, or a reserved name.
    var isUnservable: Bool {
        guard isEscaped else { return false }
        return Set(labels).count < labels.count || labels.contains("__name__")
            || labels.isEmpty && reservedSeriesNames.contains(ExactText(name))
    }
}

extension Snapshot {
    /// `family` is that of the sample, perhaps with other names.
    func key(_ index: Int, of family: MetricDescriptor) -> SeriesKey {
        key(family.name, family.labels, labels(of: samples[index]))
    }

    /// What the parts of one histogram or summary have in common, and what says since when it counts.
    func keyOfWholeMetric(_ index: Int, of family: MetricDescriptor) -> SeriesKey {
        key("", family.labelsOfWholeMetric, labels(of: samples[index]).without(family.partLabel))
    }

    private func key(_ name: String, _ labels: [String], _ values: [String]) -> SeriesKey {
        let labels = zip(labels, values).filter { !$0.1.isEmpty }.sorted { $0.0.precedes($1.0) }
        return SeriesKey(name: name, labels: labels.map(\.0), values: labels.map(\.1))
    }
}
