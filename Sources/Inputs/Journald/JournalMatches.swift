// Which entries of the journal are wanted, as libsystemd takes it: see sd_journal_add_match(3), and journalctl(1) for
// what `-u`, `-p` and `FIELD=value +` mean there. The options of the input mean the same.

internal import Bytes

/// One step of building a filter: groups of matches are joined by `or`, and those by `and`.
package enum JournalTerm: Equatable, Sendable {
    /// `FIELD=value`. Neighbours with the same field are alternatives, with different fields both must hold.
    case match(String)
    case or, and
}

/// The severities of syslog (RFC 5424, section 6.2.1), most urgent first; the index is the number.
package let journalPriorities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]

/// A name of `journalPriorities`, one of its usual longer forms, or a digit; nil for anything else.
package func journalPriority(_ text: String) -> Int? {
    switch text {
    case "emergency", "panic": 0
    case "critical": 2
    case "error": 3
    case "warn": 4
    default: journalPriorities.firstIndex(of: text) ?? Int(text).flatMap { 0...7 ~= $0 ? $0 : nil }
    }
}

/// Endings that make a text the whole name of a unit; see systemd.unit(5).
private let unitSuffixes = [
    ".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope",
]

/// `ssh` is `ssh.service`, as for systemctl.
package func journalUnitName(_ name: String) -> String {
    unitSuffixes.contains { name.hasSuffix($0) && name != $0 } ? name : name + ".service"
}

/// What is wrong with a match of the settings; nil when libsystemd will take it.
package func journalMatchProblem(_ match: String) -> String? {
    guard let equals = match.firstIndex(of: "=") else {
        return "expected FIELD=value, or \"+\" between alternatives"
    }
    return journalFieldProblem(String(match[..<equals]))
}

/// What is wrong with the name of a field; nil when journald would take it.
package func journalFieldProblem(_ field: String) -> String? {
    // Addresses of an entry (`__CURSOR=`) are no fields; libsystemd refuses them.
    guard field.utf8.allSatisfy(isOfFieldName), !field.isEmpty, field.utf8.count <= 64, !field.hasPrefix("__") else {
        return "\"\(field)\" is no journal field: capital letters, digits and _, not beginning with __"
    }
    return nil
}

/// The id of a boot, as journalctl(1) takes it: 32 hexadecimal digits, with dashes or without. nil for anything else.
package func journalBootID(_ text: String) -> String? {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    guard digits.count == 32, digits.allSatisfy({ $0.hexadecimalDigit != nil }) else { return nil }
    return String(decoding: digits, as: UTF8.self).lowercased()
}

/// What must hold of an entry, where libsystemd can say it.
package struct JournalSelection: Equatable, Sendable {
    package var owners = JournalOwners()
    /// It and more urgent.
    package var priority: Int?
    package var identifiers: [String] = []
    package var matches: [String] = []

    package init() {}

    /// Owners, one of the identifiers, the priority and the matches must all hold.
    package var terms: [JournalTerm] {
        var parts: [[JournalTerm]] = []
        if owners.areSelectedByMatches, !owners.isAnybody { parts.append(termsOfOwners) }
        if !identifiers.isEmpty { parts.append(identifiers.map { .match("SYSLOG_IDENTIFIER=\($0)") }) }
        if let priority { parts.append((0...priority).map { .match("PRIORITY=\($0)") }) }
        if !matches.isEmpty { parts.append(matches.map { $0 == "+" ? .or : .match($0) }) }
        return Array(parts.joined(separator: [.and]))
    }

    private var termsOfOwners: [JournalTerm] {
        var groups = owners.units.map { termsOfUnit($0.text) } + owners.userUnits.map { termsOfUserUnit($0.text) }
        if owners.kernel { groups.append([.match("_TRANSPORT=kernel")]) }
        return Array(groups.joined(separator: [.or]))
    }
}

/// The message of systemd-coredump: SD_MESSAGE_COREDUMP in sd-messages.h.
let journalCoredumpMessageID = "fc2e22bc6ee647b6b90729ab34a250b1"

/// What a unit wrote, and what was written about it: by the service manager, by systemd-coredump, and by others that
/// run as root and name it. Fields with an underscore in front cannot be forged, the others can; hence the pairs.
func termsOfUnit(_ unit: String) -> [JournalTerm] {
    var groups: [[JournalTerm]] = [
        [.match("_SYSTEMD_UNIT=\(unit)")],
        [.match("_PID=1"), .match("UNIT=\(unit)")],
        [.match("MESSAGE_ID=\(journalCoredumpMessageID)"), .match("_UID=0"), .match("COREDUMP_UNIT=\(unit)")],
        [.match("_UID=0"), .match("OBJECT_SYSTEMD_UNIT=\(unit)")],
    ]
    if unit.hasSuffix(".slice") { groups.append([.match("_SYSTEMD_SLICE=\(unit)")]) }
    return Array(groups.joined(separator: [.or]))
}

/// The same of a unit of any user's own service manager. Whoever could forge these fields could as well make such a
/// unit.
func termsOfUserUnit(_ unit: String) -> [JournalTerm] {
    let groups: [[JournalTerm]] = [
        [.match("_SYSTEMD_USER_UNIT=\(unit)")],
        [.match("USER_UNIT=\(unit)")],
        [.match("MESSAGE_ID=\(journalCoredumpMessageID)"), .match("COREDUMP_USER_UNIT=\(unit)")],
        [.match("_UID=0"), .match("OBJECT_SYSTEMD_USER_UNIT=\(unit)")],
    ]
    return Array(groups.joined(separator: [.or]))
}
