// A text of the settings that can be read again while the agent runs: tokens in files are renewed.

/// As it was when it was last read.
package struct LiveText: Sendable {
    package private(set) var value: String
    /// As it stands in the settings: `Bearer ${file:/etc/vitals/token}`.
    package let template: String
    /// Variables are in it: what these bring may be a secret.
    package var isExpanded: Bool { template != value }
    /// Those whose content it has.
    package let files: [String]
    private let variables: SettingsVariables?

    /// One that never changes.
    package init(_ value: String) {
        self.value = value
        template = value
        files = []
        variables = nil
    }

    init(_ value: String, _ expanded: ExpandedText?) {
        self.value = value
        template = expanded?.template ?? value
        files = expanded?.files ?? []
        variables = files.isEmpty ? nil : expanded?.variables
    }

    /// Reads its files again. Returns whether it has changed; it stays as it was when one cannot be read.
    package mutating func refresh(accepting isGood: (String) -> Bool = { _ in true }) throws(VariableError) -> Bool {
        guard let variables else { return false }
        let now = try variables.expand(template)
        guard now != value, isGood(now) else { return false }
        value = now
        return true
    }
}

/// What variables made of a text.
package struct ExpandedText: Sendable {
    package let template: String
    package let brought: [BroughtText]
    package let files: [String]
    let variables: SettingsVariables
}

extension SettingsSection {
    /// The path of a file that somebody else opens, as of a certificate. `${file:/etc/key.pem}` brings what the file
    /// holds, which may be a private key: that is no path, and is shown nowhere.
    package mutating func optionalFilePath(_ key: String) throws(SettingsError) -> String? {
        let isOfFile = peek(key)?.expanded?.files.isEmpty == false
        guard let path = try optionalString(key) else { return nil }
        guard !isOfFile || path.hasPrefix("/") && !path.utf8.contains(0x0A) else {
            throw error(at: key, "expected the path of a file: write the path alone, without ${file:…} around it")
        }
        return path
    }

    package mutating func filePath(_ key: String) throws(SettingsError) -> String {
        if let path = try optionalFilePath(key) { return path }
        return try string(key)
    }

    /// A text that is read again when its files change.
    package mutating func liveString(_ key: String) throws(SettingsError) -> LiveText {
        let expanded = peek(key)?.expanded
        return LiveText(try string(key), expanded)
    }

    package mutating func optionalLiveString(_ key: String) throws(SettingsError) -> LiveText? {
        let expanded = peek(key)?.expanded
        return try optionalString(key).map { LiveText($0, expanded) }
    }

    /// An object of texts that are read again when their files change, in the order in which they stand.
    package mutating func liveTable(_ key: String) throws(SettingsError) -> [(name: String, text: LiveText)] {
        let given = peek(key)
        let table = try table(key)
        guard case .object(let members)? = given?.content else { return [] }
        return zip(table, members).map { ($0.name, LiveText($0.value, $1.value.expanded)) }
    }
}
