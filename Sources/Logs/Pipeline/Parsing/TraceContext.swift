// The trace that a record belongs to, in the form of W3C's Trace Context (https://www.w3.org/TR/trace-context/): 32 and
// 16 lower-case hexadecimal digits, not all of them zero. AWS X-Ray writes its own as `1-<8 digits>-<24 digits>`
// (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html), Datadog's libraries theirs in decimal.

package import Bytes

/// The two identifiers, as ranges of a draft's bytes.
struct TraceContext {
    var traceID: Range<Int>?
    var spanID: Range<Int>?

    static let traceIDDigits = 32
    static let spanIDDigits = 16

    /// From the fields that say so by their names. What is understood and says nothing else is taken from them.
    init(_ found: inout FoundFields, _ draft: inout RecordDraft) {
        if let value = found.value(of: .traceID) {
            traceID = draft.traceID(value)
            if traceID != nil { found.take(.traceID) }
        }
        if let value = found.value(of: .spanID) {
            spanID = draft.hexadecimal(value, digits: Self.spanIDDigits)
            if spanID != nil { found.take(.spanID) }
        }
        if traceID == nil, let value = found.value(of: .traceparent) {
            (traceID, spanID) = draft.traceparent(value) ?? (traceID, spanID)
        }
        if traceID == nil, let value = found.value(of: .xray) {
            let ids = draft.xray(value)
            (traceID, spanID) = (ids.trace, spanID ?? ids.span)
        }
        // Datadog's own are left as they are: others than its tools need them so.
        if traceID == nil, let value = found.value(of: .datadogTraceID) {
            traceID =
                draft.hexadecimal(value, digits: Self.traceIDDigits)
                ?? draft.hexadecimal(decimal: value, digits: Self.traceIDDigits)
        }
        if spanID == nil, let value = found.value(of: .datadogSpanID) {
            spanID =
                draft.hexadecimal(decimal: value, digits: Self.spanIDDigits)
                ?? draft.hexadecimal(value, digits: Self.spanIDDigits)
        }
    }

    func add(to draft: inout RecordDraft, of input: LogBatch) {
        if let traceID { draft.addUnderstood("trace_id", traceID, of: input) }
        if let spanID { draft.addUnderstood("span_id", spanID, of: input) }
    }
}

/// Finds the identifiers in the text of a message. It belongs to one pipeline.
package struct TraceFinder {
    private let trace: Pattern
    private let span: Pattern

    package init() throws(PatternError) {
        trace = try Pattern(
            #"(?i)\b00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b"#
                + #"|\b(1-[0-9a-f]{8}-[0-9a-f]{24})\b(?:;Parent=([0-9a-f]{16})\b)?"#
                + #"|\btrace[_.-]?id["']?\s*[:=]\s*["']?([0-9a-f]{32})\b"#)
        span = try Pattern(#"(?i)\bspan[_.-]?id["']?\s*[:=]\s*["']?([0-9a-f]{16})\b"#)
    }

    func find(
        _ draft: inout RecordDraft, of input: LogBatch, _ events: inout EventCounts
    ) {
        guard draft.value(of: Array("trace_id".utf8)) == nil else { return }
        let start = draft.text.lowerBound
        switch trace.match(draft.bytes, draft.text) {
        case .doesNotMatch: return
        case .gaveUp:
            events[.patternGaveUp, default: 0] += 1
            return
        case .matches: break
        }
        func group(_ index: Int) -> Range<Int>? { trace.range(ofGroup: index, startingAt: start) }
        let traceID =
            (group(1) ?? group(5)).flatMap { draft.hexadecimal($0, digits: TraceContext.traceIDDigits) }
            ?? group(3).flatMap { draft.traceID($0) }
        guard let traceID else { return }
        var spanText = group(2) ?? group(4)
        if spanText == nil, span.match(draft.bytes, draft.text) == .matches {
            spanText = span.range(ofGroup: 1, startingAt: start)
        }
        draft.addUnderstood("trace_id", traceID, of: input)
        if let spanText, let spanID = draft.hexadecimal(spanText, digits: TraceContext.spanIDDigits),
            draft.value(of: Array("span_id".utf8)) == nil
        {
            draft.addUnderstood("span_id", spanID, of: input)
        }
    }
}

extension RecordDraft {
    /// W3C's 32 digits, the 16 of older tracers (which mean the lower half), or X-Ray's.
    fileprivate mutating func traceID(_ value: Range<Int>) -> Range<Int>? {
        if let found = hexadecimal(value, digits: TraceContext.traceIDDigits) { return found }
        if value.count == TraceContext.spanIDDigits, let lower = hexadecimal(value, digits: value.count) {
            let start = bytes.count
            for _ in 0..<TraceContext.spanIDDigits { bytes.append(UInt8(ascii: "0")) }
            bytes.append(copyOf: lower)
            return start..<bytes.count
        }
        return xray(value).trace
    }

    /// So many hexadecimal digits, in lower case; nil when they are no such, or all zeros.
    fileprivate mutating func hexadecimal(_ value: Range<Int>, digits: Int) -> Range<Int>? {
        guard value.count == digits else { return nil }
        var isLower = true
        var isZero = true
        for index in value {
            let byte = bytes[index]
            guard byte.hexadecimalDigit != nil else { return nil }
            if byte &- UInt8(ascii: "A") < 6 { isLower = false }
            if byte != UInt8(ascii: "0") { isZero = false }
        }
        guard !isZero else { return nil }
        if isLower { return value }
        let start = bytes.count
        // Digits have the bit that makes letters small already.
        for index in value { bytes.append(bytes[index] | 0x20) }
        return start..<bytes.count
    }

    /// A decimal number of 64 bits in hexadecimal digits.
    fileprivate mutating func hexadecimal(decimal value: Range<Int>, digits: Int) -> Range<Int>? {
        var number: UInt64 = 0
        for index in value {
            let digit = bytes[index] &- UInt8(ascii: "0")
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard digit <= 9, !overflow, !carry else { return nil }
            number = sum
        }
        guard number > 0 else { return nil }
        let start = bytes.count
        for _ in 0..<digits - 16 { bytes.append(UInt8(ascii: "0")) }
        for byte in stride(from: 56, through: 0, by: -8) {
            bytes.append(hexadecimal: UInt8(truncatingIfNeeded: number >> byte))
        }
        return start..<bytes.count
    }

    /// `00-<32>-<16>-<2>`; later versions may have more behind that.
    fileprivate mutating func traceparent(_ value: Range<Int>) -> (Range<Int>?, Range<Int>?)? {
        let start = value.lowerBound
        guard value.count >= 55, bytes[start + 2] == UInt8(ascii: "-"), bytes[start + 35] == UInt8(ascii: "-"),
            bytes[start + 52] == UInt8(ascii: "-"), !bytes.has(start..<start + 2, "ff"),
            let trace = hexadecimal(start + 3..<start + 35, digits: TraceContext.traceIDDigits),
            let span = hexadecimal(start + 36..<start + 52, digits: TraceContext.spanIDDigits)
        else { return nil }
        return (trace, span)
    }

    /// `1-<8>-<24>`, alone, behind `Root=`, or before `@<16>`; and what stands behind `Parent=`.
    fileprivate mutating func xray(_ value: Range<Int>) -> (trace: Range<Int>?, span: Range<Int>?) {
        var trace: Range<Int>?
        var span: Range<Int>?
        var start = value.lowerBound
        while start < value.upperBound {
            let part =
                start..<(bytes.firstIndex(of: UInt8(ascii: ";"), in: start..<value.upperBound) ?? value.upperBound)
            start = part.upperBound + 1
            let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: part)
            let said = (equals.map { $0 + 1 } ?? part.lowerBound)..<part.upperBound
            let name = part.lowerBound..<(equals ?? part.lowerBound)
            if name.isEmpty || bytes.has(name, "Root") {
                let at = bytes.firstIndex(of: UInt8(ascii: "@"), in: said)
                trace = trace ?? xrayTrace(said.lowerBound..<(at ?? said.upperBound))
                if let at { span = hexadecimal(at + 1..<said.upperBound, digits: TraceContext.spanIDDigits) }
            } else if bytes.has(name, "Parent") {
                span = hexadecimal(said, digits: TraceContext.spanIDDigits)
            }
        }
        return (trace, trace == nil ? nil : span)
    }

    private mutating func xrayTrace(_ value: Range<Int>) -> Range<Int>? {
        let start = value.lowerBound
        guard value.count == 35, bytes.has(start..<start + 2, "1-"), bytes[start + 10] == UInt8(ascii: "-") else {
            return nil
        }
        let joined = bytes.count
        bytes.append(copyOf: start + 2..<start + 10)
        bytes.append(copyOf: start + 11..<start + 35)
        return hexadecimal(joined..<bytes.count, digits: TraceContext.traceIDDigits)
    }
}
