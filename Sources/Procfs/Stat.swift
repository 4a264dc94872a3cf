// /proc/stat: what the CPUs and the kernel did since the boot. See proc_stat(5) and Documentation/filesystems/proc.rst.
//
//     cpu  11085 7 2697 356592 1185 0 72 227 0 0
//     cpu0 4347 1 1262 180062 69 0 33 147 0 0
//     intr 227082 0 0 16 …
//     ctxt 375479
//     btime 1795228661
//     processes 10971
//     procs_running 9
//     procs_blocked 0
//     softirq 190006 0 29860 4 1065 51210 0 3 61848 0 46016

package import Bytes

/// What one CPU spent its time with, in clock ticks (`KernelUnits.ticksPerSecond`).
package struct CPUTimes: Equatable, Sendable {
    /// The N of `cpuN`; nil for the sum of all.
    package var cpu: Int?
    package var user: UInt64 = 0
    package var nice: UInt64 = 0
    package var system: UInt64 = 0
    package var idle: UInt64 = 0
    package var iowait: UInt64 = 0
    package var irq: UInt64 = 0
    package var softirq: UInt64 = 0
    package var steal: UInt64 = 0
    /// Is in `user` as well.
    package var guest: UInt64 = 0
    /// Is in `nice` as well.
    package var guestNice: UInt64 = 0
}

package struct Stat: Equatable, Sendable {
    /// The names of the columns of `softirq` after their sum; the order of the kernel's enum in interrupt.h.
    package static let softirqVectors = [
        "hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu",
    ]

    package var total: CPUTimes?
    /// The CPUs that are online, in the order of their numbers.
    package var cpus: [CPUTimes] = []
    package var interrupts: UInt64?
    package var contextSwitches: UInt64?
    /// Seconds since 1970.
    package var bootUnixSeconds: UInt64?
    /// Forks since the boot.
    package var processes: UInt64?
    package var running: UInt64?
    package var blocked: UInt64?
    /// In the order of `softirqVectors`.
    package var softirqs: [UInt64] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> Stat {
        var stat = Stat()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in try stat.line(&text) }
        }
        guard stat != Stat() else { throw text.error("a line cpu <ticks>…") }
        return stat
    }

    private mutating func line(_ text: inout ByteCursor) throws(ParseError) {
        if text.skip("cpu") {
            let times = try Self.cpuTimes(&text)
            guard let cpu = times.cpu else {
                total = times
                return
            }
            guard cpu > cpus.last?.cpu ?? -1 else { throw text.error("CPUs in ascending order") }
            cpus.append(times)
        } else if text.skip("intr ") {
            interrupts = try Self.number(&text, "intr <total>")
        } else if text.skip("ctxt ") {
            contextSwitches = try Self.number(&text, "ctxt <count>")
        } else if text.skip("btime ") {
            bootUnixSeconds = try Self.number(&text, "btime <seconds since 1970>")
        } else if text.skip("processes ") {
            processes = try Self.number(&text, "processes <count>")
        } else if text.skip("procs_running ") {
            running = try Self.number(&text, "procs_running <count>")
        } else if text.skip("procs_blocked ") {
            blocked = try Self.number(&text, "procs_blocked <count>")
        } else if text.skip("softirq ") {
            softirqs = try Self.softirqs(&text)
        }  // Older kernels have lines such as `page` and `swap`; newer ones may have others.
    }

    private static func number(_ text: inout ByteCursor, _ expected: String) throws(ParseError) -> UInt64 {
        try text.column(expected)
    }

    /// The rest of a line after `cpu`. Kernels before 2.6.33 have fewer columns, but never fewer than four.
    private static func cpuTimes(_ text: inout ByteCursor) throws(ParseError) -> CPUTimes {
        var times = CPUTimes()
        if let cpu = text.unsigned() {
            guard cpu <= UInt64(CPUList.highestCPU) else { throw text.error("a CPU's number") }
            times.cpu = Int(cpu)
        }
        times.user = try column(&text)
        times.nice = try column(&text)
        times.system = try column(&text)
        times.idle = try column(&text)
        if text.isAtLineEnd { return times }
        times.iowait = try column(&text)
        if text.isAtLineEnd { return times }
        times.irq = try column(&text)
        if text.isAtLineEnd { return times }
        times.softirq = try column(&text)
        if text.isAtLineEnd { return times }
        times.steal = try column(&text)
        if text.isAtLineEnd { return times }
        times.guest = try column(&text)
        if text.isAtLineEnd { return times }
        times.guestNice = try column(&text)
        return times
    }

    private static func column(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        try text.column("cpu<N> <user> <nice> <system> <idle>… in ticks")
    }

    private static func softirqs(_ text: inout ByteCursor) throws(ParseError) -> [UInt64] {
        var vectors: [UInt64] = []
        _ = try number(&text, "softirq <total>")
        vectors.reserveCapacity(softirqVectors.count)
        while vectors.count < softirqVectors.count, text.skip(byte: UInt8(ascii: " ")), !text.isAtLineEnd {
            vectors.append(try number(&text, "softirq <total> <count>…"))
        }
        return vectors
    }
}
