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
        if event.mask == .modified, let tail = byPlace[path], !tail.isCompressed {
            makeReady(tail)
        } else if seen.insert(path).inserted {
            touched.append(path)
            if let alias = aliases[path], seen.insert(alias).inserted { touched.append(alias) }
        }
        return path
    }

    // MARK: Watches

    func watch(_ directories: [String: Bool]) {
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
}
