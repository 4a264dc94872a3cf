// The entries of a cursor log as they are read, line by line. CursorLine has their form.

internal import Bytes
internal import Durable
internal import Platform

/// Files and floors, by their entries in the log.
struct SavedFileEntries {
    /// By entry. `order` is that in which they were last put.
    var files: [UInt64: (cursor: FileCursor, order: Int, isDoubtful: Bool)] = [:]
    var floors: [UInt64: (path: Path, time: Int64)] = [:]
    private var nextOrder = 0

    mutating func put(_ file: FileCursor, _ line: CursorLine) {
        files[line.key] = (file, nextOrder, line.isDoubtful)
        nextOrder += 1
    }

    mutating func remove(_ line: CursorLine) {
        guard !line.isDoubtful else {
            files[line.key]?.isDoubtful = true
            return
        }
        files[line.key] = nil
        floors[line.key] = nil
    }

    /// What is doubtful stands in for a file of which nothing else is said.
    var inOrder: [FileCursor] {
        let certain = Set(files.values.lazy.filter { !$0.isDoubtful }.map(\.cursor.id))
        return files.values.filter { !$0.isDoubtful || !certain.contains($0.cursor.id) }
            .sorted { $0.order < $1.order }.map(\.cursor)
    }
}
