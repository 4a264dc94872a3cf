// A file that matches and is not followed yet: from where it is to be read.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// A file that matches and is not followed yet.
    func adopt(_ path: Path, _ place: Path, _ seen: FileStatus, at now: Moment) {
        guard tails.count < settings.fileLimit else { return count(.fileLimit) }
        let originals = isFirstScan ? [] : originalFamilies(of: place)
        // A copy and a compressed file begin empty too, and which of them it will be nobody can tell.
        if seen.sizeBytes == 0, !originalFamilies(of: place).isEmpty || withoutCompressionEnding(place) != place {
            return
        }
        for family in originals { catchUp(family, at: now) }
        if originals.isEmpty, withoutCompressionEnding(place) == place { catchUp(place, at: now) }
        // Catching up may have found it under this very name, or found that it may be a copy.
        if byPlace[place] != nil || held[place] != nil { return }
        if let error = renumber(place) { return tryAgain(path, seen.id, error, at: now) }
        do throws(TailFailure) {
            let file = try open(place, through: path)
            let status: FileStatus
            let found: FoundFile
            do throws(Errno) {
                status = try file.status()
                // What was found out is not about this one. Its event is on its way.
                guard status.id == seen.id else {
                    nextScan = now.monotonic
                    return
                }
                found = try self.found(file, status, at: place, isAtPath: true)
            } catch { throw .system(error) }
            guard found.text.form == .plain else {
                unreadable[path] = nil
                // Rotated ones are read by `catchUp`; any other has no lines.
                if found.text.form == .otherCompression || rotatedFamily(of: place) == nil {
                    noteCompressed(found)
                }
                return
            }
            begin(file, status, found, path, at: now)
        } catch {
            reportAndTryAgain(path, error, at: now)
        }
    }

    /// Compares the numbers of a file with those of the last run, when that could not be done at the start. Returns the
    /// reason why it still cannot.
    private func renumber(_ place: Path) -> Errno? {
        guard unnumbered.removeValue(forKey: place) != nil else { return nil }
        let old = known.of(place).filter { $0.tail == nil }.map(\.cursor)
        let (new, unclear) = withNumbersOfNow(old, through: &buffers.reader)
        unnumbered[place] = unclear[place]
        for (old, new) in zip(old, new) where old != new {
            known.remove(old.key)
            known.insert(new)
            cursorVersion += 1
        }
        return unclear[place]
    }

    /// Follows a file from where it was read to, or from its beginning.
    private func begin(
        _ file: consuming File, _ status: FileStatus, _ found: FoundFile, _ path: Path, at now: Moment
    ) {
        let place = found.place
        var cursor = FileCursor(
            path: place, identity: FileIdentity(found), offset: 0, sizeBytes: status.sizeBytes)
        var old: FileCursor?
        switch known.entry(of: found) {
        case .unclear(let error): return tryAgain(path, status.id, error, at: now)
        case .entry(let entry):
            let isMore = status.sizeBytes > entry.cursor.offset
            if let tail = entry.tail {
                if isMore, let found = find(place, of: place) { _ = revive(tail, in: found) }
                return
            }
            if !isMore, isRotatedName(splitPath(place).name, of: splitPath(entry.cursor.path).name) { return }
            (cursor.offset, cursor.mark) = (entry.cursor.offset, entry.cursor.mark)
            cursor.identity.print.inner = entry.cursor.print.inner
            old = entry.cursor
        case .none where isFirstScan && !hasHistory && settings.startAt == .end:
            do throws(Errno) {
                let form = TextForm(settings.encoding, settings.lineEnd)
                cursor.offset = try file.writtenEnd(status.sizeBytes, form)
            } catch { return tryAgain(path, status.id, error, at: now) }
        case .none: break
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
}
