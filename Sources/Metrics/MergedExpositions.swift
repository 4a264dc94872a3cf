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
        package internal(set) var labels: [String]
        let place: SampleOrigins.Place
    }

    package private(set) var samples: [Sample] = []
    /// For each file in the order in which they were given, with those of its text.
    package private(set) var problems: [ProblemLines<ExpositionProblem>] = []
    package private(set) var origins = SampleOrigins(files: [], places: [])
    private var descriptors = KeptDescriptors()
    /// One of each family that OpenMetrics does not allow as it is; rare.
    private var odd: [MetricDescriptor] = []

    package init() {}

    /// Takes the place of what was merged before.
    package mutating func merge(_ files: [(path: String, text: ExpositionText)], limit: Int = seriesLimit) {
        let types = DeclaredTypes(files.map(\.text))
        descriptors.begin()
        var served: Set<SeriesKey> = []
        var read: [Sample] = []
        problems = []
        for (number, file) in files.enumerated() {
            var problems = file.text.problems
            var known: [SeriesKey: NamedSeries] = [:]
            for series in file.text.series {
                let names = SeriesKey(name: series.name, labels: series.key.labels, values: [])
                let named = known[names] ?? types.named(series, in: file.text, file.path, &descriptors)
                known[names] = named
                if let problem = named.problem(with: series) {
                    problems.note(problem, line: series.line)
                } else if !served.insert(named.family.identity(of: series)).inserted {
                    problems.note(.duplicate, line: series.line)
                } else if read.count == limit {
                    problems.note(.tooManySeries, line: series.line)
                } else {
                    read.append(
                        Sample(
                            descriptor: named.descriptor, value: series.value, labels: series.key.values,
                            place: SampleOrigins.Place(file: number, line: series.line)))
                }
            }
            self.problems.append(problems)
        }
        let parts = MetricParts(read, &descriptors)
        descriptors.end()
        samples = parts.samples
        origins = SampleOrigins(files: files.map(\.path), places: samples.map(\.place))
        var oddFamilies: [ExactText: MetricDescriptor] = [:]
        if !parts.odd.isEmpty {
            for sample in samples where parts.odd.contains(ExactText(sample.descriptor.family)) {
                oddFamilies[ExactText(sample.descriptor.family)] = sample.descriptor
            }
        }
        odd = Array(oddFamilies.values)
    }

    /// Adds all samples, and where they come from. Nothing else from files may be in the snapshot.
    package func add(to snapshot: inout Snapshot) {
        var origins = origins
        origins.first = snapshot.samples.count
        for sample in samples { snapshot.add(sample.descriptor, sample.value, labels: sample.labels) }
        for descriptor in odd { snapshot.markOdd(descriptor) }
        snapshot.origins = origins
    }
}

/// Descriptors are kept from one merging to the next, so that a snapshot knows its families again.
struct KeptDescriptors: Sendable {
    private var old: [DescriptorKey: MetricDescriptor] = [:]
    private var used: [DescriptorKey: MetricDescriptor] = [:]

    mutating func begin() { (old, used) = (used, [:]) }
    /// What was not asked for since the beginning is forgotten.
    mutating func end() { old = [:] }

    mutating func descriptor(for key: DescriptorKey) -> MetricDescriptor {
        if let descriptor = used[key] { return descriptor }
        let descriptor = old[key] ?? key.made
        used[key] = descriptor
        return descriptor
    }
}

struct DescriptorKey: Hashable, Sendable {
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

    fileprivate var made: MetricDescriptor {
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

    fileprivate func problem(with series: ExpositionText.Series) -> ExpositionProblem? {
        // A part of a histogram or summary that does not say which part it is.
        if kind == .histogram, series.name.hasSameBytes(as: name) { return .syntax }
        guard let part = partLabel(of: series) else {
            // The count is of all buckets, and so is the sum.
            let label = kind == .histogram ? "le" : kind == .summary ? "quantile" : nil
            return label.map(series.key.labels.contains) == true ? .syntax : nil
        }
        guard let index = series.key.labels.firstIndex(of: part) else { return .syntax }
        return number(ofText: series.key.values[index]).map { !$0.isNaN } == true ? nil : .syntax
    }

    /// What makes it another series. A bound of `1` is one of `1.0`: Prometheus 3 writes both the same.
    fileprivate func identity(of series: ExpositionText.Series) -> SeriesKey {
        guard let part = partLabel(of: series), let index = series.key.labels.firstIndex(of: part),
            let bound = number(ofText: series.key.values[index])
        else { return series.key }
        var values = series.key.values
        // There is one zero.
        values[index] = bound == 0 ? "0" : "\(bound)"
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

/// What all series of a file with the same name and names of labels have in common.
private struct NamedSeries {
    let family: Family
    let declared: MetricKind?
    let descriptor: MetricDescriptor

    func problem(with series: ExpositionText.Series) -> ExpositionProblem? {
        if series.key.labels.isEmpty, reservedSeriesNames.contains(ExactText(series.name)) { return .reservedName }
        if let declared, declared != family.kind { return .typeConflict }
        return family.problem(with: series)
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

    func named(
        _ series: ExpositionText.Series, in text: ExpositionText, _ path: String, _ descriptors: inout KeptDescriptors
    ) -> NamedSeries {
        let family = family(of: series)
        let key = DescriptorKey(
            name: series.name, family: family.name, kind: family.kind,
            help: helps[ExactText(family.declaredName)] ?? "Read from \(path).", labels: series.key.labels)
        return NamedSeries(
            family: family, declared: text.declarations[ExactText(family.name)]?.kind,
            descriptor: descriptors.descriptor(for: key))
    }

    private func family(of series: ExpositionText.Series) -> Family {
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
