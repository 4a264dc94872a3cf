// What the groups of a pattern captured: pcre2api(3), "Extracting a list of named substrings".

internal import CPCRE2

extension Pattern {
    /// The named groups, by name; a group may have two names.
    package var groupNames: [(name: String, number: Int)] {
        var count: UInt32 = 0
        var entryBytes: UInt32 = 0
        var table: UnsafePointer<UInt8>?
        unsafe _ = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count)
        unsafe _ = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &entryBytes)
        unsafe _ = pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
        guard let table = unsafe table else { return [] }
        // Each entry: the number in two bytes, high byte first, the name, a zero.
        return (0..<Int(count)).map { index in
            let entry = unsafe UnsafeBufferPointer(start: table + index * Int(entryBytes), count: Int(entryBytes))
            let number = unsafe Int(entry[0]) << 8 | Int(entry[1])
            return unsafe (String(decoding: entry.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self), number)
        }
    }

    /// As `match`; `groups` then has what each group captured, the whole match first, as ranges of `bytes`. A group
    /// that took no part is nil.
    package func match(_ bytes: [UInt8], _ range: Range<Int>, groups: inout [Range<Int>?]) -> PatternMatch {
        groups.removeAll(keepingCapacity: true)
        let found = match(bytes, range)
        guard found == .matches, let vector = unsafe pcre2_get_ovector_pointer_8(data) else { return found }
        for group in 0..<Int(unsafe pcre2_get_ovector_count_8(data)) {
            let (start, end) = unsafe (vector[2 * group], vector[2 * group + 1])
            // -1 where it took no part; `\K` in a look-ahead may put the start behind the end.
            let isSet = start >= 0 && start <= end && end <= range.count
            groups.append(isSet ? range.lowerBound + start..<range.lowerBound + end : nil)
        }
        return .matches
    }
}
