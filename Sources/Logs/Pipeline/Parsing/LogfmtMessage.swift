// logfmt: `level=info msg="it \"works\"" took=12ms`, as Heroku, Grafana and Go's loggers write it. There is no
// standard; what github.com/go-logfmt/logfmt takes is taken here. A word alone is a field that is `true`.

internal import Bytes

struct LogfmtMessage: MessageParser {
    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        var index = draft.text.lowerBound
        let end = draft.text.upperBound
        var isFirst = true
        while true {
            while index < end, draft.bytes[index] <= 0x20 { index += 1 }
            guard index < end else { break }
            let nameStart = index
            while index < end, draft.bytes[index].isOfLogfmtName { index += 1 }
            let name = nameStart..<index
            guard !name.isEmpty else { return nil }
            guard index < end, draft.bytes[index] == UInt8(ascii: "=") else {
                // A text that begins with a word alone is prose.
                guard !isFirst, index == end || draft.bytes[index] <= 0x20 else { return nil }
                found.add(name, draft.append("true"), mayHaveRole: false, in: draft.bytes)
                continue
            }
            isFirst = false
            index += 1
            guard let value = value(&draft, &index, end) else { return nil }
            found.add(name, value, in: draft.bytes)
        }
        return isFirst ? nil : ParsedMessage()
    }

    private func value(_ draft: inout RecordDraft, _ index: inout Int, _ end: Int) -> Range<Int>? {
        let start = index
        guard index < end, draft.bytes[index] == UInt8(ascii: "\"") else {
            while index < end, draft.bytes[index] > 0x20, draft.bytes[index] != UInt8(ascii: "\"") { index += 1 }
            // A quote within a word is no logfmt.
            return index < end && draft.bytes[index] == UInt8(ascii: "\"") ? nil : start..<index
        }
        guard let (inside, hasEscapes) = draft.bytes.quoted(&index, end) else { return nil }
        // Quotes are written as in JSON.
        return hasEscapes ? draft.bytes.append(decodingJSON: inside) : inside
    }
}

extension UInt8 {
    fileprivate var isOfLogfmtName: Bool { self > 0x20 && self != UInt8(ascii: "=") && self != UInt8(ascii: "\"") }
}

extension [UInt8] {
    /// What stands between the quote at `index` and the next that has no backslash before it; nil, and `index` is
    /// anywhere, when there is none. `index` is then behind it.
    func quoted(_ index: inout Int, _ end: Int) -> (inside: Range<Int>, hasEscapes: Bool)? {
        guard index < end, self[index] == UInt8(ascii: "\"") else { return nil }
        index += 1
        let start = index
        var hasEscapes = false
        while index < end {
            switch self[index] {
            case UInt8(ascii: "\""):
                index += 1
                return (start..<index - 1, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// The bytes up to the next space, or the end; `index` is then at it.
    func word(_ index: inout Int, _ end: Int) -> Range<Int> {
        let start = index
        while index < end, self[index] != UInt8(ascii: " ") { index += 1 }
        return start..<index
    }

    /// Steps over a byte, or stays and returns false.
    func skip(_ byte: Unicode.Scalar, _ index: inout Int, _ end: Int) -> Bool {
        guard index < end, self[index] == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }
}
