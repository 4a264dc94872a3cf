// The tails of an input, from when a file is taken over until its last record is acknowledged.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Takes over a file that is open.
    func follow(
        _ file: consuming File, _ status: FileStatus, path: String, family: String, place: String, cursor: FileCursor,
        isCompressed: Bool = false
    ) -> Tail {
        let tail = Tail(
            number: nextNumber, path: path, family: family, place: place, cursor: cursor,
            settings: settings, isCompressed: isCompressed)
        nextNumber += 1
        tail.order = takeOrder()
        tail.file = consume file
        tail.modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        openCount += 1
        tails[tail.number] = tail
        byFamily[family, default: []].append(tail)
        byID[status.id] = tail
        byPlace[place] = tail
        held[place] = nil
        unreadable[path] = nil
        forgetKnown(status.id, for: cursor.print)
        cursorVersion += 1
        makeReady(tail)
        if isOverOpenLimit { close(tail) }
        return tail
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

    /// An away file that was quiet long enough. It is remembered until its last record is acknowledged.
    func finish(_ tail: Tail) {
        close(tail)
        tail.isFinished = true
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        if tail.isAcknowledged { forget(tail) }
    }

    /// A finished file that was written to once more, before its last record was acknowledged.
    func revive(_ tail: Tail, _ file: consuming File, at place: String) {
        tail.file = consume file
        openCount += 1
        tail.place = place
        byPlace[place] = tail
        tail.isFinished = false
        tail.quietSince = nil
        makeReady(tail)
    }

    /// Its acknowledgements, if any are to come, mean nothing any more.
    func remove(_ tail: Tail) {
        tails[tail.number] = nil
        leaveFamily(tail)
    }

    private func leaveFamily(_ tail: Tail) {
        byFamily[tail.family]?.removeAll { $0 === tail }
        if byFamily[tail.family]?.isEmpty == true { byFamily[tail.family] = nil }
    }

    func move(_ tail: Tail, toFamily family: String) {
        leaveFamily(tail)
        tail.family = family
        byFamily[family, default: []].append(tail)
    }

    private func forget(_ tail: Tail) {
        remove(tail)
        cursorVersion += 1
        // Another file may have its inode by now.
        let isStill = byID[tail.id] === tail
        if isStill { byID[tail.id] = nil }
        if tail.isDeleted || !isStill {
            rememberCompressed(tail.cursor)
        } else if tail.print.length > 0 {
            known[tail.id] = tail.cursor
        }
    }

    func acknowledge(_ position: Position) {
        guard let tail = tails[position.source], tail.acknowledge(position.offset) else { return }
        cursorVersion += 1
        if tail.isFinished, tail.isAcknowledged { forget(tail) }
    }

    var cursors: FileCursors {
        var cursors = FileCursors()
        cursors.files = tails.keys.sorted().compactMap { tails[$0]?.cursor }
        cursors.files += known.all.sorted { ($0.path, $0.id.inode) < ($1.path, $1.id.inode) }
        cursors.floors = floors
        cursors.since = since
        return cursors
    }

    /// Says once what is wrong with a path, until it is well again.
    func report(_ path: String, _ error: Errno) { report(path, .system(error)) }

    func report(_ path: String, _ error: TailFailure) {
        guard unreadable.updateValue(error, forKey: path) != error else { return }
        count(.fileUnreadable)
        log.warning("cannot read a log file", ["path": path, "reason": error.description])
    }
}
