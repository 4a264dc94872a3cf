// The stage that makes fields, a time and a severity of a message. What it cannot read passes as it is, and is counted.

package import Bytes

/// How the messages of an input are written.
package enum ParseFormat {
    /// One object in each line.
    case json
    case logfmt
    /// Named groups give the fields.
    case regex(Pattern)
    case syslog
    /// nginx's and Apache's `combined` and `common`.
    case accessLog
}

/// Belongs to one pipeline.
package struct RecordParsing {
    private var parser: (any MessageParser)?
    /// Asking `parser` itself would copy it.
    private let hasParser: Bool
    private let keepsOriginal: Bool
    private var time: TimeReading
    /// The time must be there; else it is read where it is.
    private let needsTime: Bool
    private var found: FoundFields
    private var traces: TraceFinder?

    /// Without a format, only traces are looked for. Without `timeField` and `time`, those count that are usual in the
    /// format. `names` are what fields may not be called, besides what records have anyway.
    package init(
        _ format: ParseFormat?, keepsOriginal: Bool = false, timeField: String? = nil, time: TimeFormat? = nil,
        zone: TimeZoneRules = .utc, traces: TraceFinder? = nil, reserving names: [String] = []
    ) {
        parser =
            switch format {
            case nil: nil
            case .json: JSONMessage()
            case .logfmt: LogfmtMessage()
            case .regex(let pattern): PatternMessage(pattern)
            case .syslog: SyslogMessage(zone: zone)
            case .accessLog: AccessLogMessage()
            }
        hasParser = format != nil
        self.keepsOriginal = keepsOriginal
        self.time = TimeReading(time ?? parser?.timeFormat ?? .automatic, zone: zone)
        needsTime = timeField != nil
        found = FoundFields(timeName: timeField, reserving: names)
        self.traces = traces
    }

    /// The draft's fields of its input lie in `input`.
    mutating func apply(
        _ draft: inout RecordDraft, of input: LogBatch, now: Int64,
        _ events: inout EventCounts
    ) {
        if hasParser {
            let whole = draft.text
            let count = draft.bytes.count
            found.begin(draft)
            if let parsed = parser?.parse(&draft, &found, now: now) {
                settle(parsed, whole, &draft, of: input, now: now, &events)
            } else {
                draft.bytes.removeLast(draft.bytes.count - count)
                events[.parseFailed, default: 0] += 1
            }
        }
        traces?.find(&draft, of: input, &events)
    }

    /// Gives the record what was found in it.
    private mutating func settle(
        _ parsed: ParsedMessage, _ whole: Range<Int>, _ draft: inout RecordDraft, of input: LogBatch, now: Int64,
        _ events: inout EventCounts
    ) {
        // A time that is given as a field is what the settings ask for; a parser's own is that of its format.
        if let value = found.value(of: .time) {
            if let time = time.read(draft.bytes, value, now: now) {
                draft.unixNanoseconds = time
                found.take(.time)
            } else {
                events[.timeUnreadable, default: 0] += 1
            }
        } else if needsTime {
            events[.timeUnreadable, default: 0] += 1
        } else if case .time(let time) = parsed.time {
            draft.unixNanoseconds = time
        } else if case .unreadable = parsed.time {
            events[.timeUnreadable, default: 0] += 1
        }

        var severity = parsed.severity
        if severity == nil, let value = found.value(of: .severity), let named = Severity.of(draft.bytes, value) {
            severity = named
            found.take(.severity)
        }
        if let severity { draft.addUnderstood("severity", draft.append(severity.text), of: input) }

        if found.hasTrace { TraceContext(&found, &draft).add(to: &draft, of: input) }
        if let message = parsed.message {
            draft.text = message
        } else if let message = found.value(of: .message) {
            draft.text = message
            found.take(.message)
        }
        found.move(to: &draft, of: input)
        if found.isCut { events[.fieldsCut, default: 0] += 1 }
        // What is in no field must not be lost.
        if keepsOriginal || found.isCut, draft.text != whole {
            draft.addUnderstood("original", whole, of: input)
        }
    }
}

/// What a format says of a record besides its fields.
struct ParsedMessage {
    enum Time {
        case none
        case time(Int64)
        case unreadable
    }

    /// nil when a field says it, or the line as a whole.
    var message: Range<Int>?
    var time = Time.none
    var severity: Severity?
}

/// Reads one format: adds the fields of `draft.text`, and may add bytes to the end of `draft.bytes`.
protocol MessageParser {
    /// How the times of its fields are written.
    var timeFormat: TimeFormat { get }

    /// nil when the text is none of its format; `found` then counts for nothing.
    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage?
}

extension MessageParser {
    var timeFormat: TimeFormat { .automatic }
}
