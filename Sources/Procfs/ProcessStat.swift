// /proc/<pid>/stat and /proc/<pid>/task/<tid>/stat: one line about a process or a thread. See proc_pid_stat(5).
//
//     812 (java (server) :)) S 1 812 812 0 -1 4194560 8 9 0 0 33 51 0 0 20 0 4 0 113 174063616 1342 …
//
// A process calls itself what it likes (PR_SET_NAME), and the kernel writes it here as it is, line ends and
// parentheses too: see proc_task_name in fs/proc/array.c.

package import Bytes

/// Of the 52 fields, those that are served.
package struct ProcessStat: Equatable, Sendable {
    /// The second, without its parentheses: where it stands in the text.
    package var name = 0..<0
    /// The third: a letter such as `R`, `S`, `D`, `Z`, `T`, `I`.
    package var state: UInt8
    /// The 14th and 15th: clock ticks (`KernelUnits.ticksPerSecond`) of all its threads, also those that ended.
    package var userTicks: UInt64 = 0
    package var systemTicks: UInt64 = 0
    /// The 19th: from -20 to 19.
    package var nice: Int64 = 0
    /// The twentieth.
    package var threads: UInt64
    /// The 22nd: clock ticks after the boot. With the number of the process it tells it from all others.
    package var startTicks: UInt64 = 0
    /// The 23rd.
    package var virtualBytes: UInt64 = 0
    /// The 24th. The kernel counts it for each CPU, and may be some pages behind.
    package var residentPages: UInt64 = 0

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessStat {
        let expected = "<pid> (<name>) <state> …"
        guard text.upTo(UInt8(ascii: "(")) != nil else { throw text.error(expected) }
        // What follows the name has no parenthesis: the last one of the file ends it.
        guard let name = text.upToLast(UInt8(ascii: ")")) else { throw text.error(expected) }
        text.skipSpaces()
        guard let state = text.next, (UInt8(ascii: "A")...UInt8(ascii: "z")).contains(state), text.skip(byte: state)
        else { throw text.error(expected) }
        var stat = ProcessStat(name: name, state: state, threads: 0)
        try skip(&text, 4...13)
        stat.userTicks = try text.column("the user time in field 14")
        stat.systemTicks = try text.column("the system time in field 15")
        try skip(&text, 16...18)
        stat.nice = try text.signedColumn("the nice value in field 19")
        stat.threads = try text.column("the number of threads in field 20")
        try skip(&text, 21...21)
        stat.startTicks = try text.column("the start time in field 22")
        stat.virtualBytes = try text.column("the virtual memory in field 23")
        stat.residentPages = try text.column("the resident pages in field 24")
        return stat
    }

    fileprivate static func skip(_ text: inout ByteCursor, _ fields: ClosedRange<Int>) throws(ParseError) {
        for _ in fields {
            text.skipSpaces()
            guard !text.word().isEmpty else { throw text.error("\(fields.upperBound < 24 ? 24 : 43) fields or more") }
        }
    }
}

/// What stands behind those fields, for who wants it too.
package struct ProcessStatRest: Equatable, Sendable {
    /// The 40th; 0 for what is not scheduled in real time.
    package var realtimePriority: UInt64 = 0
    /// The 42nd: clock ticks of waiting for disks; 0 where the kernel does not account for delays.
    package var blockTicks: UInt64 = 0
    /// The 43rd: clock ticks of a virtual CPU, which are in the user time as well.
    package var guestTicks: UInt64 = 0

    /// Goes on where `ProcessStat.parse` ended.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessStatRest {
        var rest = ProcessStatRest()
        try ProcessStat.skip(&text, 25...39)
        rest.realtimePriority = try text.column("the real-time priority in field 40")
        try ProcessStat.skip(&text, 41...41)
        rest.blockTicks = try text.column("the delay by disks in field 42")
        rest.guestTicks = try text.column("the guest time in field 43")
        return rest
    }
}
