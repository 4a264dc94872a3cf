// Files of shell assignments, of which /etc/os-release and /etc/selinux/config are read. See os-release(5).
//
//     # A comment.
//     NAME="Debian GNU/Linux"
//     VERSION_ID='12'
//     ID=debian

package import Bytes

package struct Assignments: Equatable, Sendable {
    private var values: [String: String] = [:]

    package init() {}

    /// Empty when nothing is assigned to the name.
    package subscript(name: String) -> String { values[name] ?? "" }

    /// The last assignment to a name holds, as in a shell. A line that is none is a row that is left out.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> Assignments {
        var assignments = Assignments()
        while !text.isAtEnd {
            text.skipSpaces()
            if text.next == UInt8(ascii: "#") {
                text.skipToNextLine()
            } else {
                text.row { text throws(ParseError) in try assignments.line(&text) }
            }
        }
        return assignments
    }

    private mutating func line(_ text: inout ByteCursor) throws(ParseError) {
        guard let name = text.upTo(UInt8(ascii: "=")), !name.isEmpty else { throw text.error("<NAME>=<value>") }
        let value = try Self.value(&text)
        values[text.text(name)] = String(decoding: value, as: UTF8.self)
    }

    private static func value(_ text: inout ByteCursor) throws(ParseError) -> [UInt8] {
        let backslash = UInt8(ascii: "\\")
        var value: [UInt8] = []
        guard let quote = text.next, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            let line = text.restOfLine()
            value.append(contentsOf: text.bytes[line])
            while let last = value.last, last <= UInt8(ascii: " ") { value.removeLast() }
            return value
        }
        _ = text.skip(byte: quote)
        while !text.isAtLineEnd, let byte = text.next {
            _ = text.skip(byte: byte)
            if byte == quote { return value }
            // Within single quotes a backslash is a backslash.
            if byte == backslash, quote == UInt8(ascii: "\""), !text.isAtLineEnd, let escaped = text.next {
                _ = text.skip(byte: escaped)
                value.append(escaped)
            } else {
                value.append(byte)
            }
        }
        throw text.error("a quote at the end of the value")
    }
}
