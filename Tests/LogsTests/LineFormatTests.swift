import Bytes
import Logs
import Testing

@Suite struct LogfmtTests {
    @Test(arguments: [
        (
            #"time=2026-11-21T02:38:30Z level=info msg="it \"works\"\n" took=12ms n=3"#, "it \"works\"\n",
            [#"severity="info""#, #"took="12ms""#, #"n="3""#]
        ),
        (#"  a=1   b= c="" done"#, nil, [#"a="1""#, #"b="""#, #"c="""#, #"done="true""#]),
        (#"url=http://x/?a=b user=Zoë"#, nil, [#"url="http://x/?a=b""#, #"user="Zoë""#]),
        (
            #"trace_id=4BF92F3577B34DA6A3CE929D0E0E4736 span_id=00f067aa0ba902b7 msg=x"#, "x",
            [#"trace_id="4bf92f3577b34da6a3ce929d0e0e4736""#, #"span_id="00f067aa0ba902b7""#]
        ),
    ])
    func lines(line: String, message: String?, fields: [String]) {
        let parsed = parse(.logfmt, line)
        #expect(parsed.message == message ?? line)
        #expect(parsed.fields == fields)
        #expect(parsed.events == [])
    }

    @Test(arguments: [
        "", "   ", "plain text", "started a=1", #"a="x"#, #"a="x\""#, #"a=b"c"#, #"=1"#, #""a"=1"#, #"a=1 "b""#, "word",
        #"a="x"y=1 "#,
    ])
    func whatIsNone(line: String) {
        // Two values with nothing between are not told apart by others either.
        guard line != #"a="x"y=1 "# else {
            #expect(parse(.logfmt, line).fields == [#"a="x""#, #"y="1""#])
            return
        }
        #expect(parse(.logfmt, line) == Parsed(message: line, fields: [], time: readingTime, events: ["parse_failed"]))
    }
}

@Suite struct RegexTests {
    @Test func namedGroupsAreFields() throws {
        let pattern = try Pattern(
            #"^(?<timestamp>\S+) \[(?<level>\w+)\] (?:(?<user>\w+)@)?(?<service>[\w.]+): (?<message>.*)$"#)
        let parsed = parse(.regex(pattern), "2026-11-21T02:38:30Z [ERROR] bob@pay.api: it broke")
        #expect(parsed.message == "it broke")
        #expect(parsed.timeText == "2026-11-21T02:38:30Z")
        #expect(parsed.fields == [#"severity="error""#, #"user="bob""#, #"service="pay.api""#])
        // A group that took no part is no field.
        #expect(
            parse(.regex(pattern), "2026-11-21T02:38:30Z [info] api: hi").fields
                == [#"severity="info""#, #"service="api""#])
        #expect(parse(.regex(pattern), "nothing").events == ["parse_failed"])
    }

    @Test func aNameForTwoGroups() throws {
        let pattern = try Pattern(#"(?J)^(?:a=(?<v>\d+)|b=(?<v>\d+))$"#)
        #expect(parse(.regex(pattern), "a=1").fields == [#"v="1""#])
        #expect(parse(.regex(pattern), "b=2").fields == [#"v="2""#])
    }

    @Test func groupsLieWithinTheMessage() throws {
        let pattern = try Pattern(#"(?<a>\w+) (?<b>é+)"#)
        #expect(parse(.regex(pattern), "x é").fields == [#"a="x""#, #"b="é""#])
        // Invalid bytes before it do not move it.
        let parsed = parse(RecordParsing(.regex(pattern)), [[0xFF, 0xC3, 0x20] + Array("x éé".utf8)])[0]
        #expect(parsed.fields == [#"a="x""#, #"b="éé""#])
    }

    @Test func aPatternThatGivesUp() throws {
        let pattern = try Pattern(#"^(?<a>(a+)+)$"#)
        let line = String(repeating: "a", count: 60) + "b"
        #expect(parse(.regex(pattern), line).events == ["parse_failed"])
    }
}

@Suite struct SyslogTests {
    @Test(arguments: [
        // RFC 5424's own examples.
        (
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{FEFF}'su root' failed for lonvick",
            "'su root' failed for lonvick", "2003-10-11T22:14:15.003000000Z",
            [
                #"severity="critical""#, #"facility="auth""#, #"hostname="mymachine.example.com""#, #"appname="su""#,
                #"msgid="ID47""#,
            ]
        ),
        (
            "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
            "%% It's time to make the do-nuts.", "2003-08-24T12:14:15.000003000Z",
            [
                #"severity="notice""#, #"facility="local4""#, #"hostname="192.0.2.1""#, #"appname="myproc""#,
                #"procid="8710""#,
            ]
        ),
        (
            #"<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Ap\"p\]\\\n"]"#
                + #"[examplePriority@32473 class="high"]"#,
            "", "2003-10-11T22:14:15.003000000Z",
            [
                #"severity="notice""#, #"facility="local4""#, #"hostname="h""#, #"appname="evntslog""#,
                #"msgid="ID47""#,
                #"exampleSDID@32473.iut="3""#, #"exampleSDID@32473.eventSource="Ap"p]\\n""#,
                #"examplePriority@32473.class="high""#,
            ]
        ),
        ("<0>1 - - - - - -", "", "2026-11-21T12:00:00Z", [#"severity="emergency""#, #"facility="kern""#]),
        ("<14>1 - - - - - [empty] hi", "hi", "2026-11-21T12:00:00Z", [#"severity="info""#, #"facility="user""#]),
        (
            #"<14>1 - - - - - [t@1 trace_id="4bf92f3577b34da6a3ce929d0e0e4736"] hi"#, "hi", "2026-11-21T12:00:00Z",
            [#"severity="info""#, #"trace_id="4bf92f3577b34da6a3ce929d0e0e4736""#, #"facility="user""#]
        ),
        // RFC 3164's.
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            "'su root' failed for lonvick on /dev/pts/8", "2026-10-11T22:14:15Z",
            [#"severity="critical""#, #"facility="auth""#, #"hostname="mymachine""#, #"appname="su""#]
        ),
        (
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "Use the BFG!", "2027-02-05T17:32:18Z",
            [#"severity="notice""#, #"facility="user""#, #"hostname="10.0.0.99""#]
        ),
        // As they stand in files.
        (
            "Nov 21 02:38:30 web1 sshd[123]: Accepted publickey for root", "Accepted publickey for root",
            "2026-11-21T02:38:30Z", [#"hostname="web1""#, #"appname="sshd""#, #"procid="123""#]
        ),
        (
            "2026-11-21T02:38:30.123456+01:00 web1 kernel: [   12.3] eth0: up", "[   12.3] eth0: up",
            "2026-11-21T01:38:30.123456000Z", [#"hostname="web1""#, #"appname="kernel""#]
        ),
        (
            "Nov 21 02:38:30 web1 postfix/smtpd[9]: connect", "connect", "2026-11-21T02:38:30Z",
            [#"hostname="web1""#, #"appname="postfix/smtpd""#, #"procid="9""#]
        ),
        (
            "<30>Nov 21 02:38:30 cron[1]: without a host", "without a host", "2026-11-21T02:38:30Z",
            [#"severity="info""#, #"facility="daemon""#, #"appname="cron""#, #"procid="1""#]
        ),
        (
            "<189>Nov 21 2026 02:38:30.123: %SYS-5-CONFIG_I: Configured", "Configured",
            "2026-11-21T02:38:30.123000000Z",
            [#"severity="notice""#, #"facility="local7""#, #"appname="%SYS-5-CONFIG_I""#]
        ),
        (
            "Dec 31 23:59:59 web1 a: last year's", "last year's", "2026-12-31T23:59:59Z",
            [#"hostname="web1""#, #"appname="a""#]
        ),
        ("Nov 21 02:38:30 web1 a:", "", "2026-11-21T02:38:30Z", [#"hostname="web1""#, #"appname="a""#]),
        ("Nov 21 02:38:30 fe80::1 a: hi", "hi", "2026-11-21T02:38:30Z", [#"hostname="fe80::1""#, #"appname="a""#]),
    ])
    func lines(line: String, message: String, time: String, fields: [String]) {
        let parsed = parse(.syslog, line)
        #expect(parsed.message == message)
        #expect(parsed.timeText == time)
        #expect(parsed.fields == fields)
        #expect(parsed.events == [])
    }

    @Test(arguments: [
        "", "plain", "<34>", "<>1 x", "<192>1 - - - - - -", "<1234>1 - - - - - -", "<34>1 ", "<34>1 - - - - -",
        "<34>1 -  - - - -", "<34>1 - - - - - x", "<34>1 - - - - - [", "<34>1 - - - - - []", "<34>1 - - - - - [a b]",
        #"<34>1 - - - - - [a b="c]"#, #"<34>1 - - - - - [a b="c"]x"#, "Nov 21 02:38:30", "Nov 41 02:38:30 a b: c",
        "<34>no time", "2026-11-21 web1 a: b",
    ])
    func whatIsNone(line: String) {
        #expect(parse(.syslog, line) == Parsed(message: line, fields: [], time: readingTime, events: ["parse_failed"]))
    }

    @Test func aTimeThatCannotBeRead() {
        let parsed = parse(.syslog, "<34>1 soon h a - - - hi")
        #expect(parsed.message == "hi" && parsed.time == readingTime && parsed.events == ["time_unreadable"])
    }

    @Test func oldTimesAreOfTheZone() {
        let parsing = RecordParsing(.syslog, zone: TimeZoneRules(offset: -5 * 3_600))
        #expect(parse(parsing, "Nov 21 02:38:30 h a: b").timeText == "2026-11-21T07:38:30Z")
    }
}

@Suite struct AccessLogTests {
    private static let combined =
        #"192.0.2.1 - alice [21/Nov/2026:02:38:30 +0100] "GET /a?b=1 HTTP/1.1" 200 612 "https://ref/" "curl/8.0""#

    @Test func combined() {
        let parsed = parse(.accessLog, Self.combined)
        #expect(parsed.message == Self.combined)
        #expect(parsed.timeText == "2026-11-21T01:38:30Z")
        #expect(
            parsed.fields == [
                #"remote_addr="192.0.2.1""#, #"remote_user="alice""#, #"request_method="GET""#,
                #"request_uri="/a?b=1""#, #"server_protocol="HTTP/1.1""#, "status=200", "body_bytes_sent=612",
                #"http_referer="https://ref/""#, #"http_user_agent="curl/8.0""#,
            ])
        #expect(parsed.events == [])
    }

    @Test(arguments: [
        // common
        (
            #"::1 - - [21/Nov/2026:02:38:30 +0000] "GET / HTTP/1.0" 304 -"#,
            [
                #"remote_addr="::1""#, #"request_method="GET""#, #"request_uri="/""#, #"server_protocol="HTTP/1.0""#,
                "status=304",
            ]
        ),
        // nginx's own `main`, and more behind it.
        (
            #"10.0.0.1 - a b [21/Nov/2026:02:38:30 +0000] "PUT /x y HTTP/2.0" 201 5 "-" "\xD0\x9F\x22" "#
                + #""10.9.9.9" 0.012"#,
            [
                #"remote_addr="10.0.0.1""#, #"remote_user="a b""#, #"request_method="PUT""#, #"request_uri="/x y""#,
                #"server_protocol="HTTP/2.0""#, "status=201", "body_bytes_sent=5", #"http_user_agent="П"""#,
                #"http_x_forwarded_for="10.9.9.9""#,
            ]
        ),
        // What scanners send.
        (
            #"10.0.0.1 - - [21/Nov/2026:02:38:30 +0000] "\x16\x03\x01" 400 157 "-" "-""#,
            [#"remote_addr="10.0.0.1""#, "request=\"\u{16}\u{3}\u{1}\"", "status=400", "body_bytes_sent=157"]
        ),
        (
            #"10.0.0.1 - - [21/Nov/2026:02:38:30 +0000] "" 408 0 "-" "-""#,
            [#"remote_addr="10.0.0.1""#, "status=408", "body_bytes_sent=0"]
        ),
        (
            #"10.0.0.1 - - [21/Nov/2026:02:38:30 +0000] "GET /\"q\" HTTP/1.1" 200 1 "-" "a\\b\qc""#,
            [
                #"remote_addr="10.0.0.1""#, #"request_method="GET""#, #"request_uri="/"q"""#,
                #"server_protocol="HTTP/1.1""#, "status=200", "body_bytes_sent=1", #"http_user_agent="a\b\qc""#,
            ]
        ),
    ])
    func lines(line: String, fields: [String]) {
        let parsed = parse(.accessLog, line)
        #expect(parsed.message == line)
        #expect(parsed.fields == fields)
        #expect(parsed.timeText == "2026-11-21T02:38:30Z")
        #expect(parsed.events == [])
    }

    @Test(arguments: [
        "", "plain", "1 - - [", "1 - - [x]", #"1 - - [x] "GET / HTTP/1.0""#, #"1 - - [x] "GET / HTTP/1.0" 20 1"#,
        #"1 - - [x] "GET / HTTP/1.0" 200 x"#, #"1 - - [x] "GET / HTTP/1.0 200 1"#, #"1 - [x] "GET / HTTP/1.0" 200 1"#,
    ])
    func whatIsNone(line: String) {
        #expect(
            parse(.accessLog, line) == Parsed(message: line, fields: [], time: readingTime, events: ["parse_failed"]))
    }

    @Test func aTimeOfAnotherForm() {
        let iso = #"10.0.0.1 - - [2026-11-21T02:38:30+00:00] "GET / HTTP/1.1" 200 1"#
        let parsed = parse(.accessLog, iso)
        #expect(parsed.events == ["time_unreadable"])
        #expect(parsed["time_local"] == #""2026-11-21T02:38:30+00:00""#)
        #expect(parse(RecordParsing(.accessLog, time: .rfc3339), iso).timeText == "2026-11-21T02:38:30Z")
    }
}
