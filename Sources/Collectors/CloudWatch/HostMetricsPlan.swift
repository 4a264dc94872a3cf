// What the input host_metrics measures and how it is written: its settings, but for when.

internal import Bytes
package import Metrics
package import Procfs
package import Settings

/// A dimension of every metric. Its value may become another one when the instance answers what it is.
package struct HostDimension: Sendable {
    package let name: String
    private let template: HostTemplate?
    private let fixed: String

    init(_ name: String, _ template: HostTemplate) {
        self.name = name
        self.template = template.isAsking ? template : nil
        // Nobody is asked for settings that are only checked.
        fixed = template.isAsking ? "" : template.text
    }

    init(_ name: String, _ value: String) {
        self.name = name
        template = nil
        fixed = value
    }

    static func wait(for dimensions: [HostDimension]) { HostTemplate.wait(for: dimensions.compactMap(\.template)) }

    package var now: EMFDimension { EMFDimension(name, template?.text ?? fixed) }
}

package struct HostMetricsPlan: Sendable {
    package enum Vocabulary: Sendable {
        case cloudwatch(CloudWatchChoice)
        case node(NodeChoice)
    }

    private enum VocabularyName: String, CaseIterable { case cloudwatch, node }

    /// CloudWatch's own limits are 30 dimensions a set; the subjects bring up to three.
    private static let dimensionLimit = 27
    private static let namespaceLimit = 255
    /// Each is one more series of every metric that has its dimensions.
    private static let aggregateLimit = 20

    package let host: Host
    package let vocabulary: Vocabulary
    package let selection: MetricSelection
    package let namespace: String
    /// Of every metric, before those of its subject.
    package let dimensions: [HostDimension]
    package let aggregates: [[String]]

    /// Asks for `vocabulary`, `metrics`, `namespace`, `dimensions`, `aggregate`, `drop_original`, and what a vocabulary
    /// takes besides.
    package init(
        _ section: inout SettingsSection, host: Host, values: HostValues, isHighResolution: Bool
    ) throws(SettingsError) {
        self.host = host
        let name = try section.choice("vocabulary", default: VocabularyName.cloudwatch)
        aggregates = try Self.aggregates(&section)
        let known = name == .cloudwatch ? allCloudWatchMetrics.map(\.name) : nil
        selection = try MetricSelection(
            &section, isHighResolution: isHighResolution, known: known, hasAggregates: !aggregates.isEmpty)
        namespace = try section.string("namespace", default: "CWAgent")
        guard namespace.utf8.count <= Self.namespaceLimit, isEMFNamespace(namespace), !namespace.hasPrefix(":"),
            !namespace.hasPrefix("AWS/")
        else {
            throw section.error(
                at: "namespace",
                "expected 1 to 255 letters, digits and . - _ / # : or space, not beginning with : or AWS/")
        }
        switch name {
        case .cloudwatch: vocabulary = .cloudwatch(try CloudWatchChoice(&section, selection))
        case .node: vocabulary = .node(try NodeChoice(&section, host: host))
        }
        dimensions = try Self.dimensions(&section, values)
        if name == .cloudwatch { try checkNames(section) }
    }

    /// Everything, for tests.
    package init(host: Host, vocabulary: Vocabulary, selection: MetricSelection = MetricSelection(all: false)) {
        self.host = host
        self.vocabulary = vocabulary
        self.selection = selection
        namespace = "CWAgent"
        dimensions = [HostDimension("host", "fixture")]
        aggregates = []
    }

    /// Names of dimensions and metrics are members of one object.
    private func checkNames(_ section: SettingsSection) throws(SettingsError) {
        let subjects = Self.subjectDimensions
        var names: Set<String> = ["_aws"]
        for metric in allCloudWatchMetrics {
            guard let sent = selection.metric(metric.name, metric.unit) else { continue }
            guard names.insert(sent.name).inserted, !subjects.contains(sent.name) else {
                throw section.error(at: "metrics", "the name \(sent.name) is taken")
            }
        }
        for dimension in dimensions where names.contains(dimension.name) || subjects.contains(dimension.name) {
            throw section.error(at: "dimensions", member: dimension.name, "the name is taken")
        }
        for (index, set) in aggregates.enumerated() {
            let unknown = set.first { name in
                !subjects.contains(name) && !dimensions.contains { $0.name == name }
            }
            if let unknown {
                let known = nearest(to: unknown, among: subjects.sorted() + dimensions.map(\.name))
                throw section.error(
                    at: "aggregate", element: index,
                    "no metric has the dimension \(unknown)\(known.map { ", did you mean \"\($0)\"?" } ?? "")")
            }
        }
    }

    /// Those that the CloudWatch vocabulary brings.
    package static let subjectDimensions: Set<String> = [
        "SerialId", "VolumeId", "cpu", "device", "exe", "fstype", "interface", "name", "path", "pattern", "pid_finder",
        "pidfile", "process_name", "systemd_unit",
    ]

    private static func dimensions(
        _ section: inout SettingsSection, _ values: HostValues
    ) throws(SettingsError) -> [HostDimension] {
        let isSet = section.has("dimensions")
        let given = try section.table("dimensions")
        let table = isSet ? given : [(name: "host", value: "{hostname}")]
        guard table.count <= dimensionLimit else { throw section.error(at: "dimensions", "at most \(dimensionLimit)") }
        var names: Set<String> = []
        var dimensions: [HostDimension] = []
        for (name, text) in table {
            let dimension: HostDimension
            do throws(TemplateError) { dimension = HostDimension(name, try HostTemplate(text, values)) } catch {
                throw section.error(at: "dimensions", member: name, error.reason(known: HostValues.variables))
            }
            guard isEMFDimensionValue(dimension.now.value) else {
                throw section.error(at: "dimensions", member: name, "expected text, not too long")
            }
            guard EMFDimension(name, "x").isValid, names.insert(name).inserted else {
                throw section.error(
                    at: "dimensions", member: name,
                    "expected a name of up to \(EMFLimit.dimensionName) characters of ASCII that stands once")
            }
            dimensions.append(dimension)
        }
        return dimensions
    }

    private static func aggregates(_ section: inout SettingsSection) throws(SettingsError) -> [[String]] {
        guard let value = section.value("aggregate") else { return [] }
        let expected = "expected a list of lists of dimensions, such as [[\"host\"], []]"
        guard case .array(let elements) = value.content, elements.count <= aggregateLimit else {
            throw section.error(at: "aggregate", "\(expected), at most \(aggregateLimit)")
        }
        var sets: [[String]] = []
        for (index, element) in elements.enumerated() {
            guard case .array(let names) = element.content, names.count <= EMFLimit.dimensions else {
                throw section.error(at: "aggregate", element: index, expected)
            }
            var set: [String] = []
            for name in names {
                guard case .string(let text) = name.content, !set.contains(text) else {
                    throw section.error(at: "aggregate", element: index, expected)
                }
                set.append(text)
            }
            sets.append(set)
        }
        return sets
    }
}
