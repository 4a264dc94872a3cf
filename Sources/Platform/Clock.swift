// Time as values that are passed in, so that a test decides it.

internal import Glibc

/// A reading of `CLOCK_MONOTONIC`: for waiting and measuring, never shown.
package struct Instant: Comparable, Hashable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static var now: Instant { Instant(nanoseconds: UInt64(readClock(CLOCK_MONOTONIC))) }

    package static func < (one: Instant, other: Instant) -> Bool { one.nanoseconds < other.nanoseconds }

    /// Stops at the ends of the range instead of trapping: a wait of centuries is a wait for ever.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        let offset = duration.nanoseconds
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(UInt64(bitPattern: offset))
        if offset >= 0 { return Instant(nanoseconds: overflow ? .max : sum) }
        return Instant(nanoseconds: instant.nanoseconds < offset.magnitude ? 0 : sum)
    }

    package static func - (one: Instant, other: Instant) -> Duration {
        .nanoseconds(Int64(clamping: one.nanoseconds) - Int64(clamping: other.nanoseconds))
    }
}

/// Both clocks, read once for a step.
package struct Moment: Sendable {
    package var monotonic: Instant
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    package var unixNanoseconds: Int64

    package init(monotonic: Instant, unixNanoseconds: Int64) {
        self.monotonic = monotonic
        self.unixNanoseconds = unixNanoseconds
    }

    package static var now: Moment { Moment(monotonic: .now, unixNanoseconds: readClock(CLOCK_REALTIME)) }
}

/// Keeps the thread for that long: for short waits on a queue of one's own.
package func sleep(until instant: Instant) {
    var time = timespec()
    time.tv_sec = Int(clamping: instant.nanoseconds / 1_000_000_000)
    time.tv_nsec = Int(instant.nanoseconds % 1_000_000_000)
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}

extension Duration {
    /// Whole nanoseconds; ±292 years, and no further.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || carry ? (seconds < 0 ? .min : .max) : sum
    }

    package var inSeconds: Double { Double(nanoseconds) / 1e9 }
}

private func readClock(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe _ = clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
