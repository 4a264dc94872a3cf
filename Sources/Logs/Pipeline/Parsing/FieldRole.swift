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

    init?(_ bytes: [UInt8], _ name: Range<Int>) {
        func isName(_ text: StaticString) -> Bool { bytes.has(name, text) }
        switch name.count {
        case 2 where isName("ts"): self.init(.time, 3)
        case 3 where isName("msg"): self.init(.message, 1)
        case 3 where isName("log"): self.init(.message, 2)
        case 3 where isName("lvl"): self.init(.severity, 2)
        case 4 where isName("time"): self.init(.time, 2)
        case 5 where isName("level"): self.init(.severity, 1)
        case 7 where isName("message"): self.init(.message, 0)
        case 8 where isName("severity"): self.init(.severity, 0)
        case 9 where isName("timestamp"): self.init(.time, 0)
        case 9 where isName("log.level"): self.init(.severity, 3)
        case 9 where isName("levelname"): self.init(.severity, 4)
        case 10 where isName("@timestamp"): self.init(.time, 1)
        case 6...20: self.init(trace: bytes, name)
        default: return nil
        }
    }

    private init(_ kind: Kind, _ rank: Int) {
        self.kind = kind
        self.rank = rank
    }

    /// `trace_id`, `traceId`, `traceID`, `trace.id`, `X-Amzn-Trace-Id` …: letters alone count.
    private init?(trace bytes: [UInt8], _ name: Range<Int>) {
        // The letters of all of these begin with t, s, d, o, x or a.
        switch bytes[name.lowerBound] | 0x20 {
        case UInt8(ascii: "t"), UInt8(ascii: "s"), UInt8(ascii: "d"), UInt8(ascii: "o"), UInt8(ascii: "x"),
            UInt8(ascii: "a"):
            break
        default: return nil
        }
        // And end so.
        switch bytes[name.upperBound - 1] | 0x20 {
        case UInt8(ascii: "d"), UInt8(ascii: "t"): break
        default: return nil
        }
        func isName(_ letters: StaticString) -> Bool {
            var at = name.lowerBound
            let count = letters.utf8CodeUnitCount
            return letters.withUTF8Buffer { letters in
                for index in 0..<count {
                    while at < name.upperBound, bytes[at].isSeparator { at += 1 }
                    guard at < name.upperBound, unsafe letters[index] == bytes[at] | 0x20 else { return false }
                    at += 1
                }
                return at == name.upperBound
            }
        }
        if isName("traceid") || isName("oteltraceid") { self.init(.traceID, 0) }
        else if isName("spanid") || isName("otelspanid") { self.init(.spanID, 0) }
        else if isName("traceparent") { self.init(.traceparent, 0) }
        else if isName("ddtraceid") { self.init(.datadogTraceID, 0) }
        else if isName("ddspanid") { self.init(.datadogSpanID, 0) }
        else if isName("xamzntraceid") || isName("xraytraceid") || isName("awsxraytraceid") { self.init(.xray, 0) }
        else { return nil }
    }
}

/// The names that records have themselves. What a log calls so gets a `_` at its end.
package enum RecordNames {
    /// What every record has, whatever made it; no field of the settings may be called so.
    package static let own = ["timestamp", "message", "host", "input", "truncated"]
    /// What inputs add to their records.
    package static let ofInputs = ["file", "unit", "priority", "identifier", "pid"]
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
