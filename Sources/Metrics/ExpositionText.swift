// Reads metrics that other programs wrote, in the text format 0.0.4.
//
//     # HELP backup_bytes_total Bytes saved.
//     # TYPE backup_bytes_total counter
//     backup_bytes_total{host="db",kind="full"} 1.5e+09
//
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
//
// Names with other letters stand in quotes, as of Prometheus 3, and that of the metric then in the braces:
//
//     # TYPE "my.dotted.metric" gauge
//     {"my.dotted.metric","a.b"="x"} 3
//
// A line that cannot be used is left out and noted, with its number; the other lines are served. Windows' line ends, a
// last line without an end and what OpenMetrics adds (`# EOF`, `# UNIT`, exemplars, its types) do no harm.

package import Bytes

/// Why a line, or all of a file, is not served.
package enum ExpositionProblem: String, Sendable, CaseIterable {
    case syntax
    /// A value with a time of its own: a scrape says what is now.
    case timestamp
    /// The same series stands before it, in this file or in one that comes before.
    case duplicate
    /// The name has another type, in this file or in one that comes before.
    case typeConflict = "type_conflict"
    case tooManySeries = "too_many_series"
    /// Prometheus makes a series of that name for each target, without labels: `up` would say that the host is down.
    case reservedName = "reserved_name"
}

/// The first line and the number of lines of each problem: a file of a million bad lines must not fill the memory.
package struct ProblemLines<Reason: Hashable & Sendable>: Sendable {
    package struct Lines: Sendable, Equatable {
        package var first: Int
        package var count: Int

        package init(first: Int, count: Int) {
            self.first = first
            self.count = count
        }
    }

    package private(set) var lines: [Reason: Lines] = [:]

    package init() {}

    package mutating func note(_ reason: Reason, line: Int) {
        lines[reason, default: Lines(first: line, count: 0)].count += 1
        if let first = lines[reason]?.first, line < first { lines[reason]?.first = line }
    }
}

/// What stands in one file.
package struct ExpositionText: Sendable {
    package struct Series: Sendable {
        package var key: SeriesKey
        package var value: Double
        package var line: Int

        package var name: String { key.name }
    }

    /// What HELP and TYPE lines say of a name.
    package struct Declaration: Sendable, Equatable {
        package var kind: MetricKind?
        /// The line of `kind`.
        package var line: Int
        package var help: String?
        /// Endings of names that are gauges, for types of OpenMetrics that the text format does not have.
        var gaugeEndings: [String] = []

        init(line: Int) { self.line = line }
    }

    package fileprivate(set) var series: [Series] = []
    package fileprivate(set) var declarations: [ExactText: Declaration] = [:]
    package fileprivate(set) var problems = ProblemLines<ExpositionProblem>()

    /// Reads at most `limit` series; what stands after them is noted.
    package static func parse(_ cursor: inout ByteCursor, limit: Int) -> ExpositionText {
        var reader = Reader(limit: limit)
        // Editors of Windows begin a file with this mark.
        _ = cursor.skip("\u{FEFF}")
        while !cursor.isAtEnd {
            reader.line += 1
            reader.readLine(&cursor)
            cursor.skipToNextLine()
        }
        return reader.text
    }
}

/// Why one line cannot be used; its number is known to who reads the lines.
private enum LineError: Error { case syntax, timestamp }

private struct Reader {
    let limit: Int
    var text = ExpositionText()
    var line = 0
    /// Names that had a sample: a TYPE after it comes too late.
    private var sampled: Set<ExactText> = []
    /// Of the last series. Most series have the names of the one before: they share the memory.
    private var lastName = ""
    private var lastLabels: [String] = []

    init(limit: Int) { self.limit = limit }

    mutating func readLine(_ cursor: inout ByteCursor) {
        cursor.skipBlanks()
        if cursor.isAtLineEnd { return }
        if cursor.skip(byte: UInt8(ascii: "#")) { return readComment(&cursor) }
        do throws(LineError) {
            let series = try readSeries(&cursor)
            guard text.series.count < limit else { return text.problems.note(.tooManySeries, line: line) }
            sampled.insert(ExactText(series.name))
            text.series.append(series)
        } catch {
            text.problems.note(error == .timestamp ? .timestamp : .syntax, line: line)
        }
    }

    // MARK: # HELP name text, # TYPE name word

    private mutating func readComment(_ cursor: inout ByteCursor) {
        cursor.skipBlanks()
        let word = cursor.word()
        let isHelp = cursor.has(word, "HELP")
        guard isHelp || cursor.has(word, "TYPE") else { return }
        cursor.skipBlanks()
        let isQuoted = cursor.next == UInt8(ascii: "\"")
        guard let found = isQuoted ? cursor.quotedName() : cursor.name(allowsColon: true) else {
            return text.problems.note(.syntax, line: line)
        }
        let name = ExactText(found)
        guard cursor.isAtLineEnd || cursor.isAtBlank else { return text.problems.note(.syntax, line: line) }
        cursor.skipBlanks()
        if isHelp {
            let help = cursor.helpText()
            // A second help text changes nothing that anybody would miss.
            if text.declarations[name]?.help == nil {
                text.declarations[name, default: ExpositionText.Declaration(line: line)].help = help
            }
        } else {
            readType(of: name, &cursor)
        }
    }

    private mutating func readType(of name: ExactText, _ cursor: inout ByteCursor) {
        let word = cursor.word()
        cursor.skipBlanks()
        guard cursor.isAtLineEnd, let (kind, gaugeEndings) = kind(cursor.text(word)) else {
            return text.problems.note(.syntax, line: line)
        }
        if let before = text.declarations[name]?.kind {
            // Programs that write one after another into a file repeat it, which is no mistake worth a word.
            if before != kind { text.problems.note(.typeConflict, line: line) }
            return
        }
        guard !sampled.contains(name) else { return text.problems.note(.syntax, line: line) }
        text.declarations[name, default: ExpositionText.Declaration(line: line)].kind = kind
        text.declarations[name]?.line = line
        text.declarations[name]?.gaugeEndings = gaugeEndings
    }

    /// In whatever case, as Prometheus' libraries read it.
    private func kind(_ word: String) -> (MetricKind, gaugeEndings: [String])? {
        // A carriage return is no blank to `word`.
        let word = (word.without(ending: "\r") ?? word).lowercased()
        switch word {
        // Of OpenMetrics.
        case "unknown": return (.untyped, [])
        case "stateset": return (.gauge, [])
        case "info": return (.gauge, ["_info"])
        case "gaugehistogram", "gauge_histogram": return (.gauge, ["_bucket", "_gcount", "_gsum"])
        default: return MetricKind(rawValue: word).map { ($0, []) }
        }
    }

    // MARK: name{label="value",…} number

    private mutating func readSeries(_ cursor: inout ByteCursor) throws(LineError) -> ExpositionText.Series {
        var name = cursor.name(allowsColon: true)
        cursor.skipBlanks()
        let labels = try readLabels(&cursor, &name)
        guard let name else { throw .syntax }
        cursor.skipBlanks()
        guard let value = cursor.number() else { throw .syntax }
        cursor.skipBlanks()
        if !cursor.isAtLineEnd, cursor.next != UInt8(ascii: "#") {
            // All that may stand here is a time, in OpenMetrics with a fraction.
            guard cursor.number() != nil else { throw .syntax }
            cursor.skipBlanks()
            throw cursor.isAtLineEnd || cursor.next == UInt8(ascii: "#") ? .timestamp : .syntax
        }
        return ExpositionText.Series(key: key(name, labels), value: value, line: line)
    }

    private mutating func key(_ name: String, _ labels: [(name: String, value: String)]) -> SeriesKey {
        if !name.hasSameBytes(as: lastName) { lastName = name }
        if !lastLabels.elementsEqual(labels, by: { $0.hasSameBytes(as: $1.name) }) { lastLabels = labels.map(\.name) }
        return SeriesKey(name: lastName, labels: lastLabels, values: labels.map(\.value))
    }

    /// A name in quotes without a value is that of the metric, and the only one.
    private func readLabels(
        _ cursor: inout ByteCursor, _ metric: inout String?
    ) throws(LineError) -> [(name: String, value: String)] {
        guard cursor.skip(byte: UInt8(ascii: "{")) else { return [] }
        var labels: [(name: String, value: String)] = []
        cursor.skipBlanks()
        while !cursor.skip(byte: UInt8(ascii: "}")) {
            let isQuoted = cursor.next == UInt8(ascii: "\"")
            guard let name = isQuoted ? cursor.quotedName() : cursor.name(allowsColon: false) else { throw .syntax }
            cursor.skipBlanks()
            if cursor.skip(byte: UInt8(ascii: "=")) {
                cursor.skipBlanks()
                guard name != "__name__", let value = cursor.quoted() else { throw .syntax }
                labels.append((name, value))
                cursor.skipBlanks()
            } else {
                guard isQuoted, metric == nil else { throw .syntax }
                metric = name
            }
            if cursor.skip(byte: UInt8(ascii: ",")) {
                cursor.skipBlanks()
            } else if cursor.next != UInt8(ascii: "}") {
                throw .syntax
            }
        }
        labels.sort { $0.name.precedes($1.name) }
        guard zip(labels, labels.dropFirst()).allSatisfy({ !$0.name.hasSameBytes(as: $1.name) }) else { throw .syntax }
        // For Prometheus a label without a value is the same as none.
        labels.removeAll { $0.value.isEmpty }
        return labels
    }
}

/// A number as Go's strconv.ParseFloat takes it, but in hexadecimal.
func number(ofText text: String) -> Double? {
    switch text.lowercased() {
    case "nan": return .nan
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    default:
        // What else Swift reads as a number is none here: 0x1p3, nan(7).
        guard text.utf8.allSatisfy(\.isOfNumber), let value = Double(text), value.isFinite else { return nil }
        return value
    }
}

extension ByteCursor {
    fileprivate var isAtBlank: Bool {
        next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") || next == UInt8(ascii: "\r")
    }

    /// A carriage return counts as one: it stands before the line end.
    fileprivate mutating func skipBlanks() {
        while isAtBlank, let byte = next { _ = skip(byte: byte) }
    }

    /// The name of a metric or a label.
    fileprivate mutating func name(allowsColon: Bool) -> String? {
        let start = index
        while let byte = next, byte.isOfName(isFirst: index == start, allowsColon: allowsColon) {
            _ = skip(byte: byte)
        }
        return index > start ? text(start..<index) : nil
    }

    /// It ends at a blank or the line's end.
    fileprivate mutating func number() -> Double? {
        let start = index
        while !isAtLineEnd, !isAtBlank, let byte = next { _ = skip(byte: byte) }
        return Metrics.number(ofText: text(start..<index))
    }

    /// A name in quotes, which has a letter at least.
    fileprivate mutating func quotedName() -> String? { quoted().flatMap { $0.isEmpty ? nil : $0 } }

    /// `"text"` with the escapes `\\`, `\"` and `\n`. No text has a NUL: it would end Prometheus' reading.
    fileprivate mutating func quoted() -> String? {
        guard skip(byte: UInt8(ascii: "\"")) else { return nil }
        let start = index
        var unescaped: [UInt8]?
        while !isAtLineEnd, let byte = next {
            _ = skip(byte: byte)
            if byte == UInt8(ascii: "\"") {
                if let unescaped { return String(validating: unescaped, as: UTF8.self) }
                return String(validating: bytes[start..<index - 1], as: UTF8.self)
            }
            if byte == 0 { return nil }
            guard byte == UInt8(ascii: "\\") else { unescaped?.append(byte); continue }
            if unescaped == nil { unescaped = Array(bytes[start..<index - 1]) }
            guard let escaped = escape(quotes: true) else { return nil }
            unescaped?.append(escaped)
        }
        return nil
    }

    /// The rest of the line with the escapes `\\` and `\n`; other backslashes stand for themselves.
    fileprivate mutating func helpText() -> String {
        let line = restOfLine()
        var last = line.upperBound
        while last > line.lowerBound, bytes[last - 1] == UInt8(ascii: "\r") { last -= 1 }
        var rest = ByteCursor(Array(bytes[line.lowerBound..<last]))
        var help: [UInt8] = []
        while let byte = rest.next {
            _ = rest.skip(byte: byte)
            if byte == UInt8(ascii: "\\"), let escaped = rest.escape(quotes: false) {
                help.append(escaped)
            } else {
                // A NUL would end Prometheus' reading.
                help.append(byte == 0 ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: help, as: UTF8.self)
    }

    /// What stands after a backslash; nil, and the cursor stays, when that is no escape.
    private mutating func escape(quotes: Bool) -> UInt8? {
        if skip(byte: UInt8(ascii: "n")) { return UInt8(ascii: "\n") }
        if skip(byte: UInt8(ascii: "\\")) { return UInt8(ascii: "\\") }
        if quotes, skip(byte: UInt8(ascii: "\"")) { return UInt8(ascii: "\"") }
        return nil
    }
}

extension UInt8 {
    fileprivate var isOfNumber: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }
}
