// What could not be read of tables that hold all the same: rows, files of single devices and processes, messages of
// netlink. One of them costs itself and never its neighbours, and somebody has to say so.
//
// Readers note it where they are, far below whoever counts it: a collector need not pass it on, and cannot forget to.

internal import Bytes
internal import Platform

/// What was left out while a collector read. Belongs to one thread at a time.
package final class SkippedRows {
    /// A file in which something could not be read, or of which nothing could.
    package struct File: Equatable, Sendable {
        /// Or what the kernel was asked for: `netlink RTM_GETLINK`.
        package var path: String
        package var rows: Int
        /// The first of them: its line, and what was expected there; else why the file could not be read.
        package var problem: String
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
    package static func note(
        _ rows: Int = 1, of path: @autoclosure () -> String, _ problem: @autoclosure () -> String
    ) {
        guard let gathered = scope.value else { return }
        gathered.count += rows
        let path = path()
        if let index = gathered.files.firstIndex(where: { $0.path == path }) {
            gathered.files[index].rows += rows
        } else if gathered.files.count < fileLimit {
            gathered.files.append(File(path: path, rows: rows, problem: problem()))
        }
    }

    package static func note(_ error: KernelFileError) {
        switch error {
        case .unreadable(let path, let errno): note(of: path, errno.description)
        case .malformed(let path, let problem): note(of: path, problem.description)
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
            SkippedRows.note(rows.skipped, of: path(), problem.description)
        }
        return value
    }
}
