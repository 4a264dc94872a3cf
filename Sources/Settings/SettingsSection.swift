// One object of agent.json, read with typed getters. The default stands where the value is used.

package import Bytes

/// Each key is asked for once; `finish` rejects the keys that nobody asked for, and names the nearest that exists.
package struct SettingsSection {
    /// As in `inputs.syslog`; empty at the top.
    package let path: String
    package let file: String
    package let position: TextPosition
    private var members: [SettingsValue.Member]
    /// What was asked for already: an error may still have to point at it.
    private var taken: [SettingsValue.Member] = []
    private var knownKeys: [String] = []

    /// An object that is not there: every getter gives its default. Errors point at the object around it.
    package init(missing path: String, in parent: SettingsSection? = nil) {
        self.path = path
        file = parent?.file ?? ""
        position = parent?.position ?? TextPosition(line: 1, column: 1)
        members = []
    }

    package init(_ value: SettingsValue, path: String) throws(SettingsError) {
        guard case .object(let members) = value.content else { throw value.error(path, "expected an object { … }") }
        self.path = path
        file = value.file
        position = value.position
        self.members = members
    }

    /// An error that stands at this object as a whole.
    package func error(_ reason: String) -> SettingsError {
        SettingsError(file: file, position: position, path: path, reason: withholding(brought, in: reason))
    }

    /// What variables have brought into this object. No error shows it: it may be a secret.
    private var brought: [BroughtText] { (taken + members).flatMap(\.value.brought) }

    /// An error that stands at the value of `key`, taken or not; at this object when the key is not there.
    package func error(at key: String, _ reason: String) -> SettingsError {
        if let value = given(key) { return value.error(pathOf(key), withholding(brought, in: reason)) }
        return error(reason).moved(to: pathOf(key))
    }

    /// An error that stands at an element of the list at `key`.
    package func error(at key: String, element index: Int, _ reason: String) -> SettingsError {
        let path = "\(pathOf(key))[\(index)]"
        guard case .array(let elements) = given(key)?.content, elements.indices.contains(index) else {
            return error(at: key, reason).moved(to: path)
        }
        return elements[index].error(path, withholding(brought, in: reason))
    }

    /// An error that stands at a member, with its name, of the table at `key`.
    package func error(at key: String, member name: String, _ reason: String) -> SettingsError {
        let path = "\(pathOf(key)).\(name)"
        guard case .object(let members) = given(key)?.content,
            let member = members.first(where: { $0.key == name })
        else { return error(at: key, reason).moved(to: path) }
        return SettingsError(
            file: member.file, position: member.keyPosition, path: path, reason: withholding(brought, in: reason))
    }

    private func given(_ key: String) -> SettingsValue? { (taken + members).first { $0.key == key }?.value }

    /// The keys of this object in the order of the text, for objects whose keys are names that the user chose.
    package var keys: [String] { members.map(\.key) }

    package func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// A value that is not taken yet, for a key that may hold one of several kinds.
    package func peek(_ key: String) -> SettingsValue? { members.first { $0.key == key }?.value }

    /// Also of keys that were taken.
    package func wasGiven(_ key: String) -> Bool { given(key) != nil }

    /// Takes a value as it is; nil when the key is missing. The getters below are better when one fits.
    package mutating func value(_ key: String) -> SettingsValue? {
        knownKeys.append(key)
        guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
        let member = members.remove(at: index)
        taken.append(member)
        return member.value
    }

    package func pathOf(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    // MARK: Text

    package mutating func optionalString(_ key: String) throws(SettingsError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.content else { throw value.error(pathOf(key), "expected text in quotes") }
        return text
    }

    package mutating func string(_ key: String, default fallback: String) throws(SettingsError) -> String {
        try optionalString(key) ?? fallback
    }

    package mutating func string(_ key: String) throws(SettingsError) -> String {
        guard let text = try optionalString(key) else { throw missing(key) }
        return text
    }

    /// One of a few words.
    package mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default fallback: Choice
    ) throws(SettingsError) -> Choice {
        guard let value = value(key) else { return fallback }
        let words = Choice.allCases.map(\.rawValue)
        guard case .string(let text) = value.content, let choice = Choice(rawValue: text) else {
            throw value.error(pathOf(key), "expected one of \(words.map { "\"\($0)\"" }.joined(separator: ", "))")
        }
        return choice
    }

    package mutating func strings(_ key: String, default fallback: [String]) throws(SettingsError) -> [String] {
        guard let value = value(key) else { return fallback }
        guard case .array(let elements) = value.content else {
            throw value.error(pathOf(key), "expected a list of texts [ \"…\" ]")
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element.content else {
                throw element.error("\(pathOf(key))[\(index)]", "expected text in quotes")
            }
            texts.append(text)
        }
        return texts
    }

    /// A list that must be there and not be empty.
    package mutating func strings(_ key: String) throws(SettingsError) -> [String] {
        guard has(key) else { throw missing(key, "a list of texts, not empty") }
        let texts = try strings(key, default: [])
        guard !texts.isEmpty else { throw error(at: key, "expected a list of texts, not empty") }
        return texts
    }

    /// Patterns of names, with directories; nil when the key is missing.
    package mutating func globs(_ key: String) throws(SettingsError) -> [Glob]? {
        let isGiven = has(key)
        var globs: [Glob] = []
        for (index, text) in try strings(key, default: []).enumerated() {
            do throws(GlobError) { globs.append(try Glob(text)) } catch {
                throw self.error(at: key, element: index, error.description)
            }
        }
        return isGiven ? globs : nil
    }

    /// An object of texts, in the order in which they stand.
    package mutating func table(_ key: String) throws(SettingsError) -> [(name: String, value: String)] {
        guard let value = value(key) else { return [] }
        guard case .object(let members) = value.content else {
            throw value.error(pathOf(key), "expected an object of texts { \"…\": \"…\" }")
        }
        var table: [(name: String, value: String)] = []
        for member in members {
            guard case .string(let text) = member.value.content else {
                throw member.value.error("\(pathOf(key)).\(member.key)", "expected text in quotes")
            }
            table.append((member.key, text))
        }
        return table
    }

    /// A pattern, compiled; nil when the key is missing and there is no default.
    package mutating func pattern(_ key: String, default fallback: String? = nil) throws(SettingsError) -> Pattern? {
        guard let text = try optionalString(key) ?? fallback else { return nil }
        do throws(PatternError) { return try Pattern(text) } catch { throw self.error(at: key, error.description) }
    }

    // MARK: Numbers

    package mutating func bool(_ key: String, default fallback: Bool) throws(SettingsError) -> Bool {
        guard let value = value(key) else { return fallback }
        guard case .bool(let flag) = value.content else { throw value.error(pathOf(key), "expected true or false") }
        return flag
    }

    package mutating func integer(
        _ key: String, default fallback: Int, in allowed: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let value = value(key) else { return fallback }
        guard case .number(let text) = value.content, let number = Int(text), allowed.contains(number) else {
            throw value.error(
                pathOf(key), "expected a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return number
    }

    /// `"500ms" "5s" "10m" "2h" "7d"`.
    package mutating func duration(
        _ key: String, default fallback: Duration, in allowed: ClosedRange<Duration>
    ) throws(SettingsError) -> Duration {
        guard let value = value(key) else { return fallback }
        guard case .string(let text) = value.content, let duration = parseDuration(text) else {
            throw value.error(pathOf(key), "expected a duration such as \"500ms\", \"5s\", \"10m\", \"2h\" or \"7d\"")
        }
        guard allowed.contains(duration) else {
            throw value.error(
                pathOf(key),
                "expected a duration from \(durationText(allowed.lowerBound)) to \(durationText(allowed.upperBound))")
        }
        return duration
    }

    /// `"64KiB" "1MiB"` or a number of bytes.
    package mutating func size(
        _ key: String, default fallback: Int, in allowed: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let value = value(key) else { return fallback }
        let bytes: Int? =
            switch value.content {
            case .string(let text): parseSize(text)
            case .number(let text): Int(text)
            default: nil
            }
        guard let bytes else {
            throw value.error(pathOf(key), "expected a size such as \"64KiB\", \"1MiB\" or a number of bytes")
        }
        guard allowed.contains(bytes) else {
            throw value.error(pathOf(key), "expected \(allowed.lowerBound) to \(allowed.upperBound) bytes")
        }
        return bytes
    }

    // MARK: Sections

    /// The object at `key`; one without members when the key is missing.
    package mutating func section(_ key: String) throws(SettingsError) -> SettingsSection {
        let path = pathOf(key)
        guard let value = value(key) else { return SettingsSection(missing: path, in: self) }
        return try SettingsSection(value, path: path)
    }

    /// A list of objects; empty when the key is missing.
    package mutating func sections(_ key: String) throws(SettingsError) -> [SettingsSection] {
        guard let value = value(key) else { return [] }
        guard case .array(let elements) = value.content else {
            throw value.error(pathOf(key), "expected a list of objects [ { … } ]")
        }
        var sections: [SettingsSection] = []
        for (index, element) in elements.enumerated() {
            sections.append(try SettingsSection(element, path: "\(pathOf(key))[\(index)]"))
        }
        return sections
    }

    /// Rejects the first key that nobody asked for.
    package func finish() throws(SettingsError) {
        guard let member = members.first else { return }
        let known = nearest(to: member.key, among: knownKeys)
        let reason = known.map { "unknown key, did you mean \"\($0)\"?" } ?? "unknown key\(listOfKnown)"
        throw SettingsError(
            file: member.file, position: member.keyPosition, path: pathOf(member.key), reason: reason)
    }

    private var listOfKnown: String {
        knownKeys.isEmpty ? "" : "; known here: \(knownKeys.sorted().joined(separator: ", "))"
    }

    private func missing(_ key: String, _ what: String = "text") -> SettingsError {
        // Not there because it is misspelt, which is better said where it stands. Short keys are all near to each
        // other.
        if key.utf8.count >= 4, let near = nearest(to: key, among: members.map(\.key)),
            let member = members.first(where: { $0.key == near })
        {
            return SettingsError(
                file: member.file, position: member.keyPosition, path: pathOf(near),
                reason: "unknown key, did you mean \"\(key)\"?")
        }
        return error("\"\(key)\" is missing: expected \(what)")
    }
}
