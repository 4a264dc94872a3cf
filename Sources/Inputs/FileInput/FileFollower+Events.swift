// What inotify(7) says of the directories that are watched.

internal import Bytes
internal import Glibc
internal import Logs
internal import Platform

extension FileFollower {
    /// Buffers of events taken in one step; a writer that is faster must not keep us here.
    private static let eventBuffersLimit = 16

    func takeEvents(at now: Moment) {
        guard let inotify else { return }
        var touched: [Path] = []
        var seen: Set<Path> = []
        var arrived: [Path] = []
        var directories: [Path] = []
        var emptied: Set<Path> = []
        for _ in 0..<Self.eventBuffersLimit {
            var events: [INotifyEvent] = []
            do throws(Errno) { events = try inotify.events() } catch { log.warning("inotify: \(error)") }
            if events.isEmpty { break }
            for event in events {
                if event.mask.contains(.deleted), let directory = watches[event.watch] { emptied.insert(directory) }
                if let path = take(event, &touched, &seen, &directories, at: now),
                    !event.mask.isDisjoint(with: .arrivals)
                {
                    arrived.append(path)
                }
            }
        }
        for directory in emptied where isGone(directory) { nextScan = now.monotonic }
        for directory in directories { scan(below: directory, at: now) }
        for path in touched { examine(path, at: now) }
        for path in arrived { examineSibling(path, at: now) }
        if hasNewAlias { nextScan = now.monotonic }
    }

    /// Returns the path that the event is about, when it is about a file.
    private func take(
        _ event: INotifyEvent, _ touched: inout [Path], _ seen: inout Set<Path>, _ directories: inout [Path],
        at now: Moment
    ) -> Path? {
        if event.mask.contains(.overflow) {
            count(.watchOverflow)
            nextScan = now.monotonic
            return nil
        }
        if event.mask.contains(.ignored) {
            if let directory = watches.removeValue(forKey: event.watch) { watchedDirectories[directory] = nil }
            return nil
        }
        guard let directory = watches[event.watch] else { return nil }
        guard !event.name.isEmpty, !event.mask.contains(.isDirectory) else {
            takeDirectory(event, in: directory, &directories, at: now)
            return nil
        }
        let path = directory / event.name
        if event.mask == .modified, let tail = byPlace[path], !tail.isCompressed {
            makeReady(tail)
        } else if seen.insert(path).inserted {
            touched.append(path)
            if let alias = aliases[path], seen.insert(alias).inserted { touched.append(alias) }
        }
        return path
    }

    /// A directory came or went, or is the one that is watched itself.
    private func takeDirectory(
        _ event: INotifyEvent, in directory: Path, _ directories: inout [Path], at now: Moment
    ) {
        if event.name.isEmpty {
            // The watch of the one above tells what comes in its place, if there is one.
            let above = directory.directory ?? "/"
            if watchedDirectories[above] == nil { nextScan = now.monotonic }
        } else if !event.mask.isDisjoint(with: .arrivals) {
            let path = directory / event.name
            if !directories.contains(path) { directories.append(path) }
        } else if event.mask.contains(.movedFrom) {
            // Watches below it have its old name.
            nextScan = now.monotonic
        }
    }

    /// A directory that was removed says so only when the last file in it is closed, and we hold some.
    private func isGone(_ directory: Path) -> Bool {
        guard let own = watchedDirectories[directory] else { return false }
        do throws(Errno) {
            _ = try FileStatus(of: directory)
            return false
        } catch { if !error.isAbsence { return false } }
        inotify?.remove(own.watch)
        watches[own.watch] = nil
        watchedDirectories[directory] = nil
        return true
    }

    // MARK: Watches

    /// Watches a directory, before it is listed.
    func watch(_ directory: Path, holdsFiles: Bool) {
        guard let inotify else { return }
        let mask: INotifyEvent.Mask = holdsFiles ? .contents : .names
        if let own = watchedDirectories[directory], own.mask == mask || own.mask == .contents { return }
        do throws(Errno) {
            let watch = try inotify.watch(directory, mask)
            // The same directory by two names has one watch: the first name stays, the other waits for scans.
            if let other = watches[watch], other != directory { throw Errno(code: EEXIST) }
            watches[watch] = directory
            watchedDirectories[directory] = (watch, mask)
            unwatchedDirectories[directory] = nil
        } catch {
            guard error != .notFound, unwatchedDirectories.updateValue(error, forKey: directory) == nil else { return }
            count(.watchFailed)
        }
    }

    /// Directories that are not watched, by the reason: how many, and the first of them.
    var unwatched: [(reason: Errno, count: Int, first: Path)] {
        Dictionary(grouping: unwatchedDirectories, by: \.value).compactMap { reason, directories in
            directories.map(\.key).min().map { (reason, directories.count, $0) }
        }.sorted { $0.first < $1.first }
    }

    /// Says once that there are such, however many, and once that it is over.
    func tellUnwatched() {
        let unwatched = unwatched
        for (reason, count, first) in unwatched where toldUnwatched.insert(reason).inserted {
            log.warning(
                "directories cannot be watched: they are looked at every second instead",
                ["directories": "\(count)", "first": first.repaired, "reason": watchFault(reason)])
        }
        for reason in toldUnwatched where !unwatched.contains(where: { $0.reason == reason }) {
            toldUnwatched.remove(reason)
            log.info("directories can be watched again", ["reason_before": watchFault(reason)])
        }
    }

    /// Behind a symbolic link, the file itself is written to and rotated in another directory.
    func unwatchAll(but directories: [Path: Bool]) {
        guard let inotify else { return }
        var wanted = directories
        for real in aliases.keys {
            let directory = splitPath(real).directory
            wanted[directory] = true
            watch(directory, holdsFiles: true)
        }
        for (directory, watched) in watchedDirectories where wanted[directory] == nil {
            inotify.remove(watched.watch)
            watches[watched.watch] = nil
            watchedDirectories[directory] = nil
        }
        unwatchedDirectories = unwatchedDirectories.filter { wanted[$0.key] != nil }
    }
}

/// Why a directory cannot be watched, with the limit that a person may raise. See inotify(7).
func watchFault(_ errno: Errno) -> String {
    switch errno {
    case .noSpace: "the limit fs.inotify.max_user_watches is reached (sysctl)"
    case .alreadyThere: "it is watched under another name"
    default: errno.description
    }
}

/// The same for inotify itself, where one number stands for two limits.
func inotifyInstanceFault(_ errno: Errno) -> String {
    errno == .processFileLimit
        ? "the limit fs.inotify.max_user_instances (sysctl) is reached, or that of open files" : errno.description
}
