// Symbolic links: where they lead, and which of them lead to files that are followed (`follow_symlinks`). Whoever may
// write into a log directory could otherwise have any file shipped that the agent may read, by a link to it.

internal import Bytes
internal import Platform

extension FileInputSettings {
    enum FollowSymlinks: String, CaseIterable {
        case safe, always, never

        fileprivate var rule: LinkRule {
            switch self {
            case .safe: .safe
            case .always: .always
            case .never: .never
            }
        }
    }

    /// What a path leads to. The directories that a pattern names before its first wildcard are those of whoever wrote
    /// the settings: links there are followed whosoever they are.
    func follow(_ path: Path) throws(TailFailure) -> FileStatus {
        let trusted = paths.map { $0.literalDirectoryCount(of: path) }.max() ?? 0
        do throws(LinkWalkError) { return try followLinks(path, trusting: trusted, followSymlinks.rule) } catch {
            switch error {
            case .refused(let link, let owner, let target):
                throw .linkRefused(link: link, owner: owner, target: target)
            case .system(let errno): throw .system(errno)
            }
        }
    }

    /// Opens a file whose lines are to be read. Links are looked at once more, from the open file: between a look at a
    /// path and its opening, another link may have been put there.
    ///
    /// `place` is where the file stands, `path` what led to it. `exchanged` for another file than the one of that
    /// `id`: the event that tells so is on its way.
    func open(_ place: Path, through path: Path? = nil, id: FileID? = nil) throws(TailFailure) -> File {
        let file = try opened(place)
        let found: FileID
        do throws(Errno) { found = try file.status().id } catch { throw .system(error) }
        guard id == nil || id == found else { throw .exchanged }
        if followSymlinks == .always { return file }
        guard try follow(path ?? place).id == found else { throw .exchanged }
        return file
    }

    private func opened(_ place: Path) throws(TailFailure) -> File {
        do throws(Errno) { return try File(reading: place) } catch { throw .system(error) }
    }
}

/// What a path itself names. Nil also when that cannot be told: whoever opens it says what is wrong.
func standing(at path: Path) -> FileStatus? {
    do throws(Errno) { return try FileStatus(ofLink: path) } catch { return nil }
}

/// The links that were met: those to files, and those that lead to nothing yet.
struct FileLinks {
    private let settings: FileInputSettings
    /// Where a link leads, and the path that it has there.
    private var paths: [Path: Path] = [:]
    /// Those of them that were met in this scan.
    private var met: Set<Path>?
    /// Names at which links will lead somewhere as soon as they come.
    private var missing: Set<Path> = []
    /// Those of the last scan.
    private var missingBefore: Set<Path> = []
    /// Links that are new, or lead elsewhere: where they lead is not watched yet.
    private var new: [Path] = []
    /// Directories that were looked at in this scan, with the reason why nothing in them is. Another look is cheap, ten
    /// thousand in a row are not.
    private var refusals: [Path: TailFailure?]?

    init(_ settings: FileInputSettings) { self.settings = settings }

    var isEmpty: Bool { paths.isEmpty && missing.isEmpty }

    /// The path by which a place was found.
    func path(to place: Path) -> Path { paths[place] ?? place }

    func link(to place: Path) -> Path? { paths[place] }

    /// Behind a link, the file itself is written to and rotated in another directory.
    var directories: Set<Path> { Set(paths.keys.map { splitPath($0).directory }) }

    /// Names at which links will lead somewhere as soon as they come. Their directories are there.
    var awaited: Set<Path> { missing.union(missingBefore) }

    // MARK: Scans

    mutating func beginScan() { (refusals, met, missing, missingBefore) = ([:], [], [], missing) }

    /// Links that are gone are forgotten, but for those whose file still has somebody who asks.
    mutating func endScan(isNeeded: (Path) -> Bool) {
        if let met { paths = paths.filter { met.contains($0.key) || isNeeded($0.key) } }
        (refusals, met, missingBefore) = (nil, nil, [])
    }

    /// Those that came since the last call, each with what is to be watched for it.
    mutating func takeNew() -> [Path] {
        defer { new = [] }
        return new
    }

    /// Links to files in directories that are gone.
    func links(into directories: Set<Path>) -> [Path] {
        if directories.isEmpty || paths.isEmpty { return [] }
        return paths.filter { directories.contains(splitPath($0.key).directory) }.map(\.value).sorted()
    }

    /// Of a link that leads to nothing.
    mutating func noteDangling(_ link: Path) {
        guard let name = missingName(behind: link), missing.insert(name).inserted else { return }
        if !missingBefore.contains(name) { new.append(link) }
    }

    // MARK: Where they lead

    /// Where a path leads: the file itself, when the path is a symbolic link. `seen` is what the path itself names.
    mutating func place(of path: Path, _ seen: FileStatus?) -> Path {
        guard let seen, seen.kind == .symbolicLink, refusal(of: path, seen) == nil else { return path }
        let real: Path
        do throws(Errno) { real = try realPath(path) } catch {
            if error.isAbsence { noteDangling(path) }
            return path
        }
        met?.insert(real)
        if paths.updateValue(path, forKey: real) == nil { new.append(path) }
        return real
    }

    mutating func place(of path: Path) -> Path { place(of: path, standing(at: path)) }

    /// Why what stands at a path is not looked at: a link leads there that may not be followed. Nil also for what is
    /// not there. `seen` is what the path itself names.
    mutating func refusal(of path: Path, _ seen: FileStatus?) -> TailFailure? {
        guard settings.followSymlinks != .always, let seen else { return nil }
        if seen.kind == .symbolicLink { return refusal(of: path) }
        guard let directory = path.directory else { return nil }
        if let known = refusals?[directory] { return known }
        let refusal = refusal(of: directory)
        refusals?[directory] = .some(refusal)
        return refusal
    }

    private func refusal(of path: Path) -> TailFailure? {
        do throws(TailFailure) {
            _ = try settings.follow(path)
            return nil
        } catch {
            if case .linkRefused = error { return error }
            // Whoever opens it says what is wrong.
            return nil
        }
    }
}
