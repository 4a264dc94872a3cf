// How the kernel steers its clock after a reference, as adjtimex(2) tells it. Asking changes nothing and needs no
// privilege, but sandboxes often forbid the call as a whole.

internal import CLinux
internal import Glibc

/// The answer of adjtimex(2). Names and units are the kernel's: microseconds where nothing else is said.
package struct ClockDiscipline: Equatable, Sendable {
    /// What the call returns when no reference has set the clock for a long time: TIME_ERROR.
    private static let notSynchronized = 5
    /// STA_NANO: `offset` and `jitter` are nanoseconds, not microseconds.
    private static let inNanoseconds = 0x2000

    /// What the call returned: TIME_OK (0) to TIME_ERROR (5).
    package var state = 0
    /// STA_* bits.
    package var status = 0
    package var offset = 0
    /// Parts of a million, times 65 536; `ppsFrequency` and `stability` too.
    package var frequency = 0
    package var maximumError = 0
    package var estimatedError = 0
    package var constant = 0
    package var tick = 0
    package var ppsFrequency = 0
    package var jitter = 0
    /// Seconds, as a power of two.
    package var shift = 0
    package var stability = 0
    package var jitterCount = 0
    package var calibrationCount = 0
    package var errorCount = 0
    package var stabilityCount = 0
    /// Seconds that TAI is ahead of UTC; 0 when nobody has told the kernel.
    package var tai = 0

    package init() {}

    package var isSynchronized: Bool { state != Self.notSynchronized }
    package var isInNanoseconds: Bool { status & Self.inNanoseconds != 0 }

    package static func current() throws(Errno) -> ClockDiscipline {
        // All zeros: `modes` 0 only asks.
        var raw = timex()
        let state = unsafe adjtimex(&raw)
        guard state >= 0 else { throw .current }
        var answer = ClockDiscipline()
        answer.state = Int(state)
        answer.status = Int(raw.status)
        answer.offset = raw.offset
        answer.frequency = raw.freq
        answer.maximumError = raw.maxerror
        answer.estimatedError = raw.esterror
        answer.constant = raw.constant
        answer.tick = raw.tick
        answer.ppsFrequency = raw.ppsfreq
        answer.jitter = raw.jitter
        answer.shift = Int(raw.shift)
        answer.stability = raw.stabil
        answer.jitterCount = raw.jitcnt
        answer.calibrationCount = raw.calcnt
        answer.errorCount = raw.errcnt
        answer.stabilityCount = raw.stbcnt
        answer.tai = Int(raw.tai)
        return answer
    }
}
