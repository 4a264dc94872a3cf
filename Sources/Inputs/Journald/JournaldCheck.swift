// What `vitals check` says of a journald input.

internal import Platform
package import Settings

extension JournaldInput {
    /// Counting goes no further: a check is to be quick.
    private static let countLimit = 10_000
    /// Names that a misspelt one is compared with.
    private static let unitLimit = 1_000

    /// A missing library, a given directory without a journal, and files that may not be read are problems. That the
    /// host has no journal is a note, since the input waits for one.
    package mutating func check() -> CheckReport {
        var report = CheckReport()
        let files = JournalFiles(directory: directory)
        if let refused = files.refused { report.problems.append(refused) }
        do throws(JournalError) {
            let journal = try Journal(directory: directory, maximumFieldBytes: 4_096)
            guard try journal.usageBytes() > 0 else {
                if directory != nil || !files.unlisted.isEmpty {
                    if files.refused == nil { report.problems.append(files.absence) }
                } else if files.refused == nil {
                    report.notes.append(files.absence + "; it is read when it appears")
                }
                return report
            }
            report.notes.append(try describe(journal))
            try journal.add(filter)
            try journal.seekHead()
            var count = 0
            while count < Self.countLimit, try journal.next() { count += 1 }
            switch count {
            case 1: report.notes.append("1 entry is selected")
            case Self.countLimit: report.notes.append("\(count) entries or more are selected")
            default: report.notes.append("\(count) entries are selected")
            }
            report.notes += try unknownUnits(journal)
        } catch {
            report.problems.append(error.description)
        }
        return report
    }

    private func describe(_ journal: Journal) throws(JournalError) -> String {
        let boots = try journal.values(of: "_BOOT_ID", limit: Self.countLimit).count
        let mebibytes = try journal.usageBytes() >> 20
        return "the journal in \(directory ?? "its usual places") has \(mebibytes) MiB, boots: \(boots)"
    }

    /// A unit without an entry may have said nothing yet, or be misspelt.
    private func unknownUnits(_ journal: Journal) throws(JournalError) -> [String] {
        var notes: [String] = []
        var known: [String]?
        for unit in units {
            journal.removeMatches()
            try journal.add(journalFilter(units: [unit], priority: nil, matches: []))
            try journal.seekHead()
            if try journal.next() { continue }
            let names: [String]
            if let known { names = known } else { names = try knownUnits(journal) }
            known = names
            let like = nearest(to: unit, among: names).map { ", did you mean \"\($0)\"?" } ?? ""
            notes.append("no entry of unit \(unit)\(like)")
        }
        return notes
    }

    private func knownUnits(_ journal: Journal) throws(JournalError) -> [String] {
        var units: [String] = []
        for field in ["_SYSTEMD_UNIT", "UNIT"] { units += try journal.values(of: field, limit: Self.unitLimit) }
        return units
    }
}
