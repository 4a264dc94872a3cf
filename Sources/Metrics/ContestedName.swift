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

    /// Without what tells the parts of one histogram or summary from each other.
    var ofWholeMetric: SeriesKey {
        let kept = labels.indices.filter { labels[$0] != "le" && labels[$0] != "quantile" }
        return SeriesKey(name: "", labels: kept.map { labels[$0] }, values: kept.map { values[$0] })
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
    /// What gives way, by its index into the layout, and the descriptors of other families that have its name.
    private(set) var others: [Int: [Int]] = [:]

    init(_ layout: [MetricDescriptor]) {
        let parts = layout.indices.filter { layout[$0].isPart && layout[$0].isForeign }
        guard !parts.isEmpty else { return }
        var named: [ExactText: [Int]] = [:]
        for index in layout.indices { named[ExactText(layout[index].name), default: []].append(index) }
        for part in parts {
            let family = layout[part].family
            for other in named[ExactText(layout[part].name), default: []]
            where !layout[other].family.hasSameBytes(as: family) {
                // A part gives way, but to what has the name by its escaping alone.
                let (last, first) = layout[other].isEscaped && !layout[part].isEscaped ? (other, part) : (part, other)
                others[last, default: []].append(first)
            }
        }
    }
}

extension MetricDescriptor {
    /// Whether Prometheus could take no series of it: escaping has made two of its labels one, or a reserved name.
    var isUnservable: Bool {
        guard isEscaped else { return false }
        return Set(labels).count < labels.count
            || labels.isEmpty && reservedSeriesNames.contains(ExactText(name))
    }
}

extension Snapshot {
    /// `family` is that of the sample, perhaps with other names.
    func key(_ index: Int, of family: MetricDescriptor) -> SeriesKey {
        let sample = samples[index]
        let labels = zip(family.labels, labels(of: sample)).filter { !$0.1.isEmpty }.sorted { $0.0.precedes($1.0) }
        return SeriesKey(name: family.name, labels: labels.map(\.0), values: labels.map(\.1))
    }
}
