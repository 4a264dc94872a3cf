// What a field is by its name: the message, the time and the severity of a record, or the trace that it belongs to.

/// The same name means the same in JSON, logfmt and a pattern's groups. Of several with one role, that with the lowest
/// rank counts.
struct FieldRole: Equatable {
    enum Kind: Int, CaseIterable {
        case message, time, severity
        case traceID, spanID
        /// Datadog's: decimal, or as the others.
        case datadogTraceID, datadogSpanID
        /// W3C's, with both in it.
        case traceparent
        /// `Root=1-…;Parent=…`.
        case xray
    }

    let kind: Kind
    let rank: Int

    /// nil for most names. Not an initializer: those take over their arguments, which is counted for each field.
    @inline(__always)
    static func of(_ bytes: [UInt8], _ name: Range<Int>) -> FieldRole? {
        guard 2...nameByteLimit ~= name.count else { return nil }
        let bit = bit(bytes[name.lowerBound], bytes[name.upperBound - 1], name.count)
        if nameBits & bit != 0 {
            var key = NameKey()
            for index in name { key.add(bytes[index]) }
            for index in names.indices where names[index].key == key { return names[index].role }
        }
        // All that tell a trace end with `id` or `parent`.
        let last = (bytes[name.upperBound - 2] | 0x20, bytes[name.upperBound - 1] | 0x20)
        if last == (UInt8(ascii: "i"), UInt8(ascii: "d")) || last == (UInt8(ascii: "n"), UInt8(ascii: "t")) {
            return trace(bytes, name)
        }
        return nil
    }

    /// Of those that tell a trace, only the letters count.
    private static func trace(_ bytes: [UInt8], _ name: Range<Int>) -> FieldRole? {
        var key = NameKey()
        for index in name where !bytes[index].isSeparator { key.add(bytes[index] | 0x20) }
        for index in traceNames.indices where traceNames[index].key == key { return traceNames[index].role }
        return nil
    }

    /// One of 64, by which most names that are none of `names` are told at once.
    @inline(__always)
    private static func bit(_ first: UInt8, _ last: UInt8, _ count: Int) -> UInt64 {
        1 << ((UInt64(first) &* 3 &+ UInt64(last) &* 5 &+ UInt64(count)) & 63)
    }

    private static let nameBits: UInt64 = {
        var bits: UInt64 = 0
        for index in names.indices { bits |= names[index].bit }
        return bits
    }()

    fileprivate static func bit(of name: String) -> UInt64 {
        let letters = Array(name.utf8)
        return bit(letters[0], letters[letters.count - 1], letters.count)
    }

    fileprivate init(_ kind: Kind, _ rank: Int) {
        self.kind = kind
        self.rank = rank
    }

    /// Not an array: nothing of it is counted by reference when a name is looked up.
    private static let names: InlineArray<12, KnownName> = [
        KnownName("message", .message, 0), KnownName("msg", .message, 1), KnownName("log", .message, 2),
        KnownName("timestamp", .time, 0), KnownName("@timestamp", .time, 1), KnownName("time", .time, 2),
        KnownName("ts", .time, 3), KnownName("severity", .severity, 0), KnownName("level", .severity, 1),
        KnownName("lvl", .severity, 2), KnownName("log.level", .severity, 3), KnownName("levelname", .severity, 4),
    ]

    /// `trace_id`, `traceId`, `traceID`, `trace.id`, `X-Amzn-Trace-Id` …
    private static let traceNames: InlineArray<10, KnownName> = [
        KnownName("traceid", .traceID), KnownName("oteltraceid", .traceID), KnownName("spanid", .spanID),
        KnownName("otelspanid", .spanID), KnownName("traceparent", .traceparent),
        KnownName("ddtraceid", .datadogTraceID), KnownName("ddspanid", .datadogSpanID),
        KnownName("xamzntraceid", .xray), KnownName("xraytraceid", .xray), KnownName("awsxraytraceid", .xray),
    ]

    /// `AWS-XRAY-TRACE-ID` is the longest; a key holds 16 letters.
    private static let nameByteLimit = 18
}

private struct KnownName {
    let key: NameKey
    let role: FieldRole
    let bit: UInt64

    init(_ name: String, _ kind: FieldRole.Kind, _ rank: Int = 0) {
        key = NameKey(name)
        role = FieldRole(kind, rank)
        bit = FieldRole.bit(of: name)
    }
}

/// Up to 16 bytes as two numbers, which compare faster than texts.
private struct NameKey: Equatable {
    private var high: UInt64 = 0
    private var low: UInt64 = 0

    init() {}

    init(_ text: String) { for byte in text.utf8 { add(byte) } }

    @inline(__always)
    mutating func add(_ byte: UInt8) {
        high = high << 8 | low >> 56
        low = low << 8 | UInt64(byte)
    }
}

/// Under which name a record has what a parser understands of a field that the log calls `name`; nil where it keeps
/// that name, or is no field any more.
package func nameUnderstood(of name: String) -> String? {
    let bytes = Array(name.utf8)
    let understood: String
    switch FieldRole.of(bytes, bytes.indices)?.kind {
    case .message?: understood = "message"
    case .severity?: understood = "severity"
    case .traceID?: understood = "trace_id"
    case .spanID?: understood = "span_id"
    // Those of traces stay fields beside what is made of them.
    case .time?, .datadogTraceID?, .datadogSpanID?, .traceparent?, .xray?, nil: return nil
    }
    return understood == name ? nil : understood
}

/// The names that records have themselves. What a log calls so gets a `_` at its end.
package enum RecordNames {
    /// What every record has, whatever made it; no field of the settings may be called so.
    package static let own = ["timestamp", "message", "host", "input", "truncated"]
    /// Where a record comes from, which no log says itself, whatever its input.
    static let ofSource = ["file"]
    /// What the journal says of its entries.
    package static let ofJournal = ["unit", "user_unit", "priority", "identifier", "pid"]
    /// What inputs add to their records.
    package static let ofInputs = ofSource + ofJournal
    /// What the format of a container and the path of its file say.
    package static let ofContainers = ["stream", "namespace", "pod", "container"]
    /// What is only here when it is understood.
    static let understood = ["severity", "trace_id", "span_id", "original"]
}

extension UInt8 {
    fileprivate var isSeparator: Bool {
        self == UInt8(ascii: "_") || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}

extension [UInt8] {
    func has(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for offset in 0..<range.count where unsafe self[range.lowerBound + offset] != text[offset] {
                return false
            }
            return true
        }
    }
}
