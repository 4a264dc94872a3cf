// How long to wait before a delivery is tried again: exponential back-off with full jitter, so that many agents do
// not come back to their receiver at the same moment. See https://aws.amazon.com/builders-library/timeouts-retries-
// and-backoff-with-jitter/

package struct Backoff<Random: RandomNumberGenerator>: Sendable where Random: Sendable {
    /// The longest first wait.
    package static var base: Duration { .milliseconds(100) }
    /// The longest wait that we choose ourselves: after an outage the receiver has us back within a minute.
    package static var cap: Duration { .seconds(60) }
    /// A receiver that asks for more is asked again after this.
    package static var retryAfterLimit: Duration { .seconds(3_600) }

    private var random: Random
    private var failureCount = 0

    package init(random: Random) { self.random = random }

    /// The wait after one more failure: anything from zero to a bound that doubles each time, added to what the
    /// receiver asked for.
    package mutating func next(retryAfter: Duration?) -> Duration {
        // 100 ms, doubled ten times, is past the cap.
        let bound = min(Self.cap, Self.base * (1 << min(failureCount, 10)))
        failureCount += 1
        let jitter = Duration.nanoseconds(
            Int64.random(
                in: 0...bound.components.attoseconds / 1_000_000_000
                    + bound.components.seconds * 1_000_000_000, using: &random))
        return min(max(retryAfter ?? .zero, .zero), Self.retryAfterLimit) + jitter
    }

    package mutating func reset() { failureCount = 0 }
}
