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
        giveUpContent(of: tail)
        familiesSeen.remove(family)
        catchUp(family, at: now)
        examine(path, at: now)
    }

    func giveUpContent(of tail: Tail) {
        if byID[tail.id] === tail { byID[tail.id] = nil }
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        close(tail)
        cursorVersion += 1
        if moveToCopy(tail, isReplaced: true) { return }
        count(.bytesLostTruncation, tail.unreadBytes)
        if tail.unreadBytes > 0 {
            log.warning(
                "a log file was truncated before it was read, and no copy was found",
                ["path": tail.path, "bytes": "\(tail.unreadBytes)"])
        }
        tail.isFinished = true
        leaveFamily(tail)
        tails[tail.number] = nil
    }

    /// Finds where the text of a file goes on that was truncated, or has no name any more.
    func moveToCopy(_ tail: Tail, isReplaced: Bool) -> Bool {
        guard tail.print.length > 0 else { return false }
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
        do throws(Errno) {
            let file = try File(reading: copy.place)
            // Renamed meanwhile, and another stands there.
            guard try file.status().id == copy.id else { return false }
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
    func examineSibling(_ place: String, at now: Moment) {
        guard byPlace[place] == nil, let family = rotatedFamily(of: place), let status = try? FileStatus(of: place)
        else { return }
        if byID[status.id] != nil { return }
        if status.sizeBytes == 0 {
            held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
        } else {
            catchUp(family, at: now)
        }
    }

    /// The path that is or was followed and of which `place` is a rotated name.
    func rotatedFamily(of place: String) -> String? {
        let (directory, name) = splitPath(place)
        let families = originalNames(of: name).map { directory + "/" + $0 }.filter { floors[$0] != nil }
        // With a pattern that matches `app.log.1` too, `app.log.1.gz` is a file of `app.log` all the same.
        return withoutGzipEnding(name) == name ? families.first : families.min { $0.utf8.count < $1.utf8.count }
    }

    /// Tails of which a new file may be a copy. The newest is not always the one that stands at the path.
    private func originals(of place: String, _ id: FileID) -> [Tail] {
        let (directory, name) = splitPath(place)
        return originalNames(of: name).flatMap { byFamily[directory + "/" + $0] ?? [] }
            .filter { $0.id != id }
    }

    private func startBytes(of tail: Tail) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: StartPrint.lengthLimit)
        do throws(Errno) {
            if let count = try tail.file?.read(into: &bytes, limit: .max, at: 0) { return Array(bytes[..<count]) }
            guard let place = tail.place else { return [] }
            return Array(bytes[..<(try File(reading: place).read(into: &bytes, limit: .max, at: 0))])
        } catch {
            return []
        }
    }

    /// Held files whose time is over.
    func releaseHeld(at now: Moment) {
        for (place, file) in held where file.since + settings.rotationGrace <= now.monotonic {
            if file.sizeBytes == 0 { held[place] = nil }
            if settings.matches(place) { examine(place, at: now) } else { catchUp(file.family, at: now) }
            // Whatever came of it, it is not asked again at once.
            if held[place] == file { held[place] = nil }
        }
    }

    /// Whether a new file may be the copy that comes before a truncation: it is left alone until that is known.
    func mustHold(
        _ place: String, _ id: FileID, sizeBytes: UInt64, _ start: ArraySlice<UInt8>, at now: Moment
    ) -> Bool {
        let original = originals(of: place, id).first { original in
            let length = original.print.length
            if length > 0, start.count >= length { return original.print.matches(start) }
            // Nothing of it was read yet: what it holds now decides. An empty one has been truncated already.
            let own = startBytes(of: original)
            let common = min(own.count, start.count)
            return common > 0 && start.prefix(common).elementsEqual(own.prefix(common))
        }
        guard let original else {
            held[place] = nil
            return false
        }
        guard let earlier = held[place], earlier.sizeBytes == sizeBytes else {
            held[place] = Held(family: original.family, since: now.monotonic, sizeBytes: sizeBytes)
            return true
        }
        guard earlier.since + settings.rotationGrace <= now.monotonic else { return true }
        held[place] = nil
        guard isPrefix(place, sizeBytes, of: original) else { return false }
        // A copy of what is read from the original: only what is added to it later is its own.
        known.insert(
            FileCursor(
                path: original.family, id: id, print: StartPrint(of: start), offset: sizeBytes,
                sizeBytes: sizeBytes))
        cursorVersion += 1
        return true
    }

    /// Compares the last bytes of a file with those of the original at the same place.
    private func isPrefix(_ place: String, _ sizeBytes: UInt64, of original: Tail) -> Bool {
        guard let originalPlace = original.place, let one = try? File(reading: place),
            let other = try? File(reading: originalPlace)
        else { return false }
        let length = min(sizeBytes, UInt64(StartPrint.lengthLimit))
        var ends = [[UInt8](repeating: 0, count: Int(length)), [UInt8](repeating: 0, count: Int(length))]
        guard let first = try? one.read(into: &ends[0], limit: .max, at: sizeBytes - length),
            let second = try? other.read(into: &ends[1], limit: .max, at: sizeBytes - length)
        else { return false }
        return first == Int(length) && first == second && ends[0] == ends[1]
    }
}
