// A line of Docker's json-file driver: one JSON object, whose `log` is the text with its newline, or a piece of it.
// Members may come in any order; of those that are not known (`attrs`), only the end is looked for.

internal import Bytes

extension RecordDraft {
    mutating func unwrapDocker() -> ContainerLine? {
        var scan = DockerScan(at: text.lowerBound, end: text.upperBound)
        guard scan.read(bytes), var log = scan.log, let time = scan.time,
            let unixNanoseconds = parseRuntimeTime(bytes, time)
        else { return nil }
        let stream = scan.stream.flatMap { self.stream($0) }
        let isWhole = trim(UInt8(ascii: "n"), from: &log)
        if isWhole { _ = trim(UInt8(ascii: "r"), from: &log) }
        let isEscaped = bytes.firstIndex(of: UInt8(ascii: "\\"), in: log) != nil
        keepOnly(log)
        if isEscaped { unescape() }
        return ContainerLine(stream: stream, unixNanoseconds: unixNanoseconds, isWhole: isWhole)
    }

    /// Takes an escape such as `\n` off the end.
    private func trim(_ letter: UInt8, from range: inout Range<Int>) -> Bool {
        guard range.count >= 2, bytes[range.upperBound - 1] == letter else { return false }
        // `\\n` is a backslash and a letter.
        let backslashes = bytes[range.lowerBound..<range.upperBound - 1].reversed().prefix { $0 == UInt8(ascii: "\\") }
        guard backslashes.count % 2 == 1 else { return false }
        range = range.lowerBound..<range.upperBound - 2
        return true
    }

    /// In place: what an escape stands for is never longer than the escape.
    private mutating func unescape() {
        var (from, to) = (0, 0)
        while from < bytes.count {
            let byte = bytes[from]
            if byte == UInt8(ascii: "\\"), from + 1 < bytes.count {
                from += takeEscape(at: from, to: &to)
            } else {
                bytes[to] = byte
                from += 1
                to += 1
            }
        }
        bytes.removeSubrange(to...)
        text = 0..<to
    }

    /// Returns its length. What is no escape stays as it is.
    private mutating func takeEscape(at from: Int, to: inout Int) -> Int {
        let plain: UInt8
        switch bytes[from + 1] {
        case UInt8(ascii: "n"): plain = UInt8(ascii: "\n")
        case UInt8(ascii: "t"): plain = UInt8(ascii: "\t")
        case UInt8(ascii: "r"): plain = UInt8(ascii: "\r")
        case UInt8(ascii: "b"): plain = 8
        case UInt8(ascii: "f"): plain = 12
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = bytes[from + 1]
        case UInt8(ascii: "u"):
            guard let first = codeUnit(at: from) else { fallthrough }
            var length = 6
            var scalar = UInt32(first)
            if first & 0xFC00 == 0xD800, let second = codeUnit(at: from + 6), second & 0xFC00 == 0xDC00 {
                scalar = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
                length = 12
            }
            // Half a pair is no character: U+FFFD.
            for byte in UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter {
                bytes[to] = byte
                to += 1
            }
            return length
        default:
            bytes[to] = bytes[from]
            bytes[to + 1] = bytes[from + 1]
            to += 2
            return 2
        }
        bytes[to] = plain
        to += 1
        return 2
    }

    /// Of `\u00e9`.
    private func codeUnit(at index: Int) -> UInt16? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var value: UInt16 = 0
        for offset in 2..<6 {
            guard let digit = bytes[index + offset].hexadecimalDigit else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

/// Finds the members; changes nothing.
private struct DockerScan {
    var at: Int
    let end: Int
    var log: Range<Int>?
    var stream: Range<Int>?
    var time: Range<Int>?

    init(at: Int, end: Int) {
        self.at = at
        self.end = end
    }

    /// False when this is no object of JSON to its end.
    mutating func read(_ bytes: [UInt8]) -> Bool {
        guard take(UInt8(ascii: "{"), bytes) else { return false }
        repeat {
            skipSpaces(bytes)
            guard let name = string(bytes), take(UInt8(ascii: ":"), bytes) else { return false }
            skipSpaces(bytes)
            if at < end, bytes[at] == UInt8(ascii: "\"") {
                guard let value = string(bytes) else { return false }
                if bytes[name].elementsEqual("log".utf8) { log = value }
                if bytes[name].elementsEqual("stream".utf8) { stream = value }
                if bytes[name].elementsEqual("time".utf8) { time = value }
            } else if !skipValue(bytes) {
                return false
            }
        } while take(UInt8(ascii: ","), bytes)
        guard take(UInt8(ascii: "}"), bytes) else { return false }
        skipSpaces(bytes)
        return at == end
    }

    private mutating func skipSpaces(_ bytes: [UInt8]) {
        while at < end, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\t") { at += 1 }
    }

    private mutating func take(_ byte: UInt8, _ bytes: [UInt8]) -> Bool {
        skipSpaces(bytes)
        guard at < end, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    /// What stands between the quotes, escapes and all.
    private mutating func string(_ bytes: [UInt8]) -> Range<Int>? {
        guard at < end, bytes[at] == UInt8(ascii: "\"") else { return nil }
        let start = at + 1
        var index = start
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                at = index + 1
                return start..<index
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// A number, a word, or all up to the end of an object or a list.
    private mutating func skipValue(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        let start = at
        while at < end {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                guard string(bytes) != nil else { return false }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return at > start }
                depth -= 1
            case UInt8(ascii: ","): if depth == 0 { return at > start }
            default: break
            }
            at += 1
        }
        return false
    }
}
