// What a process uses: single lines of /proc/<pid>/io, status and smaps_rollup. See proc_pid_io(5), proc_pid_status(5)
// and Documentation/ABI/testing/procfs-smaps_rollup.
//
//     read_bytes: 4096        VmSwap:   128 kB        Pss:   207 kB

package import Bytes

/// What went from and to disks; what the page cache had is not in it.
package struct ProcessIO: Equatable, Sendable {
    package var readBytes: UInt64
    package var writtenBytes: UInt64

    package init(readBytes: UInt64 = 0, writtenBytes: UInt64 = 0) {
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
    }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessIO {
        guard text.skipToLine("read_bytes:") else { throw text.error("read_bytes: <number>") }
        let readBytes = try text.column("read_bytes: <number>")
        guard text.skipToLine("write_bytes:") else { throw text.error("write_bytes: <number>") }
        return ProcessIO(readBytes: readBytes, writtenBytes: try text.column("write_bytes: <number>"))
    }
}

/// How often a process has read and written anything: files, pipes, sockets.
package struct ProcessCalls: Equatable, Sendable {
    package var reads: UInt64
    package var writes: UInt64

    /// Of `io`; they stand before what `ProcessIO` parses.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessCalls {
        guard text.skipToLine("syscr:") else { throw text.error("syscr: <number>") }
        let reads = try text.column("syscr: <number>")
        guard text.skipToLine("syscw:") else { throw text.error("syscw: <number>") }
        return ProcessCalls(reads: reads, writes: try text.column("syscw: <number>"))
    }
}

package enum ProcessMemory {
    /// Of `status`. Kernel threads and zombies have no memory, and no such line.
    package static func parseSwapBytes(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        try kilobytes(&text, "VmSwap:") ?? 0
    }

    /// Of `smaps_rollup`: the pages that it shares, divided by those who share them.
    package static func parseProportionalBytes(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        try kilobytes(&text, "Pss:") ?? 0
    }

    private static func kilobytes(_ text: inout ByteCursor, _ name: StaticString) throws(ParseError) -> UInt64? {
        guard text.skipToLine(name) else { return nil }
        let kilobytes = try text.column("\(name) <number> kB")
        text.skipSpaces()
        guard text.skip("kB") else { throw text.error("\(name) <number> kB") }
        return kilobytes.multipliedReportingOverflow(by: 1_024).overflow ? .max : kilobytes * 1_024
    }
}

extension ByteCursor {
    /// Steps behind `start` of the next line that begins with it; false, and to the end, when there is none.
    fileprivate mutating func skipToLine(_ start: StaticString) -> Bool {
        while !isAtEnd {
            if skip(start) { return true }
            skipToNextLine()
        }
        return false
    }
}
