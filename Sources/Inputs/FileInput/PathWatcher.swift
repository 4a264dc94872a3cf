// The directories in which log files lie or may come, watched with inotify(7): what changes in them, in the order in
// which it is to be looked at.

internal import Bytes
internal import Glibc
internal import Platform

enum PathChange: Equatable {
    /// Events were lost, or a directory moved: everything is to be looked at.
    case everything
    /// A directory came.
    case directory(Path)
    /// A file that is followed was written to, and nothing else happened to it.
    case written(Path)
    /// Something else happened to what stands at a path.
    case touched(Path)
    /// A name came that was not there before: it may be a rotated file or a copy of one that is followed.
    case arrived(Path)
}

struct PathWatcher {
    /// Buffers of events taken in one step; a writer that is faster must not keep us here.
    private static let eventBuffersLimit = 16

    /// Nil where there is none to be had.
    let inotify: INotify?
    private let problems: FileProblems
    private var directories: [Int32: Path] = [:]
    private var watches: [Path: (watch: Int32, mask: INotifyEvent.Mask)] = [:]
    private var unwatched: [Path: Errno] = [:]
    /// Why directories are not watched, as far as it was said.
    private(set) var told: Set<Errno> = []

    init(_ limits: FileLimits, _ problems: FileProblems) {
        self.problems = problems
        do throws(Errno) {
            guard limits.hasINotify else { throw Errno.processFileLimit }
            inotify = try INotify(watchLimit: limits.watches)
        } catch {
            inotify = nil
            problems.count(.watchFailed)
            problems.log.warning(
                "no inotify: the directories are looked at every second instead",
                ["reason": inotifyInstanceFault(error)])
        }
    }

    /// No change goes unseen.
    var isComplete: Bool { inotify != nil && unwatched.isEmpty }

    // MARK: Events

    /// What happened since the last call. Links lead from a path to the one that has its name in the patterns.
    mutating func changes(
        isFollowed: (Path) -> Bool, link: (Path) -> Path?
    ) -> [PathChange] {
        guard let inotify else { return [] }
        var found = Found()
        var emptied: Set<Path> = []
        for _ in 0..<Self.eventBuffersLimit {
            var events: [INotifyEvent] = []
            do throws(Errno) { events = try inotify.events() } catch { problems.log.warning("inotify: \(error)") }
            if events.isEmpty { break }
            for event in events {
                if event.mask.contains(.deleted), let directory = directories[event.watch] { emptied.insert(directory) }
                take(event, &found, isFollowed, link)
            }
        }
        for directory in emptied where forgetIfGone(directory) { found.isEverything = true }
        return found.changes
    }

    /// What the events say, without repetitions.
    private struct Found {
        var isEverything = false
        var written: [Path] = []
        var directories: [Path] = []
        var touched: [Path] = []
        var arrived: [Path] = []
        private var seen: Set<Path> = []

        mutating func touch(_ path: Path) { if seen.insert(path).inserted { touched.append(path) } }

        /// A path that was touched, and the link to it.
        mutating func touch(_ path: Path, _ link: Path?) {
            guard seen.insert(path).inserted else { return }
            touched.append(path)
            if let link { touch(link) }
        }

        var changes: [PathChange] {
            written.map { .written($0) } + (isEverything ? [.everything] : []) + directories.map { .directory($0) }
                + touched.map { .touched($0) } + arrived.map { .arrived($0) }
        }
    }

    private mutating func take(
        _ event: INotifyEvent, _ found: inout Found, _ isFollowed: (Path) -> Bool, _ link: (Path) -> Path?
    ) {
        if event.mask.contains(.overflow) {
            problems.count(.watchOverflow)
            found.isEverything = true
            return
        }
        if event.mask.contains(.ignored) {
            if let directory = directories.removeValue(forKey: event.watch) { watches[directory] = nil }
            return
        }
        guard let directory = directories[event.watch] else { return }
        guard !event.name.isEmpty, !event.mask.contains(.isDirectory) else {
            return takeDirectory(event, in: directory, &found)
        }
        let path = directory / event.name
        if event.mask == .modified, isFollowed(path) {
            found.written.append(path)
        } else {
            found.touch(path, link(path))
        }
        if !event.mask.isDisjoint(with: .arrivals) { found.arrived.append(path) }
    }

    /// A directory came or went, or is the one that is watched itself.
    private func takeDirectory(_ event: INotifyEvent, in directory: Path, _ found: inout Found) {
        if event.name.isEmpty {
            // The watch of the one above tells what comes in its place, if there is one.
            if watches[directory.directory ?? "/"] == nil { found.isEverything = true }
        } else if !event.mask.isDisjoint(with: .arrivals) {
            let path = directory / event.name
            if !found.directories.contains(path) { found.directories.append(path) }
        } else if event.mask.contains(.movedFrom) {
            // Watches below it have its old name.
            found.isEverything = true
        }
    }

    // MARK: Watches

    /// Watches a directory, before it is listed.
    mutating func watch(_ directory: Path, holdsFiles: Bool) {
        guard let inotify else { return }
        let mask: INotifyEvent.Mask = holdsFiles ? .contents : .names
        if let own = watches[directory], own.mask == mask || own.mask == .contents { return }
        do throws(Errno) {
            let watch = try inotify.watch(directory, mask)
            // The same directory by two names has one watch: the first name stays, the other waits for scans.
            if let other = directories[watch], other != directory { throw Errno(code: EEXIST) }
            directories[watch] = directory
            watches[directory] = (watch, mask)
            unwatched[directory] = nil
        } catch {
            guard error != .notFound, unwatched.updateValue(error, forKey: directory) == nil else { return }
            problems.count(.watchFailed)
        }
    }

    /// Watches those of the patterns, which are watched already, and those behind links; and no other any more.
    mutating func keep(_ patterns: Set<Path>, behindLinks: Set<Path>) {
        guard inotify != nil else { return }
        for directory in behindLinks { watch(directory, holdsFiles: true) }
        for directory in watches.keys where !patterns.contains(directory) && !behindLinks.contains(directory) {
            unwatch(directory)
        }
        unwatched = unwatched.filter { patterns.contains($0.key) || behindLinks.contains($0.key) }
    }

    private mutating func unwatch(_ directory: Path) {
        guard let own = watches.removeValue(forKey: directory) else { return }
        inotify?.remove(own.watch)
        directories[own.watch] = nil
    }

    /// A directory that was removed says so only when the last file in it is closed, and we hold some.
    private mutating func forgetIfGone(_ directory: Path) -> Bool {
        guard watches[directory] != nil else { return false }
        do throws(Errno) {
            _ = try FileStatus(of: directory)
            return false
        } catch { if !error.isAbsence { return false } }
        unwatch(directory)
        return true
    }

    // MARK: What cannot be watched

    /// Directories that are not watched, by the reason: how many, and the first of them.
    var faults: [(reason: Errno, count: Int, first: Path)] {
        Dictionary(grouping: unwatched, by: \.value).compactMap { reason, directories in
            directories.map(\.key).min().map { (reason, directories.count, $0) }
        }.sorted { $0.first < $1.first }
    }

    /// Says once that there are such, however many, and once that it is over.
    mutating func tellFaults() {
        let faults = faults
        for (reason, count, first) in faults where told.insert(reason).inserted {
            problems.log.warning(
                "directories cannot be watched: they are looked at every second instead",
                ["directories": "\(count)", "first": first.repaired, "reason": watchFault(reason)])
        }
        for reason in told where !faults.contains(where: { $0.reason == reason }) {
            told.remove(reason)
            problems.log.info("directories can be watched again", ["reason_before": watchFault(reason)])
        }
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
