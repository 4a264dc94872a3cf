// Which of the paths that are followed or remembered may be rotated ones of another: with ten thousand files, nobody
// can go through them for each.

internal import Bytes

/// With a pattern that matches them too, rotated files have paths of their own.
struct PartIndex {
    private var parts: [Path: Set<Path>] = [:]

    mutating func add(_ path: Path) {
        for original in Self.originals(of: path) { parts[original, default: []].insert(path) }
    }

    mutating func remove(_ path: Path) {
        for original in Self.originals(of: path) {
            parts[original]?.remove(path)
            if parts[original]?.isEmpty == true { parts[original] = nil }
        }
    }

    func parts(of path: Path) -> Set<Path> { parts[path] ?? [] }

    private static func originals(of path: Path) -> [Path] {
        let (directory, name) = splitPath(path)
        return originalNames(of: name).filter { isRotatedName(name, of: $0) }.map { directory / $0 }
    }
}

/// The tails of a path that are being read: the one that stands there and those that did.
struct TailFamilies {
    private var tails: [Path: [Tail]] = [:]
    private var index = PartIndex()

    var paths: [Path] { Array(tails.keys) }

    subscript(path: Path) -> [Tail] { tails[path] ?? [] }

    func has(_ path: Path) -> Bool { tails[path] != nil }

    func parts(of path: Path) -> Set<Path> { index.parts(of: path) }

    mutating func add(_ tail: Tail) {
        if tails[tail.family] == nil { index.add(tail.family) }
        tails[tail.family, default: []].append(tail)
    }

    mutating func remove(_ tail: Tail) {
        guard tails[tail.family] != nil else { return }
        tails[tail.family]?.removeAll { $0 === tail }
        guard tails[tail.family]?.isEmpty == true else { return }
        tails[tail.family] = nil
        index.remove(tail.family)
    }
}
