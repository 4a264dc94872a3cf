// What a device is, as labels of a metric that is always 1.

internal import Metrics

/// A family whose samples have only the labels that are known of their devices, as node_exporter writes them.
struct InfoFamily {
    let descriptor: MetricDescriptor
    /// By which labels there are: a bit for each.
    private var known: [UInt32: MetricDescriptor] = [:]

    init(_ descriptor: MetricDescriptor) { self.descriptor = descriptor }

    /// A value for each label, nil for what is not known.
    mutating func add(_ values: [String?], to snapshot: inout Snapshot) {
        var present: UInt32 = 0
        for (index, value) in values.enumerated() where value != nil { present |= 1 << UInt32(index) }
        snapshot.add(family(present), 1, labels: values.compactMap { $0 })
    }

    private mutating func family(_ present: UInt32) -> MetricDescriptor {
        if let family = known[present] { return family }
        let labels = descriptor.labels.enumerated().filter { present & 1 << UInt32($0.offset) != 0 }
        let family = MetricDescriptor(
            descriptor.name, descriptor.kind, labels: labels.map(\.element), help: descriptor.help)
        known[present] = family
        return family
    }
}
