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
    guard let equals = match.utf8.firstIndex(of: UInt8(ascii: "=")) else {
        return "expected FIELD=value, or \"+\" between alternatives"
    }
    let field = match.utf8[..<equals]
    let isName = field.allSatisfy {
        0x41...0x5A ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "_")
    }
    // Addresses of an entry (`__CURSOR=`) are no fields; libsystemd refuses them.
    guard isName, !field.isEmpty, field.count <= 64, !field.starts(with: "__".utf8) else {
        return "\"\(String(field) ?? "")\" is no journal field: capital letters, digits and _, not beginning with __"
    }
    return nil
}

/// The filter for all of `units` (any of them), `priority` (it and more urgent) and `matches`, which must all hold.
package func journalFilter(units: [String], priority: Int?, matches: [String]) -> [JournalTerm] {
    var parts: [[JournalTerm]] = []
    if !units.isEmpty { parts.append(Array(units.map(termsOfUnit).joined(separator: [.or]))) }
    if let priority { parts.append((0...priority).map { .match("PRIORITY=\($0)") }) }
    if !matches.isEmpty { parts.append(matches.map { $0 == "+" ? .or : .match($0) }) }
    return Array(parts.joined(separator: [.and]))
}

/// What a unit wrote, and what was written about it: by the service manager, by systemd-coredump, and by others that
/// run as root and name it. Fields with an underscore in front cannot be forged, the others can; hence the pairs.
private func termsOfUnit(_ unit: String) -> [JournalTerm] {
    var groups: [[JournalTerm]] = [
        [.match("_SYSTEMD_UNIT=\(unit)")],
        [.match("_PID=1"), .match("UNIT=\(unit)")],
        // The message of systemd-coredump: SD_MESSAGE_COREDUMP in sd-messages.h.
        [
            .match("MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1"), .match("_UID=0"), .match("COREDUMP_UNIT=\(unit)"),
        ],
        [.match("_UID=0"), .match("OBJECT_SYSTEMD_UNIT=\(unit)")],
    ]
    if unit.hasSuffix(".slice") { groups.append([.match("_SYSTEMD_SLICE=\(unit)")]) }
    return Array(groups.joined(separator: [.or]))
}
