// The `*.prom` files of some directories: which there are, and what stands in those that changed.

internal import Bytes
internal import Metrics
internal import Platform

/// Why a whole file is not served, besides the problems of its lines.
enum MetricFileProblem: String, Hashable, Sendable {
    /// It, or its directory, cannot be read.
    case unreadable
    case tooLarge = "too_large"
    case tooManyFiles = "too_many_files"
    case stale
}

/// The files as they were at the last look.
struct MetricFiles {
    /// What one file may hold: a file of that size has some 100 000 series.
    static let byteLimit = 16 << 20
    /// Files that are read, of all directories together.
    static let fileLimit = 1_000

    /// A file that changed within this time before it was read is read again: its clock may not have ticked since, so
    /// that another change would not show. The clocks of old and of network file systems tick once in two seconds.
    private static let settlingNanoseconds: Int64 = 2_000_000_000

    struct MetricFile {
        let path: Path
        let status: FileStatus
        let text: ExpositionText
        let isSettled: Bool
        fileprivate(set) var isStale = false
    }

    private let directories: [Glob]
    private let maximumAge: Duration?
    private var kept: [Path: KeptDirectory] = [:]
    private var paths: [Path] = []
    /// The first path beyond the limit.
    private var excess: Path?
    /// In the order of their paths.
    private(set) var files: [MetricFile] = []
    /// Files and directories of which nothing is served.
    private(set) var problems: [(path: Path, problem: MetricFileProblem)] = []

    init(_ directories: [Glob], maximumAge: Duration?) {
        self.directories = directories
        self.maximumAge = maximumAge
    }

    /// Looks what is there now, and reads what changed. Returns whether `files` have another content than before.
    mutating func refresh(now: Int64) -> Bool {
        problems.removeAll(keepingCapacity: true)
        if !list(), isUnchanged(now) { return false }
        let old = files
        var known = old[...]
        files = []
        var isChanged = false
        for path in paths {
            while let first = known.first, first.path < path { known.removeFirst() }
            let before = known.first.flatMap { $0.path == path ? $0 : nil }
            guard let (found, isRead) = look(at: path, before, now) else { continue }
            var file = found
            file.isStale = isStale(file.status, now)
            if file.isStale { problems.append((path, .stale)) }
            if isRead || file.isStale != before?.isStale { isChanged = true }
            files.append(file)
        }
        return isChanged || files.count != old.count
    }

    /// The usual case, which allocates nothing: the same files as they were, none of them in trouble.
    private func isUnchanged(_ now: Int64) -> Bool {
        guard files.count == paths.count else { return false }
        for file in files {
            do throws(Errno) {
                let isSame = try FileStatus(of: file.path) == file.status
                guard isSame, file.isSettled, !file.isStale, !isStale(file.status, now) else { return false }
            } catch {
                // Said by whoever looks again.
                return false
            }
        }
        return true
    }

    private func isStale(_ status: FileStatus, _ now: Int64) -> Bool {
        guard let maximumAge else { return false }
        return now - status.modifiedUnixNanoseconds > maximumAge.nanoseconds
    }

    private mutating func look(
        at path: Path, _ known: MetricFile?, _ now: Int64
    ) -> (file: MetricFile, isRead: Bool)? {
        do throws(Errno) {
            let status = try FileStatus(of: path)
            if let known, known.isSettled, known.status == status { return (known, false) }
            let isSettled = now - status.changedUnixNanoseconds > Self.settlingNanoseconds
            let text = try read(path, status)
            return (MetricFile(path: path, status: status, text: text, isSettled: isSettled), true)
        } catch {
            // Removed since the directory was listed.
            if error != .notFound { problems.append((path, error == .tooLarge ? .tooLarge : .unreadable)) }
            return nil
        }
    }

    private mutating func read(_ path: Path, _ status: FileStatus) throws(Errno) -> ExpositionText {
        guard status.kind == .regular else { throw .invalid }
        guard status.sizeBytes <= UInt64(Self.byteLimit) else { throw .tooLarge }
        var cursor = ByteCursor(try readWhole(path, limit: Self.byteLimit))
        return ExpositionText.parse(&cursor, limit: MergedExpositions.seriesLimit)
    }

    // MARK: Which files

    /// Looks into the directories. Returns whether there are other `paths` than before, or may be.
    private mutating func list() -> Bool {
        var now: [Path: KeptDirectory] = [:]
        var isOther = false
        for path in directories.flatMap(Self.expand) where now[path] == nil {
            let directory = kept[path] ?? KeptDirectory(path)
            now[path] = directory
            do throws(Errno) { if try directory.refresh() { isOther = true } } catch {
                problems.append((path, .unreadable))
                isOther = true
            }
        }
        isOther = isOther || now.count != kept.count || excess != nil
        kept = now
        guard isOther else { return false }
        var found: Set<Path> = []
        for directory in now.values {
            // Not hidden ones: what is written beside and renamed begins with a dot for some programs.
            for name in directory.names where name.hasSuffix(".prom") && !name.hasPrefix(".") {
                found.insert(directory.path / name)
            }
        }
        let sorted = found.sorted()
        excess = sorted.count > Self.fileLimit ? sorted[Self.fileLimit] : nil
        if let excess { problems.append((excess, .tooManyFiles)) }
        paths = Array(sorted.prefix(Self.fileLimit))
        return true
    }

    /// The directories that a pattern finds now; itself when it is none, or finds nothing.
    private static func expand(_ glob: Glob) -> [Path] {
        if glob.alternatives.count == 1, let path = literal(glob.alternatives[0]) { return [path] }
        let found = FileFinder([glob]).paths.filter(isThere).sorted()
        return found.isEmpty ? [Path(glob.text)] : found
    }

    /// What stands behind the wildcards of a pattern need not be in every directory that they match: as for glob(3),
    /// that is no directory that is missing.
    private static func isThere(_ path: Path) -> Bool {
        do throws(Errno) {
            _ = try FileStatus(ofLink: path)
            return true
        } catch { return error != .notFound && error != .notDirectory }
    }

    private static func literal(_ components: [Glob.Component]) -> Path? {
        var path: [UInt8] = []
        for component in components.dropFirst() {
            guard case .literal(let name) = component else { return nil }
            path.append(UInt8(ascii: "/"))
            path += name
        }
        return path.isEmpty ? "/" : Path(path)
    }
}
