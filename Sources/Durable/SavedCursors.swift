// All cursors in a state directory, for `vitals cursors`: those of a running agent too, which nothing here touches.

internal import Bytes
package import Platform

/// One saved cursor.
package struct SavedCursor: Sendable {
    package let input: String
    package let output: String
    package let replay: CursorReplay
    /// Lines of its log that cannot be used.
    package let damagedLineCount: UInt64
    package let path: String
}

/// All cursors in a state directory, by name; and the files that cannot be used, each with the reason.
///
/// - Throws: `Errno` when the directory cannot be listed. One that is not there has no cursors.
package func savedCursors(
    in stateDirectory: String
) throws(Errno) -> (cursors: [SavedCursor], unusable: [(path: String, reason: String)]) {
    let directory = cursorDirectory(of: stateDirectory)
    let entries: [Path]
    do throws(Errno) { entries = try directoryEntries(Path(directory)) } catch {
        guard error == .notFound else { throw error }
        return ([], [])
    }
    var names: Set<Path> = []
    for entry in entries {
        for ending in [CursorSuffix.log, CursorSuffix.earlier] {
            // A copy whose file was being replaced stands for it.
            for suffix in ["", CursorSuffix.new, CursorSuffix.old] where entry.hasSuffix(ending + suffix) {
                names.insert(Path(entry.bytes.dropLast(ending.utf8.count + suffix.utf8.count)))
            }
        }
    }
    var cursors: [SavedCursor] = []
    var unusable: [(path: String, reason: String)] = []
    for name in names.sorted() {
        guard let text = name.text else { continue }  // None of ours: those are ASCII.
        let path = "\(directory)/\(text)\(CursorSuffix.log)"
        let files = CursorFiles(path: path, HostCursorDisk())
        let (replay, damaged): (CursorReplay, UInt64)
        switch files.choice(ofRoute: nil) {
        case .none:
            // A first snapshot that is not finished says nothing yet.
            unusable += files.problems
            continue
        case .log(let log, _): (replay, damaged) = (log.replay, log.damagedLineCount)
        case .file(let file): (replay, damaged) = (file, 0)
        }
        let route = files.route ?? (text, "?")
        cursors.append(
            SavedCursor(
                input: route.input, output: route.output, replay: replay, damagedLineCount: damaged, path: path))
    }
    return (cursors, unusable)
}
