// What libsystemd says nothing of: files that it left out, and journals that went away.

internal import Platform

extension JournaldInput {
    /// Says once for each file that it may not be read, or that libsystemd gave it up. A file that has just appeared
    /// may not have been opened yet, so only what is missing in two looks counts.
    mutating func check(_ files: JournalFiles, at now: Moment) {
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
    mutating func reopen(at now: Moment) -> Wait {
        journal = nil
        skipsFirst = nil
        retryAt = now.monotonic
        return .notAtAll
    }

    mutating func close(_ error: JournalError, at now: Moment) {
        counts.failures += 1
        close(reason: error.description, at: now)
    }

    mutating func close(reason: String, at now: Moment) {
        if reason != problem { log.warning("the journal cannot be read", ["input": name, "error": reason]) }
        problem = reason
        journal = nil
        // Entries since the last note are read once more, and what is held would get them twice.
        if let cursor = pieces.oldestCursor {
            bookmarks.readAgain(from: cursor)
            pieces.removeAll()
        }
        skipsFirst = nil
        retryAt = now.monotonic + Self.retryInterval
    }
}
