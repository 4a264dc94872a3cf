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
                let own = file.text.declarations[family.name]?.kind
                if let problem = family.problem(with: series, declared: own) {
                    problems.note(problem, line: series.line)
                } else if !served.insert(series.key).inserted {
                    problems.note(.duplicate, line: series.line)
                } else if samples.count == limit {
                    problems.note(.tooManySeries, line: series.line)
                } else {
                    let key = DescriptorKey(
                        name: series.name, family: family.name, kind: family.kind,
                        help: types.helps[family.declaredName] ?? "Read from \(file.path).",
                        labels: series.key.labels)
                    let descriptor = known[key] ?? descriptors[key] ?? key.made
                    known[key] = descriptor
                    samples.append(Sample(descriptor: descriptor, value: series.value, labels: series.key.values))
                    places.append(SampleOrigins.Place(file: number, line: series.line))
                }
            }
            self.problems.append(problems)
        }
        descriptors = known
        gatherParts(&places)
        origins = SampleOrigins(files: files.map(\.path), places: places)
    }

    /// Brings together the parts of one histogram or summary, which a file may have apart: OpenMetrics wants that.
    private mutating func gatherParts(_ places: inout [SampleOrigins.Place]) {
        guard samples.contains(where: { $0.descriptor.isPart }) else { return }
        var firsts: [SeriesKey: Int] = [:]
        let ranks = samples.enumerated().map { index, sample in
            guard sample.descriptor.isPart else { return index }
            let labels = zip(sample.descriptor.labels, sample.labels).filter { $0.0 != "le" && $0.0 != "quantile" }
            let key = SeriesKey(
                name: sample.descriptor.family, labels: labels.map(\.0), values: labels.map(\.1))
            if let first = firsts[key] { return first }
            firsts[key] = index
            return index
        }
        let order = ranks.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
        let (unordered, unorderedPlaces) = (samples, places)
        samples = order.map { unordered[$0] }
        places = order.map { unorderedPlaces[$0] }
    }

    /// Adds all samples, and where they come from. Nothing else from files may be in the snapshot.
    package func add(to snapshot: inout Snapshot) {
        var origins = origins
        origins.first = snapshot.samples.count
        for sample in samples { snapshot.add(sample.descriptor, sample.value, labels: sample.labels) }
        snapshot.origins = origins
    }
}

private struct DescriptorKey: Hashable {
    let name: String
    let family: String
    let kind: MetricKind
    let help: String
    let labels: [String]

    var made: MetricDescriptor {
        MetricDescriptor(name, kind, labels: labels, help: help, family: family, isForeign: true)
    }
}

/// The family of one series.
private struct Family {
    let name: String
    let kind: MetricKind
    /// Where the help stands: another name only for a counter of OpenMetrics.
    let declaredName: String

    /// What Prometheus adds to each scrape: https://prometheus.io/docs/concepts/jobs_instances/
    private static let reservedNames: Set<String> = [
        "up", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped",
        "scrape_series_added", "scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes",
    ]

    func problem(with series: ExpositionText.Series, declared: MetricKind?) -> ExpositionProblem? {
        if series.key.labels.isEmpty, Self.reservedNames.contains(series.name) { return .reservedName }
        if let declared, declared != kind { return .typeConflict }
        // A part of a histogram or summary that does not say which part it is.
        let part: String
        switch kind {
        case .histogram where series.name == name: return .syntax
        case .histogram where series.name.hasSuffix("_bucket"): part = "le"
        case .summary where series.name == name: part = "quantile"
        default: return nil
        }
        guard let index = series.key.labels.firstIndex(of: part) else { return .syntax }
        let value = series.key.values[index]
        return value == "+Inf" || Double(value) != nil ? nil : .syntax
    }
}

/// What the TYPE and HELP lines of all files say, the first first.
private struct DeclaredTypes {
    private var kinds: [String: MetricKind] = [:]
    private(set) var helps: [String: String] = [:]

    init(_ texts: [ExpositionText]) {
        for text in texts {
            for (name, declaration) in text.declarations {
                if let kind = declaration.kind, kinds[name] == nil { kinds[name] = kind }
                if let help = declaration.help, helps[name] == nil { helps[name] = help }
            }
        }
    }

    func family(of series: ExpositionText.Series) -> Family {
        let name = series.name
        if let kind = kinds[name] { return Family(name: name, kind: kind, declaredName: name) }
        for suffix in ["_bucket", "_sum", "_count", "_total"] where name.hasSuffix(suffix) {
            let base = String(name.dropLast(suffix.utf8.count))
            switch kinds[base] {
            case .histogram where suffix != "_total", .summary where suffix == "_sum" || suffix == "_count":
                return Family(name: base, kind: kinds[base] ?? .untyped, declaredName: base)
            // OpenMetrics names the family of x_total x.
            case .counter where suffix == "_total": return Family(name: name, kind: .counter, declaredName: base)
            default: break
            }
        }
        return Family(name: name, kind: .untyped, declaredName: name)
    }
}
