// Which mount points, devices or interfaces are measured: `include` and `ignore` of a subject in the settings.

internal import Bytes
internal import Metrics
internal import Settings

/// Patterns as in `Glob`.
package struct ResourceChoice: Sendable {
    private let include: [Glob]
    private let ignore: [Glob]

    /// Nothing, and `"*"`, includes what the subject measures by itself.
    var isDefault: Bool { include.isEmpty }

    init() {
        include = []
        ignore = []
    }

    init(_ section: inout SettingsSection, ignoring fallback: [String] = []) throws(SettingsError) {
        let include = try Self.globs(&section, "include", default: [])
        self.include = include.contains { $0.text == "*" } ? [] : include
        ignore = try Self.globs(&section, "ignore", default: self.include.isEmpty ? fallback : [])
    }

    static func globs(
        _ section: inout SettingsSection, _ key: String, default fallback: [String]
    ) throws(SettingsError) -> [Glob] {
        var globs: [Glob] = []
        for (index, text) in try section.strings(key, default: fallback).enumerated() {
            do throws(GlobError) { globs.append(try Glob(text)) } catch {
                throw section.error(at: key, element: index, error.description)
            }
        }
        return globs
    }

    func takes(_ path: Path) -> Bool {
        if ignore.contains(where: { $0.matches(path) }) { return false }
        return include.isEmpty || include.contains { $0.matches(path) }
    }

    func takes(_ name: String) -> Bool {
        if ignore.contains(where: { $0.matches(name) }) { return false }
        return include.isEmpty || include.contains { $0.matches(name) }
    }
}

/// Remembers what was decided of a name: names stay the same from one reading to the next.
final class NameDecisions {
    /// Beyond this, names come and go: all are decided anew.
    private static let limit = 10_000

    private let decide: (String) -> Bool
    private var known: [ExactText: Bool] = [:]

    init(_ decide: @escaping (String) -> Bool) { self.decide = decide }

    func takes(_ name: String) -> Bool {
        let key = ExactText(name)
        if let answer = known[key] { return answer }
        if known.count >= Self.limit { known.removeAll() }
        let answer = decide(name)
        known[key] = answer
        return answer
    }
}
