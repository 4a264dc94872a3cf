// What could not be read of tables that hold all the same: rows, and files of single devices and processes. One odd row
// costs itself and never its neighbours, and somebody has to say so.
//
// Readers note it where they are, far below whoever counts it: a collector need not pass it on, and cannot forget to.

package import Bytes
internal import Platform

/// What was left out while a collector read. Belongs to one thread at a time.
package final class SkippedRows {
    /// A file in which something could not be read.
    package struct File: Equatable, Sendable {
        package var path: String
        package var rows: Int
        /// The first of them: its line, and what was expected there.
        package var problem: ParseError
    }

    /// Files that are told apart; what is wrong with others is counted alone. Whoever reads their names in a log has
    /// seen enough by then.
    package static let fileLimit = 20

    private static let scope = ThreadScope<SkippedRows>()

    /// In the order in which they were met.
    package private(set) var files: [File] = []
    /// In all files, also in those that are not told apart.
    package private(set) var count = 0

    package init() {}

    package func removeAll() {
        files.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Takes what readers leave out while `body` runs on this thread.
    package func gather<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Self.scope.with(self, body)
    }

    /// For readers: `rows` of a file were left out. Goes nowhere when nobody gathers.
    package static func note(_ rows: Int = 1, of path: String, _ problem: ParseError) {
        scope.value?.take(rows, path, problem)
    }

    private func take(_ rows: Int, _ path: String, _ problem: ParseError) {
        count += rows
        if let index = files.firstIndex(where: { $0.path == path }) {
            files[index].rows += rows
        } else if files.count < Self.fileLimit {
            files.append(File(path: path, rows: rows, problem: problem))
        }
    }
}

extension ByteCursor {
    /// What `parse` finds in the text of a file. Rows that it left out are noted; a table of which it could read no row
    /// is an error.
    mutating func value<Value>(
        of path: @autoclosure () -> String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> Value {
        let value: Value
        do throws(ParseError) { value = try parse(&self) } catch {
            throw .malformed(path: path(), rows.firstProblem ?? error)
        }
        if let problem = rows.firstProblem {
            guard rows.read > 0 else { throw .malformed(path: path(), problem) }
            SkippedRows.note(rows.skipped, of: path(), problem)
        }
        return value
    }
}
