// Samples on their way from a collector to an encoder.

internal import Bytes

/// What was read at one moment. Kept between scrapes for its capacity: in steady state, adding a sample allocates
/// nothing.
package struct Snapshot: Sendable {
    package struct Sample: Sendable {
        /// Index into `families`.
        package let family: Int
        package let value: Double
        /// Index of the end of its first label value in `labelEnds`; the others follow.
        let firstLabel: Int
    }

    /// Families that are known and have no samples.
    private static let forgottenFamilyLimit = 256

    package private(set) var families: [MetricDescriptor] = []
    package private(set) var samples: [Sample] = []
    /// The reading before, which this one is likely to go through in the same order.
    private var samplesBefore: [Sample] = []
    /// All label values, one after another, in UTF-8.
    private(set) var labelBytes: [UInt8] = []
    /// Some label value has a byte that the text format escapes, which is rare: looked for once, not in each encoder.
    private(set) var needsEscapes = false
    /// Families with a label value that has a U+FFFD, which may stand for other bytes in each: two of their samples can
    /// be one series.
    private(set) var familiesToCompare: Set<Int> = []
    /// Families with a value, or values that do not fit each other, which their kind cannot have in OpenMetrics: a
    /// counter below 0, a histogram whose buckets have more than its count. The text format takes them.
    private(set) var oddFamilies: Set<Int> = []
    private(set) var labelEnds: [Int] = []
    /// When the counters in this snapshot were 0, in seconds since 1970; nil when that is not known, or differs.
    package var countersBeginUnixSeconds: Double?
    private var familyIndexes: [ObjectIdentifier: Int] = [:]
    /// For samples that were read from files: where they stand there.
    package var origins: SampleOrigins?

    package init() {}

    /// Empties it, and keeps the memory. Families stay known: the next reading is likely to have the same.
    package mutating func removeAll() {
        // A family has a sample at least: most of these were not in the last reading. A host whose names come and go
        // must not make this grow for ever.
        if families.count > Self.forgottenFamilyLimit + 2 * samples.count {
            families = []
            familyIndexes = [:]
        }
        swap(&samples, &samplesBefore)
        samples.removeAll(keepingCapacity: true)
        labelBytes.removeAll(keepingCapacity: true)
        labelEnds.removeAll(keepingCapacity: true)
        needsEscapes = false
        familiesToCompare.removeAll()
        oddFamilies.removeAll()
        origins = nil
    }

    package mutating func add(_ descriptor: MetricDescriptor, _ value: Double) {
        add(descriptor, value, labelCount: 0)
    }

    package mutating func add(_ descriptor: MetricDescriptor, _ value: Double, _ label: String) {
        add(descriptor, value, labelCount: 1)
        add(label: label)
    }

    package mutating func add(_ descriptor: MetricDescriptor, _ value: Double, _ label0: String, _ label1: String) {
        add(descriptor, value, labelCount: 2)
        add(label: label0)
        add(label: label1)
    }

    package mutating func add(_ descriptor: MetricDescriptor, _ value: Double, labels: [String]) {
        add(descriptor, value, labelCount: labels.count)
        for label in labels { add(label: label) }
    }

    private mutating func add(_ descriptor: MetricDescriptor, _ value: Double, labelCount: Int) {
        if labelCount != descriptor.labels.count {
            bug("\(descriptor.name) takes the labels \(descriptor.labels), was given \(labelCount)")
        }
        let family = index(of: descriptor)
        samples.append(Sample(family: family, value: value, firstLabel: labelEnds.count))
        // No number is not less than 0 either.
        if !(value >= 0), descriptor.kind == .counter { oddFamilies.insert(family) }
    }

    /// Says that the samples of a family do not fit each other. Nothing happens when it has none.
    mutating func markOdd(_ descriptor: MetricDescriptor) {
        if let family = familyIndexes[ObjectIdentifier(descriptor)] { oddFamilies.insert(family) }
    }

    private mutating func add(label: String) {
        let start = labelBytes.count
        labelBytes.append(contentsOf: label.utf8)
        for index in start..<labelBytes.count {
            let byte = labelBytes[index]
            // Nearly all are.
            if byte > UInt8(ascii: "\""), byte < 0xEF, byte != UInt8(ascii: "\\") { continue }
            if byte.isEscaped { needsEscapes = true }
            if byte == 0 || byte == 0xEF { lookForReplacements(from: index) }
        }
        labelEnds.append(labelBytes.count)
    }

    /// Rare. Prometheus takes a NUL for the end of the whole exposition: it becomes a space.
    private mutating func lookForReplacements(from index: Int) {
        let isNUL = labelBytes[index] == 0
        guard isNUL || labelBytes[index...].starts(with: [0xEF, 0xBF, 0xBD]), let family = samples.last?.family
        else { return }
        if isNUL { labelBytes[index] = UInt8(ascii: " ") }
        familiesToCompare.insert(family)
    }

    private mutating func index(of descriptor: MetricDescriptor) -> Int {
        // Collectors add the samples of one family one after another, or a few families in turn.
        if let last = samples.last?.family, families[last] === descriptor { return last }
        if samples.count < samplesBefore.count {
            let before = samplesBefore[samples.count].family
            if before < families.count, families[before] === descriptor { return before }
        }
        if let index = familyIndexes[ObjectIdentifier(descriptor)] { return index }
        families.append(descriptor)
        familyIndexes[ObjectIdentifier(descriptor)] = families.count - 1
        return families.count - 1
    }

    /// Of the label values of a sample, each with its end.
    func labelChecksum(ofSample index: Int) -> UInt64 {
        let sample = samples[index]
        var checksum = Fingerprint()
        for label in families[sample.family].labels.indices {
            checksum.add(labelBytes[labelRange(sample.firstLabel + label)])
            checksum.add(0xFF)
        }
        return checksum.value
    }

    /// Where in `labelBytes` one label value is.
    func labelRange(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : labelEnds[index - 1])..<labelEnds[index]
    }

    /// Gives the one sample of a family without labels another value. Nothing happens when it has none.
    package mutating func replace(_ descriptor: MetricDescriptor, _ value: Double) {
        guard let family = familyIndexes[ObjectIdentifier(descriptor)],
            let index = samples.firstIndex(where: { $0.family == family })
        else { return }
        samples[index] = Sample(family: family, value: value, firstLabel: samples[index].firstLabel)
    }

    /// The label values as text: for tests and rare paths.
    package func labels(of sample: Sample) -> [String] {
        families[sample.family].labels.indices.map { index in
            String(decoding: labelBytes[labelRange(sample.firstLabel + index)], as: UTF8.self)
        }
    }
}

/// Which file and line each sample of a snapshot was read from, beginning with the sample `first`.
package struct SampleOrigins: Sendable {
    package struct Place: Sendable, Equatable {
        /// Index into `files`.
        package var file: Int
        package var line: Int

        package init(file: Int, line: Int) {
            self.file = file
            self.line = line
        }
    }

    package let files: [String]
    package let places: [Place]
    package var first = 0

    package init(files: [String], places: [Place]) {
        self.files = files
        self.places = places
    }

    package func place(ofSample index: Int) -> Place? {
        places.indices.contains(index - first) ? places[index - first] : nil
    }
}

extension UInt8 {
    /// The text format writes it as two bytes when it stands in a label value.
    fileprivate var isEscaped: Bool {
        self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\") || self == UInt8(ascii: "\n")
    }
}
