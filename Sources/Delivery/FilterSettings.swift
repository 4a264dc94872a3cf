// The entries of `filters`: each is one of a few, told by its key.

internal import Bytes
internal import Logs
internal import Settings

extension RecordFilter {
    private static let kinds = ["include", "exclude", "sample", "rate_limit", "redact", "preset"]

    /// What one entry asks for; several redactions for several patterns.
    static func entry(_ section: inout SettingsSection) throws(SettingsError) -> [RecordFilter] {
        let given = kinds.filter { section.has($0) }
        switch given {
        case ["include"]: return [.match(try match(.include, "include", &section))]
        case ["exclude"]: return [.match(try match(.exclude, "exclude", &section))]
        case ["sample"]: return [.sample(try sampler(&section))]
        case ["rate_limit"]: return [.limit(try limiter(&section))]
        case ["redact"], ["preset"], ["redact", "preset"]:
            return try redactions(&section).map { .redact($0) }
        default:
            // A misspelt key is the likelier reason.
            for key in kinds { _ = section.value(key) }
            try section.finish()
            let known = kinds.map { "\"\($0)\"" }.joined(separator: ", ")
            throw section.error("expected one of \(known)")
        }
    }

    private static func match(
        _ kind: MatchFilter.Kind, _ key: String, _ section: inout SettingsSection
    ) throws(SettingsError) -> MatchFilter {
        MatchFilter(kind, try section.patterns(key), field: try section.fieldName("field"))
    }

    private static func sampler(_ section: inout SettingsSection) throws(SettingsError) -> Sampler {
        let value = section.value("sample")
        let field = try section.fieldName("by")
        if case .number(let text)? = value?.content {
            if let count = UInt64(text), (1...1_000_000_000).contains(count) {
                return Sampler(oneIn: count, by: field)
            }
            if let ratio = Double(text), ratio >= 1e-9, ratio < 1 { return Sampler(ratio: ratio, by: field) }
        }
        throw section.error(
            at: "sample", "expected a whole number n from 1 to 1000000000 for one in n, or a ratio between 0 and 1")
    }

    private static func limiter(_ section: inout SettingsSection) throws(SettingsError) -> RateLimiter {
        let rate = try section.integer("rate_limit", default: 1, in: 1...1_000_000)
        let per = try section.duration("per", default: .seconds(1), in: .milliseconds(1) ... .seconds(3_600))
        let burst = try section.integer("burst", default: rate, in: 1...1_000_000)
        return RateLimiter(rate, per: per, burst: burst, by: try section.fieldName("by"))
    }

    private static func redactions(_ section: inout SettingsSection) throws(SettingsError) -> [Redaction] {
        let replacement = Replacement(try section.string("with", default: "***"))
        let target: Redaction.Target? =
            switch try section.optionalString("field") {
            case nil: nil
            case "message"?: .message
            case let name?: .field(Array(name.utf8))
            }
        var redactions: [Redaction] = []
        if section.has("redact") {
            let patterns = try section.patterns("redact")
            for pattern in patterns {
                guard replacement.highestGroup <= pattern.groupCount else {
                    throw section.error(
                        at: "with", "$\(replacement.highestGroup) is no group of the pattern \(pattern.text)")
                }
                redactions.append(Redaction(pattern, with: replacement, target: target))
            }
        }
        for (element, name) in try section.textOrList("preset") {
            guard let preset = RedactionPreset(rawValue: name) else {
                let known = RedactionPreset.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw section.error(at: "preset", elementIfAny: element, "expected one of \(known)")
            }
            guard replacement.highestGroup == 0 else {
                throw section.error(at: "with", "a preset has no groups but $0")
            }
            for text in preset.patterns {
                let pattern: Pattern
                do throws(PatternError) { pattern = try Pattern(text) } catch { bug("preset \(name): \(error)") }
                redactions.append(
                    Redaction(
                        pattern, needing: preset.neededByte, with: replacement, target: target,
                        confirm: preset.confirmation))
            }
        }
        return redactions
    }
}

extension SettingsSection {
    /// The name of a field; nil for the message, which is the default.
    mutating func fieldName(_ key: String) throws(SettingsError) -> String? {
        guard let name = try optionalString(key) else { return nil }
        guard !name.isEmpty else { throw error(at: key, "expected the name of a field") }
        return name == "message" ? nil : name
    }

    /// `"…"` or `["…", …]`, with the place of each in the list; empty when the key is missing.
    mutating func textOrList(_ key: String) throws(SettingsError) -> [(element: Int?, text: String)] {
        guard has(key) else {
            _ = value(key)
            return []
        }
        // A look at a copy, since a key is taken once.
        var copy = self
        if case .string(let text)? = copy.value(key)?.content {
            self = copy
            return [(nil, text)]
        }
        return try strings(key).enumerated().map { ($0.offset, $0.element) }
    }

    /// The same, compiled. For keys that are there.
    mutating func patterns(_ key: String) throws(SettingsError) -> [Pattern] {
        var patterns: [Pattern] = []
        for (element, text) in try textOrList(key) {
            do throws(PatternError) { patterns.append(try Pattern(text)) } catch {
                throw self.error(at: key, elementIfAny: element, error.description)
            }
        }
        return patterns
    }

    func error(at key: String, elementIfAny element: Int?, _ reason: String) -> SettingsError {
        element.map { error(at: key, element: $0, reason) } ?? error(at: key, reason)
    }
}
