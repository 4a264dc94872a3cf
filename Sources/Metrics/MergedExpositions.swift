// Several files of metrics as one: which family each series belongs to, and what contradicts what came before.
//
// The first file wins, in the order in which they are given. One that does not say a type takes the type that another
// says; one that says another type than a file before it has the family left out.

/// The series of all files, in the form in which a snapshot takes them.
package struct MergedExpositions: Sendable {
    /// All files together, which then cost some 70 MB.
    package static let seriesLimit = 100_000

    package struct Sample: Sendable {
        package let descriptor: MetricDescriptor
        package let value: Double
        package let labels: [String]
    }

    package private(set) var samples: [Sample] = []
    /// For each file in the order in which they were given, with those of its text.
    package private(set) var problems: [ProblemLines<ExpositionProblem>] = []
    package private(set) var origins = SampleOrigins(files: [], places: [])
    /// Kept from one merging to the next, so that a snapshot knows its families again.
    private var descriptors: [DescriptorKey: MetricDescriptor] = [:]

    package init() {}

    /// Takes the place of what was merged before.
    package mutating func merge(_ files: [(path: String, text: ExpositionText)], limit: Int = seriesLimit) {
        let types = DeclaredTypes(files.map(\.text))
        var known: [DescriptorKey: MetricDescriptor] = [:]
        var served: Set<SeriesKey> = []
        var places: [SampleOrigins.Place] = []
        samples.removeAll(keepingCapacity: true)
        problems = []
        for (number, file) in files.enumerated() {
            var problems = file.text.problems
            for series in file.text.series {
                let family = types.family(of: series)
                let own = file.text.declarations[ExactText(family.name)]?.kind
                if let problem = family.problem(with: series, declared: own) {
                    problems.note(problem, line: series.line)
                } else if !served.insert(family.identity(of: series)).inserted {
                    problems.note(.duplicate, line: series.line)
                } else if samples.count == limit {
                    problems.note(.tooManySeries, line: series.line)
                } else {
                    let key = DescriptorKey(
                        name: series.name, family: family.name, kind: family.kind,
                        help: types.helps[ExactText(family.declaredName)] ?? "Read from \(file.path).",
                        labels: series.key.labels)
                    let descriptor = known[key] ?? descriptors[key] ?? key.made
                    known[key] = descriptor
                    samples.append(Sample(descriptor: descriptor, value: series.value, labels: series.key.values))
                    places.append(SampleOrigins.Place(file: number, line: series.line))
                }
            }
            self.problems.append(problems)
        }
        gatherParts(&places)
        // These find their descriptors among the old ones too; what is not used any more goes.
        descriptors.merge(known) { _, new in new }
        completeHistograms(&places)
        let used = Set(samples.map { ObjectIdentifier($0.descriptor) })
        descriptors = descriptors.filter { used.contains(ObjectIdentifier($0.value)) }
        origins = SampleOrigins(files: files.map(\.path), places: places)
    }

    /// Brings together the parts of one histogram or summary, which a file may have apart, and its buckets into the
    /// order of their bounds: OpenMetrics wants that.
    private mutating func gatherParts(_ places: inout [SampleOrigins.Place]) {
        guard samples.contains(where: { $0.descriptor.isPart }) else { return }
        var firsts: [SeriesKey: Int] = [:]
        let ranks = samples.enumerated().map { index, sample in
            guard sample.descriptor.isPart else { return index }
            let key = sample.metricKey
            if let first = firsts[key] { return first }
            firsts[key] = index
            return index
        }
        // What is no bucket comes after the buckets.
        let bounds = samples.map { $0.bucketBound ?? .infinity }
        let isBucket = samples.map { $0.bucketBound != nil }
        let order = ranks.indices.sorted { one, other in
            if ranks[one] != ranks[other] { return ranks[one] < ranks[other] }
            if isBucket[one] != isBucket[other] { return isBucket[one] }
            return (bounds[one], one) < (bounds[other], other)
        }
        let (unordered, unorderedPlaces) = (samples, places)
        samples = order.map { unordered[$0] }
        places = order.map { unorderedPlaces[$0] }
    }

    /// A histogram has a bucket without a bound, which has as many as its count; a file that has one of the two has
    /// both. Its buckets stand together, before the rest.
    private mutating func completeHistograms(_ places: inout [SampleOrigins.Place]) {
        guard samples.contains(where: { $0.descriptor.kind == .histogram }) else { return }
        var complete: [Sample] = []
        var completePlaces: [SampleOrigins.Place] = []
        var start = 0
        while start < samples.count {
            let key = samples[start].metricKey
            let isHistogram = samples[start].descriptor.kind == .histogram
            let end =
                isHistogram
                ? samples[start...].firstIndex { $0.descriptor.kind != .histogram || $0.metricKey != key } : start + 1
            let parts = Array(samples[start..<(end ?? samples.count)])
            var partPlaces = Array(places[start..<(end ?? samples.count)])
            start += parts.count
            complete += parts
            guard isHistogram else { completePlaces += partPlaces; continue }
            let buckets = parts.prefix { $0.bucketBound != nil }
            let count = parts.firstIndex { $0.isPart("_count") }
            if let count, buckets.last?.bucketBound != .infinity {
                complete.insert(infiniteBucket(of: parts[count]), at: complete.count - parts.count + buckets.count)
                partPlaces.insert(partPlaces[count], at: buckets.count)
            } else if count == nil, let last = buckets.last, last.bucketBound == .infinity,
                parts.contains(where: { $0.isPart("_sum") })
            {
                complete.append(countOf(last))
                partPlaces.append(partPlaces[buckets.count - 1])
            }
            completePlaces += partPlaces
        }
        samples = complete
        places = completePlaces
    }

    private mutating func infiniteBucket(of count: Sample) -> Sample {
        var labels = Array(zip(count.descriptor.labels, count.labels))
        labels.append(("le", "+Inf"))
        labels.sort { $0.0.precedes($1.0) }
        return part("_bucket", of: count.descriptor, labels.map(\.0), labels.map(\.1), count.value)
    }

    private mutating func countOf(_ bucket: Sample) -> Sample {
        let labels = zip(bucket.descriptor.labels, bucket.labels).filter { $0.0 != "le" }
        return part("_count", of: bucket.descriptor, labels.map(\.0), labels.map(\.1), bucket.value)
    }

    private mutating func part(
        _ ending: String, of other: MetricDescriptor, _ names: [String], _ values: [String], _ value: Double
    ) -> Sample {
        let key = DescriptorKey(
            name: other.family + ending, family: other.family, kind: .histogram, help: other.help, labels: names)
        let descriptor = descriptors[key] ?? key.made
        descriptors[key] = descriptor
        return Sample(descriptor: descriptor, value: value, labels: values)
    }

    /// Adds all samples, and where they come from. Nothing else from files may be in the snapshot.
    package func add(to snapshot: inout Snapshot) {
        var origins = origins
        origins.first = snapshot.samples.count
        for sample in samples { snapshot.add(sample.descriptor, sample.value, labels: sample.labels) }
        snapshot.origins = origins
    }
}

extension MergedExpositions.Sample {
    /// What the parts of one histogram or summary have in common.
    fileprivate var metricKey: SeriesKey {
        let key = SeriesKey(name: "", labels: descriptor.labels, values: labels).ofWholeMetric
        return SeriesKey(name: descriptor.family, labels: key.labels, values: key.values)
    }

    fileprivate func isPart(_ ending: String) -> Bool { descriptor.name.hasSameBytes(as: descriptor.family + ending) }

    /// nil for what is no bucket of a histogram.
    fileprivate var bucketBound: Double? {
        guard descriptor.kind == .histogram, isPart("_bucket"), let index = descriptor.labels.firstIndex(of: "le")
        else { return nil }
        return number(ofText: labels[index])
    }
}

private struct DescriptorKey: Hashable {
    let name: ExactText
    let family: ExactText
    let kind: MetricKind
    let help: ExactText
    let labels: [ExactText]

    init(name: String, family: String, kind: MetricKind, help: String, labels: [String]) {
        self.name = ExactText(name)
        self.family = ExactText(family)
        self.kind = kind
        self.help = ExactText(help)
        self.labels = labels.map { ExactText($0) }
    }

    var made: MetricDescriptor {
        MetricDescriptor(
            name.text, kind, labels: labels.map(\.text), help: help.text, family: family.text, isForeign: true)
    }
}

/// The family of one series.
private struct Family {
    let name: String
    let kind: MetricKind
    /// Where the help stands: another name only for a counter of OpenMetrics.
    let declaredName: String

    func problem(with series: ExpositionText.Series, declared: MetricKind?) -> ExpositionProblem? {
        if series.key.labels.isEmpty, reservedSeriesNames.contains(ExactText(series.name)) { return .reservedName }
        if let declared, declared != kind { return .typeConflict }
        // A part of a histogram or summary that does not say which part it is.
        if kind == .histogram, series.name.hasSameBytes(as: name) { return .syntax }
        guard let part = partLabel(of: series) else { return nil }
        guard let index = series.key.labels.firstIndex(of: part) else { return .syntax }
        return number(ofText: series.key.values[index]).map { !$0.isNaN } == true ? nil : .syntax
    }

    /// What makes it another series. A bound of `1` is one of `1.0`: Prometheus 3 writes both the same.
    func identity(of series: ExpositionText.Series) -> SeriesKey {
        guard let part = partLabel(of: series), let index = series.key.labels.firstIndex(of: part),
            let bound = number(ofText: series.key.values[index])
        else { return series.key }
        var values = series.key.values
        values[index] = "\(bound)"
        return SeriesKey(name: series.key.name, labels: series.key.labels, values: values)
    }

    /// The label that tells buckets or quantiles apart.
    private func partLabel(of series: ExpositionText.Series) -> String? {
        switch kind {
        case .histogram where series.name.hasSameBytes(as: name + "_bucket"): "le"
        case .summary where series.name.hasSameBytes(as: name): "quantile"
        case .counter, .gauge, .untyped, .histogram, .summary: nil
        }
    }
}

/// What the TYPE and HELP lines of all files say, the first first.
private struct DeclaredTypes {
    private var kinds: [ExactText: MetricKind] = [:]
    private(set) var helps: [ExactText: String] = [:]
    /// Names that are gauges since a type of OpenMetrics says so of another, which has the help.
    private var gauges: [ExactText: String] = [:]

    init(_ texts: [ExpositionText]) {
        for text in texts {
            for (name, declaration) in text.declarations {
                if let kind = declaration.kind, kinds[name] == nil { kinds[name] = kind }
                if let help = declaration.help, helps[name] == nil { helps[name] = help }
                for ending in declaration.gaugeEndings { gauges[ExactText(name.text + ending)] = name.text }
            }
        }
    }

    func family(of series: ExpositionText.Series) -> Family {
        let name = series.name
        if let kind = kinds[ExactText(name)] { return Family(name: name, kind: kind, declaredName: name) }
        if let declared = gauges[ExactText(name)] {
            return Family(name: name, kind: .gauge, declaredName: declared)
        }
        for suffix in ["_bucket", "_sum", "_count", "_total"] {
            guard let base = name.without(ending: suffix) else { continue }
            switch kinds[ExactText(base)] {
            case .histogram where suffix != "_total":
                return Family(name: base, kind: .histogram, declaredName: base)
            case .summary where suffix == "_sum" || suffix == "_count":
                return Family(name: base, kind: .summary, declaredName: base)
            // OpenMetrics names the family of x_total x.
            case .counter where suffix == "_total": return Family(name: name, kind: .counter, declaredName: base)
            default: break
            }
        }
        return Family(name: name, kind: .untyped, declaredName: name)
    }
}
