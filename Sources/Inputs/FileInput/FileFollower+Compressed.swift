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
        if starts.contains(where: { $0.elementsEqual(start.bytes) }) { return true }
        return tails.values.contains { ($0.family == family || isPart($0.family, of: family)) && isSame($0, start) }
    }

    /// With a pattern that matches them too, rotated files are families of their own.
    private func isPart(_ other: String, of family: String) -> Bool {
        let (directory, name) = splitPath(family)
        guard other.hasPrefix(directory + "/") else { return false }
        let (otherDirectory, otherName) = splitPath(other)
        return otherDirectory == directory && mayBeCopyName(otherName, of: name)
    }

    /// Cursors of rotated files that had a family of their own, and are not among `seen`.
    func missingParts(of family: String, _ seen: Set<FileID>) -> [FileCursor] {
        known.paths.filter { isPart($0, of: family) }.flatMap(known.of).filter { !seen.contains($0.id) }
    }

    /// Whether a compressed file has the content of one that is followed, or was until a moment ago.
    private func isSame(_ tail: Tail, _ start: FileStart) -> Bool {
        if tail.isFinished || tail.isCompressed { return StartPrint(of: start.bytes) == tail.print }
        // It was closed: what it became is looked for when its turn comes.
        if tail.file == nil { return tail.print.length > 0 && tail.print.matches(start.bytes) }
        return startBytes(of: tail).elementsEqual(start.bytes)
    }

    /// A file is gone. When it was compressed, what was read of it has been read of what it became.
    func rememberCompressed(_ cursor: FileCursor) {
        guard cursor.print.length > 0, let places = places(of: rotatedFamily(of: cursor.path) ?? cursor.path) else {
            return
        }
        for place in places where withoutGzipEnding(place) != place {
            guard let sibling = open(place), sibling.start.form == .gzip, byID[sibling.status.id] == nil,
                known[sibling.status.id] == nil, StartPrint(of: sibling.start.bytes) == cursor.print
            else { continue }
            var own = cursor
            own.id = sibling.status.id
            own.sizeBytes = max(sibling.start.sizeBytes, cursor.offset)
            known[own.id] = own
            cursorVersion += 1
            return
        }
    }

    /// A file with this print has the inode now.
    func forgetKnown(_ id: FileID, for print: StartPrint) {
        if let other = known[id], other.print != print { rememberCompressed(other) }
        known[id] = nil
    }
}
