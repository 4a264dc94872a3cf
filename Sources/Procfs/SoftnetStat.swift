// /proc/net/softnet_stat: the packets that each CPU took from its backlog. A line for each CPU that is online, all
// numbers hexadecimal; see softnet_seq_show in net/core/net-procfs.c, and Documentation/networking/scaling.rst.
//
//     00001baa 00000000 00000002 00000000 … 00000000 00000007 00000000 00000000 00000003 00000000 00000000
//
// Columns: processed, dropped, squeezed, five that are always 0, collisions. Later kernels added, one after another:
// woken by RPS; limited flows; length of the backlog and number of the CPU; the two parts of the backlog.

package import Bytes

package struct SoftnetStat: Sendable, Equatable {
    package var cpu: UInt64
    package var processed: UInt64 = 0
    package var dropped: UInt64 = 0
    /// The budget or the time was used up, and there was more to do.
    package var timesSqueezed: UInt64 = 0
    package var cpuCollisions: UInt64 = 0
    // What the kernel is too old to count stays 0.
    package var receivedRPS: UInt64 = 0
    package var flowLimits: UInt64 = 0
    package var backlogLength: UInt64 = 0

    /// The CPUs in ascending order.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [SoftnetStat] {
        var cpus: [SoftnetStat] = []
        // A line has 81 bytes or more.
        cpus.reserveCapacity(text.end / 80)
        var lines: UInt64 = 0
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                defer { lines += 1 }
                // Where the line does not say which CPU it is for, they are counted.
                let cpu = try line(&text, cpu: lines)
                guard cpus.last.map({ $0.cpu < cpu.cpu }) ?? true else { throw text.error("CPUs in ascending order") }
                cpus.append(cpu)
            }
        }
        return cpus
    }

    private static func line(_ text: inout ByteCursor, cpu: UInt64) throws(ParseError) -> SoftnetStat {
        var stat = SoftnetStat(cpu: cpu)
        var column = 0
        while !text.isAtLineEnd {
            guard let number = text.hexadecimal() else { throw text.error("hexadecimal numbers") }
            switch column {
            case 0: stat.processed = number
            case 1: stat.dropped = number
            case 2: stat.timesSqueezed = number
            case 8: stat.cpuCollisions = number
            case 9: stat.receivedRPS = number
            case 10: stat.flowLimits = number
            case 11: stat.backlogLength = number
            case 12: stat.cpu = number
            default: break
            }
            column += 1
            text.skipSpaces()
        }
        guard column >= 9 else { throw text.error("9 numbers or more") }
        return stat
    }
}
