// Lines of any form, by a regular expression: each named group that took part is a field.

internal import Bytes

struct PatternMessage: MessageParser {
    private let pattern: Pattern
    private let names: [(text: [UInt8], group: Int)]

    init(_ pattern: Pattern) {
        self.pattern = pattern
        // In the order of the pattern, not of the alphabet.
        names = pattern.groupNames.sorted { $0.number < $1.number }.map { (Array($0.name.utf8), $0.number) }
    }

    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        guard pattern.match(draft.bytes, draft.text) == .matches else { return nil }
        for (text, group) in names {
            guard let value = pattern.range(ofGroup: group, startingAt: draft.text.lowerBound) else { continue }
            let name = draft.append(text, 0..<text.count)
            found.add(name, value, in: draft.bytes)
        }
        return ParsedMessage()
    }
}
