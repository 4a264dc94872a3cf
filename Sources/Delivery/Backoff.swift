// How long to wait before a delivery is tried again: exponential back-off with full jitter, so that many agents do
// not come back to their receiver at the same moment. See https://aws.amazon.com/builders-library/timeouts-retries-
// and-backoff-with-jitter/

package struct Backoff<Random: RandomNumberGenerator>: Sendable where Random: Sendable {
    /// The longest first wait.
    package static var base: Duration { .milliseconds(200) }
    /// The longest wait that we choose ourselves: after an outage the receiver has us back within a minute.
    package static var cap: Duration { .seconds(60) }
    /// The first wait for somebody to mend what the receiver does not allow: nobody does in milliseconds.
    package static var slowBase: Duration { .seconds(5) }
    /// A receiver that asks for more is asked again after this.
    package static var retryAfterLimit: Duration { .seconds(3_600) }

    private var random: Random

    package init(random: Random) { self.random = random }

    /// After so many failures in a row, 1 or more: anything from zero to a bound that doubles each time, added to what
    /// the receiver asked for.
    package mutating func wait(afterFailures count: Int, retryAfter: Duration?) -> Duration {
        min(max(retryAfter ?? .zero, .zero), Self.retryAfterLimit)
            + jitter(upTo: Self.bound(from: Self.base, afterFailures: count))
    }

    /// The same for what is not allowed: between three quarters of a bound and all of it.
    package mutating func slowWait(afterFailures count: Int) -> Duration {
        let bound = Self.bound(from: Self.slowBase, afterFailures: count)
        return bound - jitter(upTo: bound / 4)
    }

    private static func bound(from base: Duration, afterFailures count: Int) -> Duration {
        // 200 ms, doubled nine times, is past the cap.
        min(cap, base * (1 << min(max(count - 1, 0), 9)))
    }

    private mutating func jitter(upTo bound: Duration) -> Duration {
        .nanoseconds(
            Int64.random(
                in: 0...bound.components.attoseconds / 1_000_000_000
                    + bound.components.seconds * 1_000_000_000, using: &random))
    }
}
