// Metrics that are named after the kernel's fields: their descriptors are made once, when a field is first seen.

internal import Metrics
internal import Procfs

/// What one file's fields are served as. As long as the file has the names that it had the last time, finding the
/// descriptors costs a comparison of the names, and allocates nothing.
struct FieldFamilies {
    /// One metric of a field: its value times `factor`.
    struct Series {
        let descriptor: MetricDescriptor
        var factor = 1.0
    }

    /// What a field is served as, most often one metric or none. Called once for each group, name and unit.
    private let describe: (_ group: String, _ name: String, _ isBytes: Bool) -> [Series]
    private var known: [String: [Series]] = [:]
    private var layout: [UInt8]?
    /// Only the fields that are served, by their index in the file.
    private var selected: [(field: Int, series: Series)] = []

    init(_ describe: @escaping (_ group: String, _ name: String, _ isBytes: Bool) -> [Series]) {
        self.describe = describe
    }

    mutating func add(_ list: FieldList, to snapshot: inout Snapshot) {
        if let layout, list.hasLayout(layout) {} else { learn(list) }
        for (field, series) in selected {
            snapshot.add(series.descriptor, list.fields[field].value * series.factor)
        }
    }

    /// For files that there are several of: their descriptors have one label.
    mutating func add(_ list: FieldList, to snapshot: inout Snapshot, _ label: String) {
        if let layout, list.hasLayout(layout) {} else { learn(list) }
        for (field, series) in selected {
            snapshot.add(series.descriptor, list.fields[field].value * series.factor, label)
        }
    }

    /// Keeps the descriptors of names that stay, so that a snapshot knows them again; forgets the others, which bounds
    /// what is kept by what the file holds.
    private mutating func learn(_ list: FieldList) {
        var names: [String: [Series]] = [:]
        selected.removeAll(keepingCapacity: true)
        for (index, field) in list.fields.enumerated() {
            let (group, name) = (list.group(of: field), list.name(of: field))
            let key = "\(group) \(name) \(field.isBytes)"
            // A name that stands in the file twice is served once: two samples of one series break the whole answer.
            guard names[key] == nil else { continue }
            let series = known[key] ?? describe(group, name, field.isBytes)
            names[key] = series
            for one in series { selected.append((index, one)) }
        }
        known = names
        layout = list.layout
    }
}

/// A kernel's field as a part of a metric name: `Active(anon)` is `Active_anon`.
func metricNamePart(_ field: String) -> String {
    var bytes: [UInt8] = []
    for byte in field.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            bytes.append(byte)
        case UInt8(ascii: ")"): continue
        default: bytes.append(UInt8(ascii: "_"))
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
