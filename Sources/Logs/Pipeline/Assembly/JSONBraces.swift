// JSON over several lines: from a line that begins with a brace to the one in which the last brace is closed (RFC
// 8259).

struct JSONBraces {
    /// Braces and brackets that are open.
    private var depth = 0

    /// A line that begins with a brace, or that is a bracket alone, begins a record; what stands outside of all braces
    /// is one record each.
    mutating func judge(_ line: Line) -> LineVerdict {
        let joins = depth > 0
        if !joins, !begins(line) { return LineVerdict(joins: false, isLast: true) }
        scan(line)
        return LineVerdict(joins: joins, isLast: depth == 0)
    }

    private func begins(_ line: Line) -> Bool {
        let text = line.trimmed
        return text.hasPrefix("{") || text.range.count == 1 && text.hasPrefix("[")
    }

    private mutating func scan(_ line: Line) {
        // No string reaches over a line break: what looks so is no JSON, and must not swallow what comes.
        var isInString = false
        var index = line.range.lowerBound
        while index < line.range.upperBound {
            let byte = line.bytes[index]
            index += 1
            if isInString {
                if byte == UInt8(ascii: "\\") { index += 1 }
                if byte == UInt8(ascii: "\"") { isInString = false }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth = max(0, depth - 1)
            default: break
            }
        }
    }
}
