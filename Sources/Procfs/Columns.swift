// Numbers in the columns of a table of /proc: each ends where its word ends.
//
//     ctxt 3329970
//
// `33?9970` is no 33: a number with something behind it is one that cannot be read.

internal import Bytes

extension ByteCursor {
    /// Whether white space or the end of the text follows.
    var isAtWordEnd: Bool { isAtLineEnd || next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") }

    /// The next number of a line of columns.
    mutating func column(_ expected: @autoclosure () -> String) throws(ParseError) -> UInt64 {
        skipSpaces()
        guard let number = unsigned(), isAtWordEnd else { throw error(expected()) }
        return number
    }

    /// The same for a number that may be below 0.
    mutating func signedColumn(_ expected: @autoclosure () -> String) throws(ParseError) -> Int64 {
        skipSpaces()
        guard let number = signed(), isAtWordEnd else { throw error(expected()) }
        return number
    }

    /// The same for a number with a fraction.
    mutating func decimalColumn(_ expected: @autoclosure () -> String) throws(ParseError) -> Double {
        skipSpaces()
        guard let number = decimal(), isAtWordEnd else { throw error(expected()) }
        return number
    }

    /// The same for a number in hexadecimal digits.
    mutating func hexadecimalColumn(_ expected: @autoclosure () -> String) throws(ParseError) -> UInt64 {
        skipSpaces()
        guard let number = hexadecimal(), isAtWordEnd else { throw error(expected()) }
        return number
    }
}
