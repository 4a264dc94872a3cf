// By how much the service's clock is ahead of ours. A signature is good for five minutes around its time: a host whose
// clock is off still delivers, by the clock of who checks.

package import Platform
internal import Synchronization

/// Shared by all that sign for one session.
package final class ServiceClock: Sendable {
    /// Seconds. A `Date` is of the second, and the answer was under way.
    private let offset = Mutex<Int64>(0)
    private let log: AgentLog

    package init(log: AgentLog = .silent) { self.log = log }

    /// Seconds since 1970 by the service's clock, as far as it is known.
    package func unixSeconds(at now: Moment) -> Int64 {
        now.unixNanoseconds / 1_000_000_000 + offset.withLock { $0 }
    }

    /// Seconds to add to our clock.
    package var offsetSeconds: Int64 { offset.withLock { $0 } }

    /// Nanoseconds to add to times that this host's clock has made: 0 for a clock that is near enough. A record some
    /// minutes off is at home in its log; hours off, the service drops it.
    package var correction: Int64 {
        let seconds = offsetSeconds
        return seconds.magnitude > UInt64(recordSkewSeconds) ? seconds * 1_000_000_000 : 0
    }

    /// Learns from the `Date` of an answer that has just come.
    package func learn(serviceUnixSeconds: Int64, at now: Moment, wasRefused: Bool) {
        let difference = serviceUnixSeconds - now.unixNanoseconds / 1_000_000_000
        let (before, after) = offset.withLock { offset in
            let before = offset
            offset = nextOffset(offset, difference: difference, wasRefused: wasRefused)
            return (before, offset)
        }
        if before == 0, after != 0 {
            // Requests are signed by AWS's time all the same, and outputs correct times that this clock has made.
            log.warning(
                "the clock of this host is off, by that of AWS",
                [after > 0 ? "seconds_behind" : "seconds_ahead": "\(after.magnitude)"])
        } else if before != 0, after == 0 {
            log.info("the clock of this host is right again")
        }
    }
}

/// A clock that is nearly right is not corrected: a `Date` is no better. One that had to be is followed until it is
/// right again, which is when somebody has set it.
func nextOffset(_ offset: Int64, difference: Int64, wasRefused: Bool) -> Int64 {
    if wasRefused || difference.magnitude >= UInt64(skewSeconds) { return difference }
    return offset == 0 || difference.magnitude <= 30 ? 0 : difference
}

/// From here on times of records are corrected.
private let recordSkewSeconds: Int64 = 300

/// AWS refuses what is off by five minutes; there is room for how long the answer took.
private let skewSeconds: Int64 = 240

extension Duration {
    /// Too far off to be taken for right.
    var isSkew: Bool { self >= .seconds(skewSeconds) || self <= .seconds(-skewSeconds) }
}
