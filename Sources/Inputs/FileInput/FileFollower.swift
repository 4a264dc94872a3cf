// The tails of one input, and whose turn it is. What is found on the disk is in FileFollower+Discovery.swift, what
// happens to files that are rotated in FileFollower+Rotation.swift.

internal import Bytes
internal import Durable
internal import Logs
internal import Platform

/// A class, because its tails refer to each other; it belongs to the queue of its input.
final class FileFollower {
    /// Descriptors that are kept for files with nothing to read. systemd's default for a service is 1024 (soft) in all.
    static let openLimit = 512
    private let descriptors: DescriptorBudget
    /// Bytes of deleted files that are kept on the disk because they are not read yet: a log that nobody can see must
    /// not fill the disk. Beyond it the largest is given up, and counted.
    static let deletedBytesLimit: UInt64 = 4 << 30
    /// Compressed files that are read at one time: each needs some 400 KiB.
    static let inflatingLimit = 4
    /// Turns between two looks at the clock and at whether the agent is to stop, however little each of them reads.
    static let turnsInOneReadLimit = 1_000

    /// The kernel stamps files with a clock that stands still for up to a tick of HZ=100.
    private static let clockTickNanoseconds: Int64 = 10_000_000

    /// Counts that only grow; `Counted` is the reason as it stands in the metrics.
    enum Counted: String, CaseIterable {
        case lineCut = "line_cut"
        case bytesCut = "bytes_cut"
        case nulSkipped = "nul_skipped"
        case utf16Replaced = "utf16_replaced"
        case bytesLostTruncation = "bytes_lost_truncation"
        case bytesLostDeleted = "bytes_lost_deleted"
        case bytesLostDamaged = "bytes_lost_damaged"
        case fileUnreadable = "file_unreadable"
        case linkRefused = "link_refused"
        case fileLimit = "file_limit"
        case fileCompressed = "file_compressed"
        case fileRemoved = "file_removed"
        case removalFailed = "removal_failed"
        case watchFailed = "watch_failed"
        case watchOverflow = "watch_overflow"
        case directoryLimit = "directory_limit"
        case cursorMalformed = "cursor_malformed"
    }

    /// A new file that may be a copy of the one at `family`, as large as it was at `since`.
    struct Held: Equatable {
        let family: Path
        var since: Instant
        let sizeBytes: UInt64
    }

    let settings: FileInputSettings
    let log: AgentLog
    var buffers: TailBuffers
    var counts: [Counted: UInt64] = [:]
    /// Turns in which a file was read, for tests that nothing is read at rest.
    var turnCount: UInt64 = 0
    var cursorVersion: UInt64 = 0
    /// Of all files together.
    var sizeBytesOfLastLook: UInt64 = 0

    var tails: [UInt32: Tail] = [:]
    /// Those that are being read.
    var byID: [FileID: Tail] = [:]
    var byPlace: [Path: Tail] = [:]
    var byFamily = TailFamilies()
    /// Names in directories, in order, as long as one scan takes.
    var listings: [Path: [Path]] = [:]
    var isScanning = false
    /// Directories that were looked at in this scan, with the reason why nothing in them is.
    var directoryRefusals: [Path: TailFailure?] = [:]
    var nextNumber: UInt32 = 1
    var nextOrder: UInt64 = 0

    /// Files that are there, or may be, and of which nothing is to be read now.
    var known = KnownFiles()
    var floors = PathFloors()
    /// What of the tails is not saved.
    let unsaved = UnsavedTails()
    var areSizesWanted = false
    /// Since when each pattern has been followed, by its bytes; and when this run began, which a new pattern shares.
    private(set) var since: [Path: Int64] = [:]
    private let begun: Int64
    /// Paths whose rotated siblings have been looked at in this run.
    var familiesSeen: Set<Path> = []
    /// New files that may be copies of one that is about to be truncated, by place.
    var held: [Path: Held] = [:]
    /// The one of them whose time is over, while that is looked at.
    var settled: Path?
    var unreadable: [Path: TailFailure] = [:]
    /// Files at paths that match, of which it could not be told which ones they are.
    var unclear: [Path: FileID] = [:]
    /// Paths whose file could not be looked at when the numbers of files were compared with those of the last run.
    var unnumbered: [Path: Errno] = [:]
    /// Files that were to be removed, and could not be.
    var unremovable: [Path: Errno] = [:]
    /// Compressed files that are left out, each counted once.
    var compressed: Set<FileID> = []
    /// Where a symbolic link leads, and the path that it has there.
    var aliases: [Path: Path] = [:]
    /// Where a new link leads is not watched yet.
    var hasNewAlias = false

    let inotify: INotify?
    var watches: [Int32: Path] = [:]
    var watchedDirectories: [Path: (watch: Int32, mask: INotifyEvent.Mask)] = [:]
    var unwatchedDirectories: [Path: Errno] = [:]
    /// Why directories are not watched, as far as it was said.
    var toldUnwatched: Set<Errno> = []
    var directoryErrors: [(path: Path, errno: Errno)] = []
    var nextScan: Instant
    /// When to scan because something could not be read, whatever else is to be done.
    var retryScan: Instant?
    var isFirstScan = true
    let hasHistory: Bool

    var turns = TurnQueue()
    /// Tails with a deadline.
    var timed: [Tail] = []
    /// Those that hold the buffers for a compressed file.
    var inflating: Set<UInt32> = []
    var openCount = 0 { didSet { descriptors.add(openCount - oldValue) } }
    /// No more files can be open than are.
    var isAtOpenLimit: Bool { openCount >= Self.openLimit || descriptors.isSpent }
    var isOverOpenLimit: Bool { openCount > Self.openLimit || descriptors.isOverdrawn }

    init(
        _ settings: FileInputSettings, resume: CursorReplay?, log: AgentLog, now: Moment, readBytes: Int = .max,
        limits: FileLimits = FileLimits()
    ) {
        descriptors = limits.descriptors
        self.settings = settings
        self.log = log
        buffers = TailBuffers(
            lineLimit: settings.lineLimit, readBytes: readBytes, reader: TextReader(limits.reader))
        nextScan = now.monotonic
        begun = now.unixNanoseconds - Self.clockTickNanoseconds
        hasHistory = resume != nil
        do throws(Errno) {
            guard limits.hasINotify else { throw Errno.processFileLimit }
            inotify = try INotify(watchLimit: limits.watches)
        } catch {
            inotify = nil
            log.warning(
                "no inotify: the directories are looked at every second instead",
                ["reason": inotifyInstanceFault(error)])
        }
        if inotify == nil { count(.watchFailed) }
        if let resume {
            var malformed = 0
            let cursors = FileCursors(resume, malformed: &malformed)
            // The beginning of an empty file identifies nothing: another may have its inode by now.
            let files: [FileCursor]
            (files, unnumbered) = withNumbersOfNow(cursors.files, through: &buffers.reader)
            for file in files where !file.print.isEmpty { known.insert(file) }
            floors = PathFloors(cursors.floors)
            since = cursors.since
            if malformed > 0 { count(.cursorMalformed, UInt64(malformed)) }
        }
        let known = since
        since = Dictionary(settings.paths.map(\.bytes).map { ($0, known[$0] ?? begun) }) { first, _ in first }
    }

    deinit { descriptors.add(-openCount) }

    /// For a path that is new to us: its rotated files that were written to after this time are ours. `others` are the
    /// times of those that are there.
    func firstFloor(of family: Path, _ others: [Int64]) -> Int64 {
        if settings.fromRotated { return 0 }
        let path = matchedPath(family)
        let times = settings.paths.compactMap { $0.matches(path) ? since[$0.bytes] : nil }
        guard let earliest = times.min() else { return others.max() ?? 0 }
        guard isFirstScan, earliest == begun else { return earliest }
        return max(earliest, others.max() ?? 0)
    }

    func count(_ reason: Counted, _ by: UInt64 = 1) { counts[reason, default: 0] += by }
}
