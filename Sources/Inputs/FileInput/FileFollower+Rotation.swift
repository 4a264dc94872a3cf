// Files that were renamed, copied or truncated: what of them is still to be read, and in which order.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// A file beside a path that is not followed.
    private struct Sibling: ~Copyable {
        let place: String
        let status: FileStatus
        let start: ArraySlice<UInt8>
        let file: File
    }

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

    private func giveUpContent(of tail: Tail) {
        byID[tail.id] = nil
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        close(tail)
        cursorVersion += 1
        if moveToCopy(tail) { return }
        count(.bytesLostTruncation, tail.unreadBytes)
        if tail.unreadBytes > 0 {
            log.warning(
                "a log file was truncated before it was read, and no copy was found",
                ["path": tail.path, "bytes": "\(tail.unreadBytes)"])
        }
        tail.isFinished = true
        remove(tail)
    }

    private func moveToCopy(_ tail: Tail) -> Bool {
        guard tail.print.length > 0 else { return false }
        var best: (place: String, status: FileStatus)?
        for place in places(of: tail.family) ?? [] where place != tail.family {
            guard let sibling = open(place), isFree(sibling),
                sibling.status.sizeBytes >= tail.readOffset, tail.print.matches(sibling.start)
            else { continue }
            if let best, best.status.modifiedUnixNanoseconds > sibling.status.modifiedUnixNanoseconds { continue }
            best = (sibling.place, sibling.status)
        }
        guard let best, let file = try? File(reading: best.place) else { return false }
        tail.moveTo(copy: file, best.status, at: best.place)
        openCount += 1
        byID[best.status.id] = tail
        byPlace[best.place] = tail
        known[best.status.id] = nil
        held[best.place] = nil
        makeReady(tail)
        return true
    }

    /// Neither followed nor remembered as read.
    private func isFree(_ sibling: borrowing Sibling) -> Bool {
        if let tail = byID[sibling.status.id] { return tail.isFinished && !tail.print.matches(sibling.start) }
        if let cursor = known[sibling.status.id] { return !cursor.print.matches(sibling.start) }
        return true
    }

    /// Nil for what is empty or no file, and for what cannot be read, which is reported.
    private func open(_ place: String) -> Sibling? {
        do throws(Errno) {
            let link = try FileStatus(ofLink: place)
            guard link.kind == .regular, link.sizeBytes > 0 else { return nil }
            let file = try File(reading: place)
            let status = try file.status()
            let start = try readStart(file)
            unreadable[place] = nil
            return Sibling(place: place, status: status, start: start, file: file)
        } catch {
            if error != .notFound { report(place, error) }
            return nil
        }
    }

    // MARK: Rotation

    /// The last of the rotated files of a path that is still being read.
    func lastRotated(of family: String) -> Tail? {
        (byFamily[family] ?? []).filter { $0.isAway && !$0.isFinished }.max { $0.number < $1.number }
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

        var found: [(place: String, status: FileStatus, cursor: FileCursor)] = []
        var unknown: [(place: String, status: FileStatus, start: [UInt8])] = []
        var present: Set<FileID> = []
        var seen: Set<FileID> = []
        for place in places {
            guard let sibling = open(place) else {
                // What cannot be read now is not gone for that.
                if let id = unreadableID(place) { present.insert(id) }
                continue
            }
            let status = sibling.status
            seen.insert(status.id)
            if isCompressed(sibling.start, status) { continue }
            if let tail = byID[status.id], !tail.isFinished || tail.print.matches(sibling.start) {
                if tail.isFinished {
                    if status.sizeBytes > tail.readOffset, let file = try? File(reading: place) {
                        revive(tail, file, at: place)
                    }
                } else {
                    rejoin(tail, at: place)
                }
            } else if let cursor = known[status.id], cursor.print.matches(sibling.start),
                status.sizeBytes >= cursor.offset
            {
                present.insert(status.id)
                if place != family, status.sizeBytes > cursor.offset || mayHaveWriter(status, now) {
                    found.append((place, status, cursor))
                }
            } else if place != family {
                unknown.append((place, status, Array(sibling.start)))
            }
        }
        for cursor in cursors where present.contains(cursor.id) { known.notePresent(cursor.id) }
        let missing = cursors.filter { !present.contains($0.id) }
        let copies = findCopies(of: missing, among: unknown.map { ($0.status.sizeBytes, $0.start) })
        for (index, cursor) in copies {
            found.append((unknown[index].place, unknown[index].status, cursor))
        }
        let moved = Set(copies.map(\.cursor.id))
        for cursor in missing where !moved.contains(cursor.id) {
            giveUp(cursor, isReplaced: seen.contains(cursor.id), at: now)
        }
        unknown.removeAll { file in found.contains { $0.place == file.place } }
        let rotated = unknown.filter { isRotatedName(splitPath($0.place).name, of: splitPath(family).name) }
        if !isOurs { floors[family] = firstFloor(of: family, rotated.map(\.status.modifiedUnixNanoseconds)) }
        for (place, status, start) in rotated where isNew(place, status, start[...], of: family, at: now) {
            let cursor = FileCursor(
                path: family, id: status.id, print: StartPrint(of: start[...]), offset: 0, sizeBytes: status.sizeBytes)
            found.append((place, status, cursor))
        }
        followRotated(found, of: family)
        if gaveUp { examine(matchedPath(family), at: now) }
    }

    /// Cursors whose file is gone, or holds another content: for each the copy in which it goes on.
    private func findCopies(
        of missing: [FileCursor], among files: [(sizeBytes: UInt64, start: [UInt8])]
    ) -> [(index: Int, cursor: FileCursor)] {
        var copies: [(index: Int, cursor: FileCursor)] = []
        for cursor in missing {
            let copy = files.indices.first { index in
                cursor.print.length > 0 && files[index].sizeBytes >= cursor.offset
                    && cursor.print.matches(files[index].start[...]) && !copies.contains { $0.index == index }
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

    /// The names beside a path under which its rotated files may stand, and the path itself.
    /// Nil when the directory cannot be listed, or is not there, as a disk that is not mounted yet.
    private func places(of family: String) -> [String]? {
        let (directory, name) = splitPath(family)
        return names(in: directory, beginning: stem(of: name))?
            .filter { $0 == name || mayBeCopyName($0, of: name) }.map { directory + "/" + $0 }
    }

    /// In order. During a scan, a directory is listed once for all the files in it.
    private func names(in directory: String, beginning prefix: String) -> [String]? {
        let names: [String]
        if let listing = listings[directory] {
            names = listing
        } else {
            do throws(Errno) {
                names = try directoryEntries(directory.isEmpty ? "/" : directory).sorted()
            } catch {
                if error != .notFound { report(directory, error) }
                return nil
            }
            if isScanning { listings[directory] = names }
        }
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        return Array(names[low...].prefix { $0.hasPrefix(prefix) })
    }

    private func isNew(
        _ place: String, _ status: FileStatus, _ start: ArraySlice<UInt8>, of family: String, at now: Moment
    ) -> Bool {
        guard status.modifiedUnixNanoseconds > floors[family] ?? 0 else { return false }
        return isFirstScan || !mustHold(place, status, start, at: now)
    }

    /// After a restart: a file that was rotated a moment ago is still in its grace.
    private func mayHaveWriter(_ status: FileStatus, _ now: Moment) -> Bool {
        isFirstScan
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
        _ found: [(place: String, status: FileStatus, cursor: FileCursor)], of family: String
    ) {
        // The oldest first; of those written within one tick of the clock, the higher number is older.
        let ordered = found.sorted { one, other in
            let (first, second) = (one.status.modifiedUnixNanoseconds, other.status.modifiedUnixNanoseconds)
            return first != second ? first < second : isOlderName(one.place, other.place)
        }
        var before = lastRotated(of: family)
        for (place, status, cursor) in ordered {
            var own = cursor
            own.id = status.id
            do throws(Errno) {
                let file = try File(reading: place)
                // Renamed meanwhile: the event that tells so is on its way.
                guard try file.status().id == status.id, byID[status.id]?.isFinished ?? true else { continue }
                known[cursor.id] = nil
                let tail = follow(file, status, path: matchedPath(family), family: family, place: place, cursor: own)
                tail.isAway = true
                tail.predecessor = before
                before = tail
            } catch {
                report(place, error)
                familiesSeen.remove(family)
            }
        }
    }

    /// `app.log.10` is older than `app.log.9`; of dated names, which are equally long, the smaller is older.
    private func isOlderName(_ one: String, _ other: String) -> Bool {
        if one.utf8.count != other.utf8.count { return one.utf8.count > other.utf8.count }
        let isDated = one.utf8.suffix(6).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return isDated ? one < other : one > other
    }

    private func matchedPath(_ family: String) -> String { aliases[family] ?? family }

    // MARK: Copies

    /// A new file beside one that is followed: rotation may have put it there while nobody looked.
    func examineSibling(_ place: String, at now: Moment) {
        guard byPlace[place] == nil, let family = rotatedFamily(of: place), let status = try? FileStatus(of: place)
        else { return }
        if let tail = byID[status.id], !tail.isFinished { return }
        if status.sizeBytes == 0 {
            held[place] = Held(family: family, since: now.monotonic, sizeBytes: 0)
        } else {
            catchUp(family, at: now)
        }
    }

    /// The path that is or was followed and of which `place` is a rotated name.
    func rotatedFamily(of place: String) -> String? {
        let (directory, name) = splitPath(place)
        return originalNames(of: name).map { directory + "/" + $0 }.first { floors[$0] != nil }
    }

    private func original(of place: String, _ status: FileStatus) -> Tail? {
        let (directory, name) = splitPath(place)
        for original in originalNames(of: name) {
            let tails = byFamily[directory + "/" + original] ?? []
            if let tail = tails.last(where: { !$0.isFinished && $0.id != status.id }) { return tail }
        }
        return nil
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
    func mustHold(_ place: String, _ status: FileStatus, _ start: ArraySlice<UInt8>, at now: Moment) -> Bool {
        guard let original = original(of: place, status) else { return false }
        let mayBeCopy =
            start.count >= original.print.length
            ? original.print.matches(start) : start.elementsEqual(startBytes(of: original).prefix(start.count))
        guard mayBeCopy else {
            held[place] = nil
            return false
        }
        guard let earlier = held[place], earlier.sizeBytes == status.sizeBytes else {
            held[place] = Held(family: original.family, since: now.monotonic, sizeBytes: status.sizeBytes)
            return true
        }
        guard earlier.since + settings.rotationGrace <= now.monotonic else { return true }
        held[place] = nil
        guard isPrefix(place, status, of: original) else { return false }
        // A copy of what is read from the original: only what is added to it later is its own.
        known[status.id] = FileCursor(
            path: original.family, id: status.id, print: StartPrint(of: start), offset: status.sizeBytes,
            sizeBytes: status.sizeBytes)
        cursorVersion += 1
        return true
    }

    /// Compares the last bytes of a file with those of the original at the same place.
    private func isPrefix(_ place: String, _ status: FileStatus, of original: Tail) -> Bool {
        guard let originalPlace = original.place, let one = try? File(reading: place),
            let other = try? File(reading: originalPlace)
        else { return false }
        let length = min(status.sizeBytes, UInt64(StartPrint.lengthLimit))
        var ends = [[UInt8](repeating: 0, count: Int(length)), [UInt8](repeating: 0, count: Int(length))]
        guard let first = try? one.read(into: &ends[0], limit: .max, at: status.sizeBytes - length),
            let second = try? other.read(into: &ends[1], limit: .max, at: status.sizeBytes - length)
        else { return false }
        return first == Int(length) && first == second && ends[0] == ends[1]
    }
}
