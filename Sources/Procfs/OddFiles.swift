// Files of the kernel that hold what a collector cannot read: each is named once in the log, until all of it can be
// read again.

/// Of one collector, or one input. As many at a time as `SkippedRows` tells apart.
package struct OddFiles: Sendable {
    private var now: [SkippedRows.File] = []
    /// Paths that were named and not yet taken back.
    private var said: [String] = []

    package init() {}

    /// What the last reading found odd.
    package mutating func take(_ files: [SkippedRows.File]) {
        // Most often there is none, before and after.
        if !files.isEmpty || !now.isEmpty { now = files }
    }

    /// What has changed since the last call.
    package mutating func takeNews() -> (began: [SkippedRows.File], ended: [String]) {
        if now.isEmpty, said.isEmpty { return ([], []) }
        let began = now.filter { !said.contains($0.path) }
        let ended = said.filter { path in !now.contains { $0.path == path } }
        said = now.map(\.path)
        return (began, ended)
    }
}
