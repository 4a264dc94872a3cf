// Which metrics are wanted, and under which names: `metrics` and `drop_original` of the settings.
//
//     ["cpu_usage_*", { "name": "mem_used_percent", "rename": "MemoryInUse", "unit": "Percent" }]

internal import Bytes
package import Metrics
package import Settings

/// Names that are chosen by patterns, as in `Glob`.
package struct MetricSelection: Sendable {
    private struct Choice {
        let glob: Glob
        var rename: String?
        var unit: EMFUnit?
    }

    /// Of the API that takes metrics, not of the format:
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    private static let nameLimit = 255

    private let choices: [Choice]
    private let dropped: [Glob]
    private let isHighResolution: Bool

    /// `known` are all names of a vocabulary; nil when it has others as well, so that a pattern that matches none is no
    /// mistake.
    package init(
        _ section: inout SettingsSection, isHighResolution: Bool, known: [String]?, hasAggregates: Bool
    ) throws(SettingsError) {
        self.isHighResolution = isHighResolution
        choices = try Self.choices(&section, known: known)
        dropped = try ResourceChoice.globs(&section, "drop_original", default: [])
        guard dropped.isEmpty || hasAggregates else {
            throw section.error(at: "drop_original", "without \"aggregate\" nothing of them would be left")
        }
        let choices = choices
        for (index, glob) in dropped.enumerated() {
            guard let known, !known.contains(where: { name in glob.matches(name) && Self.takes(name, choices) }) else {
                continue
            }
            throw section.error(at: "drop_original", element: index, "\"\(glob.text)\" is none of the chosen metrics")
        }
    }

    /// For tests, and for who wants all.
    package init(all isHighResolution: Bool = false) {
        choices = []
        dropped = []
        self.isHighResolution = isHighResolution
    }

    private static func choices(
        _ section: inout SettingsSection, known: [String]?
    ) throws(SettingsError) -> [Choice] {
        guard let value = section.value("metrics") else { return [] }
        guard case .array(let elements) = value.content else {
            throw section.error(at: "metrics", "expected a list of patterns and of { \"name\": \"…\" }")
        }
        var choices: [Choice] = []
        for (index, element) in elements.enumerated() {
            choices.append(try choice(element, index, in: section, known: known))
        }
        guard !choices.isEmpty else { throw section.error(at: "metrics", "expected a list that is not empty") }
        return choices
    }

    private static func choice(
        _ element: SettingsValue, _ index: Int, in section: SettingsSection, known: [String]?
    ) throws(SettingsError) -> Choice {
        var text = ""
        var rename: String?
        var unit: EMFUnit?
        if case .string(let name) = element.content {
            text = name
        } else {
            var own = try SettingsSection(element, path: "\(section.pathOf("metrics"))[\(index)]")
            text = try own.string("name")
            rename = try own.optionalString("rename")
            if own.has("unit") { unit = try own.choice("unit", default: EMFUnit.none) }
            if let rename,
                !(1...nameLimit).contains(rename.utf8.count)
                    || !rename.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            {
                throw own.error(at: "rename", "expected 1 to \(nameLimit) characters of ASCII, no spaces")
            }
            if rename != nil, text.utf8.contains(where: { "*?[{".utf8.contains($0) }) {
                throw own.error(at: "rename", "a pattern takes several metrics: they cannot all have one name")
            }
            try own.finish()
        }
        let glob: Glob
        do throws(GlobError) { glob = try Glob(text) } catch {
            throw section.error(at: "metrics", element: index, error.description)
        }
        if let known, !known.contains(where: { glob.matches($0) }) {
            let like = nearest(to: text, among: known).map { ", did you mean \"\($0)\"?" } ?? ""
            throw section.error(at: "metrics", element: index, "\"\(text)\" is no metric of this vocabulary\(like)")
        }
        return Choice(glob: glob, rename: rename, unit: unit)
    }

    package func takes(_ name: String) -> Bool { Self.takes(name, choices) }

    private static func takes(_ name: String, _ choices: [Choice]) -> Bool {
        choices.isEmpty || choices.contains { $0.glob.matches(name) }
    }

    /// Whether any of `metrics` is wanted: what nobody wants is not read.
    func takes(anyOf metrics: [CloudWatchMetric]) -> Bool { metrics.contains { takes($0.name) } }

    /// Somebody has written names that begin so: what cannot be read of them is worth a word.
    func names(_ prefix: String) -> Bool { choices.contains { $0.glob.text.hasPrefix(prefix) } }

    /// How it is sent; nil for one that nobody wants.
    package func metric(_ name: String, _ unit: EMFUnit) -> EMFMetric? {
        let matching = choices.filter { $0.glob.matches(name) }
        guard choices.isEmpty || !matching.isEmpty else { return nil }
        return EMFMetric(
            matching.lazy.compactMap(\.rename).first ?? name, matching.lazy.compactMap(\.unit).first ?? unit,
            isHighResolution: isHighResolution, isOnlyAggregated: dropped.contains { $0.matches(name) })
    }
}
