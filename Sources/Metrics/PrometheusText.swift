// Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
//
// From one scrape to the next the families are the same: what depends on them alone is made once. Their order is kept
// here, and their lines and the fixed parts of their samples' lines in MetricDescriptor.

internal import Bytes

/// Writes snapshots as one exposition. Kept between scrapes for the order of the families, and for its capacity.
package struct PrometheusText {
    /// A family of one of the snapshots, and its samples in `order`.
    private struct Group {
        let snapshot: Int
        /// The place of its name among all names. Groups with the same name are one family, with one header.
        var rank = 0
        var first = 0
        var count = 0
    }

    /// The families of all snapshots, one snapshot after another, and where those of each end. Kept, since another
    /// family could else be made at the address of one that is gone, and be taken for it.
    private var layout: [MetricDescriptor] = []
    private var layoutEnds: [Int] = []
    /// One for each of `layout`.
    private var groups: [Group] = []
    /// Indexes of groups in the order of their names.
    private var sorted: [Int] = []
    /// Indexes of samples, family by family, for all snapshots.
    private var order: [Int] = []
    /// Names under which not all can be served; rare.
    private var contested: [ContestedName] = []
    /// One for each of `layout`; empty until somebody asks for that format.
    private var openMetrics: [OpenMetrics.Family] = []

    package init() {}

    /// Appends all samples to `output`, families in the order of their names. A name that occurs in several snapshots
    /// is one family.
    package mutating func encode(
        _ snapshots: [Snapshot], as format: ExpositionFormat = .prometheusText, into output: inout [UInt8]
    ) {
        _ = arrange(snapshots)
        write(snapshots, as: format, into: &output)
    }

    /// Decides the order in which `write` writes the same snapshots. What would break the exposition is left out and
    /// returned: a family of another kind than the first of its name, and a series from a file that is served already.
    package mutating func arrange(_ snapshots: [Snapshot]) -> [Refusal] {
        if !isLaidOut(for: snapshots) { layOut(snapshots) }
        sortSamples(of: snapshots)
        return refuseContradictions(in: snapshots)
    }

    package mutating func write(_ snapshots: [Snapshot], as format: ExpositionFormat, into output: inout [UInt8]) {
        if format == .openMetrics, openMetrics.isEmpty { openMetrics = OpenMetrics.families(of: layout) }
        // A span lends its elements, where the subscript of an array copies all references of a snapshot.
        let snapshots = snapshots.span
        var rank = -1
        for (place, index) in sorted.enumerated() {
            let group = groups[index]
            if group.count == 0 { continue }
            let isFirst = group.rank != rank
            if isFirst {
                switch format {
                case .prometheusText: output.append(contentsOf: layout[index].rendered.header)
                case .openMetrics: output.append(contentsOf: openMetrics[index].header)
                }
                rank = group.rank
            }
            if layout[index].isPart {
                if isFirst { writeParts(from: place, of: snapshots, to: &output) }
                continue
            }
            snapshots[group.snapshot].append(
                order[group.first..<group.first + group.count], of: layout[index],
                createdName: format == .openMetrics ? openMetrics[index].createdName : nil, to: &output)
        }
        if format == .openMetrics { output.append(OpenMetrics.end) }
    }

    /// The parts of histograms or of summaries stand as they were read, not one descriptor after another: those of one
    /// histogram together.
    private func writeParts(from place: Int, of snapshots: Span<Snapshot>, to output: inout [UInt8]) {
        let rank = groups[sorted[place]].rank
        var parts: [(sample: Int, group: Int)] = []
        for index in sorted[place...].prefix(while: { groups[$0].rank == rank }) {
            let group = groups[index]
            for at in group.first..<group.first + group.count { parts.append((order[at], index)) }
        }
        parts.sort { (groups[$0.group].snapshot, $0.sample) < (groups[$1.group].snapshot, $1.sample) }
        for (sample, index) in parts {
            snapshots[groups[index].snapshot].append(
                [sample], of: layout[index], createdName: nil, to: &output)
        }
    }

    private func isLaidOut(for snapshots: [Snapshot]) -> Bool {
        guard snapshots.count == layoutEnds.count else { return false }
        var at = 0
        for (snapshot, end) in zip(snapshots, layoutEnds) {
            guard snapshot.families.count == end - at else { return false }
            for family in snapshot.families {
                guard family === layout[at] else { return false }
                at += 1
            }
        }
        return true
    }

    private mutating func layOut(_ snapshots: [Snapshot]) {
        layout = []
        layoutEnds = []
        groups = []
        openMetrics = []
        for (number, snapshot) in snapshots.enumerated() {
            layout += snapshot.families
            layoutEnds.append(layout.count)
            groups += snapshot.families.map { _ in Group(snapshot: number) }
        }
        let layout = layout
        // Of one name, what Vitals itself serves comes first: that decides the kind.
        sorted = layout.indices.sorted { one, other in
            let (a, b) = (layout[one], layout[other])
            if a.family != b.family { return a.family < b.family }
            return a.isForeign == b.isForeign ? one < other : b.isForeign
        }
        for (before, index) in zip(sorted, sorted.dropFirst()) {
            groups[index].rank = groups[before].rank + (layout[before].family == layout[index].family ? 0 : 1)
        }
        contested = ContestedName.find(in: sorted.map { layout[$0] }, ranks: sorted.map { groups[$0].rank })
    }

    /// Fills `order`: a counting sort, since there are few families and many samples.
    private mutating func sortSamples(of snapshots: [Snapshot]) {
        order.removeAll(keepingCapacity: true)
        for index in groups.indices { groups[index].count = 0 }
        var firstGroup = 0
        for (snapshot, end) in zip(snapshots, layoutEnds) {
            for sample in snapshot.samples { groups[firstGroup + sample.family].count += 1 }
            var next = order.count
            for index in firstGroup..<end {
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
            firstGroup = end
        }
    }

    /// Shortens the groups of contested names to what can be served.
    private mutating func refuseContradictions(in snapshots: [Snapshot]) -> [Refusal] {
        var refusals: [Refusal] = []
        for name in contested {
            // Groups without samples say nothing: the kind is that of the first that has some.
            let indexes = sorted[name.groups].filter { groups[$0].count > 0 }
            guard let first = indexes.first else { continue }
            var served: Set<SeriesKey> = []
            for index in indexes {
                let (group, family) = (groups[index], layout[index])
                let samples = order[group.first..<group.first + group.count]
                let isOther = family.kind != layout[first].kind
                var kept: [Int] = []
                for sample in samples {
                    let isNew =
                        !isOther && (!name.hasForeign || served.insert(snapshots[group.snapshot].key(sample)).inserted)
                    if isNew || !isOther && !family.isForeign {
                        kept.append(sample)
                    } else {
                        refusals.append(
                            Refusal(
                                snapshot: group.snapshot, sample: sample, reason: isOther ? .otherKind : .servedAlready)
                        )
                    }
                }
                order.replaceSubrange(group.first..<group.first + kept.count, with: kept)
                groups[index].count = kept.count
            }
        }
        return refusals
    }

    // MARK: What a descriptor keeps

    static func header(_ name: String, _ kind: MetricKind, help: String) -> [UInt8] {
        var header: [UInt8] = []
        header.append("# HELP ")
        header.append(text: name)
        header.append(UInt8(ascii: " "))
        for byte in help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): header.append("\\\\")
            case UInt8(ascii: "\n"): header.append("\\n")
            default: header.append(byte)
            }
        }
        header.append("\n# TYPE ")
        header.append(text: name)
        header.append(text: " \(kind.rawValue)\n")
        return header
    }

    static func pieces(_ name: String, labels: [String]) -> [[UInt8]] {
        guard let first = labels.first else { return [Array("\(name) ".utf8)] }
        return [Array("\(name){\(first)=\"".utf8)] + labels.dropFirst().map { Array("\",\($0)=\"".utf8) }
            + [Array("\"} ".utf8)]
    }
}

extension Snapshot {
    /// Appends a line for each of `indexes`, all of them samples of `family`; with `createdName` also one that says
    /// since when it counts, where that is known.
    fileprivate func append(
        _ indexes: ArraySlice<Int>, of family: MetricDescriptor, createdName: [UInt8]?, to output: inout [UInt8]
    ) {
        let pieces = family.rendered.pieces
        for index in indexes {
            let sample = samples[index]
            output.append(contentsOf: pieces[0])
            append(labelsOf: sample, pieces, to: &output)
            output.append(number: sample.value)
            output.append(UInt8(ascii: "\n"))
            if let createdName, let begin = countersBeginUnixSeconds {
                output.append(contentsOf: createdName)
                output.append(contentsOf: pieces[0].dropFirst(family.name.utf8.count))
                append(labelsOf: sample, pieces, to: &output)
                output.append(number: begin)
                output.append(UInt8(ascii: "\n"))
            }
        }
    }

    private func append(labelsOf sample: Sample, _ pieces: [[UInt8]], to output: inout [UInt8]) {
        for label in 1..<pieces.count {
            append(label: sample.firstLabel + label - 1, to: &output)
            output.append(contentsOf: pieces[label])
        }
    }

    /// The value of a label with its escapes.
    private func append(label: Int, to output: inout [UInt8]) {
        let value = labelRange(label)
        guard needsEscapes else { return output.append(contentsOf: labelBytes[value]) }
        for byte in labelBytes[value] {
            switch byte {
            case UInt8(ascii: "\""): output.append("\\\"")
            case UInt8(ascii: "\\"): output.append("\\\\")
            case UInt8(ascii: "\n"): output.append("\\n")
            default: output.append(byte)
            }
        }
    }
}
