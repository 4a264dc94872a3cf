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
        retryScan = nil
        directoryRefusals = [:]
        defer {
            isScanning = false
            listings = [:]
            directoryRefusals = [:]
        }
        let finder = FileFinder(settings.paths) { self.watch($0, holdsFiles: $1) }
        directoryErrors = finder.errors
        if finder.directoriesLeftOut > 0 { count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        let paths = finder.paths.filter { path in
            let isExcluded = settings.excludes(path)
            if isExcluded { tellNotFollowed(path, "it is excluded") }
            return !isExcluded
        }
        unwatchAll(but: finder.directories)
        tellUnwatched()
        if isFirstScan {
            // Also those whose path is gone, or of which nothing is remembered: their rotated siblings may be there.
            var families = Set((known.paths + floors.keys).filter { settings.matches(aliases[$0] ?? $0) })
            for path in paths where withoutGzipEnding(path) == path { families.insert(place(of: path)) }
            for family in families.sorted() { catchUp(family, at: now) }
        } else {
            let missing = known.missingPaths
            for family in missing.union(missing.compactMap(rotatedFamily)).sorted() { catchUp(family, at: now) }
        }

        examine(all: paths, at: now)
        let found = Set(paths)
        let elsewhere = byPlace.filter { !found.contains($0.value.path) || $0.value.isAway }
        for place in elsewhere.keys.sorted() { examine(place, at: now) }
        let away = tails.values.filter { $0.isAway && !$0.isCompressed }
        for tail in away.sorted(by: { $0.order < $1.order }) { makeReady(tail) }
        unreadable = unreadable.filter { path, _ in !isAbsent(path) }
        unclear = unclear.filter { path, _ in !isAbsent(path) }
        limitDeleted(at: now)
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
        if let retryScan { nextScan = min(nextScan, retryScan) }
        if !known.missing.isEmpty { nextScan = min(nextScan, now.monotonic + settings.rotationGrace) }
    }

    /// Looks at a directory that came, and at nothing beside it: a tree of ten thousand costs what changes in it.
    func scan(below directory: Path, at now: Moment) {
        let finder = FileFinder(settings.paths, below: directory) { self.watch($0, holdsFiles: $1) }
        if finder.directoriesLeftOut > 0 { count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        directoryErrors += finder.errors
        tellUnwatched()
        examine(all: finder.paths.filter { !settings.excludes($0) }, at: now)
    }

    /// What is new is read in the order in which it was last written.
    private func examine(all paths: [Path], at now: Moment) {
        var new: [(path: Path, modified: Int64)] = []
        for path in paths {
            // Most files are where they were: one call to the kernel for each of them.
            let seen = standing(at: path)
            if let standing = byPlace[path], let seen, seen.id == standing.id {
                if standing.noteStatus(seen) || unreadable[path] != nil { makeReady(standing) }
                continue
            }
            if let refusal = refusal(of: path, seen) {
                refuse(path, refusal)
                continue
            }
            let place = place(of: path, seen)
            if byPlace[place] != nil {
                examine(path, place, at: now)
            } else {
                new.append((path, modified(path, seen)))
            }
        }
        for (path, _) in new.sorted(by: { ($0.modified, $1.path) < ($1.modified, $0.path) }) { examine(path, at: now) }
    }

    /// 0 for what cannot be told: it is looked at first.
    private func modified(_ path: Path, _ seen: FileStatus?) -> Int64 {
        guard let seen else { return 0 }
        guard seen.kind == .symbolicLink else { return seen.modifiedUnixNanoseconds }
        do throws(Errno) { return try FileStatus(of: path).modifiedUnixNanoseconds } catch { return 0 }
    }

    /// Deleted files that nobody can see any more must not fill the disk.
    private func limitDeleted(at now: Moment) {
        var deleted = tails.values.filter { $0.isDeleted && $0.file != nil }.sorted { $0.sizeBytes > $1.sizeBytes }
        var bytes = deleted.reduce(UInt64(0)) { $0 + $1.sizeBytes }
        while bytes > Self.deletedBytesLimit, !deleted.isEmpty {
            let tail = deleted.removeFirst()
            bytes -= tail.sizeBytes
            close(tail)
            if moveToCopy(tail, isReplaced: false) { continue }
            log.warning("gave up a deleted file that was not read to its end", ["path": tail.path.repaired])
            finish(tail, at: now)
        }
    }

    /// A path with a date in it comes once: it is forgotten when nothing is left of it.
    private func limitFloors(_ paths: [Path]) {
        guard floors.count > Self.floorLimit + tails.count else { return }
        var used = Set(paths.map { place(of: $0) })
        used.formUnion(byFamily.paths)
        used.formUnion(known.paths)
        floors.removeAll { !used.contains($0) }
    }

    /// Makes room among the descriptors when all are taken: those read least recently give theirs back.
    private func closeQuiet() {
        guard isAtOpenLimit else { return }
        let quiet = tails.values.filter { $0.file != nil && !$0.isAway && !$0.isReady }
        for tail in quiet.sorted(by: { $0.lastTurn < $1.lastTurn }).prefix(max(1, openCount / 4)) { close(tail) }
    }
}
