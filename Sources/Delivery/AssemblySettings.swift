// The keys of an input that say how its lines become records: `format`, `kubernetes`, `multiline`.

internal import Bytes
package import Logs
package import Settings

extension RecordAssembly {
    /// Nil when none of them asks for anything.
    package static func make(_ section: inout SettingsSection) throws(SettingsError) -> RecordAssembly? {
        let format: ContainerFormat = try section.choice("format", default: .plain)
        // A path of that form has no other meaning.
        let namesContainers = try section.bool("kubernetes", default: format != .plain)
        var multiline: Multiline?
        if section.has("multiline") {
            var own = try section.section("multiline")
            multiline = try Multiline(&own)
            try own.finish()
        }
        return RecordAssembly(format: format, namesContainers: namesContainers, multiline: multiline)
    }
}

extension RecordAssembly.Multiline {
    private static let ruleKeys = ["start", "continue", "end", "indent", "preset"]

    init(_ section: inout SettingsSection) throws(SettingsError) {
        let given = Self.ruleKeys.filter { section.has($0) }
        self.init(try Self.rule(&section))
        // At least two, or nothing would be joined.
        lineLimit = try section.integer("max_lines", default: lineLimit, in: 2...1_000_000)
        byteLimit = try section.size("max_bytes", default: byteLimit, in: 1 << 10...16 << 20)
        timeout = try section.duration("timeout", default: timeout, in: .milliseconds(10)...(.seconds(86_400)))
        if given.count > 1 {
            throw section.error(at: given[1], "\"\(given[0])\" is set already, and only one rule can be")
        }
    }

    private static func rule(_ section: inout SettingsSection) throws(SettingsError) -> MultilineRule {
        let start = try section.pattern("start")
        let next = try section.pattern("continue")
        let end = try section.pattern("end")
        let isIndentGiven = section.has("indent")
        let isIndent = try section.bool("indent", default: false)
        if isIndentGiven, !isIndent { throw section.error(at: "indent", "expected true") }
        let isPresetGiven = section.has("preset")
        let preset: MultilineRule.Preset = try section.choice("preset", default: .python)
        if let start { return .start(start) }
        if let next { return .continue(next) }
        if let end { return .end(end) }
        if isIndent { return .indent }
        if isPresetGiven { return .preset(preset) }
        for key in ["max_lines", "max_bytes", "timeout"] { _ = section.value(key) }
        // A misspelt key is the likelier reason.
        try section.finish()
        throw section.error("expected one of \(ruleKeys.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
}
