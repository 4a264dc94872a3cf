// A template of the settings, filled in for each record: names of log groups and streams, for one.
//
// Nothing here waits: what is not known stands as its fallback, `{field.app:-web}`, or as a word of its own. What all
// records of a route have in common is filled in when the settings are read.

internal import Bytes
package import Logs
package import Settings

/// What a template may take that is no part of a record.
package struct TemplateValues: Sendable {
    package var host: HostValues
    /// The input's own `fields`, for records that have none of that name themselves.
    package var fields: [(name: String, value: String)]

    package init(
        _ context: OutputContext, instanceID: String? = nil,
        metadata: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        host = HostValues(
            hostName: context.hostName, inputName: context.inputName, instanceID: instanceID, lookUp: metadata)
        fields = context.fields
    }
}

package struct RecordTemplate: Sendable {
    /// What stands for a file or a field that a record does not have.
    package static let unknown = HostValues.unknown
    package static let variables = ["file", "file_name", "field.", "date"] + HostValues.variables

    private enum Piece: Sendable {
        case text([UInt8])
        case field(name: [UInt8], fallback: [UInt8])
        /// The last part of the path in `file`.
        case fileName(fallback: [UInt8])
        case date(DateFormat)
        case metadata(name: String, fallback: [UInt8])
    }

    private var pieces: [Piece] = []
    private let lookUp: @Sendable (String) -> String?
    /// Records whose times are in the same period of so many seconds, and that have the same fields, get the same text.
    /// Nil: whatever their times are.
    package private(set) var period: Int64?

    /// What the settings themselves put into texts, in their own words: also what stands for a value that is not there.
    package private(set) var literals: [String] = []

    /// - Throws: Why the text is no template, with the nearest name for one that is unknown.
    package init(_ text: String, _ values: TemplateValues) throws(RecordTemplateError) {
        let template: Template
        do throws(TemplateError) { template = try Template(text, known: Self.variables) } catch {
            throw RecordTemplateError(reason: error.reason(known: Self.variables))
        }
        lookUp = values.host.lookUp
        for piece in template.pieces {
            switch piece {
            case .text(let text):
                literals.append(text)
                append(text)
            case .variable(let name, let argument, let fallback):
                if let fallback { literals.append(fallback) }
                try add(name, argument, fallback, values)
            }
        }
    }

    private mutating func add(
        _ name: String, _ argument: String?, _ fallback: String?, _ values: TemplateValues
    ) throws(RecordTemplateError) {
        if let argument, name != "date" {
            throw RecordTemplateError(reason: "{\(name):\(argument)}: only {date:…} takes a format")
        }
        switch values.host.value(of: name, fallback: fallback) {
        case .known(let text): return append(text)
        case .asked(let fallback): return pieces.append(.metadata(name: name, fallback: Array(fallback.utf8)))
        case nil: break
        }
        let missing = Array((fallback ?? Self.unknown).utf8)
        switch name {
        case "file": pieces.append(.field(name: Array("file".utf8), fallback: missing))
        case "file_name": pieces.append(.fileName(fallback: missing))
        case "date":
            if let fallback {
                throw RecordTemplateError(reason: "{date:-\(fallback)}: there is always a date, nothing stands for it")
            }
            let format = try DateFormat(argument ?? "%Y-%m-%d")
            period = min(period ?? format.period, format.period)
            pieces.append(.date(format))
        default:
            let field = name.dropFirst("field.".count)
            let own = values.fields.first { $0.name == field }?.value
            pieces.append(.field(name: Array(field.utf8), fallback: own.map { Array($0.utf8) } ?? missing))
        }
    }

    private mutating func append(_ text: String) {
        if case .text(var before) = pieces.last {
            before.append(text: text)
            pieces[pieces.count - 1] = .text(before)
        } else {
            pieces.append(.text(Array(text.utf8)))
        }
    }

    /// Has what it needs of the instance looked up, so that it is there when the first record comes. Returns at once.
    package func lookAhead() {
        for case .metadata(let name, _) in pieces { _ = lookUp(name) }
    }

    /// Appends the text for one record of `batch`, valid UTF-8 whatever bytes the record has: names of files and fields
    /// of the journal may have any. Allocates nothing but what `text` has no room for.
    package func append(_ record: LogBatch.Record, of batch: LogBatch, to text: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .text(let bytes): text.append(contentsOf: bytes)
            case .field(let name, let fallback):
                if let value = batch.value(of: name, in: record) {
                    text.append(repairing: value, of: batch.bytes)
                } else {
                    text.append(contentsOf: fallback)
                }
            case .fileName(let fallback): appendFileName(record, batch, fallback, to: &text)
            case .date(let format): format.append(record.unixNanoseconds, to: &text)
            case .metadata(let name, let fallback):
                if let value = lookUp(name) { text.append(text: value) } else { text.append(contentsOf: fallback) }
            }
        }
    }

    private func appendFileName(
        _ record: LogBatch.Record, _ batch: LogBatch, _ fallback: [UInt8], to text: inout [UInt8]
    ) {
        guard let path = batch.value(of: Self.file, in: record) else {
            text.append(contentsOf: fallback)
            return
        }
        var start = path.upperBound
        while start > path.lowerBound, batch.bytes[start - 1] != UInt8(ascii: "/") { start -= 1 }
        text.append(repairing: start..<path.upperBound, of: batch.bytes)
    }

    private static let file = Array("file".utf8)
}

package struct RecordTemplateError: Error, Equatable {
    package let reason: String
}

extension LogBatch {
    /// The value of the record's field of that name; nil when it has none.
    fileprivate func value(of name: [UInt8], in record: Record) -> Range<Int>? {
        for index in record.fields {
            let field = fields[Int(index)]
            if name[...] == bytes[field.name.range] { return field.value.range }
        }
        return nil
    }
}

extension SettingsSection {
    /// A text with variables, compiled, and as it stands there. Without a default the key must be there.
    package mutating func template(
        _ key: String, default fallback: String? = nil, _ values: TemplateValues
    ) throws(SettingsError) -> (RecordTemplate, text: String) {
        let text: String
        if let fallback { text = try string(key, default: fallback) } else { text = try string(key) }
        do throws(RecordTemplateError) { return (try RecordTemplate(text, values), text) } catch {
            throw self.error(at: key, error.reason)
        }
    }
}

/// A few of the letters of strftime(3), of the UTC calendar.
private struct DateFormat: Sendable {
    private enum Step: Sendable {
        case text(UInt8)
        case number(Part, width: Int)
    }
    private enum Part: Sendable { case year, month, day, hour, minute, second }

    private var steps: [Step] = []
    /// Within so many seconds, from their first on, the text stays the same.
    private(set) var period: Int64 = 86_400

    init(_ text: String) throws(RecordTemplateError) {
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                steps.append(.text(byte))
                continue
            }
            switch rest.popFirst().map({ Character(Unicode.Scalar($0)) }) {
            case "Y": steps.append(.number(.year, width: 4))
            case "m": steps.append(.number(.month, width: 2))
            case "d": steps.append(.number(.day, width: 2))
            case "H": add(.hour, 3_600)
            case "M": add(.minute, 60)
            case "S": add(.second, 1)
            case "%": steps.append(.text(byte))
            default:
                throw RecordTemplateError(
                    reason: "{date:\(text)}: of strftime, %Y %m %d %H %M %S and %% are known")
            }
        }
        let hasNumber = steps.contains { step in if case .number = step { true } else { false } }
        guard hasNumber else { throw RecordTemplateError(reason: "{date:\(text)}: nothing of it is of the date") }
    }

    private mutating func add(_ part: Part, _ seconds: Int64) {
        steps.append(.number(part, width: 2))
        period = min(period, seconds)
    }

    func append(_ unixNanoseconds: Int64, to text: inout [UInt8]) {
        let (seconds, rest) = unixNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let time = CivilTime(unixSeconds: rest < 0 ? seconds - 1 : seconds)
        for step in steps {
            switch step {
            case .text(let byte): text.append(byte)
            case .number(let part, let width): text.append(padded: Self.value(part, time), width: width)
            }
        }
    }

    private static func value(_ part: Part, _ time: CivilTime) -> Int {
        switch part {
        case .year: time.year
        case .month: time.month
        case .day: time.day
        case .hour: time.hour
        case .minute: time.minute
        case .second: time.second
        }
    }
}
