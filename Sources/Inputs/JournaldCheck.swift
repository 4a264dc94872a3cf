// What `vitals check` says of a journald input.

internal import Platform
package import Settings

extension JournaldInput {
    /// Counting goes no further: a check is to be quick.
    private static let countLimit = 10_000

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
            report.notes.append(
                count == Self.countLimit ? "\(count) entries or more are selected" : "\(count) entries are selected")
        } catch {
            report.problems.append(error.description)
        }
        return report
    }

    private func describe(_ journal: Journal) throws(JournalError) -> String {
        let boots = try journal.countUnique("_BOOT_ID", limit: Self.countLimit)
        let mebibytes = try journal.usageBytes() >> 20
        return "the journal in \(directory ?? "its usual places") has \(mebibytes) MiB, boots: \(boots)"
    }
}
