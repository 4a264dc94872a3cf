// Texts that credentials come with: times, and lines for a shell.

internal import Bytes

/// `2026-11-21T02:38:30Z`, also with a fraction, which is dropped, or `+01:00`; seconds since 1970. Nil for anything
/// else. See RFC 3339.
package func parseTimestamp(_ text: String) -> Int64? {
    var cursor = ByteCursor(text)
    func number(_ cursor: inout ByteCursor, _ digits: Int, _ end: StaticString) -> Int? {
        let start = cursor.index
        guard let value = cursor.unsigned(), cursor.index - start == digits, cursor.skip(end) else { return nil }
        return Int(value)
    }
    guard let year = number(&cursor, 4, "-"), let month = number(&cursor, 2, "-"), let day = number(&cursor, 2, "T"),
        let hour = number(&cursor, 2, ":"), let minute = number(&cursor, 2, ":"), let second = number(&cursor, 2, ""),
        let midnight = CivilTime.unixSeconds(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60
    else { return nil }
    if cursor.skip("."), !cursor.skipDigits() { return nil }
    var offset = 0
    if !cursor.skip("Z") {
        let isEast = cursor.skip("+")
        guard isEast || cursor.skip("-"), let hours = number(&cursor, 2, ":"), let minutes = number(&cursor, 2, ""),
            hours < 24, minutes < 60
        else { return nil }
        offset = (hours * 3_600 + minutes * 60) * (isEast ? 1 : -1)
    }
    guard cursor.isAtEnd else { return nil }
    return midnight + Int64(hour * 3_600 + minute * 60 + second - offset)
}

extension ByteCursor {
    /// However many there are; false when there are none.
    fileprivate mutating func skipDigits() -> Bool {
        let start = index
        while let next, next.isDigit { _ = skip(byte: next) }
        return index > start
    }
}

/// The words of a command as a shell would tell them apart, without its other arts: `'…'` as it is, `"…"` with `\"`
/// and `\\`, and a backslash before one character. Nil when a quote has no end.
package func shellWords(_ command: String) -> [String]? {
    var words: [String] = []
    var word: [UInt8]?
    var rest = Array(command.utf8)[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
            if let done = word { words.append(String(decoding: done, as: UTF8.self)) }
            word = nil
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            guard let text = quoted(&rest, until: byte) else { return nil }
            word = (word ?? []) + text
        case UInt8(ascii: "\\"):
            guard let escaped = rest.popFirst() else { return nil }
            word = (word ?? []) + [escaped]
        default: word = (word ?? []) + [byte]
        }
    }
    if let word { words.append(String(decoding: word, as: UTF8.self)) }
    return words
}

private func quoted(_ rest: inout ArraySlice<UInt8>, until mark: UInt8) -> [UInt8]? {
    var text: [UInt8] = []
    while let byte = rest.popFirst() {
        if byte == mark { return text }
        if byte == UInt8(ascii: "\\"), mark == UInt8(ascii: "\""), let next = rest.first,
            next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\")
        {
            text.append(next)
            rest.removeFirst()
        } else {
            text.append(byte)
        }
    }
    return nil
}
