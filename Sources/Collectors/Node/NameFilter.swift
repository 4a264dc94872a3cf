// Which devices, mounts or types are looked at: all but those that match one pattern, or only those that match another.

internal import Bytes
internal import Metrics
internal import Settings

/// The pair of options `<name>_exclude` and `<name>_include`, of which only one may be set.
struct NameFilter {
    private let exclude: Pattern?
    private let include: Pattern?

    /// A default stands for `exclude` only when `include` is not set. An empty pattern is none. Those that are not
    /// exclusive take what the one matches and the other does not.
    init(
        _ section: inout SettingsSection, _ name: String, excluding fallback: String? = nil, isExclusive: Bool = true
    ) throws(SettingsError) {
        let isSet = section.has("\(name)_exclude")
        let include = Self.nonEmpty(try section.pattern("\(name)_include"))
        let exclude = Self.nonEmpty(try section.pattern("\(name)_exclude", default: include == nil ? fallback : nil))
        if isExclusive, isSet, include != nil, exclude != nil {
            throw section.error("\(name)_exclude and \(name)_include exclude each other: set one of them")
        }
        self.include = include
        self.exclude = exclude
    }

    /// By two options that may both be set: takes what the one does not match and the other does.
    init(_ section: inout SettingsSection, exclude: String, include: String) throws(SettingsError) {
        self.exclude = Self.nonEmpty(try section.pattern(exclude))
        self.include = Self.nonEmpty(try section.pattern(include))
    }

    private static func nonEmpty(_ pattern: Pattern?) -> Pattern? { pattern?.text == "" ? nil : pattern }

    func takes(_ path: Path) -> Bool { takes(path.label) }

    func takes(_ name: String) -> Bool {
        if let exclude, exclude.matches(name) { return false }
        return include?.matches(name) ?? true
    }
}
