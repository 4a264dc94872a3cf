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
    private var watches: [Path: Int32] = [:]
    /// The same directories by other names, and the name under which they are watched.
    private var firstNames: [Path: Path] = [:]
    /// Links to directories: what is behind them changes with them.
    private var directoryLinks: Set<Path> = []
    private var patterns: Set<Path> = []
    /// Directories that are watched because of links alone.
    private var behindLinks: Set<Path> = []
    /// Names whose coming changes where links lead.
    private var awaited: Set<Path> = []
    private(set) var faults = WatchFaults()

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
    var isComplete: Bool { inotify != nil && faults.isEmpty }

    var watchedDirectories: [Path] { watches.keys.sorted() }

    /// False for a directory that has been met under another name: its files are those of that.
    func isFirstName(_ directory: Path) -> Bool { firstNames[directory] == nil }

    // MARK: Events

    /// What happened since the last call. `tails` and `links` tell what a path is.
    mutating func changes(_ tails: TailTable, _ links: FileLinks) -> [PathChange] {
        guard let inotify else { return [] }
        var found = Found()
        var emptied: Set<Path> = []
        for _ in 0..<Self.eventBuffersLimit {
            var events: [INotifyEvent] = []
            do throws(Errno) { events = try inotify.events() } catch { problems.log.warning("inotify: \(error)") }
            if events.isEmpty { break }
            for event in events {
                if event.mask.contains(.deleted), let directory = directories[event.watch] { emptied.insert(directory) }
                take(event, &found, tails, links)
            }
        }
        let gone = emptied.filter { forgetIfGone($0) }
        // What comes in the place of one behind a link concerns that link; else the directory above is to be watched.
        for link in links.links(into: gone) { found.touch(link, nil) }
        if gone.contains(where: { !behindLinks.contains($0) }) { found.isEverything = true }
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

        /// A path, and the link to it.
        mutating func touch(_ path: Path, _ link: Path?) {
            guard seen.insert(path).inserted else { return }
            touched.append(path)
            if let link { touch(link, nil) }
        }

        var changes: [PathChange] {
            written.map { .written($0) } + (isEverything ? [.everything] : []) + directories.map { .directory($0) }
                + touched.map { .touched($0) } + arrived.map { .arrived($0) }
        }
    }

    private mutating func take(
        _ event: INotifyEvent, _ found: inout Found, _ tails: TailTable, _ links: FileLinks
    ) {
        if event.mask.contains(.overflow) {
            problems.count(.watchOverflow)
            found.isEverything = true
            return
        }
        if event.mask.contains(.ignored) { return forget(event.watch) }
        guard let directory = directories[event.watch] else { return }
        let path = directory / event.name
        let isArrival = !event.mask.isDisjoint(with: .arrivals)
        if isArrival, awaited.contains(path) { found.isEverything = true }
        guard !event.name.isEmpty, !event.mask.contains(.isDirectory) else {
            return takeDirectory(event, in: directory, &found)
        }
        if event.mask == .modified, let tail = tails.at(path), !tail.isCompressed { return found.written.append(path) }
        // It leads elsewhere, or has gone.
        if event.mask != .modified, directoryLinks.contains(path) { found.isEverything = true }
        found.touch(path, links.link(to: path))
        if isArrival { found.arrived.append(path) }
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

    /// Watches a directory, before it is listed. That is asked of the kernel each time: another directory may stand
    /// there now.
    mutating func watch(_ directory: Path, holdsFiles: Bool) {
        guard let inotify else { return }
        do throws(Errno) {
            let watch = try inotify.watch(directory, holdsFiles ? .contents : .names)
            if watches[directory] != watch { unwatch(directory) }
            faults.remove(directory)
            // The same directory by two names has one watch, unless the other name is an old one.
            if let other = directories[watch], other != directory {
                if leads(other, to: directory) { return note(directory, as: other) }
                watches[other] = nil
            }
            firstNames[directory] = nil
            directories[watch] = directory
            watches[directory] = watch
        } catch {
            if error.isAbsence { return unwatch(directory) }
            if faults.add(directory, error) { problems.count(.watchFailed) }
        }
    }

    private mutating func note(_ directory: Path, as first: Path) { firstNames[directory] = first }

    private func leads(_ one: Path, to other: Path) -> Bool {
        do throws(Errno) { return try FileStatus(of: one).id == FileStatus(of: other).id } catch { return false }
    }

    /// Watches those of the patterns, which are watched already, and those behind links; and no other any more.
    mutating func keep(_ patterns: Set<Path>, _ links: FileLinks, directoryLinks: Set<Path>) {
        (self.patterns, self.directoryLinks) = (patterns, directoryLinks)
        guard inotify != nil else { return }
        behindLinks = []
        awaited = []
        watch(links)
        func isWanted(_ directory: Path) -> Bool { patterns.contains(directory) || behindLinks.contains(directory) }
        for directory in watches.keys where !isWanted(directory) { unwatch(directory) }
        firstNames = firstNames.filter { isWanted($0.key) && watches[$0.value] != nil }
        faults.keep(isWanted)
    }

    /// Watches where links lead, and where what is missing on their way would come.
    mutating func watch(_ links: FileLinks) {
        guard inotify != nil else { return }
        for directory in links.directories where !patterns.contains(directory) && behindLinks.insert(directory).inserted
        {
            watch(directory, holdsFiles: true)
        }
        for name in links.awaited {
            let directory = splitPath(name).directory
            if !patterns.contains(directory), behindLinks.insert(directory).inserted {
                watch(directory, holdsFiles: false)
            }
            awaited.insert((firstNames[directory] ?? directory) / name.name)
        }
    }

    private mutating func unwatch(_ directory: Path) {
        guard let watch = watches.removeValue(forKey: directory), directories[watch] == directory else { return }
        inotify?.remove(watch)
        directories[watch] = nil
    }

    /// The kernel has removed it with its directory.
    private mutating func forget(_ watch: Int32) {
        if let directory = directories.removeValue(forKey: watch) { watches[directory] = nil }
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

    /// Says once that directories cannot be watched, however many, and once that it is over.
    mutating func tellFaults() { faults.tell(problems.log) }
}
