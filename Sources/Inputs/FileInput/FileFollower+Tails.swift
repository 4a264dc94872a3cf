// The tails of an input, from when a file is taken over until its last record is acknowledged.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Takes over a file that is open.
    func follow(
        _ file: consuming File, _ status: FileStatus, path: Path, family: Path, place: Path, cursor: FileCursor,
        isCompressed: Bool = false
    ) -> Tail {
        let tail = Tail(
            number: nextNumber, path: path, family: family, place: place, cursor: cursor,
            settings: settings, isCompressed: isCompressed, unsaved: unsaved)
        nextNumber += 1
        tail.order = takeOrder()
        tail.file = consume file
        tail.modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        openCount += 1
        tails[tail.number] = tail
        byFamily.add(tail)
        byID[status.id] = tail
        byPlace[place] = tail
        held[place] = nil
        unreadable[path] = nil
        unclear[path] = nil
        known.remove(tail.cursor.key)
        tail.noteInner(through: &buffers.reader)
        cursorVersion += 1
        makeReady(tail)
        log.debug("follows a log file", ["path": path.repaired, "from_byte": "\(cursor.offset)"])
        if isOverOpenLimit { close(tail) }
        return tail
    }

    /// For who asks with `log.level` "debug" why a file is not read.
    func tellNotFollowed(_ path: Path, _ reason: String) {
        log.debug("does not follow a log file", ["path": path.repaired, "reason": reason])
    }

    func takeOrder() -> UInt64 {
        nextOrder += 1
        return nextOrder
    }

    func close(_ tail: Tail) {
        if tail.file != nil { openCount -= 1 }
        tail.closeFile()
        inflating.remove(tail.number)
    }

    /// An away file that was quiet long enough, or that cannot be read on. It is remembered how far it was read: the
    /// rest is lost when it is found nowhere.
    func finish(_ tail: Tail, losing loss: Counted = .bytesLostDeleted, at now: Moment) {
        close(tail)
        tail.isFinished = true
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        if byID[tail.id] === tail { byID[tail.id] = nil }
        byFamily.remove(tail)
        // The beginning of an empty file identifies nothing.
        if !tail.print.isEmpty {
            known.insert(tail.readCursor, tail: tail, loss: loss)
            tail.knownKey = tail.readCursor.key
            if tail.isDeleted || tail.place == nil { noteMissing(tail.readCursor.key, at: now) }
        } else {
            countLost(tail.readCursor, loss)
        }
        if tail.isAcknowledged { forget(tail) }
    }

    /// What it became, if it was compressed, is looked for until the grace is over.
    @discardableResult
    func noteMissing(_ key: FileCursor.Key, at now: Moment) -> Instant {
        let until = known.noteMissing(key, at: now.monotonic) + settings.rotationGrace
        nextScan = min(nextScan, max(until, now.monotonic))
        return until
    }

    /// A finished file that was written to once more, or goes on in a copy, before its last record was acknowledged.
    func revive(_ tail: Tail, in found: FoundFile) -> Bool {
        guard move(tail, to: found) else { return false }
        if let key = tail.knownKey { known.remove(key) }
        tail.knownKey = nil
        tail.isFinished = false
        byFamily.add(tail)
        makeReady(tail)
        return true
    }

    func move(_ tail: Tail, toFamily family: Path) {
        byFamily.remove(tail)
        tail.family = family
        byFamily.add(tail)
    }

    /// Its acknowledgements, if any are to come, mean nothing any more.
    private func forget(_ tail: Tail) {
        tails[tail.number] = nil
        unsaved.remove(tail)
        if let key = tail.knownKey { known.settle(key) }
        cursorVersion += 1
    }

    func acknowledge(_ position: Position) {
        guard let tail = tails[position.source], tail.acknowledge(position.offset) else { return }
        cursorVersion += 1
        if tail.isFinished, tail.isAcknowledged { forget(tail) }
    }

    /// Says once what is wrong with a path, until it is well again.
    func report(_ path: Path, _ error: Errno) { report(path, .system(error)) }

    func report(_ path: Path, _ error: TailFailure) {
        guard unreadable.updateValue(error, forKey: path) != error else { return }
        if case .linkRefused = error { count(.linkRefused) } else { count(.fileUnreadable) }
        log.warning("cannot read a log file", ["path": path.repaired, "reason": error.description])
    }
}
