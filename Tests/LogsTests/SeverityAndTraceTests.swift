import Bytes
import Logs
import Testing

@Suite struct SeverityTests {
    @Test(arguments: [
        ("trace", "trace"), ("TRACE", "trace"), ("Verbose", "trace"), ("debug", "debug"), ("DBG", "debug"),
        ("info", "info"), ("Information", "info"), ("informational", "info"), ("I", "info"), ("notice", "notice"),
        ("warn", "warning"), ("WARNING", "warning"), ("error", "error"), ("ERR", "error"), ("severe", "error"),
        ("fatal", "critical"), ("crit", "critical"), ("panic", "critical"), ("alert", "alert"),
        ("emerg", "emergency"), ("EMERGENCY", "emergency"), ("0", "emergency"), ("3", "error"), ("6", "info"),
        ("7", "debug"), ("10", "trace"), ("20", "debug"), ("30", "info"), ("35", "info"), ("40", "warning"),
        ("50", "error"), ("60", "critical"),
    ])
    func words(word: String, severity: String) {
        #expect(parse(.json, #"{"level":"\#(word)"}"#).fields == [#"severity="\#(severity)""#])
    }

    @Test(arguments: ["", "8", "9", "70", "100", "inform", "informations", "high", "errors", "4.5", "-1"])
    func noWords(word: String) {
        #expect(parse(.json, #"{"level":"\#(word)"}"#).fields == [#"level="\#(word)""#])
    }

    @Test func numbers() {
        #expect(parse(.json, #"{"level":40}"#).fields == [#"severity="warning""#])
        #expect(parse(.json, #"{"level":400}"#).fields == ["level=400"])
    }
}

@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"
    private static let xray = "1-5759e988-bd862e3fe1be46a994272793"
    private static let both = [#"trace_id="\#(trace)""#, #"span_id="\#(span)""#]

    @Test(arguments: [
        (#"{"trace_id":"\#(trace)","span_id":"\#(span)"}"#, both),
        (#"{"traceId":"\#(trace)","spanId":"\#(span)"}"#, both),
        (#"{"traceID":"\#(trace)","spanID":"\#(span)"}"#, both),
        (#"{"TraceId":"4BF92F3577B34DA6A3CE929D0E0E4736","SpanId":"00F067AA0BA902B7"}"#, both),
        (#"{"trace":{"id":"\#(trace)"},"span":{"id":"\#(span)"}}"#, both),
        (#"{"otelTraceID":"\#(trace)","otelSpanID":"\#(span)"}"#, both),
        (#"{"traceparent":"00-\#(trace)-\#(span)-01"}"#, both + [#"traceparent="00-\#(trace)-\#(span)-01""#]),
        // 64 bits are the lower half.
        (#"{"traceId":"\#(span)"}"#, [#"trace_id="0000000000000000\#(span)""#]),
        (#"{"trace_id":"\#(xray)"}"#, [#"trace_id="5759e988bd862e3fe1be46a994272793""#]),
        (
            #"{"xray_trace_id":"\#(xray)"}"#,
            [#"trace_id="5759e988bd862e3fe1be46a994272793""#, #"xray_trace_id="\#(xray)""#]
        ),
        (
            #"{"X-Amzn-Trace-Id":"Root=\#(xray);Parent=53995c3f42cd8ad8;Sampled=1"}"#,
            [
                #"trace_id="5759e988bd862e3fe1be46a994272793""#, #"span_id="53995c3f42cd8ad8""#,
                #"X-Amzn-Trace-Id="Root=\#(xray);Parent=53995c3f42cd8ad8;Sampled=1""#,
            ]
        ),
        (
            #"{"AWS-XRAY-TRACE-ID":"\#(xray)@53995c3f42cd8ad8"}"#,
            [
                #"trace_id="5759e988bd862e3fe1be46a994272793""#, #"span_id="53995c3f42cd8ad8""#,
                #"AWS-XRAY-TRACE-ID="\#(xray)@53995c3f42cd8ad8""#,
            ]
        ),
        (
            #"{"dd":{"trace_id":"255","span_id":"18446744073709551615"}}"#,
            [
                #"trace_id="000000000000000000000000000000ff""#, #"span_id="ffffffffffffffff""#,
                #"dd.trace_id="255""#, #"dd.span_id="18446744073709551615""#,
            ]
        ),
        (#"{"dd.trace_id":"\#(trace)"}"#, [#"trace_id="\#(trace)""#, #"dd.trace_id="\#(trace)""#]),
    ])
    func fields(line: String, fields: [String]) { #expect(parse(.json, line).fields == fields) }

    @Test(arguments: [
        #"{"traceId":"00000000000000000000000000000000"}"#, #"{"traceId":"4bf92f35"}"#, #"{"traceId":""}"#,
        #"{"traceId":"4bf92f3577b34da6a3ce929d0e0e473g"}"#, #"{"traceId":"18446744073709551616"}"#,
        #"{"traceparent":"00-\#(trace)-\#(span)"}"#, #"{"traceparent":"ff-\#(trace)-\#(span)-01"}"#,
        #"{"traceparent":"00-\#(trace)-0000000000000000-01"}"#, #"{"traceIds":"\#(trace)"}"#,
        #"{"x_trace_id":"\#(trace)"}"#, #"{"dd.trace_id":"0"}"#, #"{"xrayTraceId":"Root=;Parent=;"}"#,
    ])
    func whatIsNone(line: String) {
        #expect(parse(.json, line).fields.allSatisfy { !$0.hasPrefix("trace_id=") }, "\(parse(.json, line).fields)")
        #expect(parse(.json, line).fields.count == 1)
    }

    @Test(arguments: [
        ("GET / 00-\(trace)-\(span)-01 done", both),
        ("trace_id=\(trace) span_id=\(span) done", both),
        (#"{"traceId": "\#(trace)", "spanId": "\#(span)"}"#, both),
        ("TraceID: \(trace)", [#"trace_id="\#(trace)""#]),
        (
            "x Root=\(xray);Parent=53995c3f42cd8ad8;Sampled=1",
            [#"trace_id="5759e988bd862e3fe1be46a994272793""#, #"span_id="53995c3f42cd8ad8""#]
        ),
        ("md5 \(trace) of a file", []),
        ("00-\(trace)-\(span)x", []),
        ("trace_id=00000000000000000000000000000000", []),
        ("", []),
    ])
    func byPattern(line: String, fields: [String]) throws {
        let parsed = parse(RecordParsing(nil, traces: try TraceFinder()), line)
        #expect(parsed.message == line && parsed.fields == fields && parsed.events == [])
    }

    @Test func whatAFieldSaysCountsFirst() throws {
        let parsing = RecordParsing(.json, traces: try TraceFinder())
        let other = "0af7651916cd43dd8448eb211c80319c"
        #expect(
            parse(parsing, #"{"traceId":"\#(Self.trace)","msg":"trace_id=\#(other)"}"#).fields
                == [#"trace_id="\#(Self.trace)""#])
        #expect(parse(parsing, #"{"msg":"trace_id=\#(other)"}"#).fields == [#"trace_id="\#(other)""#])
    }
}
