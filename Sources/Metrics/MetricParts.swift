// Histograms and summaries out of files: each line is one part of one, and OpenMetrics wants them whole, together and
// in order: https://prometheus.io/docs/specs/om/open_metrics_spec/#histogram
//
// What is missing and follows from the rest is added. The text format has no rules for what is then still wrong, such
// as buckets that hold more than the count, but a reader of OpenMetrics refuses the whole answer for it: families with
// such samples are named here, and the encoder gives them no type there.

/// The samples of all files, with the parts of each histogram and summary together.
struct MetricParts {
    typealias Sample = MergedExpositions.Sample

    private(set) var samples: [Sample] = []
    /// Names of families whose samples OpenMetrics does not allow in a family of their kind.
    private(set) var odd: Set<ExactText> = []

    /// `descriptors` has those of the parts that are added.
    init(_ read: [Sample], _ descriptors: inout KeptDescriptors) {
        if read.contains(where: { $0.descriptor.isPart }) {
            gather(read, &descriptors)
        } else {
            samples = read
        }
        findOddCreated()
    }

    // MARK: Together and whole

    /// Where a sample belongs: where the first part of its metric stood, and there the buckets first, by their bounds.
    private struct Position: Comparable {
        let metric: Int
        let bound: Double?
        let index: Int

        static func < (one: Self, other: Self) -> Bool {
            if one.metric != other.metric { return one.metric < other.metric }
            switch (one.bound, other.bound) {
            case (let bound?, let other?) where bound != other: return bound < other
            case (.some, nil): return true
            case (nil, .some): return false
            default: return one.index < other.index
            }
        }
    }

    private mutating func gather(_ read: [Sample], _ descriptors: inout KeptDescriptors) {
        samples.reserveCapacity(read.count)
        var firsts: [SeriesKey: Int] = [:]
        var positions: [Position] = []
        positions.reserveCapacity(read.count)
        for (index, sample) in read.enumerated() {
            var metric = index
            if sample.descriptor.isPart {
                let key = sample.keyOfWholeMetric(named: sample.descriptor.family)
                metric = firsts[key] ?? index
                firsts[key] = metric
            }
            let isBucket = sample.descriptor.kind == .histogram
            positions.append(Position(metric: metric, bound: isBucket ? sample.bound : nil, index: index))
        }
        positions.sort()
        var start = 0
        while start < positions.count {
            var end = start + 1
            while end < positions.count, positions[end].metric == positions[start].metric { end += 1 }
            add(positions[start..<end].map { read[$0.index] }, &descriptors)
            start = end
        }
    }

    /// All samples of one metric.
    private mutating func add(_ parts: [Sample], _ descriptors: inout KeptDescriptors) {
        let descriptor = parts[0].descriptor
        switch descriptor.kind {
        case .histogram:
            let whole = Self.completed(parts, &descriptors)
            if !Self.isHistogram(whole) { odd.insert(ExactText(descriptor.family)) }
            samples += whole
        case .summary:
            if !parts.allSatisfy(Self.isOfSummary) { odd.insert(ExactText(descriptor.family)) }
            samples += parts
        case .counter, .gauge, .untyped:
            samples += parts
        }
    }

    /// A histogram has a bucket without a bound, which has as many as its count; a file that has one of the two has
    /// both.
    private static func completed(_ parts: [Sample], _ descriptors: inout KeptDescriptors) -> [Sample] {
        var whole = parts
        let bucketCount = parts.prefix { $0.descriptor.partLabel != nil }.count
        // There are many ways to write it, and one in OpenMetrics.
        for index in Set([0, bucketCount - 1]) where parts.indices.contains(index) {
            guard let label = parts[index].descriptor.partLabel, let bound = parts[index].bound, bound.isInfinite
            else { continue }
            whole[index].labels[label] = bound < 0 ? "-Inf" : "+Inf"
        }
        let last = bucketCount > 0 ? parts[bucketCount - 1] : nil
        let count = parts.first { $0.descriptor.isCount }
        if let count, last?.bound != .infinity {
            whole.insert(infiniteBucket(of: count, &descriptors), at: bucketCount)
        } else if count == nil, let last, last.bound == .infinity, parts.contains(where: { $0.descriptor.isSum }) {
            whole.append(countOf(last, &descriptors))
        }
        return whole
    }

    private static func infiniteBucket(of count: Sample, _ descriptors: inout KeptDescriptors) -> Sample {
        var labels = Array(zip(count.descriptor.labels, count.labels))
        labels.append(("le", "+Inf"))
        labels.sort { $0.0.precedes($1.0) }
        return part("_bucket", like: count, labels.map(\.0), labels.map(\.1), &descriptors)
    }

    private static func countOf(_ bucket: Sample, _ descriptors: inout KeptDescriptors) -> Sample {
        let place = bucket.descriptor.partLabel
        return part(
            "_count", like: bucket, bucket.descriptor.labels.without(place), bucket.labels.without(place),
            &descriptors)
    }

    private static func part(
        _ ending: String, like other: Sample, _ names: [String], _ values: [String],
        _ descriptors: inout KeptDescriptors
    ) -> Sample {
        let family = other.descriptor.family
        let key = DescriptorKey(
            name: family + ending, family: family, kind: .histogram, help: other.descriptor.help, labels: names)
        return Sample(
            descriptor: descriptors.descriptor(for: key), value: other.value, labels: values, place: other.place)
    }

    // MARK: What OpenMetrics does not allow

    /// `parts` are one histogram's, in order.
    private static func isHistogram(_ parts: [Sample]) -> Bool {
        let buckets = parts.prefix { $0.descriptor.partLabel != nil }
        guard let first = buckets.first?.bound, let last = buckets.last, last.bound == .infinity else { return false }
        var below = 0.0
        for bucket in buckets {
            guard bucket.value.isCount, bucket.value >= below else { return false }
            below = bucket.value
        }
        let (count, sum) = (parts.first { $0.descriptor.isCount }, parts.first { $0.descriptor.isSum })
        guard let count, let sum else { return count == nil && sum == nil }
        // The sum of what may be negative does not count upwards.
        return count.value == last.value && sum.value >= 0 && first >= 0
    }

    private static func isOfSummary(_ part: Sample) -> Bool {
        if part.descriptor.isCount { return part.value.isCount }
        if part.descriptor.isSum { return part.value >= 0 }
        guard let quantile = part.bound else { return false }
        return (0...1).contains(quantile) && !(part.value < 0)
    }

    /// `x_created` says since when `x` counts: it is a time, and there is such an `x`.
    private mutating func findOddCreated() {
        let created = samples.filter { $0.descriptor.createdBase != nil }
        guard !created.isEmpty else { return }
        var metrics: [ExactText: Set<SeriesKey>] = [:]
        for base in created.compactMap(\.descriptor.createdBase) { metrics[ExactText(base)] = [] }
        for sample in samples {
            guard let base = sample.descriptor.countingBase else { continue }
            metrics[ExactText(base)]?.insert(sample.keyOfWholeMetric(named: base))
        }
        for sample in created {
            // What only Vitals itself counts is not known here.
            guard let base = sample.descriptor.createdBase, let known = metrics[ExactText(base)] else { continue }
            let isThere = known.isEmpty || known.contains(sample.keyOfWholeMetric(named: base))
            if !isThere || !(sample.value >= 0) || sample.value.isInfinite {
                odd.insert(ExactText(sample.descriptor.family))
            }
        }
    }
}

extension MergedExpositions.Sample {
    /// What the parts of one histogram or summary have in common.
    fileprivate func keyOfWholeMetric(named name: String) -> SeriesKey {
        SeriesKey(name: name, labels: descriptor.labelsOfWholeMetric, values: labels.without(descriptor.partLabel))
    }

    /// The upper bound of a bucket or the rank of a quantile; nil for all others.
    fileprivate var bound: Double? { descriptor.partLabel.flatMap { number(ofText: labels[$0]) } }
}

extension MetricDescriptor {
    fileprivate var isCount: Bool { isPart && name.utf8.count == family.utf8.count + "_count".utf8.count }
    fileprivate var isSum: Bool { isPart && name.utf8.count == family.utf8.count + "_sum".utf8.count }
}

extension Double {
    /// A whole number of things.
    fileprivate var isCount: Bool { self >= 0 && isFinite && self == rounded(.towardZero) }
}
