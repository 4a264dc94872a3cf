// How often one file is read while very many are written to. A turn costs some system calls, whether it finds one line
// or a hundred: ten lines a second in each of a thousand files need not be ten thousand turns.

internal import Platform

struct ReadPace {
    /// The longest that a line waits for this reason, and how long the files are counted that were read.
    static let spacingLimit: Duration = .milliseconds(250)
    /// Files that are read within that time before a line waits so long; with fewer it waits less.
    private static let fileCount = 1_000
    /// Less is not worth a wait: what was read waits for its batch as long.
    private static let spacingMinimum: Duration = .milliseconds(20)

    /// While files wait for that: each event would wake us, only to find that it is too early.
    static let eventSpacing: Duration = .milliseconds(40)

    /// How long a file is left alone after it was read, though it was written to.
    private(set) var spacing: Duration = .zero
    private var begin: Instant
    private var readCount = 0

    init(at now: Instant) { begin = now }

    /// A file has its turn now. `last` is when it had the one before.
    mutating func noteTurn(last: Instant, at now: Instant) {
        if begin + Self.spacingLimit <= now {
            let wanted = Self.spacingLimit / Self.fileCount * min(readCount, Self.fileCount)
            spacing = wanted < Self.spacingMinimum ? .zero : wanted
            (begin, readCount) = (now, 0)
        }
        if last < begin || readCount == 0 { readCount += 1 }
    }
}
