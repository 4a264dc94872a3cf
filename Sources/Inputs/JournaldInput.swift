// Follows the systemd journal, by libsystemd: sd-journal(3), systemd.journal-fields(7).
//
// libsystemd finds the journal files, follows their rotation and removal, and merges them in the order of time. Ours
// is where to begin, which entries, what of them, and how far was acknowledged. Where there is no libsystemd or no
// journal, this says so and looks again, and everything else in the agent runs.

package import Bytes
internal import Durable
package import Logs
package import Platform
internal import Procfs
package import Settings

package struct JournaldInput: OneEntryInput {
    package static let type = "journald"
    package static let fieldNames = RecordNames.ofJournal

    /// How soon a journal that is not there is looked for again.
    static let retryInterval: Duration = .seconds(5)
    /// A look without a wake-up: should one be lost, and for directories.
    static let quietInterval: Duration = .seconds(60)

    /// Entries looked at in one call: some ten milliseconds.
    private static let entryLimit = 10_000

    /// After so many entries the journal is opened anew: libsystemd keeps what it read mapped, and the agent would seem
    /// to need 100 MB and more. Opening costs about as much as a hundred entries for each file of the journal.
    package static let reopeningLimit: UInt64 = 50_000

    let log: AgentLog
    let name: String
    let bootIDPath: String
    let settings: JournaldSettings
    /// What libsystemd selects, known when the journal is opened.
    var filter: [JournalTerm] = []
    /// When the input was made: where `end` is.
    let madeAt: Moment

    let wake: JournalWake?
    var journal: Journal?
    var retryAt: Instant
    var bookmarks: JournalBookmarks
    /// Records read since the start: the offset of a `Position`.
    var ordinal: UInt64 = 0
    var ordinalAtLastNote: UInt64 = 0
    /// Entries that libsystemd has gone through since the journal was opened.
    var entriesSinceOpening: UInt64 = 0
    /// The last reading did not come to the end of the journal.
    private var isBehind = false
    /// The entry to which `next` leads was read already.
    var skipsFirst: String?
    var entry: JournalEntry
    var pieces: JournalPieces
    var counts = JournalCounts()
    var problem: String?
    var unreadable: String?
    /// When to look for files that libsystemd left out, and for directories that came or went.
    var checkFilesAt: Instant
    /// Those of the journal when it was opened: libsystemd does not find one that is made later.
    var directories: [String] = []
    var suspects: Set<FileID> = []
    var reported: Set<FileID> = []

    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        settings = try JournaldSettings(&section)
        entry = JournalEntry(settings.choice, settings.fields, lineLimit: settings.lineLimit)
        pieces = JournalPieces(lineLimit: settings.lineLimit)
        log = context.log
        name = context.name
        bootIDPath = "\(context.host.proc)/sys/kernel/random/boot_id"
        madeAt = context.now
        retryAt = context.now.monotonic
        checkFilesAt = context.now.monotonic
        bookmarks = JournalBookmarks((context.resume?.single).flatMap(JournalPlace.init))
        wake = JournalWake()
    }

    package static func recordByteLimit(_ section: inout SettingsSection) throws(SettingsError) -> Int {
        // The message, and again all other fields.
        2 * (try JournaldSettings(&section).lineLimit)
    }

    /// libsystemd has gone on to the next entry by then.
    package static var asksForRoom: Bool { false }

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
        Journal.beginReading()
        defer { Journal.endReading() }
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
            isBehind = try readEntries(of: journal, into: &batch, at: now.monotonic)
            releaseDuePieces(into: &batch, at: now.monotonic)
            if entriesSinceOpening >= Self.reopeningLimit { return reopen(at: now) }
            if isBehind { return .notAtAll }
            if now.monotonic >= checkFilesAt {
                let files = JournalFiles(settings.source)
                guard files.directories == directories else { return reopen(at: now) }
                check(files, at: now)
            }
            let due = min(checkFilesAt, pieces.deadline ?? checkFilesAt)
            return .until(min(due, try journal.nextProcessing() ?? due))
        } catch {
            close(error, at: now)
            return .until(retryAt)
        }
    }

    /// True when the batch was full before the journal was at its end.
    private mutating func readEntries(
        of journal: Journal, into batch: inout LogBatch, at now: Instant
    ) throws(JournalError) -> Bool {
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
            entriesSinceOpening += 1
            switch entry.read(journal, &counts) {
            case .record(let isCut):
                if entry.isUnfinished || !pieces.isEmpty && entry.mayBePiece,
                    try takePiece(of: journal, isCut: isCut, into: &batch, at: now)
                {
                    continue
                }
                ordinal += 1
                entry.append(to: &batch, next: Position(source: 0, offset: ordinal), isCut: isCut)
                if ordinal - ordinalAtLastNote >= JournalBookmarks.interval { try note(journal) }
            case .unwanted: break
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
        bookmarks.note(ordinal, cursor: try journal.cursor(), held: pieces.oldestCursor)
        ordinalAtLastNote = ordinal
    }
}
