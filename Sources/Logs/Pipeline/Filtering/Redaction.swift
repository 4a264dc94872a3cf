// `redact`: hides what a pattern matches, in the message and in the fields, before anything leaves the host.
//
// What cannot be searched to its end is withheld as a whole: a pattern that gives up must not let through what it was
// to hide. The pattern sees the text as a receiver would: bytes that are no UTF-8 are U+FFFD to it, since PCRE2 would
// take them for the end of a secret that they stand in.

package import Bytes

package final class Redaction {
    /// Stands for a text that could not be searched.
    package static let withheld: [UInt8] = Array("[withheld: a redaction gave up]".utf8)
    /// Matches in one text: each may cost as many steps as a pattern is allowed.
    private static let matchLimit = 10_000
    /// How much longer than before a text may become: groups in the replacement could make it grow without end.
    private static let growthLimit = 1 << 20

    private let pattern: Pattern
    private let needs: PatternNeeds
    private let replacement: Replacement
    /// How much of a match counts; nil for all of it.
    private let confirm: Confirmation?
    /// The only one that is searched; nil for the message and all fields.
    private let target: Target?

    /// Looks at a match and returns the part that is to be hidden, nil for none of it.
    package typealias Confirmation = @Sendable ([UInt8], Range<Int>) -> Range<Int>?

    package enum Target: Sendable {
        case message
        case field([UInt8])
    }

    private var output: [UInt8] = []
    /// The input's fields that have nothing to hide: records share them.
    private var clean: Range<UInt32>?

    package init(
        _ pattern: Pattern, needing byte: UInt8? = nil, with replacement: Replacement, target: Target? = nil,
        confirm: Confirmation? = nil
    ) {
        self.pattern = pattern
        needs = PatternNeeds(of: pattern, byte: byte)
        self.replacement = replacement
        self.target = target
        self.confirm = confirm
    }

    /// Fields of another batch come, which stand at the same indexes.
    func forgetInput() { clean = nil }

    func apply(to draft: inout RecordDraft, of input: borrowing LogBatch, _ events: inout EventCounts) {
        if covers(nil), hide(draft.bytes, draft.text, &events) {
            draft.text = draft.append(output, 0..<output.count)
        }
        if !draft.inputFields.isEmpty, draft.inputFields != clean {
            if draft.inputFields.contains(where: { isFound(in: input, $0) }) {
                draft.adoptInputFields(of: input)
            } else {
                clean = draft.inputFields
            }
        }
        for index in draft.fields.indices {
            let field = draft.fields[index]
            guard covers(draft.bytes[field.name]), hide(draft.bytes, field.value, &events) else { continue }
            draft.fields[index].value = draft.append(output, 0..<output.count)
            draft.fields[index].isNumber = false
        }
    }

    private func covers(_ name: ArraySlice<UInt8>?) -> Bool {
        switch target {
        case nil: true
        case .message?: name == nil
        case .field(let wanted)?: name.map { $0.elementsEqual(wanted) } ?? false
        }
    }

    private func isFound(in input: borrowing LogBatch, _ index: UInt32) -> Bool {
        let field = input.fields[Int(index)]
        var ignored: EventCounts = [:]
        return covers(input.bytes[field.name.range]) && hide(input.bytes, field.value.range, &ignored)
    }

    /// Whether there is something to hide in `bytes[range]`; if so, `output` is what takes its place.
    private func hide(_ bytes: [UInt8], _ range: Range<Int>, _ events: inout EventCounts) -> Bool {
        guard !bytes.isASCII(range) else { return hide(valid: bytes, range, &events) }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span.extracting(range))
            return hide(valid: bytes, range, &events)
        } catch {}
        let repaired = Array(String(decoding: bytes[range], as: UTF8.self).utf8)
        return hide(valid: repaired, 0..<repaired.count, &events)
    }

    private func hide(valid bytes: [UInt8], _ range: Range<Int>, _ events: inout EventCounts) -> Bool {
        guard needs.areMet(by: bytes, range) else { return false }
        var found = pattern.search(bytes, range, from: range.lowerBound)
        guard found != .doesNotMatch else { return false }
        output.removeAll(keepingCapacity: true)
        var copied = range.lowerBound
        var tries = 0
        var hidden: UInt64 = 0
        while found == .matches {
            tries += 1
            guard let match = pattern.range(ofGroup: 0, startingAt: range.lowerBound), !match.isEmpty,
                tries <= Self.matchLimit, output.count <= range.count + Self.growthLimit
            else { return withhold(&events) }
            var next = match.upperBound
            if let part = confirm.map({ $0(bytes, match) }) ?? match {
                output.append(contentsOf: bytes[copied..<part.lowerBound])
                replacement.append(to: &output, bytes, pattern, startingAt: range.lowerBound)
                copied = part.upperBound
                next = part.upperBound
                hidden += 1
            } else {
                // What is no secret as a whole may have one in it. Such patterns begin with a byte of ASCII.
                next = match.lowerBound + 1
            }
            found = pattern.search(bytes, range, from: next)
        }
        guard found == .doesNotMatch else { return withhold(&events) }
        guard hidden > 0 else { return false }
        output.append(contentsOf: bytes[copied..<range.upperBound])
        events[.redacted, default: 0] += hidden
        return true
    }

    private func withhold(_ events: inout EventCounts) -> Bool {
        events[.redactionGaveUp, default: 0] += 1
        output.removeAll(keepingCapacity: true)
        output.append(contentsOf: Self.withheld)
        return true
    }
}

/// What is put in the place of a match: text with `$0` to `$9` for what the groups took, and `$$` for a dollar.
package struct Replacement: Sendable {
    private enum Piece: Sendable {
        case text([UInt8])
        case group(Int)
    }

    private var pieces: [Piece] = []
    /// The highest group that it refers to.
    package private(set) var highestGroup = 0

    package init(_ text: String) {
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                isEscaped = false
                if let digit = Self.digit(byte) {
                    pieces += [.text(plain), .group(digit)]
                    plain = []
                    highestGroup = max(highestGroup, digit)
                    continue
                }
                plain.append(UInt8(ascii: "$"))
                if byte == UInt8(ascii: "$") { continue }
            } else if byte == UInt8(ascii: "$") {
                isEscaped = true
                continue
            }
            plain.append(byte)
        }
        if isEscaped { plain.append(UInt8(ascii: "$")) }
        pieces.append(.text(plain))
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }

    /// For the last match of `pattern` in `bytes`.
    fileprivate func append(to output: inout [UInt8], _ bytes: [UInt8], _ pattern: Pattern, startingAt start: Int) {
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(contentsOf: text)
            case .group(let group):
                // A group that took no part is nothing.
                if let range = pattern.range(ofGroup: group, startingAt: start) {
                    output.append(contentsOf: bytes[range])
                }
            }
        }
    }
}
