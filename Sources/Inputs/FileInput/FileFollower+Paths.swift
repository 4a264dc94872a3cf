// What stands at a path now, and whether it is followed.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Where a path leads: the file itself, when the path is a symbolic link.
    func place(of path: Path) -> Path { place(of: path, try? FileStatus(ofLink: path)) }

    /// `seen` is what the path itself names.
    func place(of path: Path, _ seen: FileStatus?) -> Path {
        guard let seen, seen.kind == .symbolicLink, refusal(of: path, seen) == nil, let real = try? realPath(path)
        else {
            return path
        }
        if aliases.updateValue(path, forKey: real) == nil { hasNewAlias = true }
        return real
    }

    /// Looks at what stands at `path` now, and follows it when it is new and matches.
    func examine(_ path: Path, at now: Moment) {
        let seen = try? FileStatus(ofLink: path)
        if let refusal = refusal(of: path, seen) { return refuse(path, refusal) }
        if case .linkRefused = unreadable[path] { unreadable[path] = nil }
        examine(path, place(of: path, seen), seen?.kind == .symbolicLink ? nil : seen, at: now)
    }

    /// `seen` is what stands at `place`, if that is known.
    func examine(_ path: Path, _ place: Path, _ seen: FileStatus? = nil, at now: Moment) {
        let standing = byPlace[place]
        let status: FileStatus
        do throws(Errno) { status = if let seen { seen } else { try FileStatus(of: place) } } catch {
            if let standing { leave(standing) }
            // What became of it may have been left alone because of it.
            if let file = held.removeValue(forKey: place) { catchUp(file.family, at: now) }
            if error != .notFound { report(path, error) }
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
        if let tail = byID[status.id], isStill(tail, place) {
            arrive(tail, at: place, path: path)
        } else if settings.matches(path), !isTooOld(status.id, status.modifiedUnixNanoseconds, at: now) {
            adopt(path, place, status, at: now)
        } else {
            tellNotFollowed(path, settings.matches(path) ? "it is too old: ignore_older" : "it is excluded")
        }
    }

    /// An inode is not used again while a descriptor holds it; of a file that we closed, the content decides.
    private func isStill(_ tail: Tail, _ place: Path) -> Bool {
        if tail.file != nil { return true }
        guard let file = try? File(reading: place), let count = try? file.read(into: &buffers.start, limit: .max, at: 0)
        else { return false }
        return tail.print.matches(buffers.start[..<count])
            && (try? file.mayHave(tail.inner, tail.isCompressed ? .gzip : .plain)) ?? false
    }

    /// Its name leads elsewhere now. Where it went, if anywhere, another event or a scan tells.
    func leave(_ tail: Tail) {
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        tail.place = nil
        guard !tail.isAway else { return }
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

    /// A file that matches and is not followed yet.
    private func adopt(_ path: Path, _ place: Path, _ seen: FileStatus, at now: Moment) {
        guard tails.count < settings.fileLimit else { return count(.fileLimit) }
        let originals = isFirstScan ? [] : originalFamilies(of: place)
        // A copy and a compressed file begin empty too, and which of them it will be nobody can tell.
        if seen.sizeBytes == 0, !originalFamilies(of: place).isEmpty || withoutGzipEnding(place) != place { return }
        for family in originals { catchUp(family, at: now) }
        if originals.isEmpty, withoutGzipEnding(place) == place { catchUp(place, at: now) }
        // Catching up may have found it under this very name, or found that it may be a copy.
        if byPlace[place] != nil || held[place] != nil { return }
        do throws(TailFailure) {
            let file = try open(place, through: path)
            let status: FileStatus
            let first: FileStart
            do throws(Errno) {
                status = try file.status()
                // What was found out is not about this one. Its event is on its way.
                guard status.id == seen.id else {
                    nextScan = now.monotonic
                    return
                }
                first = try readStart(file, status)
            } catch { throw .system(error) }
            unreadable[path] = nil
            guard first.form == .plain else {
                // Rotated ones are read by `catchUp`; any other has no lines.
                if first.form == .otherCompression || rotatedFamily(of: place) == nil { noteCompressed(status.id) }
                return
            }
            begin(file, status, first.bytes, path, place, at: now)
        } catch {
            if error != .system(.stale) { report(path, error) }
        }
    }

    /// Follows a file from where it was read to, or from its beginning.
    private func begin(
        _ file: consuming File, _ status: FileStatus, _ start: ArraySlice<UInt8>, _ path: Path, _ place: Path,
        at now: Moment
    ) {
        var cursor = FileCursor(
            path: place, id: status.id, print: StartPrint(of: start), offset: 0, sizeBytes: status.sizeBytes)
        var old: FileCursor?
        let entry = known.entry(of: status.id, beginning: start) { (try? file.mayHave($0, .plain)) ?? false }
        if let entry, status.sizeBytes >= entry.cursor.offset {
            let isMore = status.sizeBytes > entry.cursor.offset
            if let tail = entry.tail {
                if isMore, let found = find(place, of: place) { _ = revive(tail, in: found) }
                return
            }
            if !isMore, isRotatedName(splitPath(place).name, of: splitPath(entry.cursor.path).name) { return }
            (cursor.offset, cursor.mark, cursor.inner) = (entry.cursor.offset, entry.cursor.mark, entry.cursor.inner)
            old = entry.cursor
        } else if isFirstScan, !hasHistory, settings.startAt == .end {
            cursor.offset = status.sizeBytes
        }
        // What had this inode before may go on in a copy, or have been compressed.
        let others = known.with(status.id).map(\.cursor).filter { $0.key != old?.key }
        for family in Set(others.map(\.path)).sorted() {
            catchUp(family, at: now)
            if byPlace[place] != nil { return }
        }
        if let old { known.remove(old.key) }
        let before = lastRotated(of: place)
        let tail = follow(file, status, path: path, family: place, place: place, cursor: cursor)
        tail.predecessor = before
        // It may have been written to since it was at its end, and all of that is older.
        before?.hasReachedEnd = false
        if let before { makeReady(before) }
    }

    func readStart(_ file: borrowing File, _ status: FileStatus) throws(Errno) -> FileStart {
        try FileStart(file, status, through: &buffers.start)
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
            tail.file = try open(place, id: tail.id)
            openCount += 1
            return true
        } catch {
            if error == .system(.stale) {
                examine(place, at: now)
                return false
            }
            if error == .system(.notFound) { examine(place, at: now) } else { report(tail.path, error) }
            tail.hasReachedEnd = true
            return false
        }
    }
}
