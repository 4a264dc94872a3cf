// Metrics that are named after the kernel's fields, where several files have the same fields: one for each pool, data
// set or file system. For a file that is alone there is FieldFamilies.

internal import Metrics
internal import Procfs

/// The descriptors, each made once: two of one name in an answer would break it.
final class NamedFamilies {
    /// More names than any kernel has; later ones are not served, which bounds what is kept.
    private static let nameLimit = 2_000

    private let make: (String) -> MetricDescriptor
    private var known: [String: MetricDescriptor] = [:]

    init(_ make: @escaping (_ name: String) -> MetricDescriptor) { self.make = make }

    func descriptor(_ name: String) -> MetricDescriptor? {
        if let descriptor = known[name] { return descriptor }
        guard known.count < Self.nameLimit else { return nil }
        let descriptor = make(name)
        known[name] = descriptor
        return descriptor
    }
}

/// What the fields of such files are served as; `make` gets parts of metric names. The next file most often has the
/// fields of the last: finding the descriptors is a comparison then.
struct LabelledFields {
    private let families: NamedFamilies
    private var layout: [UInt8]?
    /// For each field of the file, nil for what is not served.
    private var descriptors: [MetricDescriptor?] = []

    init(_ make: @escaping (_ name: String) -> MetricDescriptor) { families = NamedFamilies(make) }

    mutating func add(_ list: FieldList, labels: [String], to snapshot: inout Snapshot) {
        if let layout, list.hasLayout(layout) {} else { learn(list) }
        for (field, descriptor) in zip(list.fields, descriptors) {
            if let descriptor { snapshot.add(descriptor, field.value, labels: labels) }
        }
    }

    private mutating func learn(_ list: FieldList) {
        var seen: Set<String> = []
        descriptors = list.fields.map { field in
            let name = metricNamePart(list.name(of: field))
            // Of two names that make one metric, the first is served.
            return !name.isEmpty && seen.insert(name).inserted ? families.descriptor(name) : nil
        }
        layout = list.layout
    }
}
