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
    /// Nearly all paths have one: an array each would be as large as what it holds.
    private enum Group {
        case one(Tail)
        case several([Tail])

        var tails: [Tail] {
            switch self {
            case .one(let tail): [tail]
            case .several(let tails): tails
            }
        }
    }

    private var groups: [Path: Group] = [:]
    private var index = PartIndex()

    var paths: [Path] { Array(groups.keys) }

    subscript(path: Path) -> [Tail] { groups[path]?.tails ?? [] }

    func has(_ path: Path) -> Bool { groups[path] != nil }

    func parts(of path: Path) -> Set<Path> { index.parts(of: path) }

    mutating func add(_ tail: Tail) {
        guard let group = groups[tail.family] else {
            index.add(tail.family)
            groups[tail.family] = .one(tail)
            return
        }
        groups[tail.family] = .several(group.tails + [tail])
    }

    mutating func remove(_ tail: Tail) {
        guard let group = groups[tail.family] else { return }
        let left = group.tails.filter { $0 !== tail }
        groups[tail.family] = left.isEmpty ? nil : left.count == 1 ? .one(left[0]) : .several(left)
        if left.isEmpty { index.remove(tail.family) }
    }
}
