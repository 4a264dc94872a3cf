// Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details

internal import Bytes

/// Writes snapshots as one exposition. Kept between scrapes for the capacity of what it sorts with.
package struct PrometheusText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// A family of one of the snapshots, and its samples in `order`.
    private struct Group {
        let name: String
        let snapshot: Int
        let family: Int
        var first: Int
        var count: Int
    }

    private var groups: [Group] = []
    /// Indexes of samples, family by family, for all snapshots.
    private var order: [Int] = []

    package init() {}

    /// Appends all samples to `output`, families in the order of their names. A name that occurs in several snapshots
    /// is one family.
    package mutating func encode(_ snapshots: [Snapshot], into output: inout [UInt8]) {
        sort(snapshots)
        var previous = ""
        for group in groups {
            let snapshot = snapshots[group.snapshot]
            let descriptor = snapshot.families[group.family]
            if group.name != previous {
                Self.appendHeader(descriptor, to: &output)
                previous = group.name
            }
            for at in group.first..<group.first + group.count {
                Self.append(snapshot.samples[order[at]], descriptor, of: snapshot, to: &output)
            }
        }
    }

    /// Fills `groups` and `order`: a counting sort, since there are few families and many samples.
    private mutating func sort(_ snapshots: [Snapshot]) {
        groups.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        for (number, snapshot) in snapshots.enumerated() {
            let firstGroup = groups.count
            for (family, descriptor) in snapshot.families.enumerated() {
                groups.append(Group(name: descriptor.name, snapshot: number, family: family, first: 0, count: 0))
            }
            for sample in snapshot.samples { groups[firstGroup + sample.family].count += 1 }
            var next = order.count
            for index in firstGroup..<groups.count {
                groups[index].first = next
                next += groups[index].count
                groups[index].count = 0
            }
            order.append(contentsOf: repeatElement(0, count: snapshot.samples.count))
            for (index, sample) in snapshot.samples.enumerated() {
                let group = firstGroup + sample.family
                order[groups[group].first + groups[group].count] = index
                groups[group].count += 1
            }
        }
        groups.removeAll { $0.count == 0 }
        groups.sort { $0.name < $1.name }
    }

    private static func appendHeader(_ descriptor: MetricDescriptor, to output: inout [UInt8]) {
        output.append("# HELP ")
        output.append(text: descriptor.name)
        output.append(UInt8(ascii: " "))
        for byte in descriptor.help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): output.append("\\\\")
            case UInt8(ascii: "\n"): output.append("\\n")
            default: output.append(byte)
            }
        }
        output.append("\n# TYPE ")
        output.append(text: descriptor.name)
        switch descriptor.kind {
        case .counter: output.append(" counter\n")
        case .gauge: output.append(" gauge\n")
        case .untyped: output.append(" untyped\n")
        }
    }

    private static func append(
        _ sample: Snapshot.Sample, _ descriptor: MetricDescriptor, of snapshot: Snapshot, to output: inout [UInt8]
    ) {
        output.append(text: descriptor.name)
        if !descriptor.labels.isEmpty {
            snapshot.forEachLabel(of: sample) { index, value in
                output.append(index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
                output.append(text: descriptor.labels[index])
                output.append("=\"")
                append(labelValue: value, to: &output)
                output.append(UInt8(ascii: "\""))
            }
            output.append(UInt8(ascii: "}"))
        }
        output.append(UInt8(ascii: " "))
        output.append(number: sample.value)
        output.append(UInt8(ascii: "\n"))
    }

    private static func append(labelValue value: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let needsEscape = value.contains {
            $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n")
        }
        guard needsEscape else {
            output.append(contentsOf: value)
            return
        }
        for byte in value {
            switch byte {
            case UInt8(ascii: "\""): output.append("\\\"")
            case UInt8(ascii: "\\"): output.append("\\\\")
            case UInt8(ascii: "\n"): output.append("\\n")
            default: output.append(byte)
            }
        }
    }
}
