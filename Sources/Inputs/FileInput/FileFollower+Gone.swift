// Files of which something is remembered, and that were not found: when they are given up, and what is then lost.

internal import Bytes
internal import Platform

extension FileFollower {
    /// What is remembered of files that are nowhere. What cannot be read now is not gone for that.
    func forgetGone(
        _ family: Path, _ memory: Memory, _ parts: [ReadPart], _ places: [Path], at now: Moment
    ) {
        var unreadable: Set<FileID>?
        for (index, owner) in memory.owners.enumerated() {
            guard case .known(let entry) = owner, entry.cursor.path == family, known[entry.cursor.key] != nil,
                !parts.contains(.same(index)), !parts.contains(.copy(of: index))
            else { continue }
            let ids = unreadable ?? Set(places.compactMap(unreadableID))
            unreadable = ids
            if ids.contains(entry.cursor.id) {
                known.notePresent(entry.cursor.key)
            } else if mayBeUnread(parts, places) || unclear.values.contains(entry.cursor.id) {
                // It may be one of those, so it is looked for until they can be read.
                known.notePresent(entry.cursor.key)
                noteMissing(entry.cursor.key, at: now)
            } else {
                giveUp(entry, at: now)
            }
        }
    }

    /// Whether one of the files could not be looked at now.
    private func mayBeUnread(_ parts: [ReadPart], _ places: [Path]) -> Bool {
        let isUnclear = parts.contains { part in
            if case .unclear(_?) = part { true } else { false }
        }
        return isUnclear || places.contains { isFailing($0) || compressed.isRefused($0) }
    }

    /// What stands there could not be read, which may be over soon. That a file may not be read at all is not.
    func isFailing(_ place: Path) -> Bool { unreadable[place].map(isPassing) ?? false }

    func isPassing(_ failure: TailFailure) -> Bool {
        guard case .system(let error) = failure else { return false }
        return error != .accessDenied && error != .notPermitted
    }

    /// Forgets a file when it was not found for the grace, and counts what was not read of it.
    private func giveUp(_ entry: KnownFiles.Entry, at now: Moment) {
        let cursor = entry.cursor
        guard noteMissing(cursor.key, at: now) <= now.monotonic else { return }
        known.remove(cursor.key)
        cursorVersion += 1
        countLost(cursor, entry.loss)
    }

    func countLost(_ cursor: FileCursor, _ reason: Counted) {
        guard cursor.sizeBytes > cursor.offset else { return }
        let bytes = cursor.sizeBytes - cursor.offset
        count(reason, bytes)
        log.warning(
            reason == .bytesLostTruncation
                ? "a log file was truncated before it was read, and no copy was found"
                : "a log file is gone that was not read to its end",
            ["path": cursor.path.repaired, "bytes": "\(bytes)"])
    }

    private func unreadableID(_ place: Path) -> FileID? {
        guard unreadable[place] != nil || held[place] != nil else { return nil }
        do throws(Errno) { return try FileStatus(ofLink: place).id } catch { return nil }
    }
}
