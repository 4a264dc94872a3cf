// The host in the vocabulary of node_exporter: what the collectors give, as metrics of CloudWatch.
//
// A counter that only grows says little there: what was added to it since the reading before is sent, unless the
// settings want it as it is. The labels are the dimensions.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

/// Which collectors are asked, and how counters are sent.
package struct NodeChoice: Sendable {
    enum Counters: String, CaseIterable, Sendable { case delta, total }

    let counters: Counters
    /// With what the settings say of each.
    let collectors: [(type: any Collector.Type, options: SettingsSection)]

    /// Asks for `collectors` and `counters`.
    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        counters = try section.choice("counters", default: Counters.delta)
        let isObject = if case .object? = section.peek("collectors")?.content { true } else { false }
        var chosen: [(type: any Collector.Type, options: SettingsSection)] = []
        if isObject {
            var options = try section.section("collectors")
            for name in options.keys {
                guard let type = allCollectors.first(where: { $0.name == name }) else {
                    throw options.error(at: name, Self.unknown(name))
                }
                chosen.append((type, try options.section(name)))
            }
        } else {
            let names = try section.strings(
                "collectors", default: allCollectors.filter { $0.isEnabledByDefault }.map { $0.name })
            for (index, name) in names.enumerated() {
                guard let type = allCollectors.first(where: { $0.name == name }) else {
                    throw section.error(at: "collectors", element: index, Self.unknown(name))
                }
                chosen.append((type, SettingsSection(missing: "")))
            }
        }
        guard !chosen.isEmpty else { throw section.error(at: "collectors", "expected at least one") }
        collectors = chosen
        // What is wrong with their options is said now.
        _ = try make(host: host)
    }

    private static func unknown(_ name: String) -> String {
        let known = nearest(to: name, among: allCollectors.map { $0.name })
        return "\"\(name)\" is no collector\(known.map { ", did you mean \"\($0)\"?" } ?? "")"
    }

    func make(host: Host) throws(SettingsError) -> [any Collector] {
        var made: [any Collector] = []
        for (type, options) in collectors {
            var options = options
            made.append(try type.init(&options, host: host))
            try options.finish()
        }
        return made
    }
}

final class NodeReader {
    /// All collectors together: what they wait for must not stop the next reading.
    private static let patience: Duration = .seconds(5)
    /// Series of counters whose last value is kept.
    private static let seriesLimit = 100_000

    private struct Last {
        var value: Double
        var reading: Int
    }

    private var collectors: [any Collector]
    private let counters: NodeChoice.Counters
    private var snapshot = Snapshot()
    /// By name and label values.
    private var last: [[ExactText]: Last] = [:]
    private var reading = 0

    init(_ choice: NodeChoice, host: Host) throws(SettingsError) {
        counters = choice.counters
        collectors = try choice.make(host: host)
    }

    func read(
        at now: Instant, into table: inout EMFTable, _ problems: inout [String],
        choose: (String, EMFUnit) -> EMFMetric?
    ) {
        snapshot.removeAll()
        reading += 1
        for index in collectors.indices {
            do throws(CollectError) {
                try collectors[index].collect(into: &snapshot, until: now + Self.patience)
            } catch {
                // What this host does not have is nothing to worry about.
                guard case .failed(let reason) = error else { continue }
                problems.append("\(type(of: collectors[index]).name): \(reason)")
            }
        }
        for sample in snapshot.samples {
            let family = snapshot.families[sample.family]
            let labels = snapshot.labels(of: sample)
            var isRepeated = false
            let value = value(sample, family, labels, &isRepeated)
            guard value != nil || isRepeated else { continue }
            let dimensions = dimensions(family.labels, labels, besides: table.ownNames)
            if isRepeated { table.noteRepeated(dimensions) }
            guard let value else { continue }
            table.begin(dimensions, onceIn: reading)
            table.add(family, value) { choose(family.name, Self.unit(of: family)) }
        }
        last = last.filter { $0.value.reading == reading }
    }

    /// nil for a counter at its first reading, one that was reset, and for parts of histograms and summaries; also for
    /// a counter of which this reading had another with the same labels.
    private func value(
        _ sample: Snapshot.Sample, _ family: MetricDescriptor, _ labels: [String], _ isRepeated: inout Bool
    ) -> Double? {
        switch family.kind {
        case .gauge, .untyped: return sample.value
        case .histogram, .summary: return nil
        case .counter:
            guard counters == .delta else { return sample.value }
            let key = ([family.name] + labels).map { ExactText($0) }
            if last[key]?.reading == reading {
                isRepeated = true
                return nil
            }
            let before = last[key]?.value
            guard before != nil || last.count < Self.seriesLimit else { return nil }
            last[key] = Last(value: sample.value, reading: reading)
            guard let before, sample.value >= before else { return nil }
            return sample.value - before
        }
    }

    /// A label that has the name of a dimension of the settings is sent as `exported_<name>`.
    private func dimensions(_ names: [String], _ values: [String], besides taken: [String]) -> [EMFDimension] {
        zip(names, values).map { name, value in
            EMFDimension(taken.contains(name) ? "exported_\(name)" : name, value)
        }
    }

    /// What the name says; https://prometheus.io/docs/practices/naming/
    static func unit(of family: MetricDescriptor) -> EMFUnit {
        let isCounter = family.kind == .counter
        let name = family.name.hasSuffix("_total") ? family.name.dropLast(6) : family.name[...]
        if name.hasSuffix("_bytes") { return .bytes }
        if name.hasSuffix("_seconds") { return .seconds }
        return isCounter ? .count : .none
    }
}
