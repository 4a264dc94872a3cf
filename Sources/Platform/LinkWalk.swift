// A path followed name by name, with a look at whose each symbolic link is. See symlink(7), path_resolution(7),
// openat(2).
//
// Whoever may write into a directory can put a link there to any file, and a program that may read more than its user
// would read that file for it. The kernel's own fs.protected_symlinks guards only directories that are sticky and
// writable by all. Each name is held by a descriptor while the next one is looked up in it, so that nothing can be
// exchanged between the look at a link and the step through it.

package import Bytes
internal import CLinux
internal import Glibc

/// Which symbolic links may be followed.
package enum LinkRule: Sendable {
    case always
    /// Those of root, and those of the user to whom belongs what they lead to.
    case safe
    case never
}

package enum LinkWalkError: Error, Equatable {
    /// `target` is the user to whom belongs what it leads to; nil when no link may be followed.
    case refused(link: Path, owner: UInt32, target: UInt32?)
    case system(Errno)
}

/// What `path`, an absolute one, leads to by links that `rule` allows.
///
/// The first `trusted` of its names were chosen by somebody who may name any file: links there are followed.
package func followLinks(_ path: Path, trusting trusted: Int, _ rule: LinkRule) throws(LinkWalkError) -> FileStatus {
    var walk = LinkWalk(rule)
    do throws(Errno) {
        if rule == .always { return try FileStatus(of: path) }
        if let status = try walk.follow(path.components, trusting: trusted) { return status }
    } catch { throw .system(error) }
    guard let refusal = walk.refusal else { bug("a walk without an end") }
    throw refusal
}

/// The first name that is missing on the way of a symbolic link that leads to nothing: when that comes, the link may
/// lead somewhere. Its directory is there. Nil for any other path, and for what cannot be told.
package func missingName(behind link: Path) -> Path? {
    var path = link
    for _ in 0..<LinkWalk.linkLimit {
        do throws(Errno) {
            guard try FileStatus(ofLink: path).kind == .symbolicLink else { return nil }
            let target = try File(holding: path.name, in: try File(holding: path.directory ?? "/")).linkTarget()
            path = target.bytes.first == UInt8(ascii: "/") ? target : (path.directory ?? "/") / target
        } catch {
            guard error.isAbsence, path != link else { return nil }
            while let above = path.directory, isMissing(above) { path = above }
            do throws(Errno) { return try realPath(path.directory ?? "/") / path.name } catch { return nil }
        }
    }
    return nil
}

private func isMissing(_ path: Path) -> Bool {
    do throws(Errno) {
        _ = try FileStatus(of: path)
        return false
    } catch { return error.isAbsence }
}

private struct LinkWalk {
    /// As many as the kernel follows in one path: MAXSYMLINKS.
    static let linkLimit = 40

    private enum Step {
        case name(Path)
        /// What is held when it comes to this is what the link leads to.
        case end(link: Path, owner: UInt32)
    }

    private let rule: LinkRule
    private(set) var refusal: LinkWalkError?
    /// What is still to be done, the next one last.
    private var steps: [Step] = []
    private var linkCount = 0
    /// What is held, by its names.
    private var place: Path = "/"

    init(_ rule: LinkRule) { self.rule = rule }

    /// Nil when a link was refused.
    mutating func follow(_ names: [Path], trusting trusted: Int) throws(Errno) -> FileStatus? {
        for name in names.prefix(trusted) { place = place / name }
        add(names[min(trusted, names.count)...])
        var held = try File(holding: place)
        while let step = steps.popLast() {
            switch step {
            case .end(let link, let owner):
                let target = try held.status().owner
                guard owner == 0 || owner == target else {
                    refusal = .refused(link: link, owner: owner, target: target)
                    return nil
                }
            case .name(let name):
                let next = try File(holding: name, in: held)
                let status = try next.status()
                guard status.kind == .symbolicLink else {
                    place = name == ".." ? place.directory ?? "/" : place / name
                    held = next
                    continue
                }
                guard rule == .safe else {
                    refusal = .refused(link: place / name, owner: status.owner, target: nil)
                    return nil
                }
                linkCount += 1
                guard linkCount <= Self.linkLimit else { throw .tooManyLinks }
                steps.append(.end(link: place / name, owner: status.owner))
                let target = try next.linkTarget()
                add(target.components[...])
                if target.isAbsolute {
                    place = "/"
                    held = try File(holding: place)
                }
            }
        }
        return try held.status()
    }

    private mutating func add(_ names: ArraySlice<Path>) { steps += names.reversed().map { .name($0) } }
}

extension File {
    /// Holds a directory without a right to read it, through links.
    fileprivate init(holding directory: Path) throws(Errno) {
        let opened = unsafe directory.withCString { unsafe linux_hold(AT_FDCWD, $0, 1) }
        guard opened >= 0 else { throw .current }
        self.init(owning: opened)
    }

    /// Holds what a name in a directory is, a link itself.
    fileprivate init(holding name: Path, in directory: borrowing File) throws(Errno) {
        let parent = directory.descriptor
        let opened = unsafe name.withCString { unsafe linux_hold(parent, $0, 0) }
        guard opened >= 0 else { throw .current }
        self.init(owning: opened)
    }

    /// What a symbolic link that is held has in it.
    fileprivate func linkTarget() throws(Errno) -> Path {
        var text = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let descriptor = descriptor
        let count = try retryingOnInterrupt {
            unsafe text.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { bug("no buffer for a link") }
                return unsafe readlinkat(descriptor, "", start.assumingMemoryBound(to: CChar.self), bytes.count)
            }
        }
        return Path(text[..<count])
    }
}
