// `vitals cursors`: how far each route was acknowledged, as it is on the disk.

internal import Durable
package import Platform

/// One line for each route: input, output, and the cursor as its input wrote it.
///
/// - Throws: `Errno` when the state directory cannot be read.
package func cursorList(stateDirectory: String) throws(Errno) -> (text: String, problems: [String]) {
    _ = try FileStatus(of: stateDirectory)
    let (cursors, unusable) = try savedCursors(in: stateDirectory)
    let problems = unusable.map { "\($0.path): \($0.reason)" }
    guard !cursors.isEmpty else { return ("no cursors in \(stateDirectory)\n", problems) }
    var rows = [["INPUT", "OUTPUT", "CURSOR"]]
    for cursor in cursors {
        rows.append([cursor.input, cursor.output, String(decoding: cursor.json, as: UTF8.self)])
    }
    return (table(rows, leftColumns: 3), problems)
}
