// /proc/<pid>/status: what a process has in memory, and more that stands nowhere else. See proc_pid_status(5).
//
//     VmRSS:      4800 kB
//     ShdPnd: 0000000000004000
//     voluntary_ctxt_switches:        150

package import Bytes

/// Of its lines, those that are served. A kernel thread has no memory, and lacks them.
package struct ProcessStatus: Equatable, Sendable {
    package var virtualBytes: UInt64 = 0
    package var lockedBytes: UInt64 = 0
    package var residentBytes: UInt64 = 0
    package var dataBytes: UInt64 = 0
    package var stackBytes: UInt64 = 0
    package var swapBytes: UInt64 = 0
    /// Signals that wait for the process as a whole: kinds of them, not how often each came.
    package var pendingSignals = 0
    package var voluntarySwitches: UInt64 = 0
    package var involuntarySwitches: UInt64 = 0

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> ProcessStatus {
        var status = ProcessStatus()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in try status.line(&text) }
        }
        return status
    }

    private mutating func line(_ text: inout ByteCursor) throws(ParseError) {
        if text.skip("Vm") {
            try Self.memory(&text, into: &self)
        } else if text.skip("ShdPnd:") {
            pendingSignals = try text.hexadecimalColumn("ShdPnd: <bits>").nonzeroBitCount
        } else if text.skip("voluntary_ctxt_switches:") {
            voluntarySwitches = try text.column("voluntary_ctxt_switches: <number>")
        } else if text.skip("nonvoluntary_ctxt_switches:") {
            involuntarySwitches = try text.column("nonvoluntary_ctxt_switches: <number>")
        }
    }

    private static func memory(_ text: inout ByteCursor, into status: inout ProcessStatus) throws(ParseError) {
        if text.skip("Size:") {
            status.virtualBytes = try kilobytes(&text)
        } else if text.skip("Lck:") {
            status.lockedBytes = try kilobytes(&text)
        } else if text.skip("RSS:") {
            status.residentBytes = try kilobytes(&text)
        } else if text.skip("Data:") {
            status.dataBytes = try kilobytes(&text)
        } else if text.skip("Stk:") {
            status.stackBytes = try kilobytes(&text)
        } else if text.skip("Swap:") {
            status.swapBytes = try kilobytes(&text)
        }
    }

    private static func kilobytes(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        let kilobytes = try text.column("Vm<name>: <number> kB")
        text.skipSpaces()
        guard text.skip("kB") else { throw text.error("Vm<name>: <number> kB") }
        return kilobytes.multipliedReportingOverflow(by: 1_024).overflow ? .max : kilobytes * 1_024
    }
}
