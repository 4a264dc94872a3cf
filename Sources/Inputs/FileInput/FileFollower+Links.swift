// Which symbolic links lead to files that are followed: `follow_symlinks`. Whoever may write into a log directory could
// otherwise have any file shipped that the agent may read, by a link to it.

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
}

extension FileFollower {
    /// Why what stands at a path is not looked at: a link leads there that may not be followed. Nil also for what is
    /// not there. `seen` is what the path itself names.
    func refusal(of path: Path, _ seen: FileStatus?) -> TailFailure? {
        guard settings.followSymlinks != .always, let seen else { return nil }
        if seen.kind == .symbolicLink { return refusal(of: path) }
        guard let directory = path.directory else { return nil }
        if let known = directoryRefusals[directory] { return known }
        let refusal = refusal(of: directory)
        // As long as one scan takes: another look is cheap, ten thousand in a row are not.
        if isScanning { directoryRefusals[directory] = .some(refusal) }
        return refusal
    }

    /// The same for what stands there now.
    func refusal(ofStanding path: Path) -> TailFailure? {
        do throws(Errno) { return refusal(of: path, try FileStatus(ofLink: path)) } catch { return nil }
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

    /// Says so, and lets go of what stood there before the link.
    func refuse(_ path: Path, _ refusal: TailFailure) {
        if let standing = byPlace[path] { leave(standing) }
        report(path, refusal)
    }

    /// What is read under this path can be read. That says nothing of a link there that is not followed: the file may
    /// be the one that stood there before.
    func noteReadable(_ path: Path) {
        unclear[path] = nil
        if case .linkRefused = unreadable[path] { return }
        unreadable[path] = nil
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
        if settings.followSymlinks == .always { return file }
        guard try settings.follow(path ?? place).id == found else { throw .exchanged }
        return file
    }

    private func opened(_ place: Path) throws(TailFailure) -> File {
        do throws(Errno) { return try File(reading: place) } catch { throw .system(error) }
    }
}
