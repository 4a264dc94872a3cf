// Rotated files that were compressed: which of them hold what has been read, and which what is still to be.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    func noteCompressed(_ status: FileStatus) {
        if compressed.insert(status.id).inserted { count(.fileCompressed) }
    }

    /// Whether a gzip file that nobody remembers is not to be read: its content stands beside it as well, or is being
    /// read from a file that has no name any more, or it has hardly been begun.
    func isLeftAlone(
        _ place: String, _ start: FileStart, of family: String, beside starts: [[UInt8]], at now: Moment
    ) -> Bool {
        guard start.isKnown else {
            held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
            return true
        }
        // `app.log.1.gz` is a file of `app.log`, not of `app.log.1`.
        if rotatedFamily(of: family) != nil { return true }
        if starts.contains(where: { $0.elementsEqual(start.bytes) }) { return true }
        return tails.values.contains { isOf($0, family) && isSame($0, start) }
    }

    /// With a pattern that matches them too, rotated files are families of their own.
    private func isOf(_ tail: Tail, _ family: String) -> Bool {
        if tail.family == family { return true }
        guard tail.family.hasPrefix(splitPath(family).directory + "/") else { return false }
        return mayBeCopyName(splitPath(tail.family).name, of: splitPath(family).name)
    }

    /// Whether a compressed file has the content of one that is followed, or was until a moment ago.
    private func isSame(_ tail: Tail, _ start: FileStart) -> Bool {
        if tail.isFinished || tail.isCompressed { return StartPrint(of: start.bytes) == tail.print }
        // It was closed: what it became is looked for when its turn comes.
        if tail.file == nil { return tail.print.length > 0 && tail.print.matches(start.bytes) }
        return startBytes(of: tail).elementsEqual(start.bytes)
    }

    /// A file was read to its end and is gone. When it was compressed, what it became has been read as well.
    func rememberCompressed(_ tail: Tail) {
        guard !tail.isCompressed, tail.print.length > 0,
            let places = places(of: rotatedFamily(of: tail.family) ?? tail.family)
        else { return }
        for place in places where withoutGzipEnding(place) != place {
            guard let sibling = open(place), sibling.start.form == .gzip, byID[sibling.status.id] == nil,
                known[sibling.status.id] == nil, StartPrint(of: sibling.start.bytes) == tail.print
            else { continue }
            var cursor = tail.cursor
            cursor.id = sibling.status.id
            cursor.sizeBytes = max(sibling.start.sizeBytes, cursor.offset)
            known[cursor.id] = cursor
            cursorVersion += 1
            return
        }
    }
}
