// Which files there are: a slow scan behind inotify, which needs no event.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// How often to look when inotify does not watch everything.
    private static let scanIntervalWithoutWatches: Duration = .seconds(1)

    /// Paths that are remembered though nothing stands there now.
    private static let floorLimit = 1_000

    func scan(at now: Moment) {
        listings = [:]
        isScanning = true
        defer {
            isScanning = false
            listings = [:]
        }
        let finder = FileFinder(settings.paths) { self.watch($0, holdsFiles: $1) }
        directoryErrors = finder.errors
        if finder.directoriesLeftOut > 0 { count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        let paths = finder.paths.filter { !settings.excludes($0) }
        unwatchAll(but: finder.directories)
        if isFirstScan {
            // Also those whose path is gone: their rotated siblings may still be there.
            for family in known.paths where settings.matches(aliases[family] ?? family) {
                catchUp(family, at: now)
            }
            // Of one that was empty when it was last seen there is no cursor.
            let standing = Set(paths)
            for family in floors.keys where known.of(family).isEmpty && settings.matches(aliases[family] ?? family) {
                if !standing.contains(aliases[family] ?? family) { catchUp(family, at: now) }
            }
            for path in paths where withoutGzipEnding(path) == path { catchUp(place(of: path), at: now) }
        } else {
            for family in known.missingPaths { catchUp(family, at: now) }
        }

        examine(all: paths, at: now)
        let found = Set(paths)
        for (place, tail) in byPlace where !found.contains(tail.path) || tail.isAway { examine(place, at: now) }
        for tail in tails.values where tail.isAway && !tail.isCompressed { makeReady(tail) }
        unreadable = unreadable.filter { path, _ in (try? FileStatus(ofLink: path)) != nil }
        limitDeleted()
        limitFloors(paths)
        closeQuiet()
        removeRead(at: now)
        // Saved at once: a kill must not make the next start the first one again.
        if isFirstScan { cursorVersion += 1 }
        isFirstScan = false
        let isWatched = inotify != nil && unwatchedDirectories.isEmpty
        let interval = settings.rescanInterval
        nextScan = now.monotonic + (isWatched ? interval : min(interval, Self.scanIntervalWithoutWatches))
        if hasNewAlias { nextScan = now.monotonic }
        hasNewAlias = false
        if !known.missing.isEmpty { nextScan = min(nextScan, now.monotonic + settings.rotationGrace) }
    }

    /// Looks at a directory that came, and at nothing beside it: a tree of ten thousand costs what changes in it.
    func scan(below directory: String, at now: Moment) {
        let finder = FileFinder(settings.paths, below: directory) { self.watch($0, holdsFiles: $1) }
        if finder.directoriesLeftOut > 0 { count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        directoryErrors += finder.errors
        examine(all: finder.paths.filter { !settings.excludes($0) }, at: now)
    }

    /// What is new is read in the order in which it was last written.
    private func examine(all paths: [String], at now: Moment) {
        var new: [(path: String, modified: Int64)] = []
        for path in paths {
            // Most files are where they were: one call to the kernel for each of them.
            if let standing = byPlace[path], let status = try? FileStatus(ofLink: path), status.id == standing.id {
                if standing.noteStatus(status) { makeReady(standing) }
                continue
            }
            let place = place(of: path)
            if byPlace[place] != nil {
                examine(path, place, at: now)
            } else {
                new.append((path, (try? FileStatus(of: path))?.modifiedUnixNanoseconds ?? 0))
            }
        }
        for (path, _) in new.sorted(by: { ($0.modified, $1.path) < ($1.modified, $0.path) }) { examine(path, at: now) }
    }

    /// Deleted files that nobody can see any more must not fill the disk.
    private func limitDeleted() {
        var deleted = tails.values.filter { $0.isDeleted && $0.file != nil }.sorted { $0.sizeBytes > $1.sizeBytes }
        var bytes = deleted.reduce(UInt64(0)) { $0 + $1.sizeBytes }
        while bytes > Self.deletedBytesLimit, !deleted.isEmpty {
            let tail = deleted.removeFirst()
            bytes -= tail.sizeBytes
            byID[tail.id] = nil
            close(tail)
            if moveToCopy(tail) { continue }
            count(.bytesLostDeleted, tail.unreadBytes)
            log.warning("gave up a deleted file that was not read to its end", ["path": tail.path])
            finish(tail)
        }
    }

    /// A path with a date in it comes once: it is forgotten when nothing is left of it.
    private func limitFloors(_ paths: [String]) {
        guard floors.count > Self.floorLimit + tails.count else { return }
        var used = Set(paths.map { place(of: $0) })
        used.formUnion(tails.values.map(\.family))
        used.formUnion(known.paths)
        floors = floors.filter { used.contains($0.key) }
    }

    /// Makes room among the descriptors when all are taken: those read least recently give theirs back.
    private func closeQuiet() {
        guard isAtOpenLimit else { return }
        let quiet = tails.values.filter { $0.file != nil && !$0.isAway && !$0.isReady }
        for tail in quiet.sorted(by: { $0.lastTurn < $1.lastTurn }).prefix(max(1, openCount / 4)) { close(tail) }
    }
}
