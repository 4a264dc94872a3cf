// Names under which several descriptors stand that may contradict each other: another kind, or the same series twice. A
// file that somebody else wrote can have any name, and Prometheus refuses a whole scrape for less.

/// A sample that the exposition cannot have.
package struct Refusal: Sendable, Equatable {
    package enum Reason: Sendable {
        /// Its family is served as another kind of metric.
        case otherKind
        /// The same series has a value already.
        case servedAlready
    }

    package let snapshot: Int
    /// Index into the samples of that snapshot.
    package let sample: Int
    package let reason: Reason
}

/// A part of the sorted groups, all of one name.
struct ContestedName {
    let groups: Range<Int>
    /// Some are Vitals' own and some were read from files: both may have the same series.
    let hasForeign: Bool

    /// Those that need a look in each scrape. Found once for a layout; nearly always none.
    static func find(in sorted: [MetricDescriptor], ranks: [Int]) -> [ContestedName] {
        var contested: [ContestedName] = []
        var start = 0
        while start < sorted.count {
            let end = ranks[start...].firstIndex { $0 != ranks[start] } ?? ranks.count
            let named = sorted[start..<end]
            let hasForeign = named.contains(where: \.isForeign) && !named.allSatisfy(\.isForeign)
            if hasForeign || named.contains(where: { $0.kind != sorted[start].kind }) {
                contested.append(ContestedName(groups: start..<end, hasForeign: hasForeign))
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
}

extension Snapshot {
    func key(_ index: Int) -> SeriesKey {
        let sample = samples[index]
        let family = families[sample.family]
        let labels = zip(family.labels, labels(of: sample)).filter { !$0.1.isEmpty }.sorted { $0.0 < $1.0 }
        return SeriesKey(name: family.name, labels: labels.map(\.0), values: labels.map(\.1))
    }
}
