// Directories as they were listed once, for who looks at many files in them: ten thousand paths beside each other would
// else cost ten thousand listings of twenty thousand names.

internal import Bytes
internal import Platform

package struct ListedDirectories {
    /// Of more, those that were listed before are listed again: who asks goes from directory to directory.
    private static let nameLimit = 100_000

    private var names: [Path: [Path]] = [:]
    private var count = 0

    package init() {}

    /// A path, and the names beside it under which its rotated files or copies may stand, in order: what is there.
    ///
    /// - Throws: what listing the directory throws, each time.
    mutating func places(of path: Path) throws(Errno) -> [Path] {
        let (directory, own) = splitPath(path)
        if names[directory] == nil {
            let entries = try directoryEntries(directory)
            if count > Self.nameLimit { (names, count) = ([:], 0) }
            count += entries.count
            names[directory] = entries
        }
        let all = names[directory] ?? []
        let prefix = stem(of: own)
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        return all[low...].prefix { $0.hasPrefix(prefix) }
            .filter { $0 == own || mayBeCopyName($0, of: own) }.map { directory / $0 }
    }

    /// The same without the path itself.
    mutating func siblings(of path: Path) throws(Errno) -> [Path] { try places(of: path).filter { $0 != path } }
}
