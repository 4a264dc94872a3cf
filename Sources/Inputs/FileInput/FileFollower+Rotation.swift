// Files that were renamed: what of them is still to be read, and in which order.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// The last of the rotated files of a path that is still being read.
    func lastRotated(of family: String) -> Tail? {
        (byFamily[family] ?? []).filter { $0.isAway && !$0.isFinished }.max { $0.order < $1.order }
    }

    /// What was found beside a path.
    private struct Survey {
        /// To be read, each from its cursor.
        var found: [(place: String, status: FileStatus, start: FileStart, cursor: FileCursor)] = []
        var unknown: [(place: String, status: FileStatus, start: FileStart)] = []
        /// Remembered files that are still there.
        var present: Set<FileID> = []
        /// All that could be read.
        var seen: Set<FileID> = []
    }

    /// Finds what became of the files that stood at `family`: those whose reading was interrupted go on, the newer
    /// ones are read from their beginning, and all of them in the order in which they were written.
    func catchUp(_ family: String, at now: Moment) {
        let isFirst = familiesSeen.insert(family).inserted
        let hasTails = (byFamily[family] ?? []).contains { !$0.isFinished }
        // A copy must be known for one before it is taken for a file that was rotated.
        var gaveUp = false
        for tail in byFamily[family] ?? [] where !tail.isFinished {
            guard tail.isTruncated(through: &buffers) else { continue }
            giveUpContent(of: tail)
            gaveUp = true
        }
        let cursors = known.of(family)
        let isOurs = hasTails || !cursors.isEmpty || floors[family] != nil
        guard isFirst || isOurs else { return }
        guard let places = places(of: family) else {
            familiesSeen.remove(family)
            return
        }
        var survey = survey(places, of: family, at: now)
        for cursor in cursors where survey.present.contains(cursor.id) { known.notePresent(cursor.id) }
        let missing = cursors.filter { !survey.present.contains($0.id) }
        let hasCompressed = survey.unknown.contains { $0.start.form == .gzip }
        let parts = hasCompressed ? missingParts(of: family, survey.seen) : []
        let copies = findCopies(of: missing + parts, among: survey.unknown.map(\.start))
        for (index, cursor) in copies {
            let copy = survey.unknown[index]
            survey.found.append((copy.place, copy.status, copy.start, cursor))
        }
        let moved = Set(copies.map(\.cursor.id))
        for cursor in missing where !moved.contains(cursor.id) {
            giveUp(cursor, isReplaced: survey.seen.contains(cursor.id), at: now)
        }
        let copied = Set(copies.map { survey.unknown[$0.index].place })
        let rotated = survey.unknown.filter {
            !copied.contains($0.place) && isRotatedName(splitPath($0.place).name, of: splitPath(family).name)
        }
        if !isOurs { floors[family] = firstFloor(of: family, rotated.map(\.status.modifiedUnixNanoseconds)) }
        for file in rotated where isNew(file.place, file.status, file.start, of: family, at: now) {
            let cursor = FileCursor(
                path: family, id: file.status.id, print: StartPrint(of: file.start.bytes), offset: 0,
                sizeBytes: file.start.sizeBytes)
            survey.found.append((file.place, file.status, file.start, cursor))
        }
        followRotated(survey.found, of: family)
        if gaveUp { examine(matchedPath(family), at: now) }
    }

    private func survey(_ places: [String], of family: String, at now: Moment) -> Survey {
        var survey = Survey()
        var starts: [[UInt8]] = []
        var compressed: [(start: [UInt8], cursor: FileCursor)] = []
        for place in places {
            guard let sibling = open(place) else {
                // What cannot be read now is not gone for that.
                if let id = unreadableID(place) { survey.present.insert(id) }
                continue
            }
            let (status, start) = (sibling.status, sibling.start)
            survey.seen.insert(status.id)
            if start.form == .plain { starts.append(Array(start.bytes)) }
            if start.form == .otherCompression { noteCompressed(status) }
            if let tail = byID[status.id], !tail.isFinished || tail.print.matches(start.bytes) {
                meet(tail, at: place, start)
            } else if let cursor = known[status.id], cursor.print.matches(start.bytes),
                start.form == .gzip || start.sizeBytes >= cursor.offset
            {
                survey.present.insert(status.id)
                if start.form == .gzip { compressed.append((Array(start.bytes), cursor)) }
                let sizeBytes = start.form == .gzip ? cursor.sizeBytes : start.sizeBytes
                if place != family, sizeBytes > cursor.offset || mayHaveWriter(status, start, now) {
                    survey.found.append((place, status, start, cursor))
                }
            } else if place != family, start.form != .otherCompression {
                survey.unknown.append((place, status, start))
            }
        }
        // What was decompressed again, or is in both forms for a moment, has been read as far as the other form.
        survey.unknown.removeAll { file in
            guard file.start.form == .plain,
                let twin = compressed.first(where: { $0.start.elementsEqual(file.start.bytes) })
            else { return false }
            survey.found.append((file.place, file.status, file.start, twin.cursor))
            return true
        }
        survey.unknown.removeAll {
            $0.start.form == .gzip && isLeftAlone($0.place, $0.start, of: family, beside: starts, at: now)
        }
        return survey
    }

    /// A file that is followed, or was until a moment ago, stands at `place` now.
    private func meet(_ tail: Tail, at place: String, _ start: FileStart) {
        guard tail.isFinished else { return rejoin(tail, at: place) }
        guard start.form == .plain, start.sizeBytes > tail.readOffset, let file = try? File(reading: place) else {
            return
        }
        revive(tail, file, at: place)
    }

    /// Cursors whose file is gone, or holds another content: for each the copy in which it goes on.
    private func findCopies(
        of missing: [FileCursor], among files: [FileStart]
    ) -> [(index: Int, cursor: FileCursor)] {
        var copies: [(index: Int, cursor: FileCursor)] = []
        for cursor in missing {
            let copy = files.indices.first { index in
                cursor.print.length > 0 && files[index].sizeBytes >= cursor.offset
                    && cursor.print.matches(files[index].bytes) && !copies.contains { $0.index == index }
            }
            if let copy { copies.append((copy, cursor)) }
        }
        return copies
    }

    /// Forgets a file when it is certain that it is gone, and counts what was not read of it: when it was not found for
    /// the grace, or when its inode holds another content.
    func giveUp(_ cursor: FileCursor, isReplaced: Bool, at now: Moment) {
        if !isReplaced {
            let until = known.noteMissing(cursor.id, at: now.monotonic) + settings.rotationGrace
            guard until <= now.monotonic else {
                nextScan = min(nextScan, until)
                return
            }
        }
        known[cursor.id] = nil
        cursorVersion += 1
        guard cursor.sizeBytes > cursor.offset else { return }
        count(.bytesLostDeleted, cursor.sizeBytes - cursor.offset)
        log.warning("a log file is gone that was not read to its end", ["path": cursor.path])
    }

    private func isNew(
        _ place: String, _ status: FileStatus, _ start: FileStart, of family: String, at now: Moment
    ) -> Bool {
        guard status.modifiedUnixNanoseconds > floors[family] ?? 0, !isTooOld(status, at: now) else { return false }
        // `app.log.1.gz` is a file of `app.log`, not of `app.log.1`.
        if start.form == .gzip, rotatedFamily(of: family) != nil { return false }
        return isFirstScan || start.form == .gzip || !mustHold(place, status, start.bytes, at: now)
    }

    /// After a restart: a file that was rotated a moment ago is still in its grace.
    private func mayHaveWriter(_ status: FileStatus, _ start: FileStart, _ now: Moment) -> Bool {
        isFirstScan && start.form == .plain
            && status.changedUnixNanoseconds > now.unixNanoseconds - settings.rotationGrace.nanoseconds
    }

    private func unreadableID(_ place: String) -> FileID? {
        guard unreadable[place] != nil else { return nil }
        do throws(Errno) { return try FileStatus(ofLink: place).id } catch { return nil }
    }

    /// Notes where a file that is followed stands now. The event that tells so may still be to come, and what is newer
    /// must not be read before it.
    private func rejoin(_ tail: Tail, at place: String) {
        guard tail.place != place, tail.place.map({ !leads($0, to: tail) }) ?? true else { return }
        if tail.place != nil, tail.family != place { leave(tail) }
        tail.place = place
        byPlace[place] = tail
    }

    /// Of two hard links, the first one stays.
    private func leads(_ place: String, to tail: Tail) -> Bool {
        do throws(Errno) { return try FileStatus(of: place).id == tail.id } catch { return false }
    }

    private func followRotated(
        _ found: [(place: String, status: FileStatus, start: FileStart, cursor: FileCursor)], of family: String
    ) {
        // The oldest first; of those written within one tick of the clock, the higher number is older.
        let ordered = found.sorted { one, other in
            let (first, second) = (one.status.modifiedUnixNanoseconds, other.status.modifiedUnixNanoseconds)
            return first != second ? first < second : isOlderName(one.place, other.place)
        }
        var before = lastRotated(of: family)
        for (place, status, start, cursor) in ordered {
            var own = cursor
            own.id = status.id
            if start.form == .gzip { own.sizeBytes = max(own.sizeBytes, start.sizeBytes) }
            do throws(Errno) {
                let file = try File(reading: place)
                // Renamed meanwhile: the event that tells so is on its way.
                guard try file.status().id == status.id, byID[status.id]?.isFinished ?? true else { continue }
                known[cursor.id] = nil
                let tail = follow(
                    file, status, path: matchedPath(family), family: family, place: place, cursor: own,
                    isCompressed: start.form == .gzip)
                tail.note(start)
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
    private func isOlderName(_ one: String, _ other: String) -> Bool {
        let (one, other) = (withoutGzipEnding(one), withoutGzipEnding(other))
        if one.utf8.count != other.utf8.count { return one.utf8.count > other.utf8.count }
        let isDated = one.utf8.suffix(6).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return isDated ? one < other : one > other
    }

    func matchedPath(_ family: String) -> String { aliases[family] ?? family }
}
