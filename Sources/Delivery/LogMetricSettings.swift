// The entries of `metrics`: what is counted of an input's records, and under which names.

internal import Bytes
internal import Logs
internal import Settings

extension LogMetric {
    /// Before a `name`; a `full_name` stands for itself.
    private static let prefix = "vitals_log_"
    /// What Vitals or Prometheus itself serves begins so.
    private static let ownPrefixes = ["vitals_", "node_", "process_", "scrape_", "fc_"]
    private static let ownNames = ["vitals_log_messages_total", "up", "target_info"]
    /// What a histogram adds to its name.
    private static let partSuffixes = ["_bucket", "_sum", "_count"]
    /// Where nobody says otherwise: seconds of a request.
    private static let usualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let usualSeriesLimit = 100
    private static let boundLimit = 50
    private static let labelLimit = 10

    /// All of an input.
    static func list(_ section: inout SettingsSection) throws(SettingsError) -> [LogMetric] {
        var metrics: [LogMetric] = []
        for var entry in try section.sections("metrics") {
            let key = entry.has("full_name") ? "full_name" : "name"
            let metric = try LogMetric(&entry)
            try entry.finish()
            guard !metrics.contains(where: { $0.definition.name == metric.definition.name }) else {
                throw entry.error(at: key, "\(metric.definition.name) stands twice in this input")
            }
            metrics.append(metric)
        }
        return metrics
    }

    private convenience init(_ section: inout SettingsSection) throws(SettingsError) {
        let isHistogram = try Self.isHistogram(&section)
        let name = try Self.name(&section, isHistogram: isHistogram)
        let source = try Source(&section, isHistogram: isHistogram)
        let labels = try Self.labels(&section, source, isHistogram: isHistogram)
        let bounds = isHistogram ? try Self.bounds(&section) : nil
        let kind = isHistogram ? "Numbers in" : "Counted"
        let help = try section.string("help", default: "\(kind) log records; see metrics in the settings of the input.")
        let limit = try section.integer("max_series", default: Self.usualSeriesLimit, in: 1...10_000)
        let definition = LogMetricDefinition(name, help: help, labels: labels.map(\.name), bounds: bounds)
        self.init(definition, source, labels: labels.map(\.source), seriesLimit: limit)
    }

    private static func isHistogram(_ section: inout SettingsSection) throws(SettingsError) -> Bool {
        switch (section.has("count"), section.has("histogram")) {
        case (true, false): return false
        case (false, true): return true
        default:
            for key in ["name", "full_name", "help", "labels", "max_series", "count", "histogram", "buckets"] {
                _ = section.value(key)
            }
            try section.finish()
            throw section.error("expected \"count\" or \"histogram\"")
        }
    }

    // MARK: Names

    private static func name(
        _ section: inout SettingsSection, isHistogram: Bool
    ) throws(SettingsError) -> String {
        let short = try section.optionalString("name")
        let full = try section.optionalString("full_name")
        guard let given = short ?? full, short == nil || full == nil else {
            throw section.error("expected \"name\" or \"full_name\"")
        }
        let key = short == nil ? "full_name" : "name"
        var name = given
        if short != nil {
            if !name.hasPrefix(prefix) { name = prefix + name }
            if !isHistogram, !name.hasSuffix("_total") { name += "_total" }
        }
        guard !given.isEmpty, isName(name, allowsColon: true) else {
            throw section.error(at: key, "expected the name of a metric: letters, digits and _")
        }
        if let fault = fault(ofName: name, isHistogram: isHistogram) { throw section.error(at: key, fault) }
        return name
    }

    /// What is wrong with a name, though it is one.
    static func fault(ofName name: String, isHistogram: Bool) -> String? {
        if ownNames.contains(name) || !name.hasPrefix(prefix) && ownPrefixes.contains(where: { name.hasPrefix($0) }) {
            return "\(name) is, or may become, a name of Vitals' own; \"name\" gives one that begins with \(prefix)"
        }
        if let suffix = partSuffixes.first(where: { name.hasSuffix($0) }) {
            return "\(suffix) ends the parts of a histogram"
        }
        if isHistogram, name.hasSuffix("_total") { return "_total ends the name of a counter" }
        return nil
    }

    private static func isName(_ text: String, allowsColon: Bool) -> Bool {
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): break
            case UInt8(ascii: "0")...UInt8(ascii: "9") where index > 0: break
            case UInt8(ascii: ":") where allowsColon: break
            default: return false
            }
        }
        return !text.isEmpty
    }

    // MARK: Labels and buckets

    /// `{ "status": "$1", "host": "vhost" }`: a group of the pattern, or a field.
    private static func labels(
        _ section: inout SettingsSection, _ source: Source, isHistogram: Bool
    ) throws(SettingsError) -> [(name: String, source: LabelSource)] {
        var labels: [(name: String, source: LabelSource)] = []
        for (name, value) in try section.table("labels") {
            guard isName(name, allowsColon: false), !name.hasPrefix("__") else {
                throw section.error(at: "labels", member: name, "expected the name of a label: letters, digits and _")
            }
            guard name != "input", name != "le" else {
                throw section.error(at: "labels", member: name, "is a label that the metric has already")
            }
            guard !value.isEmpty else {
                throw section.error(at: "labels", member: name, "expected a field, or a group such as \"$1\"")
            }
            guard value.hasPrefix("$") else {
                labels.append((name, .field(Array(value.utf8))))
                continue
            }
            guard let group = Int(value.dropFirst()), let pattern = source.pattern,
                (0...pattern.groupCount).contains(group)
            else {
                let reason = source.pattern == nil ? "there is no pattern" : "\(value) is no group of the pattern"
                throw section.error(at: "labels", member: name, reason)
            }
            labels.append((name, .group(group)))
        }
        guard labels.count <= labelLimit else {
            throw section.error(at: "labels", "expected \(labelLimit) labels at the most")
        }
        return labels
    }

    private static func bounds(_ section: inout SettingsSection) throws(SettingsError) -> [Double] {
        guard let value = section.value("buckets") else { return usualBounds }
        guard case .array(let elements) = value.content, (1...boundLimit).contains(elements.count) else {
            throw section.error(at: "buckets", "expected a list of 1 to \(boundLimit) numbers, rising")
        }
        var bounds: [Double] = []
        for (index, element) in elements.enumerated() {
            guard case .number(let text) = element.content, let bound = Double(text), bound.isFinite else {
                throw section.error(at: "buckets", element: index, "expected a number")
            }
            if let last = bounds.last, bound <= last {
                throw section.error(at: "buckets", element: index, "expected a number above \(last)")
            }
            bounds.append(bound)
        }
        return bounds
    }
}

extension LogMetric.Source {
    /// `"count": { "pattern": … }`, `"histogram": { "field": …, "pattern": …, "group": …, "scale": … }`.
    fileprivate init(_ parent: inout SettingsSection, isHistogram: Bool) throws(SettingsError) {
        self.init()
        var section = try parent.section(isHistogram ? "histogram" : "count")
        field = try section.fieldName("field").map { Array($0.utf8) }
        pattern = try section.pattern("pattern")
        if isHistogram {
            let hasGroup = section.has("group")
            group = try section.integer("group", default: 1, in: 0...99)
            if let pattern {
                // The pattern is the number when it has no group for it.
                if !hasGroup { group = min(group, pattern.groupCount) }
                guard group <= pattern.groupCount else {
                    throw section.error(at: "group", "the pattern has \(pattern.groupCount) groups")
                }
            } else if hasGroup {
                throw section.error(at: "group", "there is no pattern")
            }
            if let value = section.value("scale") {
                guard case .number(let text) = value.content, let factor = Double(text), factor.isFinite, factor != 0
                else { throw section.error(at: "scale", "expected a number that is not 0") }
                scale = factor
            }
        }
        try section.finish()
        guard !isHistogram || field != nil || pattern != nil else {
            throw section.error("expected \"field\" or \"pattern\"")
        }
        guard isHistogram || field == nil || pattern != nil else {
            throw section.error("a field is counted by a pattern: \".\" for every value")
        }
    }
}
