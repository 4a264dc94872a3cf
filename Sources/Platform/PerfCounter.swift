// Counters of the CPUs and the kernel's own: perf_event_open(2). The numbers are those of linux/perf_event.h.

internal import CLinux
internal import Glibc

/// What is counted.
package struct PerfEvent: Hashable, Sendable {
    package let type: UInt32
    package let config: UInt64

    package enum Cache: UInt64, Sendable { case l1Data, l1Instructions, lastLevel, dataTLB, instructionTLB, branches }
    package enum Access: UInt64, Sendable { case read, write }
    /// The kernel's word for a hit is access.
    package enum Outcome: UInt64, Sendable { case hit, miss }

    package static func hardware(_ number: UInt64) -> PerfEvent { PerfEvent(type: 0, config: number) }
    package static func software(_ number: UInt64) -> PerfEvent { PerfEvent(type: 1, config: number) }
    package static func tracepoint(_ id: UInt64) -> PerfEvent { PerfEvent(type: 2, config: id) }
    package static func cache(_ cache: Cache, _ access: Access, _ outcome: Outcome) -> PerfEvent {
        PerfEvent(type: 3, config: cache.rawValue | access.rawValue << 8 | outcome.rawValue << 16)
    }
}

/// One event on one CPU, of all processes, counted from `init` on.
package final class PerfCounter {
    private let file: File

    package init(_ event: PerfEvent, cpu: Int) throws(Errno) {
        let descriptor = linux_count_event(event.type, event.config, Int32(truncatingIfNeeded: cpu))
        guard descriptor >= 0 else { throw .current }
        file = File(owning: descriptor)
    }

    /// nil when the kernel has given the event up, as it does when its CPU goes offline.
    package func value() throws(Errno) -> UInt64? {
        var value: UInt64 = 0
        let descriptor = file.descriptor
        let count = try retryingOnInterrupt {
            unsafe withUnsafeMutableBytes(of: &value) { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        }
        return count == MemoryLayout<UInt64>.size ? value : nil
    }
}
