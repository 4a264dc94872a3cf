// A file that matches and is not followed yet: from where it is to be read.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// `seen` is what stands at `place`.
    func adopt(_ path: Path, _ place: Path, _ seen: FileStatus, at now: Moment) {
        guard tails.count < settings.fileLimit else { return problems.count(.fileLimit) }
        let originals = memory.originals(of: place, isFollowed: tails.has)
        // A copy and a compressed file begin empty too, and which of them it will be nobody can tell.
        if seen.sizeBytes == 0, !originals.isEmpty || withoutCompressionEnding(place) != place { return }
        let families = memory.isFirstScan ? [] : originals
        for family in families { catchUp(family, at: now) }
        if families.isEmpty, withoutCompressionEnding(place) == place { catchUp(place, at: now) }
        // Catching up may have found it under this very name, or found that it may be a copy.
        if tails.at(place) != nil || memory.held[place] != nil { return }
        let (error, isRenumbered) = memory.renumber(place, through: &buffers.reader)
        if isRenumbered { cursorVersion += 1 }
        if let error { return tryAgain(path, seen.id, error, at: now) }
        do throws(TailFailure) {
            let file = try settings.open(place, through: path)
            let status: FileStatus
            let found: FoundFile
            do throws(Errno) {
                status = try file.status()
                // What was found out is not about this one. Its event is on its way.
                guard status.id == seen.id else { return turns.scan(by: now.monotonic) }
                found = try self.found(file, status, at: place, isAtPath: true)
            } catch { throw .system(error) }
            guard found.text.form == .plain else {
                problems.forgetUnreadable(path)
                // Rotated ones are read by `catchUp`; any other has no lines.
                if found.text.form == .otherCompression || memory.rotatedFamily(of: place) == nil {
                    problems.noteCompressed(found)
                }
                return
            }
            begin(file, status, found, path, at: now)
        } catch {
            reportAndTryAgain(path, error, at: now)
        }
    }

    /// Follows a file from where it was read to, or from its beginning.
    private func begin(
        _ file: consuming File, _ status: FileStatus, _ found: FoundFile, _ path: Path, at now: Moment
    ) {
        let place = found.place
        var cursor = FileCursor(
            path: place, identity: FileIdentity(found), offset: 0, sizeBytes: status.sizeBytes)
        var old: FileCursor?
        switch memory.known.entry(of: found) {
        case .unclear(let error): return tryAgain(path, status.id, error, at: now)
        case .entry(let entry):
            let isMore = status.sizeBytes > entry.cursor.offset
            if let tail = entry.tail {
                if isMore, let found = find(place, of: place) { revive(tail, in: found) }
                return
            }
            if !isMore, isRotatedName(splitPath(place).name, of: splitPath(entry.cursor.path).name) { return }
            (cursor.offset, cursor.mark) = (entry.cursor.offset, entry.cursor.mark)
            cursor.identity.print.inner = entry.cursor.print.inner
            old = entry.cursor
        case .none where memory.isFirstScan && !memory.hasHistory && settings.startAt == .end:
            do throws(Errno) {
                let form = TextForm(settings.encoding, settings.lineEnd)
                cursor.offset = try file.writtenEnd(status.sizeBytes, form)
            } catch { return tryAgain(path, status.id, error, at: now) }
        case .none: break
        }
        // What had this inode before may go on in a copy, or have been compressed.
        let others = memory.known.with(status.id).map(\.cursor).filter { $0.key != old?.key }
        for family in Set(others.map(\.path)).sorted() {
            catchUp(family, at: now)
            if tails.at(place) != nil { return }
        }
        if let old { memory.known.remove(old.key) }
        let before = tails.lastRotated(of: place)
        let tail = follow(file, status, path: path, family: place, place: place, cursor: cursor, at: now)
        if let before { tail.wake().predecessor = before }
        // It may have been written to since it was at its end, and all of that is older.
        before?.stage.hasReachedEnd = false
        if let before { turns.add(before) }
    }
}
