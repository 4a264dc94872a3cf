// What stands at one path, and whether it is followed: asked for each change that inotify tells, and by the scan.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    func takeChanges(at now: Moment) {
        let changes = watcher.changes(tails, links)
        // A thousand files that come at once are beside each other: one listing is enough. What comes later has events.
        if changes.count > 1 { listed = ListedDirectories() }
        defer { listed = nil }
        for change in changes {
            switch change {
            case .everything: turns.scan(by: now.monotonic)
            case .directory(let directory): scan(below: directory, at: now)
            case .written(let path): if let tail = tails.at(path) { turns.addWritten(tail, at: now.monotonic) }
            case .touched(let path):
                if leadsToDirectory(path) { scan(below: path, at: now) } else { examine(path, at: now) }
                // More of a compressed file may have come than was there when it was left out.
                if problems.compressed.contains(path) { examineSibling(path, at: now) }
            case .arrived(let path): examineSibling(path, at: now)
            }
        }
        followNewLinks(at: now)
    }

    /// Watches where they lead, and looks once more: it may have changed before it was watched.
    func followNewLinks(at now: Moment) {
        // Of one that leads elsewhere at each look, the next scan takes care.
        for _ in 0..<2 {
            let new = links.takeNew()
            if new.isEmpty { return }
            watcher.watch(links)
            for link in new { examine(link, at: now) }
        }
    }

    /// A link that came: what is behind it came with it.
    private func leadsToDirectory(_ path: Path) -> Bool {
        guard standing(at: path)?.kind == .symbolicLink else { return false }
        do throws(Errno) { return try FileStatus(of: path).kind == .directory } catch { return false }
    }

    /// Looks at what stands at `path` now, and follows it when it is new and matches.
    func examine(_ path: Path, at now: Moment) {
        let seen = standing(at: path)
        if let refusal = links.refusal(of: path, seen) { return refuse(path, refusal) }
        problems.noteLinkAllowed(path)
        examine(path, links.place(of: path, seen), seen?.kind == .symbolicLink ? nil : seen, at: now)
    }

    /// Says so, and lets go of what stood there before the link.
    func refuse(_ path: Path, _ refusal: TailFailure) {
        if let tail = tails.at(path) { leave(tail) }
        problems.report(path, refusal)
    }

    /// `seen` is what stands at `place`, if that is known.
    func examine(_ path: Path, _ place: Path, _ seen: FileStatus? = nil, at now: Moment) {
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
        if tail.isOpen { return .same }
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
            tail.stage.isAway = false
            tail.reading?.quietSince = nil
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
