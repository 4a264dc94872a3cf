// Files that were truncated, and the copies in which their content goes on.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    // MARK: Truncation

    /// The file holds another content now. The rest of the old one is looked for in a copy beside it, and the new one
    /// is followed from its beginning.
    func truncated(_ tail: Tail, at now: Moment) {
        let (family, path) = (tail.family, tail.path)
        giveUpContent(of: tail, at: now)
        familiesSeen.remove(family)
        catchUp(family, at: now)
        examine(path, at: now)
    }

    func giveUpContent(of tail: Tail, at now: Moment) {
        if byID[tail.id] === tail { byID[tail.id] = nil }
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        close(tail)
        cursorVersion += 1
        if moveToCopy(tail, isReplaced: true) { return }
        // The copy may be between two names, or is being compressed.
        tail.place = nil
        finish(tail, losing: .bytesLostTruncation, at: now)
    }

    /// Finds where the text of a file goes on that was truncated, or has no name any more.
    func moveToCopy(_ tail: Tail, isReplaced: Bool) -> Bool {
        guard tail.print.length > 0 else { return false }
        let files = (places(of: tail.family) ?? []).compactMap { find($0, of: tail.family) }
        var memory = recollect(tail.family, for: files, without: tail)
        memory.add(tail, isLost: isReplaced)
        let own = memory.texts.count - 1
        let parts = readParts(of: files, in: memory.texts, inner: InnerTexts(of: files).before)
        for (file, part) in zip(files, parts) where !file.isAtPath && (part == .copy(of: own) || part == .same(own)) {
            return move(tail, to: file)
        }
        return false
    }

    func move(_ tail: Tail, to copy: FoundFile) -> Bool {
        do throws(TailFailure) {
            let file = try open(copy.place, id: copy.id)
            if tail.file != nil { openCount -= 1 }
            if byID[tail.id] === tail { byID[tail.id] = nil }
            if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
            tail.moveTo(copy: file, copy)
            openCount += 1
        } catch {
            return false
        }
        // Its place in the order of rotation is that of the copy.
        tail.order = takeOrder()
        byID[copy.id] = tail
        byPlace[copy.place] = tail
        held[copy.place] = nil
        cursorVersion += 1
        makeReady(tail)
        return true
    }

    // MARK: Copies

    /// A new file beside one that is followed: rotation may have put it there while nobody looked.
    func examineSibling(_ place: Path, at now: Moment) {
        guard byPlace[place] == nil, let family = rotatedFamily(of: place), let status = try? FileStatus(of: place)
        else { return }
        if byID[status.id] != nil { return }
        if status.sizeBytes == 0 {
            held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
        } else {
            catchUp(family, at: now)
        }
    }

    /// Paths that are followed and of which a file may be a copy or a rotated one.
    func originalFamilies(of place: Path) -> [Path] {
        let (directory, name) = splitPath(place)
        return originalNames(of: name).map { directory / $0 }.filter { floors[$0] != nil || byFamily.has($0) }
    }

    /// The path that is or was followed and of which `place` is a rotated name.
    func rotatedFamily(of place: Path) -> Path? {
        let (directory, name) = splitPath(place)
        let families = originalNames(of: name).map { directory / $0 }.filter { floors[$0] != nil }
        // With a pattern that matches `app.log.1` too, `app.log.1.gz` is a file of `app.log` all the same.
        return withoutGzipEnding(name) == name ? families.first : families.min { $0.bytes.count < $1.bytes.count }
    }

    /// Held files whose time is over.
    func releaseHeld(at now: Moment) {
        for (place, file) in held where file.since + settings.rotationGrace <= now.monotonic {
            if file.sizeBytes == 0 { held[place] = nil }
            settled = place
            defer { settled = nil }
            if settings.matches(place) { examine(place, at: now) } else { catchUp(file.family, at: now) }
            // Whatever came of it, it is not asked again at once.
            if held[place] == file { held[place] = nil }
        }
    }

    /// A new file has the text of another one, so far: it may be the copy that comes before a truncation, and is left
    /// alone until that is known. `offset` is how far the other one was read.
    func hold(_ file: FoundFile, of family: Path, originalOffset offset: UInt64, at now: Moment) {
        let size = file.start.sizeBytes
        let earlier = held[file.place]
        guard let earlier, earlier.sizeBytes == size else {
            held[file.place] = Held(family: family, since: now.monotonic, sizeBytes: size)
            return
        }
        guard earlier.since + settings.rotationGrace <= now.monotonic else { return }
        // Until the original is read as far, the copy may still be needed.
        guard offset >= size else {
            held[file.place]?.since = now.monotonic
            return
        }
        held[file.place] = nil
        // Only what is added to it later is its own.
        var inner: InnerPrint?
        if let end = InnerPrint.end(seen: size), case .text(let text) = InnerTexts(of: [file]).before(end, in: 0) {
            inner = text
        }
        known.insert(
            FileCursor(
                path: family, id: file.id, print: StartPrint(of: file.start.bytes), inner: inner, offset: size,
                sizeBytes: size))
        cursorVersion += 1
    }

    /// For each new file that is a copy of another one, or the beginning of a copy, how far the other one was read.
    func originalOffsets(of files: [FoundFile], _ memory: Memory, _ inner: InnerTexts) -> [Int: UInt64] {
        let same = sameParts(of: files, in: memory.texts, inner: inner.before)
        var offsets: [Int: UInt64] = [:]
        for (index, file) in files.enumerated()
        where same[index] == .nothing && file.start.form == .plain && !file.isAtPath {
            offsets[index] = originalOffset(of: file, files, same, memory)
        }
        return offsets
    }

    private func originalOffset(
        of file: FoundFile, _ files: [FoundFile], _ same: [ReadPart], _ memory: Memory
    ) -> UInt64? {
        for case .tail(let tail) in memory.owners where !tail.isCompressed && tail.id != file.id {
            let isWhole = tail.print.length > 0 && file.start.bytes.count >= tail.print.length
            if isWhole, !tail.print.matches(file.start.bytes) { continue }
            if isBeginning(file, ofTail: tail) { return tail.readOffset }
            // Truncated a moment ago: its turn will take it to the copy.
            if isWhole, tail.isTruncated(through: &buffers) {
                makeReady(tail)
                return tail.readOffset
            }
        }
        for (other, part) in zip(files, same) where other.id != file.id {
            guard other.start.form == .plain, other.start.sizeBytes >= file.start.sizeBytes,
                other.start.bytes.starts(with: file.start.bytes)
            else { continue }
            // One that was read, or is about to be.
            if case .same(let index) = part, case .known(let entry) = memory.owners[index] {
                if isBeginning(file, of: other.place) { return entry.cursor.offset }
            } else if part == .nothing, other.isAtPath, settings.matches(matchedPath(other.place)) {
                if isBeginning(file, of: other.place) { return 0 }
            }
        }
        return nil
    }

    private func isBeginning(_ file: FoundFile, of place: Path) -> Bool {
        do throws(Errno) { return try File(reading: place).begins(as: file) } catch { return false }
    }

    private func isBeginning(_ file: FoundFile, ofTail tail: Tail) -> Bool {
        if tail.file == nil, let place = tail.place { return isBeginning(file, of: place) }
        do throws(Errno) { return try tail.file?.begins(as: file) ?? false } catch { return false }
    }
}

extension File {
    /// Compares the first bytes of two files, and the last ones of the other where they are to stand in this one.
    fileprivate func begins(as other: FoundFile) throws(Errno) -> Bool {
        let length = Int(min(other.start.sizeBytes, UInt64(StartPrint.lengthLimit)))
        let end = other.start.sizeBytes - UInt64(length)
        let file = try File(reading: other.place)
        guard length > 0, try file.status().id == other.id else { return false }
        var (bytes, own) = ([UInt8](repeating: 0, count: length), [UInt8](repeating: 0, count: length))
        for offset in end == 0 ? [0] : [0, end] {
            guard try file.read(into: &bytes, limit: .max, at: offset) == length,
                try read(into: &own, limit: .max, at: offset) == length, bytes == own
            else { return false }
        }
        return true
    }
}
