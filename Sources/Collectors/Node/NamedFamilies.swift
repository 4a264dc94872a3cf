// Metrics that are named after the kernel's fields, where several files have the same fields: one for each pool, data
// set or file system. For a file that is alone there is FieldFamilies.

internal import Metrics
internal import Procfs

/// The descriptors, each made once: two of one name in an answer would break it.
final class NamedFamilies {
    /// More names than any kernel has; later ones are not served, which bounds what is kept.
    private static let nameLimit = 2_000

    private let taken: Set<String>
    private let make: (String) -> MetricDescriptor
    /// nil for what is not served.
    private var known: [String: MetricDescriptor?] = [:]

    /// `make` gets a part of a metric name. What it would name like one of `fixed` is not served.
    init(besides fixed: [MetricDescriptor], _ make: @escaping (_ name: String) -> MetricDescriptor) {
        taken = Set(fixed.map(\.name))
        self.make = make
    }

    func descriptor(_ field: String) -> MetricDescriptor? {
        let name = metricNamePart(field)
        if let descriptor = known[name] { return descriptor }
        guard known.count < Self.nameLimit, !name.isEmpty else { return nil }
        let made = make(name)
        let descriptor = taken.contains(made.name) ? nil : made
        known[name] = .some(descriptor)
        return descriptor
    }
}

/// What the fields of such files are served as. The next file most often has the fields of the last: finding the
/// descriptors is a comparison then.
struct LabelledFields {
    private let families: NamedFamilies
    private var layout: [UInt8]?
    /// For each field of the file, nil for what is not served.
    private var descriptors: [MetricDescriptor?] = []

    init(_ families: NamedFamilies) { self.families = families }

    mutating func add(_ list: FieldList, labels: [String], to snapshot: inout Snapshot) {
        if let layout, list.hasLayout(layout) {} else { learn(list) }
        for (field, descriptor) in zip(list.fields, descriptors) {
            if let descriptor { snapshot.add(descriptor, field.value, labels: labels) }
        }
    }

    private mutating func learn(_ list: FieldList) {
        var seen: Set<String> = []
        descriptors = list.fields.map { field in
            guard let descriptor = families.descriptor(list.name(of: field)) else { return nil }
            // Of two fields that make one metric, the first is served.
            return seen.insert(descriptor.name).inserted ? descriptor : nil
        }
        layout = list.layout
    }
}
