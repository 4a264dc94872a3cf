// What is wrong with the files of one input: said once in the log, counted, and shown by `status` until it is over.

internal import Bytes
internal import Platform

/// What only grows, by the reason as it stands in the metrics.
enum FileCount: String, CaseIterable {
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

/// A class, because each owner reports to the same one.
final class FileProblems {
    let log: AgentLog
    private(set) var counts: [FileCount: UInt64] = [:]
    /// Paths whose file cannot be read now.
    private(set) var unreadable: [Path: TailFailure] = [:]
    /// Files at paths that match, of which it could not be told which ones they are.
    private(set) var unclear: [Path: FileID] = [:]
    /// Files that were to be removed, and could not be.
    private(set) var unremovable: [Path: Errno] = [:]
    /// Directories that could not be looked into at the last scan.
    var directories: [(path: Path, errno: Errno)] = []
    /// Compressed files that are left out, each counted once, and where they were last seen.
    private var compressed: [FileID: Path] = [:]
    var compressedCount: Int { compressed.count }

    init(_ log: AgentLog) { self.log = log }

    func count(_ reason: FileCount, _ by: UInt64 = 1) { counts[reason, default: 0] += by }

    func count(_ now: Tail.Counted, since before: Tail.Counted) {
        for (reason, count) in [
            (FileCount.lineCut, now.cut - before.cut), (.bytesCut, now.skippedBytes - before.skippedBytes),
            (.nulSkipped, now.nulBytes - before.nulBytes), (.utf16Replaced, now.replaced - before.replaced),
        ] where count > 0 { self.count(reason, count) }
    }

    // MARK: Reading

    /// Says once what is wrong with a path, until it is well again.
    func report(_ path: Path, _ failure: TailFailure) {
        guard unreadable.updateValue(failure, forKey: path) != failure else { return }
        if case .linkRefused = failure { count(.linkRefused) } else { count(.fileUnreadable) }
        log.warning("cannot read a log file", ["path": path.repaired, "reason": failure.description])
    }

    func report(_ path: Path, _ error: Errno) { report(path, .system(error)) }

    /// Which file stands at the path could not be told.
    func noteUnclear(_ path: Path, _ id: FileID) { unclear[path] = id }

    /// Says it, but of what was renamed meanwhile: the event that tells so is on its way.
    func tellUnclear(_ path: Path, _ error: Errno) { if !error.isAbsence { report(path, error) } }

    /// What is read under this path can be read. That says nothing of a link there that is not followed: the file may
    /// be the one that stood there before.
    func noteReadable(_ path: Path) {
        if unclear.isEmpty, unreadable.isEmpty { return }
        unclear[path] = nil
        if case .linkRefused = unreadable[path] { return }
        unreadable[path] = nil
    }

    func noteFollowed(_ path: Path) { (unreadable[path], unclear[path]) = (nil, nil) }

    func forgetUnreadable(_ path: Path) { unreadable[path] = nil }

    /// The link there may be followed now, or is none any more.
    func noteLinkAllowed(_ path: Path) { if case .linkRefused = unreadable[path] { unreadable[path] = nil } }

    /// What stands there could not be read, which may be over soon. That a file may not be read at all is not.
    func isFailing(_ place: Path) -> Bool { unreadable[place]?.isPassing ?? false }

    /// The file that stands at a place that could not be read.
    func unreadableID(_ place: Path) -> FileID? {
        guard unreadable[place] != nil else { return nil }
        do throws(Errno) { return try FileStatus(ofLink: place).id } catch { return nil }
    }

    /// Of files that are gone nothing is wrong any more.
    func forgetAbsent() {
        unreadable = unreadable.filter { path, _ in !isAbsent(path) }
        unclear = unclear.filter { path, _ in !isAbsent(path) }
        compressed = compressed.filter { _, place in !isAbsent(place) }
    }

    // MARK: What is left out

    /// For who asks with `log.level` "debug" why a file is not read.
    func tellNotFollowed(_ path: Path, _ reason: String) {
        log.debug("does not follow a log file", ["path": path.repaired, "reason": reason])
    }

    func noteCompressed(_ id: FileID, _ place: Path) {
        if compressed.updateValue(place, forKey: id) == nil { count(.fileCompressed) }
    }

    /// What was not read of a file that is nowhere.
    func countLost(_ cursor: FileCursor, _ reason: FileCount) {
        guard cursor.sizeBytes > cursor.offset else { return }
        let bytes = cursor.sizeBytes - cursor.offset
        count(reason, bytes)
        log.warning(
            reason == .bytesLostTruncation
                ? "a log file was truncated before it was read, and no copy was found"
                : "a log file is gone that was not read to its end",
            ["path": cursor.path.repaired, "bytes": "\(bytes)"])
    }

    // MARK: Removal

    func noteRemoved(_ place: Path) {
        count(.fileRemoved)
        unremovable[place] = nil
    }

    func reportRemoval(_ place: Path, _ error: Errno) {
        guard error != .notFound, unremovable.updateValue(error, forKey: place) != error else { return }
        count(.removalFailed)
        log.warning("cannot remove a log file that was read", ["path": place.repaired, "reason": error.description])
    }

    func forgetRemoved() { unremovable = unremovable.filter { path, _ in !isAbsent(path) } }
}

/// For certain: an error leaves it open.
func isAbsent(_ path: Path) -> Bool {
    do throws(Errno) {
        _ = try FileStatus(ofLink: path)
        return false
    } catch { return error.isAbsence }
}

extension TailFailure {
    /// It may be over soon.
    var isPassing: Bool {
        guard case .system(let error) = self else { return false }
        return error != .accessDenied && error != .notPermitted
    }
}
