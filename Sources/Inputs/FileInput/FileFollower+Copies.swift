// Files that were truncated, and the copies in which their content goes on.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    // MARK: Truncation

    /// The file holds another content now. The rest of the old one is looked for in a copy beside it, and the new one
    /// is followed from its beginning.
    func truncated(_ tail: Tail, losing loss: Counted = .bytesLostTruncation, at now: Moment) {
        let (family, path) = (tail.family, tail.path)
        giveUpContent(of: tail, losing: loss, at: now)
        familiesSeen.remove(family)
        catchUp(family, at: now)
        examine(path, at: now)
    }

    func giveUpContent(of tail: Tail, losing loss: Counted = .bytesLostTruncation, at now: Moment) {
        if byID[tail.id] === tail { byID[tail.id] = nil }
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        close(tail)
        cursorVersion += 1
        if moveToCopy(tail, isReplaced: true) { return }
        // The copy may be between two names, or is being compressed.
        tail.place = nil
        finish(tail, losing: loss, at: now)
    }

    /// Finds where the text of a file goes on that was truncated, or has no name any more.
    func moveToCopy(_ tail: Tail, isReplaced: Bool) -> Bool {
        guard !tail.print.isEmpty else { return false }
        let files = (places(of: tail.family) ?? []).compactMap { find($0, of: tail.family) }
        var memory = recollect(tail.family, for: files, without: tail)
        memory.add(tail, isLost: isReplaced)
        let own = memory.texts.count - 1
        let parts = readParts(of: files, in: memory.texts)
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
        guard byPlace[place] == nil, let family = rotatedFamily(of: place) else { return }
        do throws(Errno) {
            let status = try FileStatus(of: place)
            if byID[status.id] != nil { return }
            if status.sizeBytes > 0 { return catchUp(family, at: now) }
        } catch {
            if error.isAbsence { return }
            report(place, error)
        }
        // It is looked at again after the grace.
        held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
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
        return withoutCompressionEnding(name) == name
            ? families.first : families.min { $0.bytes.count < $1.bytes.count }
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
    /// alone until that is known.
    func hold(_ file: FoundFile, of family: Path, _ original: Original?, at now: Moment) {
        let size = file.text.sizeBytes
        let earlier = held[file.place]
        guard let earlier, earlier.sizeBytes == size else {
            held[file.place] = Held(family: family, since: now.monotonic, sizeBytes: size)
            return
        }
        guard earlier.since + settings.rotationGrace <= now.monotonic else { return }
        // Until the original is read as far, the copy may still be needed.
        guard case .readTo(let offset)? = original, offset >= size else {
            held[file.place]?.since = now.monotonic
            return
        }
        held[file.place] = nil
        // Only what is added to it later is its own.
        let print = FilePrint(of: file.text, seen: size)
        known.insert(
            FileCursor(
                path: family, identity: FileIdentity(id: file.id, born: file.born, print: print), offset: size,
                sizeBytes: size))
        cursorVersion += 1
    }

    /// For each new file that is a copy of another one, or the beginning of a copy, what that is.
    func originals(of files: [FoundFile], _ memory: Memory) -> [Int: Original] {
        let same = sameParts(of: files, in: memory.texts)
        var originals: [Int: Original] = [:]
        for (index, file) in files.enumerated()
        where same[index] == .nothing && file.text.form == .plain && !file.isAtPath {
            do throws(Errno) {
                originals[index] = try originalOffset(of: file, files, same, memory).map { .readTo($0) }
            } catch {
                originals[index] = .unreadable(error)
            }
        }
        return originals
    }

    private func originalOffset(
        of file: FoundFile, _ files: [FoundFile], _ same: [ReadPart], _ memory: Memory
    ) throws(Errno) -> UInt64? {
        for case .tail(let tail) in memory.owners where !tail.isCompressed && tail.id != file.id {
            let isWhole = !tail.print.isEmpty && file.text.start.count >= tail.print.head.length
            if isWhole, !tail.print.head.begins(file.text.start) { continue }
            if try isBeginning(file, ofTail: tail) { return tail.readOffset }
            // Truncated a moment ago: its turn will take it to the copy.
            if isWhole {
                switch tail.content(through: &buffers) {
                case .same: break
                case .other, .unwritten:
                    makeReady(tail)
                    return tail.readOffset
                case .unreadable(let error): throw error
                }
            }
        }
        for (other, part) in zip(files, same) where other.id != file.id {
            guard other.text.form == .plain, other.text.sizeBytes >= file.text.sizeBytes,
                other.text.start.starts(with: file.text.start)
            else { continue }
            // One that was read, or is about to be.
            if case .same(let index) = part, case .known(let entry) = memory.owners[index] {
                if try isBeginning(file, of: other.place) { return entry.cursor.offset }
            } else if part == .nothing, other.isAtPath, settings.matches(matchedPath(other.place)) {
                if try isBeginning(file, of: other.place) { return 0 }
            }
        }
        return nil
    }

    private func isBeginning(_ file: FoundFile, of place: Path) throws(Errno) -> Bool {
        do throws(Errno) { return try File(reading: place).begins(as: file, through: &buffers.reader) } catch {
            if error.isAbsence { return false }
            throw error
        }
    }

    private func isBeginning(_ file: FoundFile, ofTail tail: Tail) throws(Errno) -> Bool {
        if tail.file == nil, let place = tail.place { return try isBeginning(file, of: place) }
        do throws(Errno) { return try tail.file?.begins(as: file, through: &buffers.reader) ?? false } catch {
            if error.isAbsence { return false }
            throw error
        }
    }
}

extension File {
    /// Compares the first bytes of two files, and the last ones of the other where they are to stand in this one.
    fileprivate func begins(as other: FoundFile, through reader: inout TextReader) throws(Errno) -> Bool {
        let length = Int(min(other.text.sizeBytes, UInt64(FilePrint.Head.lengthLimit)))
        let end = other.text.sizeBytes - UInt64(length)
        let file = try File(reading: other.place)
        guard length > 0, try file.status().id == other.id else { return false }
        for offset in end == 0 ? [0] : [0, end] {
            guard try reader.read(file, at: offset) >= length else { return false }
            let bytes = reader.bytes[..<length]
            guard try reader.read(self, at: offset) >= length, reader.bytes[..<length] == bytes else { return false }
        }
        return true
    }
}
