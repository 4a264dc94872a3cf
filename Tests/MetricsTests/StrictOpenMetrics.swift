import Metrics

/// A reader of OpenMetrics that takes nothing that the specification forbids, as the one of Prometheus' client for
/// Python does: https://prometheus.io/docs/specs/om/open_metrics_spec/
struct StrictOpenMetrics {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private struct Sample {
        let name: String
        let labels: [ExactText: ExactText]
        let value: Double

        /// Without one of its labels; nil when it lacks it.
        func labels(without label: ExactText) -> [ExactText: ExactText]? {
            var rest = labels
            return rest.removeValue(forKey: label) == nil ? nil : rest
        }
    }

    private static let endings = [
        "counter": ["_total", "_created"], "summary": ["", "_count", "_sum", "_created"],
        "histogram": ["_count", "_sum", "_bucket", "_created"], "gauge": [""], "unknown": [""],
    ]

    /// Names that a family has taken.
    private var taken: Set<ExactText> = []
    private var name = ""
    private var seen: Set<String> = []
    private var type = ""
    private var samples: [Sample] = []

    /// The names of the families.
    static func read(_ text: String) throws -> [String] {
        var reader = StrictOpenMetrics()
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard lines.popLast() == "", lines.popLast() == "# EOF" else { throw Refused(description: "no end") }
        var families: [String] = []
        for line in lines {
            do throws(Refused) {
                if let begun = try reader.take(line) { families.append(begun) }
            } catch {
                throw Refused(description: "\(error) at: \(line)")
            }
        }
        try reader.finish()
        return families
    }

    /// The name of the family that the line begins.
    private mutating func take(_ line: String) throws(Refused) -> String? {
        var cursor = Cursor(line)
        guard cursor.skip("# ") else {
            try add(try cursor.sample())
            return nil
        }
        let word = try cursor.word()
        let name = try cursor.name()
        guard cursor.skip(" ") else { throw Refused(description: "no text") }
        var begun: String?
        if !name.bytesEqual(self.name) {
            try finish()
            (self.name, type, samples, seen, begun) = (name, "", [], [], name)
        }
        guard samples.isEmpty, seen.insert(word).inserted else { throw Refused(description: "late or repeated") }
        switch word {
        case "TYPE":
            type = cursor.rest
            guard let endings = Self.endings[type] else { throw Refused(description: "type") }
            for ending in Set(endings + [""]) {
                guard taken.insert(ExactText(name + ending)).inserted else { throw Refused(description: "clash") }
            }
        case "UNIT":
            guard name.hasSuffix("_" + cursor.rest) else { throw Refused(description: "unit") }
        case "HELP": break
        default: throw Refused(description: "comment")
        }
        return begun
    }

    private mutating func add(_ sample: Sample) throws(Refused) {
        guard let ending = Self.endings[type]?.first(where: { sample.name.bytesEqual(name + $0) }) else {
            throw Refused(description: "another family")
        }
        let isCounting = ["_total", "_sum", "_count", "_bucket"].contains(ending)
        if isCounting, !(sample.value >= 0) { throw Refused(description: "does not count") }
        if ["_count", "_bucket"].contains(ending), sample.value != sample.value.rounded() || sample.value.isInfinite {
            throw Refused(description: "no whole number")
        }
        if ending == "_bucket" {
            guard let text = sample.labels["le"]?.text, let bound = Double(text), !bound.isNaN,
                !bound.isInfinite || text == "+Inf"
            else { throw Refused(description: "bound") }
        }
        if type == "summary", ending.isEmpty {
            guard let text = sample.labels["quantile"]?.text, let rank = Double(text), (0...1).contains(rank),
                !(sample.value < 0)
            else { throw Refused(description: "quantile") }
        }
        samples.append(sample)
    }

    private mutating func finish() throws(Refused) {
        var groups: [[ExactText: ExactText]: [Sample]] = [:]
        var last: [ExactText: ExactText]?
        var series: Set<[ExactText: ExactText]> = []
        for sample in samples {
            var group = sample.labels
            if type == "histogram", sample.name.hasSuffix("_bucket") { group = sample.labels(without: "le") ?? group }
            if type == "summary", sample.name.bytesEqual(name) { group = sample.labels(without: "quantile") ?? group }
            if group != last, groups[group] != nil { throw Refused(description: "\(name) is scattered") }
            var key = sample.labels
            key["__name__"] = ExactText(sample.name)
            guard series.insert(key).inserted else { throw Refused(description: "\(sample.name) twice") }
            groups[group, default: []].append(sample)
            last = group
        }
        if type == "histogram" { for group in groups.values { try check(group) } }
        samples = []
    }

    private func check(_ histogram: [Sample]) throws(Refused) {
        var (bound, below, count, sum) = (-Double.infinity, 0.0, Double?.none, Double?.none)
        var hasNegative = false
        for (index, sample) in histogram.enumerated() {
            if let text = sample.labels["le"]?.text, sample.name.bytesEqual(name + "_bucket") {
                let next = Double(text) ?? .nan
                guard index == 0 || next > bound, sample.value >= below else {
                    throw Refused(description: "\(name): buckets out of order")
                }
                (bound, below) = (next, sample.value)
                hasNegative = hasNegative || next < 0
            } else if sample.name.bytesEqual(name + "_count") {
                count = sample.value
            } else if sample.name.bytesEqual(name + "_sum") {
                sum = sample.value
            }
        }
        guard bound == .infinity else { throw Refused(description: "\(name) lacks a bucket") }
        guard count == nil || count == below else { throw Refused(description: "\(name): another count") }
        guard (count == nil) == (sum == nil) else { throw Refused(description: "\(name): count without sum") }
        guard !hasNegative || sum == nil else { throw Refused(description: "\(name): sum of what may be negative") }
    }

    /// Scalar by scalar: a letter with an accent is two.
    private struct Cursor {
        private var scalars: ArraySlice<Unicode.Scalar>

        init(_ text: String) { scalars = ArraySlice(text.unicodeScalars) }

        var rest: String { String(String.UnicodeScalarView(scalars)) }

        mutating func skip(_ text: String) -> Bool {
            guard scalars.starts(with: text.unicodeScalars) else { return false }
            scalars = scalars.dropFirst(text.unicodeScalars.count)
            return true
        }

        mutating func word() throws(Refused) -> String {
            let word = scalars.prefix { $0 != " " }
            scalars = scalars.dropFirst(word.count)
            guard skip(" ") else { throw Refused(description: "no space") }
            return String(String.UnicodeScalarView(word))
        }

        /// In quotes or not.
        mutating func name() throws(Refused) -> String {
            if scalars.first == "\"" { return try quoted() }
            let name = scalars.prefix { scalar in
                scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_:".unicodeScalars.contains(scalar))
            }
            guard let first = name.first, !("0"..."9").contains(first) else { throw Refused(description: "name") }
            scalars = scalars.dropFirst(name.count)
            return String(String.UnicodeScalarView(name))
        }

        mutating func quoted() throws(Refused) -> String {
            guard skip("\"") else { throw Refused(description: "no quote") }
            var text = String.UnicodeScalarView()
            while let next = scalars.popFirst() {
                if next == "\"" { return String(text) }
                guard next == "\\" else { text.append(next); continue }
                switch scalars.popFirst() {
                case "n": text.append("\n")
                case "\\": text.append("\\")
                case "\"": text.append("\"")
                default: throw Refused(description: "escape")
                }
            }
            throw Refused(description: "no end of quotes")
        }

        mutating func sample() throws(Refused) -> Sample {
            var name = scalars.first == "{" ? nil : try self.name()
            var labels: [ExactText: ExactText] = [:]
            if skip("{"), !skip("}") {
                repeat {
                    let isName = scalars.first == "\"" && name == nil
                    let label = try self.name()
                    if isName { name = label; continue }
                    guard label != "__name__", skip("=") else { throw Refused(description: "label") }
                    guard labels.updateValue(ExactText(try quoted()), forKey: ExactText(label)) == nil else {
                        throw Refused(description: "label twice")
                    }
                } while skip(",")
                guard skip("}") else { throw Refused(description: "braces") }
            }
            guard skip(" "), let name else { throw Refused(description: "no value") }
            let text = rest
            guard let value = ["NaN": .nan, "+Inf": .infinity, "-Inf": -.infinity][text] ?? Double(text) else {
                throw Refused(description: "value")
            }
            return Sample(name: name, labels: labels, value: value)
        }
    }
}

extension String {
    fileprivate func bytesEqual(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
