// Where a pattern matches in a text, one place after another: pcre2api(3), "How
// pcre2_match() returns a matched string and captured substrings".

internal import CPCRE2
internal import Glibc

extension Pattern {
    /// How many groups it has, besides the whole match.
    package var groupCount: Int { Int(information(PCRE2_INFO_CAPTURECOUNT)) }

    /// Looks in `bytes[range]` from `start` on for a match that is not empty; a look behind sees what stands between
    /// the beginning of the range and `start`.
    package func search(_ bytes: [UInt8], _ range: Range<Int>, from start: Int) -> PatternMatch {
        match(unsafe bytes.span.bytes.extracting(range), from: start - range.lowerBound, PCRE2_NOTEMPTY)
    }

    /// What a group took in the last match of a text that begins at `start`; 0 is the whole match. nil for one that
    /// took no part in it.
    package func range(ofGroup group: Int, startingAt start: Int) -> Range<Int>? {
        guard let vector = unsafe pcre2_get_ovector_pointer_8(data), unsafe group < Int(pcre2_get_ovector_count_8(data))
        else { return nil }
        let (lower, upper) = unsafe (vector[2 * group], vector[2 * group + 1])
        // A group that is not set has -1 for both; `\K` in a look ahead may put the start behind the end.
        guard lower >= 0, lower <= upper else { return nil }
        return start + lower..<start + upper
    }

    fileprivate func information(_ what: Int32) -> UInt32 {
        var value: UInt32 = 0
        unsafe _ = pcre2_pattern_info_8(code, UInt32(what), &value)
        return value
    }
}

/// What every text has that a pattern matches. A text without it need not be given to PCRE2, where a call alone costs
/// more than this look.
package struct PatternNeeds: Sendable {
    private let length: Int
    private let byte: UInt8?

    /// `byte` is one that who wrote the pattern knows of: PCRE2 tells only the last.
    package init(of pattern: Pattern, byte: UInt8? = nil) {
        // In characters, which are bytes at the least.
        length = Int(pattern.information(PCRE2_INFO_MINLENGTH))
        self.byte =
            byte ?? pattern.literal(PCRE2_INFO_LASTCODETYPE, PCRE2_INFO_LASTCODEUNIT)
            ?? pattern.literal(PCRE2_INFO_FIRSTCODETYPE, PCRE2_INFO_FIRSTCODEUNIT)
    }

    package func areMet(by bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard range.count >= length else { return false }
        return byte.map { bytes.firstIndex(of: $0, in: range) != nil } ?? true
    }
}

extension Pattern {
    /// A byte that stands in each match. Not of letters: PCRE2 does not say whether their case counts.
    fileprivate func literal(_ type: Int32, _ unit: Int32) -> UInt8? {
        guard information(type) == 1, let byte = UInt8(exactly: information(unit)), byte < 0x80 else { return nil }
        let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        return isLetter ? nil : byte
    }
}
