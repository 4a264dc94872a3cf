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

    /// What is served of names that not every scraper takes.
    private let escaping: NameEscaping
    /// The families of all snapshots, one snapshot after another, and where those of each end. Kept, since another
    /// family could else be made at the address of one that is gone, and be taken for it.
    private var families: [MetricDescriptor] = []
    /// The same with their names escaped.
    private var layout: [MetricDescriptor] = []
    /// What each of `layout` keeps: asking a descriptor for it costs as much as writing a sample.
    private var rendered: [MetricDescriptor.Rendered] = []
    private var layoutEnds: [Int] = []
    /// One for each of `layout`.
    private var groups: [Group] = []
    /// Indexes of groups in the order of their names.
    private var sorted: [Int] = []
    /// Indexes of samples, family by family, for all snapshots.
    private var order: [Int] = []
    /// Names under which not all can be served; rare.
    private var contested: [ContestedName] = []
    /// Indexes into `layout`; both rare.
    private var unservable: [Int] = []
    private var crossed = CrossedNames([])
    private var joined: Set<Int> = []
    private var split: Set<Int> = []
    /// Groups of parts of which some were refused: what is left of a histogram may be none.
    private var cutParts: Set<Int> = []
    /// Empty until somebody asks for that format.
    private var openMetrics = OpenMetrics.Layout()

    package init(escaping: NameEscaping = .underscores) { self.escaping = escaping }

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
        // A span lends its elements, where going through an array copies all references of each snapshot.
        if !isLaidOut(for: snapshots.span) { layOut(snapshots) }
        sortSamples(of: snapshots.span)
        return refuseContradictions(in: snapshots.span)
    }

    package mutating func write(_ snapshots: [Snapshot], as format: ExpositionFormat, into output: inout [UInt8]) {
        let isOpenMetrics = format == .openMetrics
        if isOpenMetrics { layOutOpenMetrics(snapshots) }
        let lines = snapshots.map { SampleLines(of: $0) }
        var rank = -1
        for (place, index) in sorted.enumerated() {
            let group = groups[index]
            if group.count == 0 { continue }
            let family = isOpenMetrics ? openMetrics.families[index] : nil
            if let family, family.createdOf.contains(where: { groups[$0].count > 0 }) { continue }
            let isFirst = group.rank != rank
            rank = group.rank
            if family?.isInParts ?? split.contains(index) {
                if isFirst { writeInParts(from: place, as: format, lines, to: &output) }
                continue
            }
            if isFirst { output.append(contentsOf: family?.header ?? rendered[index].header) }
            if layout[index].isPart || family?.created.isEmpty == false {
                if isFirst { writeTogether(from: place, family?.created ?? [], snapshots, lines, to: &output) }
                continue
            }
            lines[group.snapshot].append(
                order[group.first..<group.first + group.count], as: rendered[index],
                createdName: family?.createdName, to: &output)
        }
        if isOpenMetrics { output.append(OpenMetrics.end) }
    }

    private mutating func layOutOpenMetrics(_ snapshots: [Snapshot]) {
        let active = layout.indices.map { !layout[$0].isForeign || groups[$0].count > 0 }
        var odd = joined.union(cutParts)
        for (number, snapshot) in snapshots.enumerated() {
            for family in snapshot.oddFamilies { odd.insert(family + firstGroup(of: number)) }
        }
        if openMetrics.active != active || openMetrics.odd != odd {
            openMetrics = OpenMetrics.Layout(layout, active: active, odd: odd)
        }
    }

    /// Where the groups of a snapshot begin.
    private func firstGroup(of snapshot: Int) -> Int { snapshot == 0 ? 0 : layoutEnds[snapshot - 1] }

    /// A sample of one of the groups.
    private struct Member {
        let sample: Int
        let group: Int
        /// The place of the first one of the same histogram, summary or counter.
        var rank = 0
    }

    private func members(of indexes: some Sequence<Int>) -> [Member] {
        indexes.flatMap { index in
            let group = groups[index]
            return order[group.first..<group.first + group.count].map { Member(sample: $0, group: index) }
        }
    }

    /// The groups of one name, beginning with the one at `place`.
    private func groups(from place: Int) -> ArraySlice<Int> {
        let rank = groups[sorted[place]].rank
        return sorted[place...].prefix { groups[$0].rank == rank }
    }

    /// The parts of histograms or of summaries stand as they were read, not one descriptor after another: those of one
    /// histogram together, and with them what says since when they count.
    private func writeTogether(
        from place: Int, _ created: [Int], _ snapshots: [Snapshot], _ lines: [SampleLines], to output: inout [UInt8]
    ) {
        var all = members(of: groups(from: place))
        all.sort { (groups[$0.group].snapshot, $0.sample) < (groups[$1.group].snapshot, $1.sample) }
        if !created.isEmpty {
            all += members(of: created)
            var firsts: [SeriesKey: Int] = [:]
            for at in all.indices {
                let (sample, index) = (all[at].sample, all[at].group)
                let key = snapshots[groups[index].snapshot].keyOfWholeMetric(sample, of: layout[index])
                all[at].rank = firsts[key] ?? at
                firsts[key] = all[at].rank
            }
            // Stable, since the sort is: of one rank, those before stay before.
            all.sort { $0.rank < $1.rank }
        }
        for member in all {
            lines[groups[member.group].snapshot].append(
                [member.sample], as: rendered[member.group], createdName: nil, to: &output)
        }
    }

    /// One part after another, each under a header of its own.
    private func writeInParts(
        from place: Int, as format: ExpositionFormat, _ lines: [SampleLines], to output: inout [UInt8]
    ) {
        let indexes = groups(from: place).filter { groups[$0].count > 0 }
            .sorted { layout[$0].name.precedes(layout[$1].name) }
        var name = ""
        for index in indexes {
            if !layout[index].name.hasSameBytes(as: name) {
                output.append(
                    contentsOf: format == .openMetrics
                        ? OpenMetrics.header(ofPart: layout[index])
                        : Self.header(layout[index].name, .untyped, help: layout[index].help))
            }
            name = layout[index].name
            let group = groups[index]
            lines[group.snapshot].append(
                order[group.first..<group.first + group.count], as: rendered[index], createdName: nil, to: &output)
        }
    }

    private func isLaidOut(for snapshots: Span<Snapshot>) -> Bool {
        guard snapshots.count == layoutEnds.count else { return false }
        var at = 0
        for number in snapshots.indices {
            guard snapshots[number].families.count == layoutEnds[number] - at else { return false }
            for family in snapshots[number].families {
                guard family === families[at] else { return false }
                at += 1
            }
        }
        return true
    }

    private mutating func layOut(_ snapshots: [Snapshot]) {
        families = []
        layoutEnds = []
        groups = []
        openMetrics = OpenMetrics.Layout()
        for (number, snapshot) in snapshots.enumerated() {
            families += snapshot.families
            layoutEnds.append(families.count)
            groups += snapshot.families.map { _ in Group(snapshot: number) }
        }
        let layout = families.map(escaping.applied)
        self.layout = layout
        rendered = layout.map(\.rendered)
        // Of one name, what Vitals itself serves comes first: that decides the kind. What was escaped comes last.
        sorted = layout.indices.sorted { one, other in
            let (a, b) = (layout[one], layout[other])
            if !a.family.hasSameBytes(as: b.family) { return a.family.precedes(b.family) }
            if a.isForeign != b.isForeign { return b.isForeign }
            return a.isEscaped == b.isEscaped ? one < other : b.isEscaped
        }
        for (before, index) in zip(sorted, sorted.dropFirst()) {
            let isSame = layout[before].family.hasSameBytes(as: layout[index].family)
            groups[index].rank = groups[before].rank + (isSame ? 0 : 1)
        }
        unservable = layout.indices.filter { layout[$0].isUnservable }
        crossed = CrossedNames(layout)
        joined = JoinedMetrics.find(in: layout, of: families)
        split = SplitMetrics.find(in: layout)
        contested = ContestedName.find(in: sorted.map { layout[$0] }, ranks: sorted.map { groups[$0].rank })
    }

    /// Fills `order`: a counting sort, since there are few families and many samples.
    private mutating func sortSamples(of snapshots: Span<Snapshot>) {
        cutParts.removeAll()
        for index in groups.indices { groups[index].count = 0 }
        var sampleCount = 0
        for number in snapshots.indices { sampleCount += snapshots[number].samples.count }
        // All of it is written below.
        if order.count != sampleCount { order = [Int](repeating: 0, count: sampleCount) }
        var firstGroup = 0
        var next = 0
        for number in snapshots.indices {
            let samples = snapshots[number].samples
            for sample in samples { groups[firstGroup + sample.family].count += 1 }
            for index in firstGroup..<layoutEnds[number] {
                groups[index].first = next
                next += groups[index].count
                groups[index].count = 0
            }
            for (index, sample) in samples.enumerated() {
                let group = firstGroup + sample.family
                order[groups[group].first + groups[group].count] = index
                groups[group].count += 1
            }
            firstGroup = layoutEnds[number]
        }
    }

    // MARK: What cannot be served

    /// Shortens the groups to what can be served.
    private mutating func refuseContradictions(in snapshots: Span<Snapshot>) -> [Refusal] {
        var refusals: [Refusal] = []
        for index in unservable { refuse(from: index, &refusals) { _ in .escapedName } }
        for name in contested { settle(name, in: snapshots, &refusals) }
        for claims in crossed.names {
            for claim in claims {
                let other = claims.first { other in
                    claim.givesWay(to: other) && other.indexes.contains { groups[$0].count > 0 }
                }
                guard let other else { continue }
                let reason = claim.isEscaped || other.isEscaped ? Refusal.Reason.escapedName : .otherKind
                for index in claim.indexes { refuse(from: index, &refusals) { _ in reason } }
            }
        }
        for number in snapshots.indices where !snapshots[number].familiesToCompare.isEmpty {
            let snapshot = snapshots[number]
            for family in snapshot.familiesToCompare.sorted() {
                let index = family + firstGroup(of: number)
                guard mayRepeat(groups[index], in: snapshot) else { continue }
                var served: Set<SeriesKey> = []
                let descriptor = layout[index]
                refuse(from: index, &refusals) { sample in
                    served.insert(snapshot.key(sample, of: descriptor)).inserted ? nil : .repairedLabel
                }
            }
        }
        return refusals
    }

    /// Whether two samples of a group may have the same labels: by checksums, which cost no allocation for each.
    private func mayRepeat(_ group: Group, in snapshot: Snapshot) -> Bool {
        var seen: Set<UInt64> = []
        seen.reserveCapacity(group.count)
        return !order[group.first..<group.first + group.count].allSatisfy {
            seen.insert(snapshot.labelChecksum(ofSample: $0)).inserted
        }
    }

    private mutating func settle(_ name: ContestedName, in snapshots: Span<Snapshot>, _ refusals: inout [Refusal]) {
        // Groups without samples say nothing: the kind is that of the first that has some.
        let indexes = sorted[name.groups].filter { groups[$0].count > 0 }
        guard let first = indexes.first else { return }
        let kind = layout[first].kind
        var served: Set<SeriesKey> = []
        for index in indexes {
            let family = layout[index]
            let snapshot = snapshots[groups[index].snapshot]
            refuse(from: index, &refusals) { sample in
                if family.kind != kind { return family.isEscaped ? .escapedName : .otherKind }
                guard name.mayRepeat, !served.insert(snapshot.key(sample, of: family)).inserted, family.isForeign
                else { return nil }
                return family.isEscaped ? .escapedName : .servedAlready
            }
        }
    }

    /// Takes those samples out of a group for which there is a reason.
    private mutating func refuse(
        from index: Int, _ refusals: inout [Refusal], _ reason: (Int) -> Refusal.Reason?
    ) {
        let group = groups[index]
        var kept: [Int] = []
        for sample in order[group.first..<group.first + group.count] {
            if let reason = reason(sample) {
                refusals.append(Refusal(snapshot: group.snapshot, sample: sample, reason: reason))
            } else {
                kept.append(sample)
            }
        }
        order.replaceSubrange(group.first..<group.first + kept.count, with: kept)
        if kept.count < group.count, layout[index].isPart { cutParts.insert(index) }
        groups[index].count = kept.count
    }

    // MARK: What a descriptor keeps

    static func header(_ name: String, _ kind: MetricKind, help: String) -> [UInt8] {
        var header: [UInt8] = []
        let isPlain = name.isPlainMetricName
        header.append("# HELP ")
        header.append(name: name, isPlain: isPlain)
        header.append(UInt8(ascii: " "))
        for byte in help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): header.append("\\\\")
            case UInt8(ascii: "\n"): header.append("\\n")
            default: header.append(byte)
            }
        }
        header.append("\n# TYPE ")
        header.append(name: name, isPlain: isPlain)
        header.append(text: " \(kind.rawValue)\n")
        return header
    }

    static func pieces(_ name: String, labels: [String]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var piece: [UInt8] = []
        let isPlain = name.isPlainMetricName
        // A name in quotes stands in the braces, before the labels.
        if !isPlain { piece.append(UInt8(ascii: "{")) }
        piece.append(name: name, isPlain: isPlain)
        for (index, label) in labels.enumerated() {
            if index > 0 { piece.append(UInt8(ascii: "\"")) }
            piece.append(index == 0 && isPlain ? UInt8(ascii: "{") : UInt8(ascii: ","))
            piece.append(name: label, isPlain: label.isPlainLabelName)
            piece.append("=\"")
            pieces.append(piece)
            piece.removeAll()
        }
        if !labels.isEmpty { piece.append(UInt8(ascii: "\"")) }
        piece.append(labels.isEmpty && isPlain ? " " : "} ")
        return pieces + [piece]
    }
}

/// What the lines of a snapshot are made of: three references, where a snapshot has ten, which are counted each time
/// that it is lent to a function.
private struct SampleLines {
    private let samples: [Snapshot.Sample]
    private let labelBytes: [UInt8]
    private let labelEnds: [Int]
    private let needsEscapes: Bool
    private let countersBeginUnixSeconds: Double?

    init(of snapshot: borrowing Snapshot) {
        samples = snapshot.samples
        labelBytes = snapshot.labelBytes
        labelEnds = snapshot.labelEnds
        needsEscapes = snapshot.needsEscapes
        countersBeginUnixSeconds = snapshot.countersBeginUnixSeconds
    }

    /// Appends a line for each of `indexes`, all of them samples of one family; with `createdName` also one that says
    /// since when it counts, where that is known.
    func append(
        _ indexes: ArraySlice<Int>, as family: MetricDescriptor.Rendered, createdName: [UInt8]?,
        to output: inout [UInt8]
    ) {
        let pieces = family.pieces
        for index in indexes {
            let sample = samples[index]
            output.append(contentsOf: pieces[0])
            append(labelsOf: sample, pieces, to: &output)
            output.append(number: sample.value)
            output.append(UInt8(ascii: "\n"))
            // Our own counters alone have it, whose names need no quotes.
            if let createdName, let begin = countersBeginUnixSeconds {
                output.append(contentsOf: createdName)
                output.append(contentsOf: pieces[0].dropFirst(family.nameByteCount))
                append(labelsOf: sample, pieces, to: &output)
                output.append(number: begin)
                output.append(UInt8(ascii: "\n"))
            }
        }
    }

    private func append(labelsOf sample: Snapshot.Sample, _ pieces: [[UInt8]], to output: inout [UInt8]) {
        for label in 1..<pieces.count {
            append(label: sample.firstLabel + label - 1, to: &output)
            output.append(contentsOf: pieces[label])
        }
    }

    /// The value of a label with its escapes.
    private func append(label: Int, to output: inout [UInt8]) {
        let value = (label == 0 ? 0 : labelEnds[label - 1])..<labelEnds[label]
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
