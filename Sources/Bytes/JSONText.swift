// Writing JSON (RFC 8259) into a buffer that the caller keeps.
//
// Whatever the bytes are, what comes out is valid UTF-8: a sequence that is not is replaced by U+FFFD, and counted,
// because a receiver would refuse the whole batch for it.

extension [UInt8] {
    /// Appends `text` as a JSON string, quotes included. Returns how many invalid sequences were replaced.
    @discardableResult
    package mutating func append(jsonString text: borrowing RawSpan) -> Int {
        unsafe text.withUnsafeBytes { unsafe append(jsonString: $0) }
    }

    @discardableResult
    package mutating func append(jsonString text: String) -> Int {
        var text = text
        return text.withUTF8 { unsafe append(jsonString: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a range of another buffer as a JSON string.
    @discardableResult
    package mutating func append(jsonString range: Range<Int>, of bytes: borrowing [UInt8]) -> Int {
        append(jsonString: unsafe bytes.span.bytes.extracting(range))
    }

    @unsafe private mutating func append(jsonString text: UnsafeRawBufferPointer) -> Int {
        var replaced = 0
        append(UInt8(ascii: "\""))
        var index = 0
        let count = text.count
        while index < count {
            let plain = unsafe text.plainRun(from: index)
            if plain > index {
                unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: text[index..<plain]))
                index = plain
                if index == count { break }
            }
            let byte = unsafe text[index]
            if byte < 0x80 {
                append(escape: byte)
                index += 1
            } else {
                let length = unsafe text.sequenceLength(at: index)
                if length > 0 {
                    unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: text[index..<index + length]))
                    index += length
                } else {
                    append("\u{FFFD}")
                    replaced += 1
                    index += 1
                }
            }
        }
        append(UInt8(ascii: "\""))
        return replaced
    }

    private mutating func append(escape byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\t"): append("\\t")
        case UInt8(ascii: "\r"): append("\\r")
        default:
            append("\\u00")
            append(hexadecimal: byte)
        }
    }

    /// Two lower-case digits.
    package mutating func append(hexadecimal byte: UInt8) {
        for digit in [byte >> 4, byte & 15] {
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte from `start` that is a quote, a backslash, a control character or not ASCII; `count` if none is.
    fileprivate func plainRun(from start: Int) -> Int {
        typealias Block = SIMD32<UInt8>
        var index = start
        while index + Block.scalarCount <= count {
            let block = unsafe loadUnaligned(fromByteOffset: index, as: Block.self)
            let special =
                (block .< 0x20) .| (block .>= 0x80) .| (block .== UInt8(ascii: "\"")) .| (block .== UInt8(ascii: "\\"))
            if any(special) { break }
            index += Block.scalarCount
        }
        while index < count {
            let byte = unsafe self[index]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            index += 1
        }
        return index
    }

    /// 2 to 4 for a valid UTF-8 sequence of more than one byte at `index`, else 0. See RFC 3629, section 4.
    fileprivate func sequenceLength(at index: Int) -> Int {
        let first = unsafe self[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)  // no surrogates
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)  // nothing above U+10FFFF
        default: return 0
        }
        guard index + length <= count, unsafe second.contains(self[index + 1]) else { return 0 }
        for offset in stride(from: 2, to: length, by: 1) where unsafe self[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
