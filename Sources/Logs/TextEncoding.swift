// What the bytes of a log file mean, and where its lines end.

internal import Bytes

package enum TextEncoding: String, CaseIterable, Sendable {
    case utf8 = "utf-8"
    /// In the order that the mark at the beginning of the file tells; without one, the low byte first.
    case utf16 = "utf-16"
    case utf16LittleEndian = "utf-16le"
    case utf16BigEndian = "utf-16be"
    /// ISO 8859-1: each byte is the character of that number.
    case latin1 = "latin-1"
}

/// What ends a line.
package enum LineEnd: String, CaseIterable, Sendable {
    /// LF, alone or after a CR.
    case lf
    /// A CR alone ends one as well.
    case any
}

/// How the text of one file is read: its encoding, and for UTF-16 the order of its bytes.
package struct TextForm: Sendable, Equatable {
    package let encoding: TextEncoding
    package let lineEnd: LineEnd
    /// The high byte comes first.
    private var isBigEndian: Bool

    package init(_ encoding: TextEncoding = .utf8, _ lineEnd: LineEnd = .lf) {
        self.encoding = encoding
        self.lineEnd = lineEnd
        isBigEndian = encoding == .utf16BigEndian
    }

    /// Bytes as they are, to LF.
    var isPlain: Bool { encoding == .utf8 && lineEnd == .lf }
    package var unitBytes: Int { isWide ? 2 : 1 }
    private var isWide: Bool {
        switch encoding {
        case .utf16, .utf16LittleEndian, .utf16BigEndian: true
        case .utf8, .latin1: false
        }
    }

    /// Learns the order of bytes from the beginning of the file.
    package mutating func note(start: ArraySlice<UInt8>) {
        if encoding == .utf16 { isBigEndian = start.starts(with: [0xFE, 0xFF]) }
    }

    /// The length of the mark with which a file may begin, and which is no text of its own.
    func markBytes(_ start: ArraySlice<UInt8>) -> Int {
        switch encoding {
        case .utf8: start.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        case .latin1: 0
        case .utf16, .utf16LittleEndian, .utf16BigEndian:
            start.starts(with: isBigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE]) ? 2 : 0
        }
    }

    /// The NULs at the end of `buffer[..<count]`, as whole characters: bytes that may not be written yet.
    package func unwrittenBytes(_ buffer: [UInt8], upTo count: Int) -> Int {
        // Half a character waits for its other half.
        let odd = count % unitBytes
        if odd > 0, buffer[count - odd] != 0 { return 0 }
        var end = count - odd
        while end >= unitBytes, buffer[end - 1] == 0, buffer[end - unitBytes] == 0 { end -= unitBytes }
        return count - end
    }

    func unit(_ buffer: [UInt8], _ index: Int) -> UInt16 {
        guard isWide else { return UInt16(buffer[index]) }
        let (first, second) = (UInt16(buffer[index]), UInt16(buffer[index + 1]))
        return isBigEndian ? first << 8 | second : second << 8 | first
    }

    /// Appends the text of `buffer[range]` in UTF-8. Returns how often U+FFFD stands for what is half a pair. UTF-8
    /// itself is left as it is: the encoder of the output looks at it.
    func decode(_ buffer: [UInt8], _ range: Range<Int>, into text: inout [UInt8]) -> Int {
        if encoding == .utf8 {
            text.append(contentsOf: buffer[range])
            return 0
        }
        var replaced = 0
        var index = range.lowerBound
        while index + unitBytes <= range.upperBound {
            let unit = unit(buffer, index)
            index += unitBytes
            var scalar = UInt32(unit)
            if unit & 0xF800 == 0xD800 {
                if unit < 0xDC00, index + 2 <= range.upperBound, self.unit(buffer, index) & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(self.unit(buffer, index) & 0x3FF))
                    index += 2
                } else {
                    scalar = 0xFFFD
                    replaced += 1
                }
            }
            text.append(utf8: scalar)
        }
        return replaced
    }
}

extension [UInt8] {
    fileprivate mutating func append(utf8 scalar: UInt32) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3F) }
        switch scalar {
        case ..<0x80: append(UInt8(scalar))
        case ..<0x800:
            append(UInt8(0xC0 | scalar >> 6))
            append(tail(0))
        case ..<0x10000:
            append(UInt8(0xE0 | scalar >> 12))
            append(tail(6))
            append(tail(0))
        default:
            append(UInt8(0xF0 | scalar >> 18))
            append(tail(12))
            append(tail(6))
            append(tail(0))
        }
    }
}
