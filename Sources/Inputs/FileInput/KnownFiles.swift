// Cursors of files that are not followed now, found by identity and by path.

internal import Platform

struct KnownFiles {
    private var files: [FileID: FileCursor] = [:]
    private var idsByPath: [String: Set<FileID>] = [:]

    /// Those that were not found when they were last looked for, and since when: a listing can miss what is being
    /// renamed.
    private(set) var missing: [FileID: Instant] = [:]

    var isEmpty: Bool { files.isEmpty }
    var all: [FileCursor] { Array(files.values) }
    var paths: [String] { Array(idsByPath.keys) }

    /// In the order of their inodes, so that the same files give the same answer.
    func of(_ path: String) -> [FileCursor] {
        (idsByPath[path] ?? []).compactMap { files[$0] }.sorted { $0.id.inode < $1.id.inode }
    }

    var missingPaths: Set<String> { Set(missing.keys.compactMap { files[$0]?.path }) }

    /// Returns since when it has been missing.
    mutating func noteMissing(_ id: FileID, at now: Instant) -> Instant {
        let since = missing[id] ?? now
        missing[id] = since
        return since
    }

    mutating func notePresent(_ id: FileID) { missing[id] = nil }

    subscript(id: FileID) -> FileCursor? {
        get { files[id] }
        set {
            if let old = files[id] {
                idsByPath[old.path]?.remove(id)
                if idsByPath[old.path]?.isEmpty == true { idsByPath[old.path] = nil }
            }
            files[id] = newValue
            missing[id] = nil
            if let newValue { idsByPath[newValue.path, default: []].insert(id) }
        }
    }
}
