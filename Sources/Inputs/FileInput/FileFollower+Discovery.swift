// Which files there are: events of inotify(7), and behind them a slow scan that needs none.

internal import Bytes
internal import Glibc
internal import Logs
internal import Platform

extension FileFollower {
    /// Buffers of events taken in one step; a writer that is faster must not keep us here.
    private static let eventBuffersLimit = 16
    /// How often to look when inotify does not watch everything.
    private static let scanIntervalWithoutWatches: Duration = .seconds(1)

    /// Paths that are remembered though nothing stands there now.
    private static let floorLimit = 1_000

    // MARK: Events

    func takeEvents(at now: Moment) {
        guard let inotify else { return }
        var touched: [String] = []
        var seen: Set<String> = []
        var arrived: [String] = []
        for _ in 0..<Self.eventBuffersLimit {
            var events: [INotifyEvent] = []
            do throws(Errno) { events = try inotify.events() } catch { log.warning("inotify: \(error)") }
            if events.isEmpty { break }
            for event in events {
                if let path = take(event, &touched, &seen, at: now), !event.mask.isDisjoint(with: [.created, .movedTo])
                {
                    arrived.append(path)
                }
            }
        }
        for path in touched { examine(path, at: now) }
        for path in arrived { examineSibling(path, at: now) }
        if hasNewAlias { nextScan = now.monotonic }
    }

    /// Returns the path that the event is about, when it is about a file.
    private func take(
        _ event: INotifyEvent, _ touched: inout [String], _ seen: inout Set<String>, at now: Moment
    ) -> String? {
        if event.mask.contains(.overflow) {
            count(.watchOverflow)
            nextScan = now.monotonic
            return nil
        }
        if event.mask.contains(.ignored) {
            if let directory = watches.removeValue(forKey: event.watch) { watchedDirectories[directory] = nil }
        }
        guard !event.name.isEmpty, !event.mask.contains(.isDirectory), let directory = watches[event.watch] else {
            // A directory came or went: what the globs find there may be anywhere below.
            nextScan = now.monotonic
            return nil
        }
        let path = directory == "/" ? "/" + event.name : directory + "/" + event.name
        if event.mask == .modified, let tail = byPlace[path] {
            makeReady(tail)
        } else if seen.insert(path).inserted {
            touched.append(path)
            if let alias = aliases[path], seen.insert(alias).inserted { touched.append(alias) }
        }
        return path
    }

    // MARK: Scans

    func scan(at now: Moment) {
        listings = [:]
        isScanning = true
        defer { isScanning = false }
        let finder = FileFinder(settings.paths)
        directoryErrors = finder.errors
        if finder.directoriesLeftOut > 0 { count(.directoryLimit, UInt64(finder.directoriesLeftOut)) }
        let paths = finder.paths.filter { settings.matches($0) }
        watch(finder.directories)
        if isFirstScan {
            // Also those whose path is gone: their rotated siblings may still be there.
            for family in known.paths where settings.matches(aliases[family] ?? family) {
                catchUp(family, at: now)
            }
            for path in paths { catchUp(place(of: path), at: now) }
        } else {
            for family in known.missingPaths { catchUp(family, at: now) }
        }

        // What is new is read in the order in which it was last written.
        var new: [(path: String, modified: Int64)] = []
        for path in paths {
            let place = place(of: path)
            if byPlace[place] != nil {
                examine(path, place, at: now)
            } else {
                new.append((path, (try? FileStatus(of: path))?.modifiedUnixNanoseconds ?? 0))
            }
        }
        for (path, _) in new.sorted(by: { ($0.modified, $1.path) < ($1.modified, $0.path) }) { examine(path, at: now) }
        let found = Set(paths)
        for (place, tail) in byPlace where !found.contains(tail.path) || tail.isAway { examine(place, at: now) }
        for tail in tails.values where tail.isAway { makeReady(tail) }
        listings = [:]
        unreadable = unreadable.filter { path, _ in (try? FileStatus(ofLink: path)) != nil }
        limitDeleted()
        limitFloors(paths)
        closeQuiet()
        // Saved at once: a kill must not make the next start the first one again.
        if isFirstScan { cursorVersion += 1 }
        isFirstScan = false
        let isWatched = inotify != nil && unwatchedDirectories.isEmpty
        let interval = settings.rescanInterval
        nextScan = now.monotonic + (isWatched ? interval : min(interval, Self.scanIntervalWithoutWatches))
        if hasNewAlias { nextScan = now.monotonic }
        hasNewAlias = false
        if !known.missing.isEmpty { nextScan = min(nextScan, now.monotonic + settings.rotationGrace) }
    }

    private func watch(_ directories: [String: Bool]) {
        guard let inotify else { return }
        var wanted = directories
        // Behind a symbolic link, the file itself is written to and rotated in another directory.
        for real in aliases.keys { wanted[splitPath(real).directory] = true }
        for (directory, holdsFiles) in wanted {
            let mask: INotifyEvent.Mask = holdsFiles ? .contents : .names
            if watchedDirectories[directory]?.mask == mask { continue }
            do throws(Errno) {
                let watch = try inotify.watch(directory.isEmpty ? "/" : directory, mask)
                // The same directory by two names has one watch: the first name stays, the other waits for scans.
                if let other = watches[watch], other != directory { throw Errno(code: EEXIST) }
                watches[watch] = directory
                watchedDirectories[directory] = (watch, mask)
                unwatchedDirectories[directory] = nil
            } catch {
                guard error != .notFound, unwatchedDirectories.updateValue(error, forKey: directory) == nil else {
                    continue
                }
                count(.watchFailed)
                log.warning("cannot watch a directory", ["path": directory, "reason": error.description])
            }
        }
        for (directory, watched) in watchedDirectories where wanted[directory] == nil {
            inotify.remove(watched.watch)
            watches[watched.watch] = nil
            watchedDirectories[directory] = nil
        }
        unwatchedDirectories = unwatchedDirectories.filter { wanted[$0.key] != nil }
    }

    /// Deleted files that nobody can see any more must not fill the disk.
    private func limitDeleted() {
        var deleted = tails.values.filter { $0.isDeleted && $0.file != nil }.sorted { $0.sizeBytes > $1.sizeBytes }
        var bytes = deleted.reduce(UInt64(0)) { $0 + $1.sizeBytes }
        while bytes > Self.deletedBytesLimit, !deleted.isEmpty {
            let tail = deleted.removeFirst()
            bytes -= tail.sizeBytes
            count(.bytesLostDeleted, tail.unreadBytes)
            log.warning("gave up a deleted file that was not read to its end", ["path": tail.path])
            finish(tail)
        }
    }

    /// A path with a date in it comes once: it is forgotten when nothing is left of it.
    private func limitFloors(_ paths: [String]) {
        guard floors.count > Self.floorLimit else { return }
        var used = Set(paths.map { place(of: $0) })
        used.formUnion(tails.values.map(\.family))
        used.formUnion(known.paths)
        floors = floors.filter { used.contains($0.key) }
    }

    /// Makes room among the descriptors when all are taken: those read least recently give theirs back.
    private func closeQuiet() {
        guard openCount >= Self.openLimit else { return }
        let quiet = tails.values.filter { $0.file != nil && !$0.isAway && !$0.isReady }
        for tail in quiet.sorted(by: { $0.lastTurn < $1.lastTurn }).prefix(Self.openLimit / 4) { close(tail) }
    }

    // MARK: One path

    /// Where a path leads: the file itself, when the path is a symbolic link.
    func place(of path: String) -> String {
        guard let status = try? FileStatus(ofLink: path), status.kind == .symbolicLink,
            let real = try? realPath(path)
        else { return path }
        if aliases.updateValue(path, forKey: real) == nil { hasNewAlias = true }
        return real
    }

    /// Looks at what stands at `path` now, and follows it when it is new and matches.
    func examine(_ path: String, at now: Moment) { examine(path, place(of: path), at: now) }

    private func examine(_ path: String, _ place: String, at now: Moment) {
        let standing = byPlace[place]
        let status: FileStatus
        do throws(Errno) { status = try FileStatus(of: place) } catch {
            if let standing { leave(standing) }
            held[place] = nil
            if error != .notFound { report(path, error) }
            return
        }
        guard status.kind == .regular else {
            if let standing { leave(standing) }
            return
        }
        if let standing {
            if standing.id == status.id {
                if standing.noteStatus(status) { makeReady(standing) }
                return
            }
            leave(standing)
        }
        if let tail = byID[status.id], !tail.isFinished, isStill(tail, place) {
            arrive(tail, at: place, path: path)
        } else if settings.matches(path) {
            adopt(path, place, at: now)
        }
    }

    /// An inode is not used again while a descriptor holds it; of a file that we closed, the content decides.
    private func isStill(_ tail: Tail, _ place: String) -> Bool {
        if tail.file != nil { return true }
        guard let file = try? File(reading: place), let count = try? file.read(into: &buffers.start, limit: .max, at: 0)
        else { return false }
        return tail.print.matches(buffers.start[..<count])
    }

    /// Its name leads elsewhere now. Where it went, if anywhere, another event or a scan tells.
    func leave(_ tail: Tail) {
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
        tail.place = nil
        guard !tail.isAway else { return }
        tail.isAway = true
        tail.hasReachedEnd = false
        tail.quietSince = nil
        makeReady(tail)
    }

    /// A file that is followed got another name.
    private func arrive(_ tail: Tail, at place: String, path: String) {
        if let old = tail.place, byPlace[old] === tail { byPlace[old] = nil }
        tail.place = place
        byPlace[place] = tail
        makeReady(tail)
        let isRotated = isRotatedName(splitPath(place).name, of: splitPath(tail.family).name)
        if !isRotated, settings.matches(path) {
            // Renamed from one name that is followed to another.
            tail.path = path
            move(tail, toFamily: place)
            tail.isAway = false
            tail.quietSince = nil
            cursorVersion += 1
        } else if !tail.isAway {
            tail.isAway = true
            tail.hasReachedEnd = false
            tail.quietSince = nil
        }
    }

    /// A file that matches and is not followed yet.
    private func adopt(_ path: String, _ place: String, at now: Moment) {
        guard tails.count < settings.fileLimit else { return count(.fileLimit) }
        catchUp((isFirstScan ? nil : rotatedFamily(of: place)) ?? place, at: now)
        // Catching up may have found it under this very name.
        if byPlace[place] != nil { return }
        do throws(Errno) {
            let file = try File(reading: place)
            let status = try file.status()
            let start = try readStart(file)
            unreadable[path] = nil
            if isCompressed(start, status) { return }
            if let tail = byID[status.id], tail.print.matches(start) {
                if status.sizeBytes > tail.readOffset { revive(tail, file, at: place) }
                return
            }
            var cursor = FileCursor(
                path: place, id: status.id, print: StartPrint(of: start), offset: 0, sizeBytes: status.sizeBytes)
            if let old = known[status.id], old.print.matches(start), status.sizeBytes >= old.offset {
                if status.sizeBytes == old.offset, isRotatedName(splitPath(place).name, of: splitPath(old.path).name) {
                    return
                }
                (cursor.offset, cursor.mark) = (old.offset, old.mark)
            } else if !isFirstScan, mustHold(place, status, start, at: now) {
                return
            } else if isFirstScan, !hasHistory, settings.startAt == .end {
                cursor.offset = status.sizeBytes
            }
            if let other = known[status.id], !other.print.matches(start) { giveUp(other, isReplaced: true, at: now) }
            let before = lastRotated(of: place)
            let tail = follow(file, status, path: path, family: place, place: place, cursor: cursor)
            tail.predecessor = before
        } catch {
            report(path, error)
        }
    }

    func readStart(_ file: borrowing File) throws(Errno) -> ArraySlice<UInt8> {
        let count = try file.read(into: &buffers.start, limit: StartPrint.lengthLimit, at: 0)
        return buffers.start[..<count]
    }

    /// gzip, zstd, xz and bzip2 by their first bytes: they are no lines.
    func isCompressed(_ start: ArraySlice<UInt8>, _ status: FileStatus) -> Bool {
        let magics: [[UInt8]] = [
            [0x1F, 0x8B, 0x08], [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x42, 0x5A, 0x68],
        ]
        guard magics.contains(where: { start.starts(with: $0) }) else { return false }
        if compressed.insert(status.id).inserted { count(.fileCompressed) }
        return true
    }

    /// Opens a file again that was closed to make room.
    func reopen(_ tail: Tail, at now: Moment) -> Bool {
        guard let place = tail.place else {
            count(.bytesLostDeleted, tail.unreadBytes)
            finish(tail)
            return false
        }
        do throws(Errno) {
            let file = try File(reading: place)
            guard try file.status().id == tail.id else {
                examine(place, at: now)
                return false
            }
            tail.file = consume file
            openCount += 1
            return true
        } catch {
            if error == .notFound { examine(place, at: now) } else { report(tail.path, error) }
            tail.hasReachedEnd = true
            return false
        }
    }
}
