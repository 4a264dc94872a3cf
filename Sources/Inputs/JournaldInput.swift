// Follows the systemd journal, by libsystemd: sd-journal(3), systemd.journal-fields(7).
//
// libsystemd finds the journal files, follows their rotation and removal, and merges them in the order of time. Ours
// is where to begin, which entries, what of them, and how far was acknowledged. Where there is no libsystemd or no
// journal, this says so and looks again, and everything else in the agent runs.

package import Bytes
package import Logs
package import Platform
internal import Procfs
package import Settings

package struct JournaldInput: Input {
    package static let type = "journald"

    enum Start: String, CaseIterable {
        /// The oldest entry there is.
        case beginning
        /// The first of this boot. The default for the host's own journal: nothing of the running system is missed,
        /// and a first start does not send months of old entries, which receivers refuse for their age.
        case boot
        /// What comes from the first start of the agent on.
        case end
    }

    /// How soon a journal that is not there is looked for again.
    private static let retryInterval: Duration = .seconds(5)
    /// A look without a wake-up: should one be lost, and for directories.
    private static let quietInterval: Duration = .seconds(60)

    /// Entries looked at in one call: some ten milliseconds.
    private static let entryLimit = 10_000

    /// After so many entries the journal is opened anew when its end is reached: libsystemd keeps what it read mapped,
    /// and the agent would seem to need 100 MB and more for as long as it runs.
    package static let reopeningLimit: UInt64 = 50_000

    private let log: AgentLog
    private let name: String
    private let bootIDPath: String
    let directory: String?
    let units: [String]
    let filter: [JournalTerm]
    private let start: Start
    private let lineLimit: Int
    /// When the input was made: where `end` is.
    private let madeAt: Moment

    private let wake: JournalWake?
    private var journal: Journal?
    private var retryAt: Instant
    private var bookmarks: JournalBookmarks
    /// Records read since the start: the offset of a `Position`.
    private var ordinal: UInt64 = 0
    private var ordinalAtLastNote: UInt64 = 0
    private var ordinalAtOpening: UInt64 = 0
    /// The last reading did not come to the end of the journal.
    private var isBehind = false
    /// The entry to which `next` leads was read already.
    private var skipsFirst: String?
    private var entry = JournalEntry()
    private var counts = JournalCounts()
    private var problem: String?
    private var unreadable: String?
    /// When to look for files that libsystemd left out, and for directories that came or went.
    private var checkFilesAt: Instant
    /// Those of the journal when it was opened: libsystemd does not find one that is made later.
    private var directories: [String] = []
    private var suspects: Set<FileID> = []
    private var reported: Set<FileID> = []

    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        let names = try section.strings("units", default: [])
        for (index, unit) in names.enumerated()
        where unit.isEmpty || unit.utf8.contains(where: { "*?[".utf8.contains($0) }) {
            throw section.error(
                at: "units", element: index, "\"\(unit)\" is no name of a unit; patterns are not possible here")
        }
        let priority = try Self.priority(&section)
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
        units = names.map(journalUnitName)
        filter = journalFilter(units: units, priority: priority, matches: matches)
        directory = try Self.directory(&section)
        // The boot of this host says nothing about a directory that came from elsewhere.
        start = try section.choice("start_at", default: directory == nil ? .boot : .beginning)
        lineLimit = try section.size("line_limit", default: 256 << 10, in: 1_024...(16 << 20))
        log = context.log
        name = context.name
        bootIDPath = "\(context.host.proc)/sys/kernel/random/boot_id"
        madeAt = context.now
        retryAt = context.now.monotonic
        checkFilesAt = context.now.monotonic
        bookmarks = JournalBookmarks(context.resume.flatMap(JournalPlace.init))
        wake = JournalWake()
    }

    private static func directory(_ section: inout SettingsSection) throws(SettingsError) -> String? {
        guard let value = section.value("directory") else { return nil }
        guard case .string(let path) = value.content, path.hasPrefix("/") else {
            throw value.error(section.pathOf("directory"), "expected a path that begins with /")
        }
        return path
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

    package var wakeDescriptor: Int32? { wake?.descriptor }
    package var cursorVersion: UInt64 { bookmarks.version }

    package mutating func acknowledge(_ position: Position) { bookmarks.acknowledge(position.offset) }

    package func writeCursor(into json: inout JSONWriter) {
        if let place = bookmarks.acknowledged { place.write(into: &json) } else { json.null() }
    }

    package func status(at now: Moment) -> InputStatus {
        var status = InputStatus()
        status.sourceCount = journal == nil ? 0 : 1
        status.counts = counts.list
        status.problems = [problem, unreadable].compactMap(\.self)
        return status
    }

    // MARK: Reading

    package mutating func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        do throws(JournalError) {
            if journal == nil {
                guard now.monotonic >= retryAt else { return .until(retryAt) }
                try open(at: now)
            }
            guard let journal else { return .until(retryAt) }
            if try journal.process() == .filesChanged {
                checkFilesAt = min(checkFilesAt, now.monotonic)
                if isBehind { try findPlaceAgain(in: journal) }
            }
            isBehind = try readEntries(of: journal, into: &batch)
            if isBehind { return .notAtAll }
            if ordinal - ordinalAtOpening >= Self.reopeningLimit { return reopen(at: now) }
            if now.monotonic >= checkFilesAt {
                let files = JournalFiles(directory: directory)
                guard files.directories == directories else { return reopen(at: now) }
                check(files, at: now)
            }
            return .until(min(checkFilesAt, try journal.nextProcessing() ?? checkFilesAt))
        } catch {
            close(error, at: now)
            return .until(retryAt)
        }
    }

    /// True when the batch was full before the journal was at its end.
    private mutating func readEntries(of journal: Journal, into batch: inout LogBatch) throws(JournalError) -> Bool {
        entry.beginBatch()
        var isMoved = false
        // Entries that make no record do not fill the batch; the caller is to get its turn all the same.
        for _ in 0..<Self.entryLimit {
            if batch.isFull { break }
            guard try journal.next() else {
                if isMoved { try note(journal) }
                return false
            }
            isMoved = true
            if let cursor = skipsFirst {
                skipsFirst = nil
                if try journal.isAt(cursor: cursor) { continue }
            }
            switch entry.read(journal, lineLimit: lineLimit) {
            case .message(let isCut):
                ordinal += 1
                if isCut { counts.linesCut += 1 }
                entry.append(to: &batch, next: Position(source: 0, offset: ordinal), isCut: isCut)
                if ordinal - ordinalAtLastNote >= JournalBookmarks.interval { try note(journal) }
            case .noMessage: counts.entriesWithoutMessage += 1
            case .corrupt(let errno):
                counts.entriesCorrupt += 1
                log.warning("an entry of the journal is corrupt", ["input": name, "error": "\(errno)"])
            }
        }
        if isMoved { try note(journal) }
        return true
    }

    private mutating func note(_ journal: Journal) throws(JournalError) {
        bookmarks.note(ordinal, cursor: try journal.cursor())
        ordinalAtLastNote = ordinal
    }

    // MARK: Opening

    private mutating func open(at now: Moment) throws(JournalError) {
        let journal = try Journal(directory: directory, maximumFieldBytes: lineLimit + 64)
        // The watch begins before anything is read, so that no change falls between.
        let (descriptor, events) = (try journal.descriptor(), try journal.descriptorEvents())
        let files = JournalFiles(directory: directory)
        guard try journal.usageBytes() > 0 else {
            close(reason: files.absence, at: now)
            return
        }
        try place(journal)
        if let wake, let errno = wake.watch(descriptor, events) {
            throw .failed(call: "epoll_ctl", errno)
        }
        self.journal = journal
        directories = files.directories
        ordinalAtOpening = ordinal
        checkFilesAt = now.monotonic
        if problem != nil { log.info("the journal is there", ["input": name]) }
        problem = nil
    }

    /// Where reading begins, or goes on.
    private mutating func place(_ journal: Journal) throws(JournalError) {
        switch bookmarks.read {
        case .after(let cursor): try resume(journal, after: cursor)
        case .time(let microseconds):
            try journal.add(filter)
            try journal.seek(realtimeMicroseconds: microseconds)
        case nil: try begin(journal)
        }
    }

    private mutating func resume(_ journal: Journal, after cursor: String) throws(JournalError) {
        // Looked for without the filter, which may be another one than in the last run.
        do throws(JournalError) {
            try journal.seek(cursor: cursor)
            var isThere = try journal.next()
            if isThere { isThere = try journal.isAt(cursor: cursor) }
            if !isThere { sayGap(after: cursor) }
        } catch .failed(_, .invalid) {
            counts.cursorsLost += 1
            log.error("the cursor of the journal is not valid; reading begins anew", ["input": name, "cursor": cursor])
            return try begin(journal)
        }
        try journal.add(filter)
        try journal.seek(cursor: cursor)
        skipsFirst = cursor
    }

    /// Files may have been removed before they were read, of which libsystemd says nothing: it goes on in those that
    /// are left. Files with what was read last are removed before those with what comes after.
    private mutating func findPlaceAgain(in journal: Journal) throws(JournalError) {
        guard case .after(let cursor)? = bookmarks.read else { return }
        journal.removeMatches()
        try resume(journal, after: cursor)
    }

    /// The entry that was read last is gone, and with it perhaps others that nobody read.
    private mutating func sayGap(after cursor: String) {
        counts.cursorsLost += 1
        log.warning(
            "the entry that was read last is no longer in the journal: others may be lost; going on at the nearest",
            ["input": name, "cursor": cursor])
    }

    private mutating func begin(_ journal: Journal) throws(JournalError) {
        switch start {
        case .beginning:
            try journal.add(filter)
            try journal.seekHead()
        case .boot: try beginAtBoot(journal)
        case .end:
            bookmarks.begin(at: .time(microseconds: madeAtMicroseconds))
            try journal.add(filter)
            try journal.seek(realtimeMicroseconds: madeAtMicroseconds)
        }
    }

    /// The clock may have been set since the boot, so it is the boot's id that is looked for, not its time.
    private func beginAtBoot(_ journal: Journal) throws(JournalError) {
        guard let bootID = bootID() else {
            try journal.add(filter)
            return try journal.seekHead()
        }
        try journal.add([.match("_BOOT_ID=\(bootID)")])
        try journal.seekHead()
        var first: String?
        if try journal.next() { first = try journal.cursor() }
        journal.removeMatches()
        try journal.add(filter)
        if let first {
            try journal.seek(cursor: first)
        } else {
            // All that is there is of earlier boots; what is still to come is of this one.
            try journal.seek(realtimeMicroseconds: madeAtMicroseconds)
        }
    }

    private func bootID() -> String? {
        do throws(Errno) {
            let text = try readWhole(bootIDPath, limit: 4_096)
            return String(decoding: text.filter { $0.hexadecimalDigit != nil }, as: UTF8.self)
        } catch {
            log.warning(
                "the id of this boot is not known; the journal is read from its beginning",
                ["input": name, "path": bootIDPath, "error": "\(error)"])
            return nil
        }
    }

    private var madeAtMicroseconds: UInt64 { UInt64(max(0, madeAt.unixNanoseconds / 1_000)) }

    // MARK: What libsystemd leaves out

    /// Says once for each file that it may not be read, or that libsystemd gave it up. A file that has just appeared
    /// may not have been opened yet, so only what is missing in two looks counts.
    private mutating func check(_ files: JournalFiles, at now: Moment) {
        unreadable = files.refused
        var missing: Set<FileID> = []
        for file in files.givenUp() where !reported.contains(file.id) {
            guard suspects.contains(file.id) else {
                missing.insert(file.id)
                continue
            }
            // Their inodes are used again after a while; the journal has at most some thousand files.
            if reported.count >= 10_000 { reported.removeAll() }
            reported.insert(file.id)
            counts.filesCorrupt += 1
            log.error(
                "a file of the journal is damaged, and was left out or left off", ["input": name, "path": file.path])
        }
        suspects = missing
        checkFilesAt = now.monotonic + (missing.isEmpty ? Self.quietInterval : Self.retryInterval)
    }

    /// Goes on in the files that are there now, at the place where reading is.
    private mutating func reopen(at now: Moment) -> Wait {
        journal = nil
        skipsFirst = nil
        retryAt = now.monotonic
        return .notAtAll
    }

    private mutating func close(_ error: JournalError, at now: Moment) {
        counts.failures += 1
        close(reason: error.description, at: now)
    }

    private mutating func close(reason: String, at now: Moment) {
        if reason != problem { log.warning("the journal cannot be read", ["input": name, "error": reason]) }
        problem = reason
        journal = nil
        skipsFirst = nil
        retryAt = now.monotonic + Self.retryInterval
    }
}

/// What was left out, cut or lost since the start.
struct JournalCounts {
    var linesCut: UInt64 = 0
    var entriesWithoutMessage: UInt64 = 0
    var entriesCorrupt: UInt64 = 0
    var filesCorrupt: UInt64 = 0
    var cursorsLost: UInt64 = 0
    var failures: UInt64 = 0

    var list: [(reason: String, count: UInt64)] {
        [
            ("line_cut", linesCut), ("entry_without_message", entriesWithoutMessage), ("entry_corrupt", entriesCorrupt),
            ("file_corrupt", filesCorrupt), ("cursor_lost", cursorsLost), ("journal_unavailable", failures),
        ]
    }
}
