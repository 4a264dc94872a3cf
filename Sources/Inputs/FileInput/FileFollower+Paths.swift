// What stands at a path now, and whether it is followed.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Where a path leads: the file itself, when the path is a symbolic link.
    func place(of path: Path) -> Path { place(of: path, standing(at: path)) }

    /// What a path itself names. Nil also when that cannot be told: whoever opens it says what is wrong.
    func standing(at path: Path) -> FileStatus? {
        do throws(Errno) { return try FileStatus(ofLink: path) } catch { return nil }
    }

    /// For certain: an error leaves it open.
    func isAbsent(_ path: Path) -> Bool {
        do throws(Errno) {
            _ = try FileStatus(ofLink: path)
            return false
        } catch { return error.isAbsence }
    }

    /// `seen` is what the path itself names.
    func place(of path: Path, _ seen: FileStatus?) -> Path {
        guard let seen, seen.kind == .symbolicLink, refusal(of: path, seen) == nil else { return path }
        let real: Path
        do throws(Errno) { real = try realPath(path) } catch { return path }
        if aliases.updateValue(path, forKey: real) == nil { hasNewAlias = true }
        return real
    }

    /// Looks at what stands at `path` now, and follows it when it is new and matches.
    func examine(_ path: Path, at now: Moment) {
        let seen = standing(at: path)
        if let refusal = refusal(of: path, seen) { return refuse(path, refusal) }
        if case .linkRefused = unreadable[path] { unreadable[path] = nil }
        examine(path, place(of: path, seen), seen?.kind == .symbolicLink ? nil : seen, at: now)
    }

    /// `seen` is what stands at `place`, if that is known.
    func examine(_ path: Path, _ place: Path, _ seen: FileStatus? = nil, at now: Moment) {
        let standing = byPlace[place]
        let status: FileStatus
        do throws(Errno) { status = if let seen { seen } else { try FileStatus(of: place) } } catch {
            // What cannot be looked at now may stand there still.
            guard error.isAbsence else { return reportAndTryAgain(path, .system(error), at: now) }
            if let standing { leave(standing) }
            // What became of it may have been left alone because of it.
            if let file = held.removeValue(forKey: place) { catchUp(file.family, at: now) }
            return
        }
        guard status.kind == .regular else {
            tellNotFollowed(path, "it is no regular file")
            if let standing { leave(standing) }
            return
        }
        if let standing {
            if standing.id == status.id {
                if standing.noteStatus(status) { makeReady(standing) }
                return
            }
            leave(standing)
        }
        if let tail = byID[status.id] {
            switch relation(of: tail, toFileAt: place) {
            case .same, .moved, .unclear(nil): return arrive(tail, at: place, path: path)
            case .unclear(let error?): return tryAgain(path, status.id, error, at: now)
            case .copy, .other: break
            }
        }
        if settings.matches(path), !isTooOld(status.id, status.modifiedUnixNanoseconds, at: now) {
            adopt(path, place, status, at: now)
        } else {
            tellNotFollowed(path, settings.matches(path) ? "it is too old: ignore_older" : "it is excluded")
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

    private func scanAfterGrace(from now: Moment) {
        let retry = now.monotonic + settings.rotationGrace
        retryScan = min(retryScan ?? retry, retry)
        nextScan = min(nextScan, retry)
    }

    /// What may be over soon is tried again after the grace, all else at the next scan.
    func reportAndTryAgain(_ path: Path, _ error: TailFailure, at now: Moment) {
        report(path, error)
        if isPassing(error) { scanAfterGrace(from: now) }
    }

    /// Which file stands at a path cannot be told now: it is neither taken for one that is known nor for another one.
    func tryAgain(_ path: Path, _ id: FileID, _ error: Errno?, at now: Moment) {
        unclear[path] = id
        scanAfterGrace(from: now)
        if let error { tellUnclear(path, error) }
    }

    /// Says it, but of what was renamed meanwhile: the event that tells so is on its way.
    func tellUnclear(_ path: Path, _ error: Errno) { if !error.isAbsence { report(path, error) } }

    /// Its name leads elsewhere now. Where it went, if anywhere, another event or a scan tells.
    func leave(_ tail: Tail) {
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        tail.place = nil
        guard !tail.isAway else {
            // One that was cut short, and waits for more.
            if tail.isCompressed, tail.file == nil { makeReady(tail) }
            return
        }
        tail.isAway = true
        tail.hasReachedEnd = false
        tail.quietSince = nil
        makeReady(tail)
    }

    /// A file that is followed got another name.
    private func arrive(_ tail: Tail, at place: Path, path: Path) {
        if let old = tail.place, byPlace[old] === tail { byPlace[old] = nil }
        tail.place = place
        byPlace[place] = tail
        makeReady(tail)
        let isRotated = isRotatedName(splitPath(place).name, of: splitPath(tail.family).name)
        if !isRotated, settings.matches(path) {
            // Renamed from one name that is followed to another.
            tail.path = path
            move(tail, toFamily: place)
            tail.isAway = false
            tail.quietSince = nil
            cursorVersion += 1
        } else if !tail.isAway {
            tail.isAway = true
            tail.hasReachedEnd = false
            tail.quietSince = nil
        }
    }

    /// Such a file is not begun; one that was begun is read on.
    func isTooOld(_ id: FileID, _ modifiedUnixNanoseconds: Int64, at now: Moment) -> Bool {
        guard let limit = settings.ignoreOlder, known.with(id).isEmpty else { return false }
        return now.unixNanoseconds - modifiedUnixNanoseconds > limit.nanoseconds
    }

    /// Opens a file again that was closed to make room.
    func reopen(_ tail: Tail, at now: Moment) -> Bool {
        guard let place = tail.place else {
            // It may have been compressed, or copied and deleted, between two looks.
            if moveToCopy(tail, isReplaced: false) { return true }
            finish(tail, at: now)
            return false
        }
        do throws(TailFailure) {
            let file = try open(place, id: tail.id)
            let born: Int64?
            do throws(Errno) { born = try file.birth() } catch { throw .system(error) }
            guard tail.identity.mayBeBorn(at: born) else {
                truncated(tail, losing: .bytesLostDeleted, at: now)
                return false
            }
            tail.file = consume file
            openCount += 1
            return true
        } catch {
            if error == .exchanged {
                examine(place, at: now)
                return false
            }
            if error == .system(.notFound) {
                examine(place, at: now)
            } else {
                reportAndTryAgain(tail.path, error, at: now)
            }
            tail.hasReachedEnd = true
            return false
        }
    }
}
