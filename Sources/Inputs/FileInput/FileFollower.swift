// The tails of one input, and whose turn it is. What is found on the disk is in FileFollower+Discovery.swift, what
// happens to files that are rotated in FileFollower+Rotation.swift.

internal import Bytes
internal import Logs
internal import Platform

/// A class, because its tails refer to each other; it belongs to the queue of its input.
final class FileFollower {
    /// Descriptors that are kept for files with nothing to read. systemd's default for a service is 1024 (soft) in all.
    static let openLimit = 512
    /// Bytes of deleted files that are kept on the disk because they are not read yet: a log that nobody can see must
    /// not fill the disk. Beyond it the largest is given up, and counted.
    static let deletedBytesLimit: UInt64 = 4 << 30
    /// Turns between two looks at the clock and at whether the agent is to stop, however little each of them reads.
    static let turnsInOneReadLimit = 1_000

    /// The kernel stamps files with a clock that stands still for up to a tick of HZ=100.
    private static let clockTickNanoseconds: Int64 = 10_000_000

    /// Counts that only grow; `Counted` is the reason as it stands in the metrics.
    enum Counted: String, CaseIterable {
        case lineCut = "line_cut"
        case bytesCut = "bytes_cut"
        case bytesLostTruncation = "bytes_lost_truncation"
        case bytesLostDeleted = "bytes_lost_deleted"
        case fileUnreadable = "file_unreadable"
        case fileLimit = "file_limit"
        case fileCompressed = "file_compressed"
        case watchFailed = "watch_failed"
        case watchOverflow = "watch_overflow"
        case directoryLimit = "directory_limit"
        case cursorMalformed = "cursor_malformed"
    }

    /// A new file that may be a copy of the one at `family`, as large as it was at `since`.
    struct Held: Equatable {
        let family: String
        let since: Instant
        let sizeBytes: UInt64
    }

    let settings: FileInputSettings
    let log: AgentLog
    var buffers: TailBuffers
    var counts: [Counted: UInt64] = [:]
    /// Turns in which a file was read, for tests that nothing is read at rest.
    private(set) var turnCount: UInt64 = 0
    var cursorVersion: UInt64 = 0

    var tails: [UInt32: Tail] = [:]
    var byID: [FileID: Tail] = [:]
    var byPlace: [String: Tail] = [:]
    /// All tails of a path: the one that stands there and those that did.
    private(set) var byFamily: [String: [Tail]] = [:]
    /// Names in directories, in order, as long as one scan takes.
    var listings: [String: [String]] = [:]
    var isScanning = false
    private var nextNumber: UInt32 = 1

    /// Files that are there, or may be, and of which nothing is to be read now.
    var known = KnownFiles()
    var floors: [String: Int64] = [:]
    /// Since when each pattern has been followed; and when this run began, which a new pattern shares.
    private(set) var since: [String: Int64] = [:]
    private let begun: Int64
    /// Paths whose rotated siblings have been looked at in this run.
    var familiesSeen: Set<String> = []
    /// New files that may be copies of one that is about to be truncated, by place.
    var held: [String: Held] = [:]
    var unreadable: [String: TailFailure] = [:]
    var compressed: Set<FileID> = []
    /// Where a symbolic link leads, and the path that it has there.
    var aliases: [String: String] = [:]
    /// Where a new link leads is not watched yet.
    var hasNewAlias = false

    let inotify: INotify?
    var watches: [Int32: String] = [:]
    var watchedDirectories: [String: (watch: Int32, mask: INotifyEvent.Mask)] = [:]
    var unwatchedDirectories: [String: Errno] = [:]
    var directoryErrors: [(path: String, errno: Errno)] = []
    var nextScan: Instant
    var isFirstScan = true
    let hasHistory: Bool

    private var ready: [Tail] = []
    private var timed: [Tail] = []
    var openCount = 0

    init(_ settings: FileInputSettings, resume: JSONValue?, log: AgentLog, now: Moment) {
        self.settings = settings
        self.log = log
        buffers = TailBuffers(lineLimit: settings.lineLimit)
        nextScan = now.monotonic
        begun = now.unixNanoseconds - Self.clockTickNanoseconds
        hasHistory = resume != nil
        do throws(Errno) { inotify = try INotify() } catch {
            inotify = nil
            log.warning("no inotify, files are looked at every second instead", ["reason": error.description])
        }
        if inotify == nil { count(.watchFailed) }
        if let resume {
            var malformed = 0
            let cursors = FileCursors(resume, malformed: &malformed)
            // The beginning of an empty file identifies nothing: another may have its inode by now.
            for file in cursors.files where file.print.length > 0 { known[file.id] = file }
            floors = cursors.floors
            since = cursors.since
            if malformed > 0 { count(.cursorMalformed, UInt64(malformed)) }
        }
        let known = since
        since = Dictionary(settings.paths.map { ($0.text, known[$0.text] ?? begun) }) { first, _ in first }
    }

    /// For a path that is new to us: its rotated files that were written to after this time are ours. `others` are the
    /// times of those that are there.
    func firstFloor(of family: String, _ others: [Int64]) -> Int64 {
        let path = Array((aliases[family] ?? family).utf8)
        let times = settings.paths.compactMap { $0.matches(path) ? since[$0.text] : nil }
        guard let earliest = times.min() else { return others.max() ?? 0 }
        guard isFirstScan, earliest == begun else { return earliest }
        return max(earliest, others.max() ?? 0)
    }

    func count(_ reason: Counted, _ by: UInt64 = 1) { counts[reason, default: 0] += by }

    // MARK: Reading

    func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        takeEvents(at: now)
        if now.monotonic >= nextScan { scan(at: now) }
        wakeTimed(at: now)
        var waiting = 0
        let lastTurn = turnCount + UInt64(Self.turnsInOneReadLimit)
        while !batch.isFull, waiting < ready.count, turnCount < lastTurn {
            let tail = ready.removeFirst()
            tail.isReady = false
            if tail.isFinished { continue }
            if tail.mustWait {
                makeReady(tail)
                waiting += 1
                continue
            }
            waiting = 0
            takeTurn(tail, into: &batch, at: now)
        }
        if !ready.isEmpty { return .notAtAll }
        return .until(max(now.monotonic, nextDeadline))
    }

    /// Opens what is new, and holds what goes, without reading a line: files may come and go while a receiver is down.
    func lookAround(at now: Moment) {
        takeEvents(at: now)
        if now.monotonic >= nextScan { scan(at: now) }
        for tail in ready { tail.noteSize() }
    }

    func makeReady(_ tail: Tail) {
        guard !tail.isReady, !tail.isFinished else { return }
        tail.isReady = true
        ready.append(tail)
    }

    private func takeTurn(_ tail: Tail, into batch: inout LogBatch, at now: Moment) {
        guard tail.file != nil || reopen(tail, at: now) else { return }
        turnCount += 1
        tail.lastTurn = turnCount
        let partialIsDue = tail.partialSince.map { $0 + settings.partialLineTimeout <= now.monotonic } ?? false
        let graceIsOver = tail.quietSince.map { $0 + settings.rotationGrace <= now.monotonic } ?? false
        let (cutBefore, skippedBefore) = (tail.cutCount, tail.skippedBytes)
        let outcome = tail.readLines(
            into: &batch, through: &buffers, flushPartial: partialIsDue || graceIsOver, at: now)
        if tail.cutCount > cutBefore { count(.lineCut, tail.cutCount - cutBefore) }
        if tail.skippedBytes > skippedBefore { count(.bytesCut, tail.skippedBytes - skippedBefore) }
        switch outcome {
        case .more: makeReady(tail)
        case .atEnd:
            tail.hasReachedEnd = true
            if tail.isAway {
                if graceIsOver, tail.quietSince != nil { return finish(tail) }
                if tail.quietSince == nil { tail.quietSince = now.monotonic }
            }
        case .truncated: return truncated(tail, at: now)
        case .failed(let error):
            // Others must not wait for it. The next scan tries again.
            tail.hasReachedEnd = true
            close(tail)
            report(tail.path, error)
        }
        if case .failed = outcome {} else { unreadable[tail.path] = nil }
        if openCount > Self.openLimit || openCount == Self.openLimit && outcome == .atEnd, !tail.isAway { close(tail) }
        if tail.isAway || tail.partialSince != nil, !tail.isTimed {
            tail.isTimed = true
            timed.append(tail)
        }
    }

    // MARK: Deadlines

    private func deadline(of tail: Tail) -> Instant? {
        if tail.isFinished { return nil }
        let partial = tail.partialSince.map { $0 + settings.partialLineTimeout }
        let grace = tail.isAway ? tail.quietSince.map { $0 + settings.rotationGrace } : nil
        guard let partial, let grace else { return partial ?? grace }
        return min(partial, grace)
    }

    private func wakeTimed(at now: Moment) {
        timed.removeAll { tail in
            guard let deadline = deadline(of: tail), deadline > now.monotonic else {
                tail.isTimed = false
                if deadline(of: tail) != nil { makeReady(tail) }
                return true
            }
            return false
        }
        releaseHeld(at: now)
    }

    private var nextDeadline: Instant {
        var next = nextScan
        for tail in timed { if let deadline = deadline(of: tail) { next = min(next, deadline) } }
        for file in held.values { next = min(next, file.since + settings.rotationGrace) }
        return next
    }

    // MARK: Tails

    /// Takes over a file that is open.
    func follow(
        _ file: consuming File, _ status: FileStatus, path: String, family: String, place: String, cursor: FileCursor
    ) -> Tail {
        let tail = Tail(
            number: nextNumber, path: path, family: family, place: place, cursor: cursor,
            lineLimit: settings.lineLimit)
        nextNumber += 1
        tail.file = consume file
        tail.modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        openCount += 1
        tails[tail.number] = tail
        byFamily[family, default: []].append(tail)
        byID[status.id] = tail
        byPlace[place] = tail
        held[place] = nil
        unreadable[path] = nil
        known[status.id] = nil
        cursorVersion += 1
        makeReady(tail)
        if openCount > Self.openLimit { close(tail) }
        return tail
    }

    func close(_ tail: Tail) {
        if tail.file != nil { openCount -= 1 }
        tail.file = nil
    }

    /// An away file that was quiet long enough. It is remembered until its last record is acknowledged.
    func finish(_ tail: Tail) {
        close(tail)
        tail.isFinished = true
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        if tail.isAcknowledged { forget(tail) }
    }

    /// A finished file that was written to once more, before its last record was acknowledged.
    func revive(_ tail: Tail, _ file: consuming File, at place: String) {
        tail.file = consume file
        openCount += 1
        tail.place = place
        byPlace[place] = tail
        tail.isFinished = false
        tail.quietSince = nil
        makeReady(tail)
    }

    /// Its acknowledgements, if any are to come, mean nothing any more.
    func remove(_ tail: Tail) {
        tails[tail.number] = nil
        leaveFamily(tail)
    }

    private func leaveFamily(_ tail: Tail) {
        byFamily[tail.family]?.removeAll { $0 === tail }
        if byFamily[tail.family]?.isEmpty == true { byFamily[tail.family] = nil }
    }

    func move(_ tail: Tail, toFamily family: String) {
        leaveFamily(tail)
        tail.family = family
        byFamily[family, default: []].append(tail)
    }

    private func forget(_ tail: Tail) {
        remove(tail)
        cursorVersion += 1
        guard byID[tail.id] === tail else { return }
        byID[tail.id] = nil
        if !tail.isDeleted, tail.print.length > 0 { known[tail.id] = tail.cursor }
    }

    func acknowledge(_ position: Position) {
        guard let tail = tails[position.source], tail.acknowledge(position.offset) else { return }
        cursorVersion += 1
        if tail.isFinished, tail.isAcknowledged { forget(tail) }
    }

    var cursors: FileCursors {
        var cursors = FileCursors()
        cursors.files = tails.keys.sorted().compactMap { tails[$0]?.cursor }
        cursors.files += known.all.sorted { ($0.path, $0.id.inode) < ($1.path, $1.id.inode) }
        cursors.floors = floors
        cursors.since = since
        return cursors
    }

    /// Says once what is wrong with a path, until it is well again.
    func report(_ path: String, _ error: Errno) { report(path, .system(error)) }

    private func report(_ path: String, _ error: TailFailure) {
        guard unreadable.updateValue(error, forKey: path) != error else { return }
        count(.fileUnreadable)
        log.warning("cannot read a log file", ["path": path, "reason": error.description])
    }
}
