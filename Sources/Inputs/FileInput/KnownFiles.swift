// Cursors of files that are not followed now, found by identity and by path.

internal import Platform

struct KnownFiles {
    private var files: [FileID: FileCursor] = [:]
    private var idsByPath: [String: Set<FileID>] = [:]

    var isEmpty: Bool { files.isEmpty }
    var all: [FileCursor] { Array(files.values) }
    var paths: [String] { Array(idsByPath.keys) }

    /// In the order of their inodes, so that the same files give the same answer.
    func of(_ path: String) -> [FileCursor] {
        (idsByPath[path] ?? []).compactMap { files[$0] }.sorted { $0.id.inode < $1.id.inode }
    }

    subscript(id: FileID) -> FileCursor? {
        get { files[id] }
        set {
            if let old = files[id] {
                idsByPath[old.path]?.remove(id)
                if idsByPath[old.path]?.isEmpty == true { idsByPath[old.path] = nil }
            }
            files[id] = newValue
            if let newValue { idsByPath[newValue.path, default: []].insert(id) }
        }
    }
}
