// What `vitals check` says of a journald input.

internal import Platform
package import Settings

extension JournaldInput {
    /// Counting goes no further: a check is to be quick.
    private static let countLimit = 10_000
    /// Names that a misspelt one is compared with.
    private static let nameLimit = 1_000

    /// A missing library, a given directory without a journal, and files that may not be read are problems. That the
    /// host has no journal is a note, since the input waits for one.
    package mutating func check() -> CheckReport {
        Journal.beginReading()
        defer { Journal.endReading() }
        var report = CheckReport()
        let files = JournalFiles(settings.source)
        if let refused = files.refused { report.problems.append(refused) }
        do throws(JournalError) {
            let journal = try Journal(settings.source, maximumFieldBytes: 4_096)
            guard try journal.usageBytes() > 0 else {
                if !settings.source.isHost || !files.unlisted.isEmpty {
                    if files.refused == nil { report.problems.append(files.absence) }
                } else if files.refused == nil {
                    report.notes.append(files.absence + "; it is read when it appears")
                }
                return report
            }
            report.notes.append(try describe(journal))
            report.notes.append(try countSelected(journal))
            report.notes += try unknownNames(journal)
        } catch {
            report.problems.append(error.description)
        }
        return report
    }

    private func describe(_ journal: Journal) throws(JournalError) -> String {
        let boots = try journal.values(of: "_BOOT_ID", limit: Self.countLimit).count
        let mebibytes = try journal.usageBytes() >> 20
        let place =
            switch settings.source {
            case .directory(let directory): directory
            case .host: "its usual places"
            }
        return "the journal in \(place) has \(mebibytes) MiB, boots: \(boots)"
    }

    private mutating func countSelected(_ journal: Journal) throws(JournalError) -> String {
        try journal.add(try terms(in: journal))
        try journal.seekHead()
        var choice = settings.choice
        var values = JournalValues()
        var (count, looked) = (0, 0)
        while looked < Self.countLimit, try journal.next() {
            looked += 1
            if choice.hasQuestions {
                values.removeAll()
                try unsafe journal.forEachField { name, value in
                    if let field = unsafe JournalField(name) { unsafe values.take(field, value[...]) }
                }
                guard choice.wants(values) else { continue }
            }
            count += 1
        }
        let isAll = looked < Self.countLimit
        if count == 1, isAll { return "1 entry is selected" }
        if isAll { return "\(count) entries are selected" }
        return count == looked
            ? "\(count) entries or more are selected" : "\(count) of the first \(looked) entries are selected"
    }

    // MARK: Names that the journal does not know

    /// What has no entry may have said nothing yet, or be misspelt.
    private func unknownNames(_ journal: Journal) throws(JournalError) -> [String] {
        var notes: [String] = []
        let owners = settings.selection.owners
        for (units, fields, terms) in [
            (owners.units + owners.excluded, ["_SYSTEMD_UNIT", "UNIT"], termsOfUnit),
            (owners.userUnits, ["_SYSTEMD_USER_UNIT", "USER_UNIT"], termsOfUserUnit),
        ] where !units.isEmpty {
            let known = try knownValues(of: fields, journal)
            for unit in units where unit.isPattern {
                let taken = known.filter { unit.matches(Array($0.utf8)) }
                notes.append(patternNote(unit.text, taken))
            }
            for unit in units where !unit.isPattern {
                notes += try note(journal, ifNothingHas: terms(unit.text), "of unit \(unit.text)", unit.text, known)
            }
        }
        let identifiers = settings.selection.identifiers
        let knownIdentifiers = identifiers.isEmpty ? [] : try knownValues(of: ["SYSLOG_IDENTIFIER"], journal)
        for name in identifiers {
            let terms = [JournalTerm.match("SYSLOG_IDENTIFIER=\(name)")]
            notes += try note(journal, ifNothingHas: terms, "with the identifier \"\(name)\"", name, knownIdentifiers)
        }
        if case .id(let id) = settings.boot {
            let known = try knownValues(of: ["_BOOT_ID"], journal)
            notes += try note(journal, ifNothingHas: [.match("_BOOT_ID=\(id)")], "of the boot \(id)", id, known)
        }
        if case .named(let names) = settings.fields, !names.isEmpty {
            let known = try journal.fieldNames(limit: Self.nameLimit)
            for name in names where !known.contains(name) {
                notes.append("no entry has the field \(name)\(hint(name, known))")
            }
        }
        if case .host(let namespaces) = settings.source, !namespaces.names.isEmpty {
            let known = try knownValues(of: ["_NAMESPACE"], journal)
            for name in namespaces.names where !known.contains(name) {
                notes.append("no entry of the namespace \(name)\(hint(name, known))")
            }
        }
        return notes
    }

    private func note(
        _ journal: Journal, ifNothingHas terms: [JournalTerm], _ what: String, _ name: String, _ known: [String]
    ) throws(JournalError) -> [String] {
        journal.removeMatches()
        try journal.add(terms)
        try journal.seekHead()
        return try journal.next() ? [] : ["no entry \(what)\(hint(name, known))"]
    }

    private func hint(_ name: String, _ known: [String]) -> String {
        nearest(to: name, among: known).map { ", did you mean \"\($0)\"?" } ?? ""
    }

    private func patternNote(_ pattern: String, _ taken: [String]) -> String {
        guard !taken.isEmpty else { return "no unit in the journal is like \(pattern)" }
        let names = Set(taken).sorted()
        let more = names.count > 3 ? " and \(names.count - 3) more" : ""
        return "\(pattern) takes \(names.prefix(3).joined(separator: ", "))\(more)"
    }

    private func knownValues(of fields: [String], _ journal: Journal) throws(JournalError) -> [String] {
        var values: [String] = []
        for field in fields { values += try journal.values(of: field, limit: Self.nameLimit) }
        return values
    }
}
