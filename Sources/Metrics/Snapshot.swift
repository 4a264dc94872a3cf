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
        fileprivate let firstLabel: Int
    }

    package private(set) var families: [MetricDescriptor] = []
    package private(set) var samples: [Sample] = []
    /// All label values, one after another, in UTF-8.
    private var labelBytes: [UInt8] = []
    private var labelEnds: [Int] = []
    private var familyIndexes: [ObjectIdentifier: Int] = [:]

    package init() {}

    /// Empties it, and keeps the memory. Families stay known: the next reading is likely to have the same.
    package mutating func removeAll() {
        samples.removeAll(keepingCapacity: true)
        labelBytes.removeAll(keepingCapacity: true)
        labelEnds.removeAll(keepingCapacity: true)
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
        samples.append(Sample(family: index(of: descriptor), value: value, firstLabel: labelEnds.count))
    }

    private mutating func add(label: String) {
        labelBytes.append(contentsOf: label.utf8)
        labelEnds.append(labelBytes.count)
    }

    private mutating func index(of descriptor: MetricDescriptor) -> Int {
        // Collectors add the samples of one family one after another, or a few families in turn.
        if let last = samples.last?.family, families[last] === descriptor { return last }
        if let index = familyIndexes[ObjectIdentifier(descriptor)] { return index }
        families.append(descriptor)
        familyIndexes[ObjectIdentifier(descriptor)] = families.count - 1
        return families.count - 1
    }

    /// Calls `body` with the bytes of each label value of `sample`, in the order of the descriptor's labels.
    package func forEachLabel(of sample: Sample, _ body: (_ index: Int, _ value: ArraySlice<UInt8>) -> Void) {
        var start = sample.firstLabel == 0 ? 0 : labelEnds[sample.firstLabel - 1]
        for index in 0..<families[sample.family].labels.count {
            let end = labelEnds[sample.firstLabel + index]
            body(index, labelBytes[start..<end])
            start = end
        }
    }

    /// The label values as text: for tests and rare paths.
    package func labels(of sample: Sample) -> [String] {
        var texts: [String] = []
        forEachLabel(of: sample) { _, value in texts.append(String(decoding: value, as: UTF8.self)) }
        return texts
    }
}
