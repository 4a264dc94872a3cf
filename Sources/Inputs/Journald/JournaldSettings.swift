// The options of a `journald` input.

internal import Bytes
internal import Settings

struct JournaldSettings {
    enum Start: String, CaseIterable {
        /// The oldest entry there is.
        case beginning
        /// The first of this boot. The default for the host's own journal: nothing of the running system is missed,
        /// and a first start does not send months of old entries, which receivers refuse for their age.
        case boot
        /// What comes from the first start of the agent on.
        case end
    }

    /// Of which boots entries are wanted.
    enum Boot: Equatable {
        case all, current
        case id(String)
        /// So many before the current one, or before the last one of a directory.
        case before(Int)
    }

    let source: JournalSource
    let selection: JournalSelection
    let boot: Boot
    let fields: JournalFieldChoice
    let start: Start
    let lineLimit: Int

    init(_ section: inout SettingsSection) throws(SettingsError) {
        var selection = JournalSelection()
        selection.owners.units = try Self.units("units", &section)
        selection.owners.userUnits = try Self.units("user_units", &section)
        selection.owners.excluded = try Self.units("exclude_units", &section)
        selection.owners.kernel = try section.bool("kernel", default: false)
        selection.identifiers = try Self.names("identifiers", &section)
        selection.priority = try Self.priority(&section)
        selection.matches = try Self.matches(&section)
        self.selection = selection
        source = try Self.source(&section)
        boot = try Self.boot(&section)
        fields = try Self.fields(&section)
        // The boot of this host says nothing about a directory that came from elsewhere, nor about another boot.
        let isOfThisBoot: Bool
        switch boot {
        case .current: isOfThisBoot = true
        case .all, .before(0): isOfThisBoot = source.isHost
        case .id, .before: isOfThisBoot = false
        }
        start = try section.choice("start_at", default: isOfThisBoot ? .boot : .beginning)
        lineLimit = try section.size("line_limit", default: 256 << 10, in: 1_024...(16 << 20))
    }

    /// How much of a compressed field is to be unpacked: with a name of 64 bytes and `=`, one more than is sent, so
    /// that a cut is seen.
    var unpackedBytes: Int { lineLimit + 66 }

    /// What is asked after an entry was read.
    var choice: JournalChoice {
        guard case .host(let namespaces) = source else { return JournalChoice(selection.owners, JournalNamespaces()) }
        return JournalChoice(selection.owners, namespaces)
    }

    private static func units(
        _ key: String, _ section: inout SettingsSection
    ) throws(SettingsError) -> [JournalUnitPattern] {
        var units: [JournalUnitPattern] = []
        for (index, text) in try section.strings(key, default: []).enumerated() {
            do throws(GlobError) { units.append(try JournalUnitPattern(text)) } catch {
                throw section.error(at: key, element: index, error.description)
            }
        }
        return units
    }

    /// Texts of which none is empty.
    private static func names(_ key: String, _ section: inout SettingsSection) throws(SettingsError) -> [String] {
        let names = try section.strings(key, default: [])
        if let index = names.firstIndex(of: "") { throw section.error(at: key, element: index, "nothing stands here") }
        return names
    }

    private static func matches(_ section: inout SettingsSection) throws(SettingsError) -> [String] {
        let matches = try section.strings("matches", default: [])
        for (index, match) in matches.enumerated() {
            if match == "+" {
                let isBetween = index > 0 && index + 1 < matches.count && matches[index + 1] != "+"
                guard isBetween else {
                    throw section.error(at: "matches", element: index, "\"+\" must stand between two matches")
                }
            } else if let problem = journalMatchProblem(match) {
                throw section.error(at: "matches", element: index, problem)
            }
        }
        return matches
    }

    private static func priority(_ section: inout SettingsSection) throws(SettingsError) -> Int? {
        guard let value = section.value("priority") else { return nil }
        switch value.content {
        case .string(let text), .number(let text):
            if let priority = journalPriority(text) { return priority }
        default: break
        }
        let names = journalPriorities.map { "\"\($0)\"" }.joined(separator: ", ")
        throw value.error(section.pathOf("priority"), "expected one of \(names), or 0 to 7")
    }

    private static func source(_ section: inout SettingsSection) throws(SettingsError) -> JournalSource {
        let isSet = section.has("namespaces")
        let names = try section.strings("namespaces", default: [JournalNamespaces.own])
        for (index, name) in names.enumerated() {
            guard name == JournalNamespaces.all || isNamespace(name) else {
                throw section.error(
                    at: "namespaces", element: index,
                    "\"\(name)\" is no name of a namespace; \"default\" is the host's own, \"*\" are all")
            }
        }
        if names.isEmpty { throw section.error(at: "namespaces", "expected a list of texts, not empty") }
        guard let value = section.value("directory") else { return .host(JournalNamespaces(names)) }
        guard case .string(let path) = value.content, path.hasPrefix("/") else {
            throw value.error(section.pathOf("directory"), "expected a path that begins with /")
        }
        // libsystemd leaves namespaces out of a directory that it is given.
        if isSet {
            throw section.error(
                at: "namespaces", "not with \"directory\": name the directory of the namespace there, ID.NAME")
        }
        return .directory(path)
    }

    /// As in the name of an instance of journald: systemd.unit(5).
    private static func isNamespace(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy {
                0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || ":-_.\\".utf8.contains($0)
            }
    }

    /// No journal has so many boots.
    private static let bootsBackLimit = 1_000_000

    private static func boot(_ section: inout SettingsSection) throws(SettingsError) -> Boot {
        guard let value = section.value("boot") else { return .all }
        switch value.content {
        case .string("all"): return .all
        case .string("current"): return .current
        case .string(let text), .number(let text):
            if let number = Int(text), (-bootsBackLimit...0).contains(number) {
                return .before(-number)
            }
            if let id = journalBootID(text) { return .id(id) }
        default: break
        }
        throw value.error(
            section.pathOf("boot"),
            "expected \"all\", \"current\", 0, -1, -2 … counted back, or the id of a boot: 32 hexadecimal digits"
        )
    }

    private static func fields(_ section: inout SettingsSection) throws(SettingsError) -> JournalFieldChoice {
        let key = "journal_fields"
        guard let value = section.value(key) else { return .named([]) }
        let (path, expected) = (section.pathOf(key), "expected \"all\", or a list of fields [ \"…\" ]")
        if case .string("all") = value.content { return .all }
        guard case .array(let elements) = value.content else { throw value.error(path, expected) }
        var names: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let name) = element.content else {
                throw element.error("\(path)[\(index)]", "expected text in quotes")
            }
            names.append(name)
        }
        for (index, name) in names.enumerated() {
            if let problem = journalFieldProblem(name) { throw section.error(at: key, element: index, problem) }
            if name == "MESSAGE" { throw section.error(at: key, element: index, "it is the message of each record") }
            if names[..<index].contains(name) { throw section.error(at: key, element: index, "it stands twice") }
        }
        return .named(names)
    }
}
