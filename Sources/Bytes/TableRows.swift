// Reading a table row by row: a row that cannot be read is left out and counted, and its neighbours hold.

/// How many rows of a table were read, and how many were left out.
package struct RowTally: Equatable, Sendable {
    package var read = 0
    package var skipped = 0
    /// Why the first of those was left out.
    package var firstProblem: ParseError?

    package init() {}
}

extension ByteCursor {
    /// Reads one row with `body`, and goes on behind it: at the line that `body` has come to the start of, or at the
    /// next one when it stopped inside a line. What `body` throws costs this row alone: as many lines as it has looked
    /// at.
    ///
    /// `body` takes back what it has already added to a table before it throws.
    package mutating func row(_ body: (inout ByteCursor) throws(ParseError) -> Void) {
        let start = index
        // An empty line is no row, and holds nothing that could be lost.
        if index >= end || bytes[index] == UInt8(ascii: "\n") { return skipToNextLine() }
        do throws(ParseError) {
            try body(&self)
            rows.read += 1
        } catch {
            rows.skipped += 1
            if rows.firstProblem == nil { rows.firstProblem = error }
        }
        if index == start || bytes[index - 1] != UInt8(ascii: "\n") { skipToNextLine() }
    }

    /// For a text that is the same as at the last reading, and need not be read again: how its rows fared then.
    package mutating func assume(_ rows: RowTally) { self.rows = rows }
}
