// Files of bcachefs in sysfs that hold more than one value. See fs/bcachefs/sysfs.c and the principles of operation,
// https://bcachefs.org/bcachefs-principles-of-operation.pdf.

package import Bytes

/// counters/<name>: events of a file system.
///
///     since mount:                    1.2M
///     since filesystem creation:      30.7M
package enum BcachefsCounter {
    /// Since the file system was made.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> Double {
        while !text.isAtEnd {
            if text.skip("since filesystem creation:") {
                text.skipSpaces()
                guard let count = text.humanSize() else { break }
                return count
            }
            text.skipToNextLine()
        }
        throw text.error("since filesystem creation: <number>")
    }
}

/// compression_stats, btree_write_stats: a heading, and a line for each kind, of which the first two numbers are read.
///
///     type              compressed    uncompressed     average extent size
///     lz4                     200M            400M                   60.5k
///
///                nr        size
///     initial:   19088     108k
package enum BcachefsTable {
    package struct Row: Equatable, Sendable {
        package var name: String
        package var first: Double
        package var second: Double
    }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [Row] {
        text.skipToNextLine()
        var rows: [Row] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                text.skipSpaces()
                if text.isAtLineEnd { return }
                var name = text.word()
                if text.bytes[name].last == UInt8(ascii: ":") { name = name.lowerBound..<name.upperBound - 1 }
                text.skipSpaces()
                guard let first = text.humanSize() else { throw text.error("<kind> <number> <number>") }
                text.skipSpaces()
                guard let second = text.humanSize() else { throw text.error("<kind> <number> <number>") }
                rows.append(Row(name: text.text(name), first: first, second: second))
            }
        }
        return rows
    }
}

/// errors: inconsistencies that were found, by what they are, with the time of the last.
///
///     btree_node_read_err     5   1741805462
package enum BcachefsErrors {
    package static func parse(
        _ text: inout ByteCursor
    ) throws(ParseError) -> [(kind: String, count: UInt64)] {
        var errors: [(kind: String, count: UInt64)] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                text.skipSpaces()
                if text.isAtLineEnd { return }
                let kind = text.word()
                let count = try text.column("<kind> <count>")
                errors.append((text.text(kind), count))
            }
        }
        return errors
    }
}

/// dev-<number>/io_done, dev-<number>/io_errors: numbers under headings.
///
///     read:
///     sb          :       3989504
///     journal     :             0
///     write:
///     sb          :        634880
///
///     IO errors since filesystem creation
///       read:    197346
///     IO errors since 8 y ago
///       read:    4
package enum BcachefsDeviceIO {
    package struct Number: Equatable, Sendable {
        package var heading: String
        package var name: String
        package var value: UInt64
    }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [Number] {
        var heading = ""
        var numbers: [Number] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                text.skipSpaces()
                guard let name = text.upTo(UInt8(ascii: ":")) else {
                    let line = text.restOfLine()
                    if !line.isEmpty { heading = text.text(line) }
                    return
                }
                text.skipSpaces()
                if text.isAtLineEnd {
                    heading = text.text(name)
                } else {
                    let value = try text.column("<name>: <number>")
                    numbers.append(Number(heading: heading, name: trimmed(name, in: text), value: value))
                }
            }
        }
        return numbers
    }

    /// Names are padded to one width.
    private static func trimmed(_ name: Range<Int>, in text: ByteCursor) -> String {
        var end = name.upperBound
        while end > name.lowerBound, text.bytes[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        return text.text(name.lowerBound..<end)
    }
}
