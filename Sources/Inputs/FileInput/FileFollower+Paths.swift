// What stands at the paths of the patterns, and whether it is followed: a slow scan behind inotify, which needs no
// event, and a look at one path.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// How often to look when inotify does not watch everything.
    private static let scanIntervalWithoutWatches: Duration = .seconds(1)
    /// So many files take seconds to look at, at the start.
    private static let manyFiles = 10_000

    func takeChanges(at now: Moment) {
        let changes = watcher.changes(tails, links)
        // A thousand files that come at once are beside each other: one listing is enough. What comes later has events.
        if changes.count > 1 { listed = ListedDirectories() }
        defer { listed = nil }
        for change in changes {
            switch change {
            case .everything: turns.scan(by: now.monotonic)
            case .directory(let directory): scan(below: directory, at: now)
            case .written(let path): if let tail = tails.at(path) { turns.add(tail) }
            case .touched(let path):
                if leadsToDirectory(path) { scan(below: path, at: now) } else { examine(path, at: now) }
                // More of a compressed file may have come than was there when it was left out.
                if problems.compressed.contains(path) { examineSibling(path, at: now) }
            case .arrived(let path): examineSibling(path, at: now)
            }
        }
        if links.hasNew { turns.scan(by: now.monotonic) }
    }

    /// A link that came: what is behind it came with it.
    private func leadsToDirectory(_ path: Path) -> Bool {
        guard standing(at: path)?.kind == .symbolicLink else { return false }
        do throws(Errno) { return try FileStatus(of: path).kind == .directory } catch { return false }
    }

    // MARK: Scans

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
        links.endScan { tails.has($0) || memory.known.has($0) }
        (listed, numbered) = (nil, nil)
        turns.endScan(next: nextScan(after: now.monotonic))
        links.noteWatched()
    }

    /// Of which nothing is left. A path whose directory cannot be looked into is not forgotten for that.
    private func forgetPaths(_ paths: [Path]) {
        let found = Set(paths.map { links.place(of: $0) })
        func isUsed(_ path: Path) -> Bool { found.contains(path) || tails.has(path) }
        let gone = memory.floors.keys.filter {
            !isUsed($0) && !memory.known.has($0) && places(of: $0)?.isEmpty == true
        }
        memory.endScan(gone: Set(gone), isUsed: isUsed)
        memory.limitFloors(followed: tails.count) { found.union(tails.families) }
    }

    private func nextScan(after now: Instant) -> Instant {
        if links.hasNew { return now }
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
        var families = Set((memory.known.paths + memory.floors.keys).filter { settings.matches(links.path(to: $0)) })
        for path in paths where withoutCompressionEnding(path) == path { families.insert(links.place(of: path)) }
        return families.sorted()
    }

    /// Looks at a directory that came, and at nothing beside it: a tree of ten thousand costs what changes in it.
    private func scan(below directory: Path, at now: Moment) {
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

    // MARK: One path

    /// Looks at what stands at `path` now, and follows it when it is new and matches.
    func examine(_ path: Path, at now: Moment) {
        let seen = standing(at: path)
        if let refusal = links.refusal(of: path, seen) { return refuse(path, refusal) }
        problems.noteLinkAllowed(path)
        examine(path, links.place(of: path, seen), seen?.kind == .symbolicLink ? nil : seen, at: now)
    }

    /// Says so, and lets go of what stood there before the link.
    private func refuse(_ path: Path, _ refusal: TailFailure) {
        if let tail = tails.at(path) { leave(tail) }
        problems.report(path, refusal)
    }

    /// `seen` is what stands at `place`, if that is known.
    private func examine(_ path: Path, _ place: Path, _ seen: FileStatus? = nil, at now: Moment) {
        let tail = tails.at(place)
        let status: FileStatus
        do throws(Errno) { status = if let seen { seen } else { try FileStatus(of: place) } } catch {
            // What cannot be looked at now may stand there still.
            guard error.isAbsence else { return reportAndTryAgain(path, .system(error), at: now) }
            if let tail { leave(tail) }
            // What became of it may have been left alone because of it.
            if let file = memory.takeHeld(place) { catchUp(file.family, at: now) }
            return
        }
        guard status.kind == .regular else {
            problems.tellNotFollowed(path, "it is no regular file")
            if let tail { leave(tail) }
            return
        }
        if let tail {
            if tail.id == status.id {
                if tail.noteStatus(status) { turns.add(tail) }
                return
            }
            leave(tail)
        }
        if let tail = tails.with(status.id) {
            switch relation(of: tail, toFileAt: place) {
            case .same, .moved, .unclear(nil): return arrive(tail, at: place, path: path)
            case .unclear(let error?): return tryAgain(path, status.id, error, at: now)
            case .copy, .other: break
            }
        }
        if !settings.matches(path) {
            problems.tellNotFollowed(path, "it is excluded")
        } else if memory.isTooOld(status.id, status.modifiedUnixNanoseconds, settings, at: now) {
            problems.tellNotFollowed(path, "it is too old: ignore_older")
        } else {
            adopt(path, place, status, at: now)
        }
    }

    /// What stands at a place is to a tail. An inode is not used again while a descriptor holds it; of a file that we
    /// closed, its birth and its content decide.
    private func relation(of tail: Tail, toFileAt place: Path) -> FileRelation {
        if tail.file != nil { return .same }
        do throws(Errno) {
            let file = try File(reading: place)
            return tail.identity.relation(
                to: try found(file, try file.status(), at: place, isAtPath: true), readTo: 0)
        } catch {
            return .unclear(error)
        }
    }

    /// A file that is followed got another name.
    private func arrive(_ tail: Tail, at place: Path, path: Path) {
        tails.forgetPlace(of: tail)
        tails.put(tail, at: place)
        turns.add(tail)
        let isRotated = isRotatedName(splitPath(place).name, of: splitPath(tail.family).name)
        if !isRotated, settings.matches(path) {
            // Renamed from one name that is followed to another.
            tail.path = path
            tails.move(tail, toFamily: place)
            tail.isAway = false
            tail.quietSince = nil
            cursorVersion += 1
        } else if !tail.isAway {
            tail.goAway()
        }
    }

    /// What may be over soon is tried again after the grace, all else at the next scan.
    func reportAndTryAgain(_ path: Path, _ failure: TailFailure, at now: Moment) {
        problems.report(path, failure)
        if failure.isPassing { turns.scanAfterGrace(from: now.monotonic) }
    }

    /// Which file stands at a path cannot be told now: it is neither taken for one that is known nor for another one.
    func tryAgain(_ path: Path, _ id: FileID, _ error: Errno?, at now: Moment) {
        problems.noteUnclear(path, id)
        turns.scanAfterGrace(from: now.monotonic)
        if let error { problems.tellUnclear(path, error) }
    }
}
