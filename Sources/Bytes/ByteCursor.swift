// The reader that every parser of kernel files is written with: forward only, bounds checked, no copies.

/// Why some bytes could not be parsed. The path is added by whoever read the file.
package struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The first line is 1.
    package let line: Int
    package let expected: String

    package init(line: Int, expected: String) {
        self.line = line
        self.expected = expected
    }

    package var description: String { "line \(line): expected \(expected)" }
}

/// A forward-only reader over bytes that were read whole.
///
/// It owns its array rather than borrowing a `Span`: storing one needs an experimental feature, and this measured the
/// same. A buffer that is kept between readings goes in with `init(_:count:)` and comes back from `bytes`.
package struct ByteCursor {
    package private(set) var bytes: [UInt8]
    /// The first byte after the text; the buffer may be longer.
    package let end: Int
    package private(set) var index = 0
    /// How the rows fared that were read with `row`.
    package internal(set) var rows = RowTally()

    /// Reads the first `count` bytes, or all of them.
    package init(_ bytes: consuming [UInt8], count: Int? = nil) {
        let length = bytes.count
        end = min(count ?? length, length)
        self.bytes = bytes
    }

    package init(_ text: String) { self.init([UInt8](text.utf8)) }

    /// Gives the buffer back to its owner, leaving nothing behind that would make the next write copy it.
    package mutating func takeBytes() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }

    package var isAtEnd: Bool { index >= end }
    package var isAtLineEnd: Bool { isAtEnd || bytes[index] == UInt8(ascii: "\n") }

    /// The byte at the cursor, nil at the end.
    package var next: UInt8? { index < end ? bytes[index] : nil }

    /// Counted only when asked for, which is when something is wrong.
    package var line: Int {
        var line = 1
        for at in 0..<min(index, end) where bytes[at] == UInt8(ascii: "\n") { line += 1 }
        return line
    }

    package func error(_ expected: String) -> ParseError { ParseError(line: line, expected: expected) }

    /// Steps over `literal`, or stays put and returns false.
    package mutating func skip(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard end - index >= count else { return false }
        let isThere = literal.withUTF8Buffer { literal in
            for offset in 0..<count where unsafe bytes[index + offset] != literal[offset] { return false }
            return true
        }
        if isThere { index += count }
        return isThere
    }

    /// Whether `literal` stands at the cursor, which stays put.
    package func begins(with literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        return end - index >= count && has(index..<index + count, literal)
    }

    package mutating func skip(byte: UInt8) -> Bool {
        guard index < end, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// The first place from the cursor on whose byte is of a kind; the end when there is none. Half of what reading a
    /// table costs is spent here: the bounds, which `end` keeps, are not checked for each byte.
    @inline(__always) private func first(where isOfKind: (UInt8) -> Bool) -> Int {
        let text = bytes.span
        let end = end
        var at = index
        while at < end, unsafe !isOfKind(text[unchecked: at]) { at += 1 }
        return at
    }

    /// Steps over spaces and tabs.
    package mutating func skipSpaces() { index = first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } }

    package mutating func skipToLineEnd() { index = first { $0 == UInt8(ascii: "\n") } }

    package mutating func skipToNextLine() {
        skipToLineEnd()
        if index < end { index += 1 }
    }

    /// Decimal digits; nil when there are none, or too many for 64 bits.
    package mutating func unsigned() -> UInt64? {
        let start = index
        var value: UInt64
        (value, index) = sureDigits()
        while index < end {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else {
                index = start
                return nil
            }
            value = sum
            index += 1
        }
        return index == start ? nil : value
    }

    /// The value of the digits at the cursor, as long as they fit in any case, and where they end.
    private func sureDigits() -> (value: UInt64, end: Int) {
        let text = bytes.span
        let end = min(end, index + 19)
        var (value, at): (UInt64, Int) = (0, index)
        while at < end {
            let digit = unsafe text[unchecked: at] &- UInt8(ascii: "0")
            if digit > 9 { break }
            value = value &* 10 &+ UInt64(digit)
            at += 1
        }
        return (value, at)
    }

    /// Digits with an optional minus sign.
    package mutating func signed() -> Int64? {
        let start = index
        let isNegative = skip(byte: UInt8(ascii: "-"))
        // The negative range is one longer.
        guard let magnitude = unsigned(), magnitude <= Int64.max.magnitude + (isNegative ? 1 : 0) else {
            index = start
            return nil
        }
        return isNegative ? Int64(truncatingIfNeeded: 0 &- magnitude) : Int64(magnitude)
    }

    /// Hexadecimal digits, with or without `0x`.
    package mutating func hexadecimal() -> UInt64? {
        let beginning = index
        _ = skip("0x")
        let start = index
        var value: UInt64 = 0
        while index < end, let digit = bytes[index].hexadecimalDigit {
            guard value >> 60 == 0 else {
                index = beginning
                return nil
            }
            value = value << 4 | UInt64(digit)
            index += 1
        }
        guard index > start else {
            index = beginning
            return nil
        }
        return value
    }

    /// A number as the kernel writes fractions: `0.20`, `-3`, `12`. No exponent.
    package mutating func decimal() -> Double? {
        let start = index
        let isNegative = skip(byte: UInt8(ascii: "-"))
        guard let whole = unsigned() else {
            index = start
            return nil
        }
        var value = Double(whole)
        if index + 1 < end, bytes[index] == UInt8(ascii: "."), bytes[index + 1] &- UInt8(ascii: "0") <= 9 {
            index += 1
            let fractionStart = index
            guard let fraction = unsigned() else {
                index = start
                return nil
            }
            // Divided once, so that 0.29 is the double nearest to 0.29.
            var scale = 1.0
            for _ in fractionStart..<index { scale *= 10 }
            value = (value * scale + Double(fraction)) / scale
        }
        return isNegative ? -value : value
    }

    /// The bytes up to the next space, tab or line end; empty when there are none.
    package mutating func word() -> Range<Int> {
        let start = index
        // Nearly all bytes are beyond a space, and one comparison tells.
        index = first {
            $0 <= UInt8(ascii: " ")
                && ($0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n"))
        }
        return start..<index
    }

    /// The bytes before `stop`, on this line; nil, and the cursor stays, when the line has no `stop`. Steps over it.
    package mutating func upTo(_ stop: UInt8) -> Range<Int>? {
        var at = index
        while at < end, bytes[at] != UInt8(ascii: "\n") {
            if bytes[at] == stop {
                let found = index..<at
                index = at + 1
                return found
            }
            at += 1
        }
        return nil
    }

    /// The bytes before the last `stop` of all the text, line ends among them; nil, and the cursor stays, when there is
    /// none. Steps over it.
    package mutating func upToLast(_ stop: UInt8) -> Range<Int>? {
        guard let last = bytes[index..<end].lastIndex(of: stop) else { return nil }
        defer { index = last + 1 }
        return index..<last
    }

    /// The rest of the line, without its end.
    package mutating func restOfLine() -> Range<Int> {
        let start = index
        skipToLineEnd()
        return start..<index
    }

    package func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    package func has(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        guard range.count == literal.utf8CodeUnitCount else { return false }
        return literal.withUTF8Buffer { literal in
            for offset in 0..<range.count where unsafe bytes[range.lowerBound + offset] != literal[offset] {
                return false
            }
            return true
        }
    }
}

extension UInt8 {
    /// A decimal digit in ASCII.
    package var isDigit: Bool { self &- UInt8(ascii: "0") <= 9 }

    /// 0 to 15, nil for anything else.
    package var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
