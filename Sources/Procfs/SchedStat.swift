// /proc/schedstat: what the scheduler did on each CPU. See Documentation/scheduler/sched-stats.rst.
//
//     version 17
//     timestamp 4295123456
//     cpu0 0 0 0 0 0 0 2045936778163039 343796328169361 4767485306
//     domain0 SMT 00000003 0 0 0 …

package import Bytes

/// One CPU. The last three of its nine numbers; the others changed their meaning over the years.
package struct SchedStat: Equatable, Sendable {
    package var cpu: Int
    package var runningNanoseconds: UInt64
    /// Of tasks that could have run.
    package var waitingNanoseconds: UInt64
    package var timeslices: UInt64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [SchedStat] {
        guard text.skip("version ") else { throw text.error("version <number>") }
        var cpus: [SchedStat] = []
        text.skipToNextLine()
        while !text.isAtEnd {
            guard text.skip("cpu") else {
                text.skipToNextLine()
                continue
            }
            text.row { text throws(ParseError) in
                let expected = "cpu<N> <nine numbers>"
                guard let cpu = text.unsigned(), cpu <= UInt64(CPUList.highestCPU) else { throw text.error(expected) }
                guard Int(cpu) > cpus.last?.cpu ?? -1 else { throw text.error("CPUs in ascending order") }
                for _ in 0..<6 { _ = try text.column(expected) }
                cpus.append(
                    SchedStat(
                        cpu: Int(cpu), runningNanoseconds: try text.column(expected),
                        waitingNanoseconds: try text.column(expected), timeslices: try text.column(expected)))
            }
        }
        return cpus
    }
}
