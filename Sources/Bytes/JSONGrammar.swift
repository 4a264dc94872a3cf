// Whether bytes are one value of JSON to the letter (RFC 8259) and valid UTF-8: for what is sent on as it is. The
// scanners beside this take more, so that no line is given up for a detail; the parser of settings takes comments.

extension [UInt8] {
    /// Nothing but one value and blanks around it, nested at most 64 deep.
    package func isStrictJSON(_ range: Range<Int>) -> Bool {
        var grammar = JSONGrammar(bytes: self, index: range.lowerBound, end: range.upperBound)
        guard grammar.takesAll() else { return false }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: span.extracting(range))
            return true
        } catch { return false }
    }
}

/// Of a character beyond U+FFFF, which JSON writes as two escapes, `\ud83d\ude00`. Either alone is no character: some
/// readers refuse the whole text for it (RFC 8259, section 8.2).
private enum Surrogate { case first, second }

extension [UInt8] {
    /// Half a pair, written as an escape from `index` on; nil for whatever else is there.
    fileprivate func surrogate(at index: Int, _ end: Int) -> Surrogate? {
        guard index + 6 <= end, self[index] == UInt8(ascii: "\\"), self[index + 1] == UInt8(ascii: "u"),
            self[index + 2] | 0x20 == UInt8(ascii: "d"),
            let digit = self[index + 3].hexadecimalDigit, digit >= 8,
            self[index + 4].hexadecimalDigit != nil, self[index + 5].hexadecimalDigit != nil
        else { return nil }
        return digit < 12 ? .first : .second
    }

    /// Writes U+FFFD for each half of a pair that stands alone in this text of JSON, which keeps its length. Returns
    /// how many there were.
    package mutating func replaceLoneSurrogates() -> Int {
        var replaced = 0
        var index = 0
        while let backslash = firstIndex(of: UInt8(ascii: "\\"), in: index..<count) {
            // The next byte may be a backslash too, which is a character then.
            index = backslash + 2
            switch surrogate(at: backslash, count) {
            case .first where surrogate(at: backslash + 6, count) == .second: index = backslash + 12
            case .first, .second:
                replaceSubrange(backslash + 2..<backslash + 6, with: "fffd".utf8)
                replaced += 1
                index = backslash + 6
            case nil: break
            }
            guard index < count else { break }
        }
        return replaced
    }
}

private struct JSONGrammar {
    let bytes: [UInt8]
    var index: Int
    let end: Int

    /// Each level is one bit of a number: whether it is an object.
    private static let depthLimit = 64

    mutating func takesAll() -> Bool {
        var objects: UInt64 = 0
        var depth = 0
        while true {
            // A value, or the beginning of one that has others within it.
            skipBlank()
            if skip("{") {
                guard depth < Self.depthLimit else { return false }
                (objects, depth) = (objects << 1 | 1, depth + 1)
                skipBlank()
                if !peek("}") {
                    guard name() else { return false }
                    continue
                }
            } else if skip("[") {
                guard depth < Self.depthLimit else { return false }
                (objects, depth) = (objects << 1, depth + 1)
                skipBlank()
                if !peek("]") { continue }
            } else {
                guard scalar() else { return false }
            }
            // After a value: another, or the ends of those around it.
            while true {
                skipBlank()
                guard depth > 0 else { return index == end }
                let isObject = objects & 1 == 1
                if endsHere(isObject) {
                    (objects, depth) = (objects >> 1, depth - 1)
                    continue
                }
                guard skip(",") else { return false }
                if isObject {
                    skipBlank()
                    guard name() else { return false }
                }
                break
            }
        }
    }

    private mutating func endsHere(_ isObject: Bool) -> Bool { isObject ? skip("}") : skip("]") }

    private mutating func name() -> Bool {
        guard string() else { return false }
        skipBlank()
        return skip(":")
    }

    private mutating func scalar() -> Bool {
        if peek("\"") { return string() }
        return skip(word: "true") || skip(word: "false") || skip(word: "null") || number()
    }

    private mutating func string() -> Bool {
        guard skip("\"") else { return false }
        while index < end {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case ..<0x20: return false
            default: break
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard index < end else { return false }
        let kind = bytes[index]
        index += 1
        guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
        guard index + 4 <= end, bytes[index..<index + 4].allSatisfy({ $0.hexadecimalDigit != nil }) else {
            return false
        }
        index += 4
        guard let half = bytes.surrogate(at: index - 6, end) else { return true }
        guard half == .first, bytes.surrogate(at: index, end) == .second else { return false }
        index += 6
        return true
    }

    private mutating func number() -> Bool {
        _ = skip("-")
        let start = index
        guard digits(), index - start == 1 || bytes[start] != UInt8(ascii: "0") else { return false }
        if skip("."), !digits() { return false }
        guard skip("e") || skip("E") else { return true }
        _ = skip("+") || skip("-")
        return digits()
    }

    private mutating func digits() -> Bool {
        let start = index
        while index < end, bytes[index] &- UInt8(ascii: "0") <= 9 { index += 1 }
        return index > start
    }

    private mutating func skipBlank() {
        while index < end, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private func peek(_ byte: Unicode.Scalar) -> Bool { index < end && bytes[index] == UInt8(ascii: byte) }

    private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard peek(byte) else { return false }
        index += 1
        return true
    }

    private mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard end - index >= count else { return false }
        let isThere = word.withUTF8Buffer { word in
            for offset in 0..<count where unsafe bytes[index + offset] != word[offset] { return false }
            return true
        }
        if isThere { index += count }
        return isThere
    }
}
