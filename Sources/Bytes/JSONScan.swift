// Finding what stands in one JSON object (RFC 8259) of a log line: one pass, nothing copied, nothing decoded. For
// documents, which want positions in their errors, there is JSONValue.swift.

/// A name and its value, as ranges of the bytes that were scanned.
package struct JSONMember: Sendable {
    package enum Kind: Sendable {
        /// The range is what stands between the quotes.
        case string
        case number
        case boolean
        case null
        /// Its members follow, and name this one as their parent.
        case object
        /// An array, an empty object, or an object that is nested too deep: its text.
        case text
    }

    package let name: Range<Int>
    package fileprivate(set) var value: Range<Int>
    /// The index of the member whose value this one stands in; -1 at the top.
    package let parent: Int
    package let kind: Kind
    package let nameHasEscapes: Bool
    package let valueHasEscapes: Bool
}

package enum JSONScan: Sendable {
    case isObject
    /// Some other value, no JSON, or more than one object.
    case isNone
    /// The first members were taken; what follows was not looked at.
    case hasMoreMembers
}

extension [UInt8] {
    /// Appends the members of the object that `range` is, those of objects within it flat behind their own.
    ///
    /// Takes control characters in strings, and escapes that there are not: no line is given up for them. What stands
    /// in arrays is only looked at for its end.
    package func scanJSONObject(
        _ range: Range<Int>, depthLimit: Int, memberLimit: Int, into members: inout [JSONMember]
    ) -> JSONScan {
        guard range.lowerBound >= 0, range.upperBound <= count else { bug("a scan outside the buffer") }
        return unsafe withUnsafeBytes { bytes in
            var scanner = unsafe JSONScanner(bytes: bytes, index: range.lowerBound, end: range.upperBound)
            return unsafe scanner.object(depthLimit: depthLimit, memberLimit: memberLimit, into: &members)
        }
    }

    /// Appends what a JSON string says, of which `range` of this array is the inside, and returns where it stands. An
    /// escape that there is not stays as it is; half a surrogate pair becomes U+FFFD.
    package mutating func append(decodingJSON range: Range<Int>) -> Range<Int> {
        let start = count
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = self[at]
            at += 1
            guard byte == UInt8(ascii: "\\"), at < range.upperBound else {
                append(byte)
                continue
            }
            let kind = self[at]
            at += 1
            switch kind {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): append(kind)
            case UInt8(ascii: "b"): append(0x08)
            case UInt8(ascii: "f"): append(0x0C)
            case UInt8(ascii: "n"): append(0x0A)
            case UInt8(ascii: "r"): append(0x0D)
            case UInt8(ascii: "t"): append(0x09)
            case UInt8(ascii: "u"):
                if let scalar = jsonScalar(&at, range.upperBound) {
                    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(byte) }
                } else {
                    append(byte)
                    append(kind)
                }
            default:
                append(byte)
                append(kind)
            }
        }
        return start..<count
    }

    /// The four digits at `at`, and the second half of a pair when they are the first; nil when they are no digits.
    private func jsonScalar(_ at: inout Int, _ end: Int) -> Unicode.Scalar? {
        guard let first = fourDigits(at, end) else { return nil }
        at += 4
        if 0xD800..<0xDC00 ~= first, at + 6 <= end, self[at] == UInt8(ascii: "\\"), self[at + 1] == UInt8(ascii: "u"),
            let second = fourDigits(at + 2, end), 0xDC00..<0xE000 ~= second
        {
            at += 6
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    private func fourDigits(_ at: Int, _ end: Int) -> UInt32? {
        guard at + 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in at..<at + 4 {
            guard let digit = self[index].hexadecimalDigit else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Appends a copy of some of its own bytes; a slice of itself would make it copy all of them.
    package mutating func append(copyOf range: Range<Int>) {
        reserveCapacity(count + range.count)
        for index in range { append(self[index]) }
    }
}

@unsafe private struct JSONScanner {
    let bytes: UnsafeRawBufferPointer
    var index: Int
    let end: Int

    /// What is only skipped nests no deeper: each level is one bit of a number.
    static let skippedDepthLimit = 64

    mutating func object(depthLimit: Int, memberLimit: Int, into members: inout [JSONMember]) -> JSONScan {
        let first = members.count
        var parent = -1
        var depth = 1
        unsafe skipBlank()
        guard unsafe skip("{") else { return .isNone }
        var isFirst = true
        while true {
            unsafe skipBlank()
            if isFirst, unsafe skip("}") {
                // Only the outermost comes here: an empty one within was taken as text.
                return unsafe isAtEnd ? .isObject : .isNone
            }
            guard members.count - first < memberLimit else { return .hasMoreMembers }
            guard unsafe skip("\""), let name = unsafe string() else { return .isNone }
            unsafe skipBlank()
            guard unsafe skip(":") else { return .isNone }
            unsafe skipBlank()
            guard let (kind, value, hasEscapes) = unsafe value(mayNest: depth < depthLimit) else { return .isNone }
            members.append(
                JSONMember(
                    name: name.range, value: value, parent: parent, kind: kind, nameHasEscapes: name.hasEscapes,
                    valueHasEscapes: hasEscapes))
            isFirst = false
            if kind == .object {
                parent = members.count - 1
                depth += 1
                continue
            }
            // After a value: another, or the ends of objects.
            while true {
                unsafe skipBlank()
                if unsafe skip(",") { break }
                guard unsafe skip("}") else { return .isNone }
                depth -= 1
                guard depth > 0 else { return unsafe isAtEnd ? .isObject : .isNone }
                members[parent].value = unsafe members[parent].value.lowerBound..<index
                parent = members[parent].parent
            }
        }
    }

    /// Nothing but blanks is left.
    private var isAtEnd: Bool {
        mutating get {
            unsafe skipBlank()
            return unsafe index == end
        }
    }

    @inline(__always)
    private mutating func skipBlank() {
        while unsafe index < end {
            let byte = unsafe bytes[index]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            unsafe index += 1
        }
    }

    @inline(__always)
    private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard unsafe index < end, unsafe bytes[index] == UInt8(ascii: byte) else { return false }
        unsafe index += 1
        return true
    }

    /// The rest of a string whose quote was passed; nil when it has no end.
    @inline(__always)
    private mutating func string() -> (range: Range<Int>, hasEscapes: Bool)? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let start = unsafe index
        var hasEscapes = false
        while true {
            // Eight bytes at a time to the next quote or backslash. What a subtraction borrows sets only bits of bytes
            // after the first that was found.
            while unsafe index + 8 <= end {
                let block = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let quote = block ^ ones &* UInt64(UInt8(ascii: "\""))
                let backslash = block ^ ones &* UInt64(UInt8(ascii: "\\"))
                let found = ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & (ones &* 0x80)
                unsafe index += found.trailingZeroBitCount / 8
                if found != 0 { break }
            }
            while unsafe index < end, unsafe bytes[index] != UInt8(ascii: "\""),
                unsafe bytes[index] != UInt8(ascii: "\\")
            {
                unsafe index += 1
            }
            guard unsafe index < end else { return nil }
            if unsafe skip("\"") { return unsafe (start..<index - 1, hasEscapes) }
            hasEscapes = true
            unsafe index += 2
        }
    }

    @inline(__always)
    private mutating func value(mayNest: Bool) -> (kind: JSONMember.Kind, range: Range<Int>, hasEscapes: Bool)? {
        guard unsafe index < end else { return nil }
        let start = unsafe index
        switch unsafe bytes[index] {
        case UInt8(ascii: "\""):
            unsafe index += 1
            guard let (range, hasEscapes) = unsafe string() else { return nil }
            return (.string, range, hasEscapes)
        case UInt8(ascii: "{"):
            unsafe index += 1
            unsafe skipBlank()
            if mayNest, unsafe index < end, unsafe bytes[index] != UInt8(ascii: "}") {
                return (.object, start..<start, false)
            }
            unsafe index = start
            return unsafe skipNested() ? (.text, start..<index, false) : nil
        case UInt8(ascii: "["): return unsafe skipNested() ? (.text, start..<index, false) : nil
        case UInt8(ascii: "t"): return unsafe skip(word: "true") ? (.boolean, start..<index, false) : nil
        case UInt8(ascii: "f"): return unsafe skip(word: "false") ? (.boolean, start..<index, false) : nil
        case UInt8(ascii: "n"): return unsafe skip(word: "null") ? (.null, start..<index, false) : nil
        default: return unsafe skipNumber() ? (.number, start..<index, false) : nil
        }
    }

    private mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard unsafe end - index >= count else { return false }
        for offset in 0..<count where unsafe bytes[index + offset] != word.utf8Start[offset] { return false }
        unsafe index += count
        return true
    }

    private mutating func skipNumber() -> Bool {
        unsafe _ = skip("-")
        let start = unsafe index
        guard unsafe skipDigits() else { return false }
        // No zeros in front.
        if unsafe index - start > 1, unsafe bytes[start] == UInt8(ascii: "0") { return false }
        if unsafe skip("."), unsafe !skipDigits() { return false }
        guard unsafe skip("e") || skip("E") else { return true }
        unsafe _ = skip("+") || skip("-")
        return unsafe skipDigits()
    }

    private mutating func skipDigits() -> Bool {
        let start = unsafe index
        while unsafe index < end, unsafe bytes[index] &- UInt8(ascii: "0") <= 9 { unsafe index += 1 }
        return unsafe index > start
    }

    /// Steps over an array or an object; false when its brackets do not match.
    private mutating func skipNested() -> Bool {
        var isObject: UInt64 = 0
        var depth = 0
        while unsafe index < end {
            let byte = unsafe bytes[index]
            unsafe index += 1
            switch byte {
            case UInt8(ascii: "\""): if unsafe string() == nil { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard unsafe depth < Self.skippedDepthLimit else { return false }
                isObject = isObject << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard isObject & 1 == (byte == UInt8(ascii: "}") ? 1 : 0) else { return false }
                isObject >>= 1
                depth -= 1
                if depth == 0 { return true }
            default: break
            }
        }
        return false
    }
}
