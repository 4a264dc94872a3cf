// Which records are taken: patterns on the message.

package import Bytes

/// One entry of `filters`.
package struct RecordFilter {
    package enum Kind: Sendable {
        /// Only what matches is taken.
        case include
        /// What matches is left out.
        case exclude
    }

    private let kind: Kind
    private let pattern: Pattern

    package init(_ kind: Kind, _ pattern: Pattern) {
        self.kind = kind
        self.pattern = pattern
    }

    mutating func judge(_ draft: RecordDraft, _ events: inout [RecordPipeline.Event: UInt64]) -> StageVerdict {
        switch (pattern.match(draft.bytes, draft.text), kind) {
        case (.matches, .include), (.doesNotMatch, .exclude): return .pass
        case (.matches, .exclude), (.doesNotMatch, .include): return .drop(.filter)
        case (.gaveUp, _):
            events[.patternGaveUp, default: 0] += 1
            return .pass
        }
    }
}
