// What is remembered of files that are not read now, and of paths: how far known files were read, which rotated files
// are ours, and which new files may be copies of others.

internal import Bytes
internal import Durable
internal import Platform

/// A new file that may be a copy of the one at `family`, as large as it was at `since`. It is left alone until that is
/// known.
struct HeldFile: Equatable {
    let family: Path
    var since: Instant
    let sizeBytes: UInt64
}

struct FileMemory {
    /// Paths that are remembered though nothing stands there now.
    private static let floorLimit = 1_000
    /// The kernel stamps files with a clock that stands still for up to a tick of HZ=100.
    private static let clockTickNanoseconds: Int64 = 10_000_000

    /// Files that are there, or may be, and of which nothing is to be read now.
    var known = KnownFiles()
    private(set) var floors = PathFloors()
    /// Since when each pattern has been followed, by its bytes; and when this run began, which a new pattern shares.
    private(set) var since: [Path: Int64] = [:]
    private let begun: Int64
    /// Those that are followed since this run.
    private let newPatterns: Set<Path>
    private(set) var held: [Path: HeldFile] = [:]
    /// The one of them whose time is over, while that is looked at, and how large it was when that began.
    private var settled: (place: Path, sizeBytes: UInt64)?
    /// Paths without a floor whose rotated siblings have been looked at in this run.
    private var seen: Set<Path> = []
    /// Paths whose file could not be looked at when the numbers of files were compared with those of the last run.
    private var unnumbered: [Path: Errno] = [:]
    private(set) var isFirstScan = true
    /// The agent has run before.
    let hasHistory: Bool

    init(
        _ settings: FileInputSettings, resume: CursorReplay?, at now: Moment, _ problems: FileProblems,
        through reader: inout TextReader
    ) {
        begun = now.unixNanoseconds - Self.clockTickNanoseconds
        hasHistory = resume != nil
        if let resume {
            var malformed = 0
            let cursors = FileCursors(resume, malformed: &malformed)
            // The beginning of an empty file identifies nothing: another may have its inode by now.
            let files: [FileCursor]
            (files, unnumbered) = withNumbersOfNow(cursors.files, through: &reader)
            for file in files where !file.print.isEmpty { known.insert(file) }
            floors = PathFloors(cursors.floors)
            since = cursors.since
            if malformed > 0 { problems.count(.cursorMalformed, UInt64(malformed)) }
        }
        let (followed, begun) = (since, begun)
        newPatterns = Set(settings.paths.map(\.bytes).filter { followed[$0] == nil })
        since = Dictionary(settings.paths.map(\.bytes).map { ($0, followed[$0] ?? begun) }) { first, _ in first }
    }

    /// Nothing is remembered but since when the patterns are followed.
    var isEmpty: Bool { known.isEmpty && floors.isEmpty && held.isEmpty && seen.isEmpty && unnumbered.isEmpty }

    // MARK: Paths

    /// Paths of which nothing is left are forgotten. `isUsed` when one was found, or is followed.
    mutating func endScan(gone: Set<Path>, isUsed: (Path) -> Bool) {
        isFirstScan = false
        for path in gone { floors[path] = nil }
        seen = seen.filter { isUsed($0) || isOurs($0) }
    }

    /// False when its siblings have been looked at before.
    mutating func meet(_ family: Path) -> Bool {
        guard let isMet = floors.isMet(family) else { return seen.insert(family).inserted }
        if !isMet { floors.setMet(family, true) }
        return !isMet
    }

    /// They are to be looked at as if for the first time.
    mutating func forgetSiblings(of family: Path) {
        seen.remove(family)
        floors.setMet(family, false)
    }

    func isOurs(_ family: Path) -> Bool { known.has(family) || floors[family] != nil }

    /// Of a path that nobody has followed before: its rotated files that were written to after this time, in
    /// nanoseconds since 1970, are ours. `path` is what leads to it; `others` are the times of those that are there.
    func firstFloor(_ path: Path, _ settings: FileInputSettings, others: [Int64]) -> Int64 {
        if settings.fromRotated { return 0 }
        let patterns = settings.paths.filter { $0.matches(path) }.map(\.bytes)
        guard let earliest = patterns.compactMap({ since[$0] }).min() else { return others.max() ?? 0 }
        guard isFirstScan, patterns.allSatisfy(newPatterns.contains) else { return earliest }
        return max(earliest, others.max() ?? 0)
    }

    mutating func setFloor(of family: Path, _ unixNanoseconds: Int64) {
        floors[family] = unixNanoseconds
        if seen.remove(family) != nil { floors.setMet(family, true) }
    }

    /// A path with a date in it comes once: it is forgotten when nothing is left of it. `used` is asked only when there
    /// are too many.
    mutating func limitFloors(followed: Int, used: () -> Set<Path>) {
        guard floors.count > Self.floorLimit + followed else { return }
        let used = used().union(known.paths)
        floors.removeAll { !used.contains($0) }
    }

    /// Paths that are followed, or were, and of which a file may be a copy or a rotated one.
    func originals(of place: Path, isFollowed: (Path) -> Bool) -> [Path] {
        let (directory, name) = splitPath(place)
        return originalNames(of: name).map { directory / $0 }.filter { floors[$0] != nil || isFollowed($0) }
    }

    /// The same for a file that came: nothing may be remembered of a path that matches.
    func rotatedFamily(of place: Path, _ settings: FileInputSettings) -> Path? {
        if let family = rotatedFamily(of: place) { return family }
        let (directory, name) = splitPath(place)
        return originalNames(of: name).first { isRotatedName(name, of: $0) && settings.matches(directory / $0) }
            .map { directory / $0 }
    }

    /// The path that is or was followed and of which `place` is a rotated name.
    func rotatedFamily(of place: Path) -> Path? {
        let (directory, name) = splitPath(place)
        let families = originalNames(of: name).map { directory / $0 }.filter { floors[$0] != nil }
        // With a pattern that matches `app.log.1` too, `app.log.1.gz` is a file of `app.log` all the same.
        return withoutCompressionEnding(name) == name
            ? families.first : families.min { $0.bytes.count < $1.bytes.count }
    }

    /// Of which files are looked for that were not found.
    var missingFamilies: [Path] {
        let missing = known.missingPaths
        return missing.union(missing.compactMap(rotatedFamily)).sorted()
    }

    /// Such a file is not begun; one that was begun is read on.
    func isTooOld(_ id: FileID, _ modifiedUnixNanoseconds: Int64, _ settings: FileInputSettings, at now: Moment) -> Bool
    {
        guard let limit = settings.ignoreOlder, known.with(id).isEmpty else { return false }
        return now.unixNanoseconds - modifiedUnixNanoseconds > limit.nanoseconds
    }

    // MARK: Files that may be copies

    mutating func hold(_ place: Path, _ file: HeldFile) { held[place] = file }

    mutating func letGo(_ place: Path) { held[place] = nil }

    mutating func takeHeld(_ place: Path) -> HeldFile? { held.removeValue(forKey: place) }

    /// Those whose time is over.
    func due(after grace: Duration, at now: Instant) -> [(key: Path, value: HeldFile)] {
        if held.isEmpty { return [] }
        return held.filter { $0.value.since + grace <= now }.sorted { $0.key < $1.key }
    }

    func nextDue(after grace: Duration) -> Instant? { held.values.map { $0.since + grace }.min() }

    /// While it is looked at. Whatever comes of it, it is not asked again at once.
    mutating func settle(_ place: Path, _ file: HeldFile) {
        if file.sizeBytes == 0 { held[place] = nil }
        settled = (place, file.sizeBytes)
    }

    /// It has not grown for the grace: nobody writes it any more, as somebody does who compresses slowly.
    func isSettled(_ place: Path, _ sizeBytes: UInt64) -> Bool {
        settled.map { $0.place == place && $0.sizeBytes == sizeBytes } ?? false
    }

    mutating func endSettling(_ place: Path, _ file: HeldFile) {
        settled = nil
        if held[place] == file { held[place] = nil }
    }

    // MARK: Saving

    /// Entries of the cursor.
    var entryCount: Int { known.count + floors.count }

    /// What changed since this was called last. Returns the entries that are gone.
    mutating func takeChanges(into lines: inout CursorLines) -> [UInt64] {
        known.takeChanges(into: &lines) + floors.takeChanges(into: &lines)
    }

    mutating func write(into lines: inout CursorLines, part: CursorPart) {
        if part.number == 0 { lines.put(0) { FileCursors.write(since: since, into: &$0) } }
        known.write(into: &lines, part: part)
        floors.write(into: &lines, part: part)
    }

    // MARK: Numbers of files

    /// Compares the numbers of a file with those of the last run, when that could not be done at the start. Returns the
    /// reason why it still cannot, and whether something changed.
    mutating func renumber(_ place: Path, through reader: inout TextReader) -> (error: Errno?, isChanged: Bool) {
        guard unnumbered.removeValue(forKey: place) != nil else { return (nil, false) }
        let old = known.of(place).filter { $0.tail == nil }.map(\.cursor)
        let (new, unclear) = withNumbersOfNow(old, through: &reader)
        unnumbered[place] = unclear[place]
        for (old, new) in zip(old, new) where old != new {
            known.remove(old.key)
            known.insert(new)
        }
        return (unclear[place], old != new)
    }
}
