// Reading JSON (RFC 8259), and its friendlier dialect for settings: // and /* */ comments, trailing commas.
// Every value knows where it stands, so that an error can name line and column.

/// Where a value begins; both count from 1. Columns count bytes.
package struct TextPosition: Sendable, Equatable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

package struct JSONError: Error, Equatable, CustomStringConvertible {
    package let position: TextPosition
    package let reason: String

    package var description: String { "\(position.line):\(position.column): \(reason)" }
}

package struct JSONValue: Sendable {
    package enum Content: Sendable {
        case null
        case bool(Bool)
        /// The text as written, so that large integers lose nothing.
        case number(String)
        case string(String)
        case array([JSONValue])
        /// In the order of the text; a key may stand twice, the reader decides what that means.
        case object([Member])
    }

    package struct Member: Sendable {
        package var key: String
        package var keyPosition: TextPosition
        package var value: JSONValue

        package init(key: String, keyPosition: TextPosition, value: JSONValue) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }
    }

    package var content: Content
    package var position: TextPosition

    package init(_ content: Content, at position: TextPosition) {
        self.content = content
        self.position = position
    }

    /// The value of the first member called `key`; nil when this is no object or has none.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var string: String? { if case .string(let text) = content { text } else { nil } }
    package var array: [JSONValue]? { if case .array(let values) = content { values } else { nil } }
    package var unsigned: UInt64? { if case .number(let text) = content { UInt64(text) } else { nil } }
    package var double: Double? { if case .number(let text) = content { Double(text) } else { nil } }
    package var bool: Bool? { if case .bool(let value) = content { value } else { nil } }
}

package enum JSONDialect: Sendable {
    case strict
    /// With comments and trailing commas; and what a person cannot have meant is refused, not repaired: bytes that are
    /// not UTF-8, a NUL, and half a surrogate pair.
    case settings
}

/// Parses a whole document.
package func parseJSON(_ bytes: [UInt8], _ dialect: JSONDialect = .strict) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes: bytes, dialect: dialect)
    if dialect == .settings { try parser.requireUTF8() }
    let value = try parser.value(depth: 0)
    try parser.skipBlank()
    guard parser.isAtEnd else { throw parser.error("expected the end of the text") }
    return value
}

private struct JSONParser {
    /// Deeper nesting would only be an attack on the stack.
    static let depthLimit = 64

    let bytes: [UInt8]
    let dialect: JSONDialect
    var index = 0
    var line = 1
    var lineStart = 0

    init(bytes: [UInt8], dialect: JSONDialect) {
        self.bytes = bytes
        self.dialect = dialect
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }  // a byte order mark says nothing here
    }

    /// Also in comments: an editor that saved them so saves names so.
    func requireUTF8() throws(JSONError) {
        guard let index = bytes.firstIndexNotUTF8 else { return }
        let before = bytes[..<index]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
        var byte: [UInt8] = []
        byte.append(hexadecimal: bytes[index])
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        throw JSONError(
            position: TextPosition(line: line, column: index - lineStart + 1),
            reason: isUTF16
                ? "the file is UTF-16; save it as UTF-8"
                : "the byte 0x\(String(decoding: byte, as: UTF8.self)) is not UTF-8; save the file as UTF-8. In a "
                    + "pattern, ? stands for any one byte of a name")
    }

    var isAtEnd: Bool { index >= bytes.count }
    var next: UInt8? { isAtEnd ? nil : bytes[index] }
    var position: TextPosition { TextPosition(line: line, column: index - lineStart + 1) }

    func error(_ reason: String) -> JSONError { JSONError(position: position, reason: reason) }

    mutating func skip(_ byte: Character) -> Bool {
        guard let next, next == byte.asciiValue else { return false }
        index += 1
        return true
    }

    mutating func skipBlank() throws(JSONError) {
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\n"):
                index += 1
                line += 1
                lineStart = index
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
            case UInt8(ascii: "/") where dialect == .settings: try skipComment()
            default: return
            }
        }
    }

    mutating func skipComment() throws(JSONError) {
        let start = error("expected a comment, // or /*")
        index += 1
        if skip("/") {
            while let byte = next, byte != UInt8(ascii: "\n") { index += 1 }
        } else if skip("*") {
            while !(next == UInt8(ascii: "*") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "/")) {
                guard let byte = next else { throw JSONError(position: start.position, reason: "comment has no end") }
                index += 1
                if byte == UInt8(ascii: "\n") {
                    line += 1
                    lineStart = index
                }
            }
            index += 2
        } else {
            throw start
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        try skipBlank()
        guard depth < Self.depthLimit else { throw error("nested deeper than \(Self.depthLimit)") }
        let start = position
        switch next {
        case UInt8(ascii: "{"): return JSONValue(.object(try members(depth: depth)), at: start)
        case UInt8(ascii: "["): return JSONValue(.array(try elements(depth: depth)), at: start)
        case UInt8(ascii: "\""): return JSONValue(.string(try string()), at: start)
        case let byte? where byte == UInt8(ascii: "-") || byte &- UInt8(ascii: "0") <= 9:
            return JSONValue(.number(try number()), at: start)
        default:
            if word("true") { return JSONValue(.bool(true), at: start) }
            if word("false") { return JSONValue(.bool(false), at: start) }
            if word("null") { return JSONValue(.null, at: start) }
            throw error("expected a value")
        }
    }

    mutating func word(_ text: String) -> Bool {
        guard bytes[index...].starts(with: text.utf8) else { return false }
        index += text.utf8.count
        return true
    }

    mutating func members(depth: Int) throws(JSONError) -> [JSONValue.Member] {
        index += 1
        var members: [JSONValue.Member] = []
        while true {
            try skipBlank()
            if members.isEmpty || dialect == .settings, skip("}") { return members }
            let start = position
            guard next == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
            let key = try string()
            try skipBlank()
            guard skip(":") else { throw error("expected ':' after the key \"\(key)\"") }
            members.append(.init(key: key, keyPosition: start, value: try value(depth: depth + 1)))
            try skipBlank()
            if skip("}") { return members }
            guard skip(",") else { throw error("expected ',' or '}' after the value of \"\(key)\"") }
        }
    }

    mutating func elements(depth: Int) throws(JSONError) -> [JSONValue] {
        index += 1
        var elements: [JSONValue] = []
        while true {
            try skipBlank()
            if elements.isEmpty || dialect == .settings, skip("]") { return elements }
            elements.append(try value(depth: depth + 1))
            try skipBlank()
            if skip("]") { return elements }
            guard skip(",") else { throw error("expected ',' or ']'") }
        }
    }

    mutating func number() throws(JSONError) -> String {
        let start = index
        _ = skip("-")
        if !skip("0") { try digits() }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    mutating func digits() throws(JSONError) {
        let start = index
        while let byte = next, byte &- UInt8(ascii: "0") <= 9 { index += 1 }
        guard index > start else { throw error("expected a digit") }
    }

    mutating func string() throws(JSONError) -> String {
        let start = position
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character stands in a string; write it as \\n, \\t or \\u00XX")
            default:
                text.append(byte)
                index += 1
            }
        }
        throw JSONError(position: start, reason: "string has no end")
    }

    mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        let start = position
        index += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[index])
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            index += 1
            let scalar = try scalar()
            if dialect == .settings, scalar == nil || scalar == "\0" {
                throw JSONError(
                    position: start,
                    reason: scalar == nil
                        ? "half a surrogate pair is no character; write both halves, or the character itself"
                        : "a NUL stands in no path and no name; in a pattern for texts, write \\\\x00")
            }
            text.append(contentsOf: String(scalar ?? "\u{FFFD}").utf8)
            return
        default: throw error("unknown escape; a backslash itself is written \\\\")
        }
        index += 1
    }

    /// The digits after `\u`, and those of the second half of a surrogate pair; nil for a half alone.
    mutating func scalar() throws(JSONError) -> Unicode.Scalar? {
        let first = try fourDigits()
        guard 0xD800..<0xDC00 ~= first else { return Unicode.Scalar(first) }
        let mark = index
        if skip("\\"), skip("u") {
            let second = try fourDigits()
            if 0xDC00..<0xE000 ~= second {
                return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            }
        }
        index = mark
        return nil
    }

    mutating func fourDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next?.hexadecimalDigit else { throw error("expected four hexadecimal digits after \\u") }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}
