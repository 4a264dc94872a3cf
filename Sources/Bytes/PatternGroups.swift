// The names of a pattern's groups: pcre2api(3), "Extracting captured substrings by name".

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
}
