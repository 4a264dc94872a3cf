// Directories as they were listed once, for who looks at many files in them: ten thousand paths beside each other would
// else cost ten thousand listings of twenty thousand names.

internal import Bytes
internal import Platform

package struct ListedDirectories {
    private var names: [Path: [Path]] = [:]

    package init() {}

    /// The names beside a path that may be those of its rotated files or copies, in order.
    ///
    /// - Throws: what listing the directory throws, each time.
    mutating func siblings(of path: Path) throws(Errno) -> (directory: Path, names: [Path]) {
        let (directory, own) = splitPath(path)
        if names[directory] == nil {
            names[directory] = try directoryEntries(directory)
        }
        let all = names[directory] ?? []
        let prefix = stem(of: own)
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        return (directory, all[low...].prefix { $0.hasPrefix(prefix) }.filter { mayBeCopyName($0, of: own) })
    }
}
