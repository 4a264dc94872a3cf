// What a glob finds on the disk now, and the directories in which that may change.

package import Bytes

/// One walk over the directories of some globs.
package struct FileFinder {
    /// A symbolic link to a parent directory, or `/**`, must not walk for ever.
    package static let directoryLimit = 20_000
    package static let depthLimit = 32

    package private(set) var paths: [Path] = []
    /// Each directory that decides about a match; true when matching files lie in it, false when only directories do.
    package private(set) var directories: [Path: Bool] = [:]
    package private(set) var errors: [(path: Path, errno: Errno)] = []
    package private(set) var directoriesLeftOut = 0
    /// Symbolic links on the way to a match that lead to directories, or to nothing now. The directory of each is one
    /// that decides.
    package private(set) var links: Set<Path> = []

    /// Only what lies here is looked for; what stands beside the way to it is not even listed.
    private let place: Path?
    /// Called before a directory is listed, with whether files in it may match: whoever watches it from then on misses
    /// nothing.
    private let noting: ((Path, Bool) -> Void)?
    private var listedCount = 0
    /// Names that another walk, or another part of this one, asks for again. Nil when none does: with a million files
    /// they would take as much room as the paths.
    private var listed: [Path: [Path]]?
    private var seen: Set<Path> = []

    package init(_ globs: [Glob], below place: Path? = nil, noting: ((Path, Bool) -> Void)? = nil) {
        self.place = place
        self.noting = noting
        let walks = globs.flatMap(\.alternatives)
        let isOnce = walks.count == 1 && !walks[0].contains(.anyDirectories)
        listed = isOnce ? nil : [:]
        for components in walks { walk(Path(""), components.dropFirst()[...], depth: 0) }
        (listed, seen) = (nil, [])
    }

    private mutating func walk(_ directory: Path, _ components: ArraySlice<Glob.Component>, depth: Int) {
        guard let component = components.first, depth <= Self.depthLimit, isOnTheWay(directory) else { return }
        let rest = components.dropFirst()
        switch component {
        case .literal(let bytes):
            let path = directory / Path(bytes[...])
            if rest.isEmpty { found(path, in: directory) } else { enter(path, from: directory, rest, depth) }
        case .wildcard:
            note(directory, holdsFiles: rest.isEmpty)
            for name in list(directory) where component.matches(name.bytes) {
                let path = directory / name
                if rest.isEmpty { found(path, in: directory) } else { descend(path, from: directory, rest, depth) }
            }
        case .anyDirectories:
            note(directory, holdsFiles: rest.isEmpty)
            walk(directory, rest, depth: depth + 1)
            for name in list(directory) where component.matches(name.bytes) {
                let path = directory / name
                // Not through links, which may lead back up.
                if (try? FileStatus(ofLink: path))?.kind == .directory {
                    walk(path, components, depth: depth + 1)
                } else if rest.isEmpty {
                    found(path, in: directory)
                }
            }
        }
    }

    /// A directory named in the pattern. When it is not there, the one above it tells when it comes.
    private mutating func enter(
        _ path: Path, from directory: Path, _ rest: ArraySlice<Glob.Component>, _ depth: Int
    ) {
        do throws(Errno) {
            if try FileStatus(of: path).kind == .directory {
                noteLink(path, in: directory)
                walk(path, rest, depth: depth + 1)
            }
        } catch {
            if error == .notFound {
                noteLink(path, in: directory)
                note(directory, holdsFiles: false)
            } else {
                errors.append((path, error))
            }
        }
    }

    /// Where a link leads may change without a change in any directory below.
    private mutating func noteLink(_ path: Path, in directory: Path) {
        do throws(Errno) { guard try FileStatus(ofLink: path).kind == .symbolicLink else { return } } catch { return }
        links.insert(path)
        note(directory, holdsFiles: false)
    }

    private mutating func descend(
        _ path: Path, from directory: Path, _ rest: ArraySlice<Glob.Component>, _ depth: Int
    ) {
        do throws(Errno) {
            if try FileStatus(of: path).kind == .directory {
                noteLink(path, in: directory)
                walk(path, rest, depth: depth + 1)
            }
        } catch {
            if error == .notFound { noteLink(path, in: directory) } else { errors.append((path, error)) }
        }
    }

    private mutating func found(_ path: Path, in directory: Path) {
        note(directory, holdsFiles: true)
        if seen.insert(path).inserted { paths.append(path) }
    }

    private func isOnTheWay(_ directory: Path) -> Bool {
        guard let place else { return true }
        return place.isInside(directory) || directory.isInside(place)
    }

    private mutating func note(_ directory: Path, holdsFiles: Bool) {
        let path = directory.isEmpty ? Path("/") : directory
        let before = directories[path]
        guard before == nil || holdsFiles && before == false else { return }
        directories[path] = holdsFiles
        noting?(path, holdsFiles)
    }

    private mutating func list(_ directory: Path) -> [Path] {
        let path = directory.isEmpty ? Path("/") : directory
        if let place, place != directory, place.isInside(directory) {
            return [Path(place.bytes.dropFirst(directory.bytes.count + 1).prefix { $0 != UInt8(ascii: "/") })]
        }
        if let names = listed?[path] { return names }
        guard listedCount < Self.directoryLimit else {
            directoriesLeftOut += 1
            return []
        }
        var names: [Path] = []
        do throws(Errno) { names = try directoryEntries(path) } catch {
            if error != .notFound { errors.append((path, error)) }
        }
        listedCount += 1
        listed?[path] = names
        return names
    }
}
