// /sys/fs/btrfs/<uuid>/commit_stats: how often and how long transactions were committed, since Linux 6.0. See
// fs/btrfs/sysfs.c.
//
//     commits 3
//     last_commit_ms 10
//     max_commit_ms 32
//     total_commit_ms 74

package import Bytes

package struct BtrfsCommits: Equatable, Sendable {
    package var count: UInt64?
    package var lastMilliseconds: UInt64?
    /// Of the longest since somebody wrote 0 to the file.
    package var longestMilliseconds: UInt64?
    package var totalMilliseconds: UInt64?

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> BtrfsCommits {
        var commits = BtrfsCommits()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let name = text.word()
                text.skipSpaces()
                guard let value = text.unsigned(), text.isAtLineEnd else { throw text.error("<name> <number>") }
                if text.has(name, "commits") {
                    commits.count = value
                } else if text.has(name, "last_commit_ms") {
                    commits.lastMilliseconds = value
                } else if text.has(name, "max_commit_ms") {
                    commits.longestMilliseconds = value
                } else if text.has(name, "total_commit_ms") {
                    commits.totalMilliseconds = value
                }
            }
        }
        return commits
    }
}
