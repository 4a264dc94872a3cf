// /proc/<pid>/stat and /proc/<pid>/task/<tid>/stat: one line about a process or a thread. See proc_pid_stat(5).
//
//     812 (java (server) :)) S 1 812 812 0 -1 4194560 8 9 0 0 33 51 0 0 20 0 4 0 113 174063616 …

package import Bytes

/// Of the 52 fields, those that are served.
package struct ProcessStat: Equatable, Sendable {
    /// The third: a letter such as `R`, `S`, `D`, `Z`, `T`, `I`.
    package var state: UInt8
    /// The twentieth.
    package var threads: UInt64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessStat {
        let expected = "<pid> (<name>) <state> …"
        // A name may have parentheses, so the last one ends it; the kernel escapes a newline in it.
        guard text.upTo(UInt8(ascii: ")")) != nil else { throw text.error(expected) }
        while text.upTo(UInt8(ascii: ")")) != nil {}
        text.skipSpaces()
        guard let state = text.next, (UInt8(ascii: "A")...UInt8(ascii: "z")).contains(state), text.skip(byte: state)
        else { throw text.error(expected) }
        for _ in 4...19 {
            text.skipSpaces()
            guard !text.word().isEmpty else { throw text.error("20 fields or more") }
        }
        return ProcessStat(state: state, threads: try text.column("the number of threads in field 20"))
    }
}
