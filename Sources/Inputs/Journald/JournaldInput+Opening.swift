// Where reading of the journal begins, and where it goes on after a stop, a rotation or a loss.

internal import Bytes
internal import Platform
internal import Settings

extension JournaldInput {
    mutating func open(at now: Moment) throws(JournalError) {
        let journal = try Journal(settings.source, maximumFieldBytes: settings.unpackedBytes)
        // The watch begins before anything is read, so that no change falls between.
        let (descriptor, events) = (try journal.descriptor(), try journal.descriptorEvents())
        let files = JournalFiles(settings.source)
        guard try journal.usageBytes() > 0 else {
            close(reason: files.absence, at: now)
            return
        }
        filter = try terms(in: journal)
        try place(journal)
        if let wake, let errno = wake.watch(descriptor, events) {
            throw .failed(call: "epoll_ctl", errno)
        }
        self.journal = journal
        directories = files.directories
        entriesSinceOpening = 0
        checkFilesAt = now.monotonic
        if problem != nil { log.info("the journal is there", ["input": name]) }
        problem = nil
    }

    /// Boots among which a relative one is looked for: each costs a look at the index.
    private static let bootLimit = 10_000

    /// What libsystemd is to select.
    func terms(in journal: Journal) throws(JournalError) -> [JournalTerm] {
        let terms = settings.selection.terms
        let id: String
        switch settings.boot {
        case .all: return terms
        case .id(let given): id = given
        case .current:
            do throws(Errno) { id = try bootID() } catch { throw .failed(call: "reading \(bootIDPath)", error) }
        case .before(let number):
            // The current one may have no entry yet, and a directory may be of another host.
            var current: String?
            do throws(Errno) { if settings.source.isHost { current = try bootID() } } catch {
                throw .failed(call: "reading \(bootIDPath)", error)
            }
            var boots = try journal.boots(limit: Self.bootLimit)
            if let current { boots = boots.filter { $0 != current } + [current] }
            guard number < boots.count else { throw .noBoot(before: number, known: boots.count) }
            id = boots[boots.count - 1 - number]
        }
        return terms + (terms.isEmpty ? [] : [.and]) + [.match("_BOOT_ID=\(id)")]
    }

    /// Where reading begins, or goes on.
    mutating func place(_ journal: Journal) throws(JournalError) {
        switch bookmarks.read {
        case .after(let cursor): try resume(journal, after: cursor)
        case .at(let cursor): try resume(journal, after: cursor, isRead: false)
        case .time(let microseconds):
            try journal.add(filter)
            try journal.seek(realtimeMicroseconds: microseconds)
        case nil: try begin(journal)
        }
    }

    /// `isRead`: the entry itself was read, and reading goes on after it.
    mutating func resume(_ journal: Journal, after cursor: String, isRead: Bool = true) throws(JournalError) {
        // Looked for without the filter, which may be another one than in the last run.
        do throws(JournalError) {
            try journal.seek(cursor: cursor)
            let hasNext = try journal.next()
            let isThere = hasNext ? try journal.isAt(cursor: cursor) : false
            if !isThere { sayGap(after: cursor, nearest: hasNext ? try journal.cursor() : nil) }
        } catch .failed(_, .invalid) {
            counts.cursorsLost += 1
            log.error("the cursor of the journal is not valid; reading begins anew", ["input": name, "cursor": cursor])
            return try begin(journal)
        }
        try journal.add(filter)
        try journal.seek(cursor: cursor)
        skipsFirst = isRead ? cursor : nil
    }

    /// Files may have been removed before they were read, of which libsystemd says nothing: it goes on in those that
    /// are left. Files with what was read last are removed before those with what comes after.
    mutating func findPlaceAgain(in journal: Journal) throws(JournalError) {
        guard case .after(let cursor)? = bookmarks.read else { return }
        journal.removeMatches()
        try resume(journal, after: cursor)
    }

    /// The entry that was read last is gone, and with it perhaps others that nobody read. libsystemd goes on at the one
    /// that is nearest after it: by number in the same sequence, else by the boot's clock, else by real time.
    mutating func sayGap(after cursor: String, nearest: String?) {
        counts.cursorsLost += 1
        let (last, next) = (JournalCursor(cursor), nearest.flatMap(JournalCursor.init))
        var (gap, missing): (String, UInt64?) = ("unknown", nil)
        if let last, let next {
            let microseconds = Int64(clamping: next.realtimeMicroseconds) - Int64(clamping: last.realtimeMicroseconds)
            gap = durationText(.milliseconds(microseconds / 1_000))
            missing = last.entriesMissing(before: next)
        }
        guard let missing else {
            log.warning(
                "the entry that was read last is no longer in the journal: others may be lost; going on at the nearest",
                ["input": name, "cursor": cursor, "gap": gap])
            return
        }
        counts.entriesLost += missing
        if missing == 0 {
            log.info("the entry that was read last is no longer in the journal, the next is", ["input": name])
        } else {
            log.warning(
                "entries went from the journal before they were read; going on at the nearest",
                ["input": name, "entries": "\(missing)", "cursor": cursor, "gap": gap])
        }
    }

    mutating func begin(_ journal: Journal) throws(JournalError) {
        switch settings.start {
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
    func beginAtBoot(_ journal: Journal) throws(JournalError) {
        let bootID: String
        do throws(Errno) { bootID = try self.bootID() } catch {
            log.warning(
                "the id of this boot is not known; the journal is read from its beginning",
                ["input": name, "path": bootIDPath, "error": "\(error)"])
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

    func bootID() throws(Errno) -> String {
        let text = try readWhole(bootIDPath, limit: 4_096)
        return String(decoding: text.filter { $0.hexadecimalDigit != nil }, as: UTF8.self)
    }

    var madeAtMicroseconds: UInt64 { UInt64(max(0, madeAt.unixNanoseconds / 1_000)) }
}
