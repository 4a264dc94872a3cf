// The entries of `filters`: which records are taken, how many of them, and what is hidden in them.

package import Bytes
internal import Platform

/// One entry, in the order of the settings. What has a state of its own is a class: the pipeline owns it.
package enum RecordFilter {
    case match(MatchFilter)
    case sample(Sampler)
    case limit(RateLimiter)
    case redact(Redaction)

    package init(_ kind: MatchFilter.Kind, _ pattern: Pattern) { self = .match(MatchFilter(kind, [pattern])) }

    /// It leaves records out because there are many, not because of what they are.
    var isThinning: Bool {
        switch self {
        case .sample, .limit: true
        case .match, .redact: false
        }
    }

    func judge(
        _ draft: inout RecordDraft, of input: borrowing LogBatch, at now: Instant, _ events: inout EventCounts
    ) -> StageVerdict {
        switch self {
        case .match(let filter): return filter.judge(draft, of: input, &events)
        case .sample(let sampler): return sampler.takes(draft, of: input) ? .pass : .drop(.sample)
        case .limit(let limiter): return limiter.takes(draft, of: input, at: now, &events) ? .pass : .drop(.rateLimit)
        case .redact(let redaction):
            redaction.apply(to: &draft, of: input, &events)
            return .pass
        }
    }
}

typealias EventCounts = [RecordPipeline.Event: UInt64]

/// `include` and `exclude`: patterns on the message or on a field.
package struct MatchFilter {
    package enum Kind: Sendable {
        /// Only what matches is taken.
        case include
        /// What matches is left out.
        case exclude
    }

    private let kind: Kind
    /// Any of them.
    private let patterns: [(pattern: Pattern, needs: PatternNeeds)]
    /// nil for the message.
    private let field: [UInt8]?

    package init(_ kind: Kind, _ patterns: [Pattern], field: String? = nil) {
        self.kind = kind
        self.patterns = patterns.map { ($0, PatternNeeds(of: $0)) }
        self.field = field.map { Array($0.utf8) }
    }

    func judge(
        _ draft: borrowing RecordDraft, of input: borrowing LogBatch, _ events: inout EventCounts
    ) -> StageVerdict {
        let found: PatternMatch =
            switch draft.place(of: field, in: input) {
            case .draft(let range)?: match(draft.bytes, range)
            case .input(let range)?: match(input.bytes, range)
            case nil: .doesNotMatch
            }
        switch (found, kind) {
        case (.matches, .include), (.doesNotMatch, .exclude): return .pass
        case (.matches, .exclude), (.doesNotMatch, .include): return .drop(.filter)
        case (.gaveUp, _):
            events[.patternGaveUp, default: 0] += 1
            return .pass
        }
    }

    private func match(_ bytes: [UInt8], _ range: Range<Int>) -> PatternMatch {
        var found = PatternMatch.doesNotMatch
        for (pattern, needs) in patterns where needs.areMet(by: bytes, range) {
            switch pattern.match(bytes, range) {
            case .matches: return .matches
            case .gaveUp: found = .gaveUp
            case .doesNotMatch: break
            }
        }
        return found
    }
}
