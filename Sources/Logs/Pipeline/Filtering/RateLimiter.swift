// `rate_limit`: a token bucket, or one for each value of a field. In whole numbers, so that no rounding adds up.

internal import Platform

package final class RateLimiter {
    /// Buckets kept at once. Beyond them, records share one bucket.
    package static let keyLimit = 1_000

    /// Credit is counted in records × nanoseconds of `per`: a nanosecond brings `rate`, a record costs `per`.
    private struct Bucket {
        var credit: UInt64
        var filledAt: Instant
    }

    private let rate: UInt64
    private let per: UInt64
    private let full: UInt64
    private let field: [UInt8]?

    private var single: Bucket?
    /// By the hash of the value, which has a seed of its own in each run: nobody can make two values collide.
    private var buckets: [Int: Bucket] = [:]
    private var sweptAt: Instant?

    /// `rate` records in `per`, and `burst` at once. Each at most a million, and `per` at most an hour: the products
    /// fit 64 bits.
    package init(_ rate: Int, per: Duration, burst: Int, by field: String? = nil) {
        self.rate = UInt64(rate)
        self.per = UInt64(per.nanoseconds)
        full = UInt64(burst) * self.per
        self.field = field.map { Array($0.utf8) }
    }

    func takes(
        _ draft: borrowing RecordDraft, of input: borrowing LogBatch, at now: Instant, _ events: inout EventCounts
    ) -> Bool {
        guard let field else { return take(from: &single, at: now) }
        let key: Int =
            switch draft.place(of: field, in: input) {
            case .draft(let range)?: Self.hash(draft.bytes, range)
            case .input(let range)?: Self.hash(input.bytes, range)
            case nil: Self.hash([], 0..<0)
            }
        if buckets[key] == nil, buckets.count >= Self.keyLimit {
            sweep(at: now)
            if buckets.count >= Self.keyLimit {
                events[.rateLimitKeysFull, default: 0] += 1
                return take(from: &single, at: now)
            }
        }
        return take(from: &buckets[key], at: now)
    }

    private func take(from bucket: inout Bucket?, at now: Instant) -> Bool {
        let credit = bucket.map { self.credit(of: $0, at: now) } ?? full
        let isTaken = credit >= per
        bucket = Bucket(credit: isTaken ? credit - per : credit, filledAt: now)
        return isTaken
    }

    private func credit(of bucket: Bucket, at now: Instant) -> UInt64 {
        guard now > bucket.filledAt else { return bucket.credit }
        let (brought, overflow) = (now.nanoseconds - bucket.filledAt.nanoseconds).multipliedReportingOverflow(by: rate)
        return overflow || brought >= full - bucket.credit ? full : bucket.credit + brought
    }

    /// Forgets the buckets that are full: a new one would be the same. Once for each moment, since it looks at all.
    private func sweep(at now: Instant) {
        guard sweptAt != now else { return }
        sweptAt = now
        buckets = buckets.filter { credit(of: $0.value, at: now) < full }
    }

    private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes[range])
        return hasher.finalize()
    }
}
