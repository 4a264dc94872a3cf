// Which files there are: a slow scan behind inotify, which needs no event.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// How often to look when inotify does not watch everything.
    private static let scanIntervalWithoutWatches: Duration = .seconds(1)
    /// So many files take seconds to look at, at the start.
    private static let manyFiles = 10_000

    func scan(at now: Moment) {
        (listed, numbered) = (ListedDirectories(), NumberedPlaces())
        links.beginScan()
        turns.beginScan()
        let finder = FileFinder(settings.paths) { self.watcher.watch($0, holdsFiles: $1) }
        problems.directories = finder.errors
        if finder.directoriesLeftOut > 0 { problems.count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        for link in finder.links.sorted() { links.noteDangling(link) }
        watcher.keep(Set(finder.directories.keys), links, directoryLinks: finder.links)
        let paths = finder.paths.filter { path in
            let isExcluded = settings.excludes(path)
            if isExcluded { problems.tellNotFollowed(path, "it is excluded") }
            return !isExcluded && watcher.isFirstName(splitPath(path).directory)
        }
        watcher.tellFaults()
        let isLongStart = memory.isFirstScan && paths.count >= Self.manyFiles
        if isLongStart {
            problems.log.info(
                "looks at many log files for the first time: nothing is read before that is done",
                ["files": "\(paths.count)", "directories": "\(finder.directories.count)"])
        }
        for family in familiesToCatchUp(paths) { catchUp(family, at: now) }
        examine(all: paths, at: now)
        let found = Set(paths)
        let elsewhere = tails.places.filter { !found.contains($0.value.path) || $0.value.isAway }
        for place in elsewhere.keys.sorted() { examine(place, at: now) }
        let away = tails.values.filter { $0.isAway && !$0.isCompressed }
        for tail in away.sorted(by: { $0.order < $1.order }) { turns.add(tail) }
        problems.forgetAbsent()
        texts.removeAll(where: isAbsent)
        limitDeleted(at: now)
        tails.closeQuiet()
        removeRead(at: now)
        // Saved at once: a kill must not make the next start the first one again.
        if memory.isFirstScan { cursorVersion += 1 }
        if isLongStart { problems.log.info("looked at all log files", ["followed": "\(tails.count)"]) }
        forgetPaths(paths)
        followNewLinks(at: now)
        links.endScan { tails.has($0) || memory.known.has($0) }
        listed = nil
        turns.endScan(next: nextScan(after: now.monotonic))
    }

    /// Of which nothing is left. A path whose directory cannot be looked into is not forgotten for that.
    private func forgetPaths(_ paths: [Path]) {
        let found = Set(paths.map { links.place(of: $0) })
        func isUsed(_ path: Path) -> Bool { found.contains(path) || tails.has(path) }
        let gone = memory.floors.paths.filter {
            !isUsed($0) && !memory.known.has($0) && places(of: $0)?.isEmpty == true
        }
        memory.endScan(gone: Set(gone), isUsed: isUsed)
        memory.limitFloors(followed: tails.count) { found.union(tails.families) }
    }

    private func nextScan(after now: Instant) -> Instant {
        let interval = settings.rescanInterval
        let next = now + (watcher.isComplete ? interval : min(interval, Self.scanIntervalWithoutWatches))
        return memory.known.missing.isEmpty ? next : min(next, now + settings.rotationGrace)
    }

    private func familiesToCatchUp(_ paths: [Path]) -> [Path] {
        guard memory.isFirstScan else {
            // Those of which nothing is left, with their directories, will have no events any more.
            let left = memory.known.paths.filter { !tails.has($0) && places(of: $0)?.isEmpty == true }
            return Set(memory.missingFamilies + left).sorted()
        }
        // Also those whose path is gone, or of which nothing is remembered: their rotated siblings may be there.
        var families = Set((memory.known.paths + memory.floors.paths).filter { settings.matches(links.path(to: $0)) })
        for path in paths where withoutCompressionEnding(path) == path { families.insert(links.place(of: path)) }
        return families.sorted()
    }

    /// Looks at a directory that came, and at nothing beside it: a tree of ten thousand costs what changes in it.
    func scan(below directory: Path, at now: Moment) {
        let finder = FileFinder(settings.paths, below: directory) { self.watcher.watch($0, holdsFiles: $1) }
        if finder.directoriesLeftOut > 0 { problems.count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        problems.directories += finder.errors
        watcher.tellFaults()
        examine(all: finder.paths.filter { !settings.excludes($0) }, at: now)
    }

    /// What is new is read in the order in which it was last written.
    private func examine(all paths: [Path], at now: Moment) {
        var new: [(path: Path, modified: Int64)] = []
        for path in paths {
            // Most files are where they were: one call to the kernel for each of them.
            let seen = standing(at: path)
            if let tail = tails.at(path), let seen, seen.id == tail.id {
                if tail.noteStatus(seen) || problems.unreadable[path] != nil { turns.add(tail) }
                continue
            }
            if let refusal = links.refusal(of: path, seen) {
                refuse(path, refusal)
                continue
            }
            let place = links.place(of: path, seen)
            if tails.at(place) != nil {
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
}
