// Which lines make one record: by a pattern, by indentation, or by what is known of a program's output.

package import Bytes

package enum MultilineRule {
    /// What matches begins a record.
    case start(Pattern)
    /// What matches goes on with the line before it.
    case `continue`(Pattern)
    /// What matches ends a record.
    case end(Pattern)
    /// A line that begins with a space or a tab goes on with the line before it.
    case indent
    case preset(Preset)

    package enum Preset: String, CaseIterable, Sendable {
        case python, java, go, json
    }

    /// What stands before the first line of a record.
    var beginning: LinePhase {
        switch self {
        case .preset(.python): .python(PythonTrace())
        case .preset(.java): .java(JavaTrace())
        case .preset(.go): .go(GoTrace())
        case .preset(.json): .json(JSONBraces())
        case .start, .continue, .end, .indent: .lines
        }
    }

    /// Looks at one more line; `phase` is that of the lines held, or `beginning` when there are none.
    func judge(_ line: Line, _ phase: inout LinePhase) -> LineVerdict {
        switch self {
        case .start(let pattern):
            switch pattern.match(line.bytes, line.range) {
            case .matches: LineVerdict(joins: false, isLast: false)
            case .doesNotMatch: LineVerdict(joins: true, isLast: false)
            case .gaveUp: .gaveUp
            }
        case .continue(let pattern):
            switch pattern.match(line.bytes, line.range) {
            case .matches: LineVerdict(joins: true, isLast: false)
            case .doesNotMatch: LineVerdict(joins: false, isLast: false)
            case .gaveUp: .gaveUp
            }
        case .end(let pattern):
            switch pattern.match(line.bytes, line.range) {
            case .matches: LineVerdict(joins: true, isLast: true)
            case .doesNotMatch: LineVerdict(joins: true, isLast: false)
            case .gaveUp: .gaveUp
            }
        case .indent: LineVerdict(joins: line.isIndented, isLast: false)
        case .preset: phase.judge(line)
        }
    }
}

/// What a rule says of a line.
struct LineVerdict: Equatable {
    /// It goes on with the lines that are held, if there are any; else it begins a record.
    var joins: Bool
    /// Nothing can follow it in its record.
    var isLast: Bool
    /// It belongs to the lines that are held only if one that is still to come shows it.
    var isDoubtful = false
    var patternGaveUp = false

    init(joins: Bool, isLast: Bool) {
        self.joins = joins
        self.isLast = isLast
    }

    static var doubtful: LineVerdict {
        var verdict = LineVerdict(joins: true, isLast: false)
        verdict.isDoubtful = true
        return verdict
    }

    /// Nobody knows: it begins a record, and the next line decides.
    static var gaveUp: LineVerdict {
        var verdict = LineVerdict(joins: false, isLast: false)
        verdict.patternGaveUp = true
        return verdict
    }
}

/// How far the lines held have come, for rules that look at more than one line.
enum LinePhase {
    case lines
    case python(PythonTrace)
    case java(JavaTrace)
    case go(GoTrace)
    case json(JSONBraces)

    mutating func judge(_ line: Line) -> LineVerdict {
        switch self {
        case .lines: return LineVerdict(joins: false, isLast: true)
        case .python(var trace):
            defer { self = .python(trace) }
            return trace.judge(line)
        case .java(var trace):
            defer { self = .java(trace) }
            return trace.judge(line)
        case .go(var trace):
            defer { self = .go(trace) }
            return trace.judge(line)
        case .json(var text):
            defer { self = .json(text) }
            return text.judge(line)
        }
    }
}

/// One line without its end, in a buffer of others.
struct Line {
    let bytes: [UInt8]
    let range: Range<Int>

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    var isBlank: Bool { range.allSatisfy { bytes[$0].isSpace } }
    var isIndented: Bool { range.first.map { bytes[$0].isSpace } ?? false }

    /// The same without spaces and tabs at its ends.
    var trimmed: Line {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, bytes[start].isSpace { start += 1 }
        while end > start, bytes[end - 1].isSpace { end -= 1 }
        return Line(bytes, start..<end)
    }

    func hasPrefix(_ text: StaticString) -> Bool { has(text, at: range.lowerBound) }

    func hasSuffix(_ text: StaticString) -> Bool { has(text, at: range.upperBound - text.utf8CodeUnitCount) }

    func has(_ text: StaticString, at index: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index >= range.lowerBound, range.upperBound - index >= count else { return false }
        return text.withUTF8Buffer { text in
            for offset in 0..<count where unsafe bytes[index + offset] != text[offset] { return false }
            return true
        }
    }

    /// Searched for by its first byte, which should be a rare one.
    func contains(_ text: StaticString) -> Bool {
        let first = text.withUTF8Buffer { unsafe $0[0] }
        var start = range.lowerBound
        while let found = bytes.firstIndex(of: first, in: start..<range.upperBound) {
            if has(text, at: found) { return true }
            start = found + 1
        }
        return false
    }
}

extension UInt8 {
    /// A space or a tab.
    var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    /// Of a name in Java, Python or Go, by which all that is not ASCII is taken for a letter.
    var isNameByte: Bool {
        isDigit || (self | 0x20) &- UInt8(ascii: "a") < 26 || self == UInt8(ascii: "_") || self >= 0x80
    }
}
