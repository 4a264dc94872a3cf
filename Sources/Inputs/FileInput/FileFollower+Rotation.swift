// Files that were renamed: what of them is still to be read, and in which order.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// The last of the rotated files of a path that is still being read.
    func lastRotated(of family: Path) -> Tail? {
        byFamily[family].filter(\.isAway).max { $0.order < $1.order }
    }

    /// A file to be read on, or from its beginning.
    private struct Unread {
        let file: FoundFile
        var cursor: FileCursor
        /// What was remembered of it, when that is of no other file.
        var key: FileCursor.Key?
    }

    /// Finds what became of the files that stood at `family`: those whose reading was interrupted go on, the newer
    /// ones are read from their beginning, and all of them in the order in which they were written.
    func catchUp(_ family: Path, at now: Moment) {
        let isFirst = familiesSeen.insert(family).inserted
        let isOurs = byFamily.has(family) || known.has(family) || floors[family] != nil
        // A copy must be known for one before it is taken for a file that was rotated.
        var hasLeft = giveUpTruncated(family, at: now)
        guard isFirst || isOurs else { return }
        guard let places = places(of: family) else {
            familiesSeen.remove(family)
            return
        }
        if isFirst, places == [family], isAsRemembered(family) { return }
        let survey = survey(places, of: family)
        let (files, memory, parts) = (survey.files, survey.memory, survey.parts)
        var unread: [Unread] = []
        var rotated: [FoundFile] = []
        for (index, file) in files.enumerated() {
            switch parts[index] {
            case .same(let index):
                if file.isAtPath, held[file.place]?.family == family { held[file.place] = nil }
                meet(memory.owners[index], file, of: family, &unread, at: now)
            case .copy(let index):
                // One that was closed, and whose inode another file has now.
                if case .tail = memory.owners[index] { hasLeft = true }
                let isThereToo = parts.contains(.same(index))
                goOn(memory.owners[index], in: file, of: family, isThereToo: isThereToo, &unread)
            case .unclear(let error):
                // What could not be read is tried again until it can be.
                if error != nil || held[file.place]?.sizeBytes != file.diskBytes {
                    held[file.place] = Held(family: family, since: now.monotonic, sizeBytes: file.diskBytes)
                }
            case .alike: break
            case .beginning:
                let isRotated = isRotated(file, of: family) && isNew(file, of: family, at: now)
                if isRotated || settings.matches(file.place) {
                    hold(file, of: family, survey.originals[index], at: now)
                }
            case .nothing:
                if held[file.place]?.family == family { held[file.place] = nil }
                if isRotated(file, of: family) { rotated.append(file) }
            }
        }
        for place in places where place != family && isFailing(place) {
            held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
        }
        if !isOurs { floors[family] = firstFloor(of: family, rotated.map(\.modifiedUnixNanoseconds)) }
        for file in rotated where isNew(file, of: family, at: now) {
            let cursor = FileCursor(
                path: family, identity: FileIdentity(file), offset: 0, sizeBytes: file.text.sizeBytes)
            unread.append(Unread(file: file, cursor: cursor))
        }
        forgetGone(family, memory, parts, places, at: now)
        followRotated(unread, of: family)
        if hasLeft { examine(matchedPath(family), at: now) }
    }

    /// At the start: nothing stands beside a path, and at it the one file that is remembered. Whether that is it indeed
    /// is seen when it is taken over.
    private func isAsRemembered(_ family: Path) -> Bool {
        let entries = known.of(family)
        guard isFirstScan, entries.count == 1, settings.matches(matchedPath(family)) else { return false }
        do throws(Errno) { return try FileStatus(ofLink: family).id == entries[0].cursor.id } catch { return false }
    }

    private func giveUpTruncated(_ family: Path, at now: Moment) -> Bool {
        let truncated = byFamily[family].filter {
            switch $0.content(through: &buffers) {
            case .other, .unwritten: true
            // Reading it will fail too, and say so.
            case .same, .unreadable: false
            }
        }
        for tail in truncated { giveUpContent(of: tail, at: now) }
        return !truncated.isEmpty
    }

    private func isRotated(_ file: FoundFile, of family: Path) -> Bool {
        !file.isAtPath && file.text.form != .otherCompression
            && isRotatedName(splitPath(file.place).name, of: splitPath(family).name)
    }

    /// A file that is followed, or was read, stands at the place.
    private func meet(
        _ owner: Memory.Owner, _ file: FoundFile, of family: Path, _ unread: inout [Unread], at now: Moment
    ) {
        switch owner {
        case .tail(let tail) where tail.id != file.id:
            // Its device was mounted anew: what is held open is of the old mount.
            if move(tail, to: file), file.isAtPath { tail.isAway = false }
        case .tail(let tail): rejoin(tail, at: file.place)
        case .known(var entry):
            if entry.cursor.id != file.id {
                known.remove(entry.cursor.key)
                entry.cursor.identity.take(numbersOf: file)
                entry.tail?.knownKey = entry.cursor.key
                known.insert(entry.cursor, tail: entry.tail, loss: entry.loss)
                cursorVersion += 1
            }
            known.notePresent(entry.cursor.key)
            if isPart(entry.cursor.path, of: family) {
                // As the numbers go up it is no sibling of the name that it had.
                entry.cursor.path = family
                known.insert(entry.cursor, tail: entry.tail, loss: entry.loss)
            }
            let isCompressed = file.text.form.isCompressed
            let sizeBytes = isCompressed ? entry.cursor.sizeBytes : file.text.sizeBytes
            let isGrown = sizeBytes > entry.cursor.offset || entry.cursor.isCutShort
            if let tail = entry.tail {
                if isGrown, !isCompressed { _ = revive(tail, in: file) }
            } else if !file.isAtPath, isGrown || mayHaveWriter(file, now) {
                unread.append(Unread(file: file, cursor: entry.cursor, key: entry.cursor.key))
            }
        }
    }

    /// What is remembered of a file that is gone, or is there in another form too, holds for this one.
    private func goOn(
        _ owner: Memory.Owner, in file: FoundFile, of family: Path, isThereToo: Bool, _ unread: inout [Unread]
    ) {
        switch owner {
        case .tail(let tail): _ = move(tail, to: file)
        case .known(let entry):
            var cursor = entry.cursor
            let isMore = file.text.mayHaveMore(than: cursor.offset)
            if isMore, let tail = entry.tail, !isThereToo {
                _ = revive(tail, in: file)
            } else if isMore {
                unread.append(Unread(file: file, cursor: cursor, key: isThereToo ? nil : cursor.key))
            } else {
                if !isThereToo { known.remove(cursor.key) }
                cursor.identity.take(numbersOf: file)
                if isPart(cursor.path, of: family) { cursor.path = family }
                cursor.sizeBytes = max(file.text.sizeBytes, cursor.offset)
                known.insert(cursor, tail: isThereToo ? nil : entry.tail, loss: entry.loss)
                if !isThereToo { entry.tail?.knownKey = cursor.key }
                cursorVersion += 1
            }
        }
    }

    private func isNew(_ file: FoundFile, of family: Path, at now: Moment) -> Bool {
        guard file.modifiedUnixNanoseconds > floors[family] ?? 0,
            !isTooOld(file.id, file.modifiedUnixNanoseconds, at: now)
        else { return false }
        // `app.log.1.gz` is a file of `app.log`, not of `app.log.1`.
        if file.text.form.isCompressed, rotatedFamily(of: family) != nil { return false }
        return true
    }

    /// After a restart: a file that was rotated a moment ago is still in its grace.
    private func mayHaveWriter(_ file: FoundFile, _ now: Moment) -> Bool {
        isFirstScan && file.text.form == .plain
            && file.changedUnixNanoseconds > now.unixNanoseconds - settings.rotationGrace.nanoseconds
    }

    /// Notes where a file that is followed stands now. The event that tells so may still be to come, and what is newer
    /// must not be read before it.
    private func rejoin(_ tail: Tail, at place: Path) {
        guard !tail.isFinished, tail.place != place, tail.place.map({ !leads($0, to: tail) }) ?? true else { return }
        if tail.place != nil, tail.family != place { leave(tail) }
        tail.place = place
        byPlace[place] = tail
    }

    /// Of two hard links, the first one stays.
    private func leads(_ place: Path, to tail: Tail) -> Bool {
        do throws(Errno) { return try FileStatus(of: place).id == tail.id } catch { return false }
    }

    private func followRotated(_ unread: [Unread], of family: Path) {
        // The oldest first; of those written within one tick of the clock, the higher number is older.
        let ordered = unread.sorted { one, other in
            let (first, second) = (one.file.modifiedUnixNanoseconds, other.file.modifiedUnixNanoseconds)
            return first != second ? first < second : isOlderName(one.file.place, other.file.place)
        }
        var before = lastRotated(of: family)
        for next in ordered {
            let (place, text) = (next.file.place, next.file.text)
            var own = next.cursor
            own.identity.take(numbersOf: next.file)
            if text.form.isCompressed { own.sizeBytes = max(own.sizeBytes, text.sizeBytes) }
            do throws(TailFailure) {
                let file = try open(place)
                unreadable[place] = nil
                let status: FileStatus
                do throws(Errno) { status = try file.status() } catch { throw .system(error) }
                // Renamed meanwhile: the event that tells so is on its way.
                guard status.id == next.file.id, byID[status.id] == nil else { continue }
                if let key = next.key { known.remove(key) }
                let tail = follow(
                    file, status, path: matchedPath(family), family: family, place: place, cursor: own,
                    isCompressed: text.form.isCompressed)
                tail.note(text)
                tail.isAway = true
                tail.predecessor = before
                before = tail
            } catch {
                report(place, error)
                familiesSeen.remove(family)
            }
        }
        // The one that stands there now is newer than all of them.
        if let live = byPlace[family], !live.isAway, live.readOffset == 0, let before, before !== live {
            live.predecessor = before
        }
    }

    /// `app.log.10` is older than `app.log.9`; of dated names, which are equally long, the smaller is older.
    private func isOlderName(_ one: Path, _ other: Path) -> Bool {
        let (one, other) = (withoutCompressionEnding(one), withoutCompressionEnding(other))
        if one.bytes.count != other.bytes.count { return one.bytes.count > other.bytes.count }
        let isDated = one.bytes.suffix(6).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return isDated ? one < other : one > other
    }

    func matchedPath(_ family: Path) -> Path { aliases[family] ?? family }
}
