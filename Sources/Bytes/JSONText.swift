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

    /// How many bytes `range` is as text: each sequence that is not UTF-8 is the three of U+FFFD.
    package func textByteCount(of range: Range<Int>) -> Int {
        guard !isASCII(range) else { return range.count }
        return unsafe withUnsafeBytes { bytes in
            let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            var count = 0
            var at = 0
            while at < text.count {
                let length = unsafe text[at] < 0x80 ? 1 : text.sequenceLength(at: at)
                count += length == 0 ? 3 : length
                at += Swift.max(length, 1)
            }
            return count
        }
    }

    /// Appends a range of another buffer as text, with U+FFFD for each sequence that is not UTF-8.
    package mutating func append(repairing range: Range<Int>, of bytes: borrowing [UInt8]) {
        guard !bytes.isASCII(range) else { return append(contentsOf: bytes[range]) }
        unsafe bytes.withUnsafeBytes { bytes in
            let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            var at = 0
            while at < text.count {
                let length = unsafe text[at] < 0x80 ? 1 : text.sequenceLength(at: at)
                if length == 0 { append("\u{FFFD}") } else { unsafe append(contentsOf: text[at..<at + length]) }
                at += Swift.max(length, 1)
            }
        }
    }

    /// All of it is at most so long in a JSON string.
    package var jsonByteBound: Int {
        reduce(2) { count, byte in
            switch byte {
            case ..<0x20: count + 6
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): count + 2
            case ..<0x80: count + 1
            // Alone it is none of UTF-8.
            default: count + 3
            }
        }
    }

    /// Where the first sequence begins that is not UTF-8; nil when all of it is.
    package var firstIndexNotUTF8: Int? {
        if isASCII(indices) || String(validating: self, as: UTF8.self) != nil { return nil }
        return unsafe withUnsafeBytes { bytes in
            var at = 0
            while at < bytes.count {
                let length = unsafe bytes[at] < 0x80 ? 1 : bytes.sequenceLength(at: at)
                if length == 0 { return at }
                at += length
            }
            return nil
        }
    }

    /// Two lower-case digits.
    package mutating func append(hexadecimal byte: UInt8) {
        for digit in [byte >> 4, byte & 15] { append(digit.hexadecimalText) }
    }

    /// Written piece by piece into memory that is reserved but not yet initialised: an append for each run of plain
    /// text costs more than the text. A piece bounds what is reserved for the case that every byte of it is escaped.
    @unsafe private mutating func append(jsonString text: UnsafeRawBufferPointer) -> Int {
        let pieceBytes = 4_096
        var replaced = 0
        var index = 0
        append(UInt8(ascii: "\""))
        while index < text.count {
            let end = Swift.min(text.count, index + pieceBytes)
            // The longest escape is six bytes; a sequence may reach 3 bytes over the end, a block 7.
            append(addingCapacity: (end - index) * 6 + Block.byteCount) { output in
                unsafe output.withUnsafeMutableBufferPointer { output, count in
                    unsafe text.escape(from: &index, upTo: end, into: output, &count, &replaced)
                }
            }
        }
        append(UInt8(ascii: "\""))
        return replaced
    }
}

/// Eight bytes at a time, as one number: Swift's vectors of bytes compile to a comparison for each byte here.
private typealias Block = UInt64

extension UnsafeRawBufferPointer {
    /// Writes the bytes from `index` up to `end`, and the rest of a UTF-8 sequence that begins before it.
    @inline(__always)
    fileprivate func escape(
        from index: inout Int, upTo end: Int, into output: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int,
        _ replaced: inout Int
    ) {
        var at = index
        var writer = unsafe Writer(output.baseAddress, count)
        while at < end {
            // A block is copied whole before it is known how much of it is plain: what follows overwrites the rest.
            if at + Block.byteCount <= self.count {
                let block = unsafe loadUnaligned(fromByteOffset: at, as: Block.self)
                unsafe writer.put(block: block)
                let plain = Swift.min(block.plainPrefix, end - at)
                at += plain
                unsafe writer.count += plain
                if plain == Block.byteCount || at >= end { continue }
            }
            let byte = unsafe self[at]
            if byte.isPlain {
                unsafe writer.put(byte)
                at += 1
            } else if byte < 0x80 {
                unsafe writer.put(escape: byte)
                at += 1
            } else {
                let length = unsafe sequenceLength(at: at)
                for offset in 0..<length { unsafe writer.put(self[at + offset]) }
                if length == 0 {
                    // U+FFFD in UTF-8.
                    unsafe writer.put(0xEF)
                    unsafe writer.put(0xBF)
                    unsafe writer.put(0xBD)
                    replaced += 1
                }
                at += Swift.max(length, 1)
            }
        }
        index = at
        unsafe count = writer.count
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

/// The end of the text that is being written. Its memory was reserved for the worst case: nothing is checked here.
@unsafe private struct Writer {
    private let start: UnsafeMutableRawPointer
    var count: Int

    @inline(__always)
    init(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) {
        guard let start = unsafe start else { bug("no memory was reserved") }
        unsafe self.start = UnsafeMutableRawPointer(start)
        unsafe self.count = count
    }

    @inline(__always)
    func put(block: Block) { unsafe start.storeBytes(of: block, toByteOffset: count, as: Block.self) }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        unsafe start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        unsafe count += 1
    }

    @inline(__always)
    mutating func put(escape byte: UInt8) {
        unsafe put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\n"): unsafe put(UInt8(ascii: "n"))
        case UInt8(ascii: "\t"): unsafe put(UInt8(ascii: "t"))
        case UInt8(ascii: "\r"): unsafe put(UInt8(ascii: "r"))
        case 0..<0x20:
            unsafe put(UInt8(ascii: "u"))
            unsafe put(UInt8(ascii: "0"))
            unsafe put(UInt8(ascii: "0"))
            unsafe put((byte >> 4).hexadecimalText)
            unsafe put((byte & 15).hexadecimalText)
        default: unsafe put(byte)
        }
    }
}

extension Block {
    fileprivate static let byteCount = 8

    /// How many bytes come before the first quote, backslash, control character or byte that is not ASCII.
    @inline(__always)
    fileprivate var plainPrefix: Int {
        // A byte smaller than what is subtracted from it gets its high bit set, which those that are not ASCII have
        // already. What it borrows may set bits of bytes after it, never of those before, and only the first counts.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let text = UInt64(littleEndian: self)
        let control = text &- ones &* 0x20
        let quote = (text ^ ones &* UInt64(UInt8(ascii: "\""))) &- ones
        let backslash = (text ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
        return ((text | control | quote | backslash) & (ones &* 0x80)).trailingZeroBitCount / 8
    }
}

extension UInt8 {
    fileprivate var isPlain: Bool {
        self &- 0x20 < 0x60 && self != UInt8(ascii: "\"") && self != UInt8(ascii: "\\")
    }

    /// Of a number up to 15.
    fileprivate var hexadecimalText: UInt8 {
        self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "a") + self - 10
    }
}
