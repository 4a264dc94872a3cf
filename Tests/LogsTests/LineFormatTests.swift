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
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "Use the BFG!", "2026-02-05T17:32:18Z",
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
            "Dec 31 23:59:59 web1 a: last year's", "last year's", "2025-12-31T23:59:59Z",
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
        "2026-11-21 web1 a: b", "45: Nov 21 02:38:30: %LINK-3-UPDOWN: x",
    ])
    func whatIsNone(line: String) {
        #expect(parse(.syslog, line) == Parsed(message: line, fields: [], time: readingTime, events: ["parse_failed"]))
    }

    /// What devices write, and the fields besides severity and facility.
    @Test(arguments: [
        (
            "<187>45: Nov 20 12:00:00: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
            "Interface Gi0/1, changed state to down", "2026-11-20T12:00:00Z",
            [#"sequence="45""#, #"appname="%LINK-3-UPDOWN""#]
        ),
        (
            "<187>45: *Nov 20 12:00:00.123 UTC: %LINK-3-UPDOWN: x", "x", "2026-11-20T12:00:00.123000000Z",
            [#"sequence="45""#, #"appname="%LINK-3-UPDOWN""#]
        ),
        (
            "<187>45: 000123: .Nov 20 12:00:00.123: %SYS-3-CPUHOG: x", "x", "2026-11-20T12:00:00.123000000Z",
            [#"sequence="45""#, #"sequence_="000123""#, #"appname="%SYS-3-CPUHOG""#]
        ),
        (
            "<187>45: sw1.example.test: Nov 20 2026 12:00:00: %LINK-3-UPDOWN: x", "x", "2026-11-20T12:00:00Z",
            [#"sequence="45""#, #"hostname="sw1.example.test""#, #"appname="%LINK-3-UPDOWN""#]
        ),
        (
            "<187>45: 1w2d: %LINK-3-UPDOWN: x", "x", "2026-11-21T12:00:00Z",
            [#"sequence="45""#, #"uptime="1w2d""#, #"appname="%LINK-3-UPDOWN""#]
        ),
        (
            "<187>46: 00:00:46: %LINK-3-UPDOWN: x", "x", "2026-11-21T12:00:00Z",
            [#"sequence="46""#, #"uptime="00:00:46""#, #"appname="%LINK-3-UPDOWN""#]
        ),
        (
            "<187>: 2026 Nov 20 12:00:00 UTC: %ETHPORT-3-IF_DOWN: x", "x", "2026-11-20T12:00:00Z",
            [#"appname="%ETHPORT-3-IF_DOWN""#]
        ),
        (
            "<187>:Nov 20 12:00:00 UTC: %ASA-session-3-106014: Deny", "Deny", "2026-11-20T12:00:00Z",
            [#"appname="%ASA-session-3-106014""#]
        ),
        ("<187>%ASA-3-106014: Deny", "Deny", "2026-11-21T12:00:00Z", [#"appname="%ASA-3-106014""#]),
        (
            "<187>Nov 20 2026 12:00:00 fw1 : %ASA-3-106014: Deny", "Deny", "2026-11-20T12:00:00Z",
            [#"hostname="fw1""#, #"appname="%ASA-3-106014""#]
        ),
        (
            "<187>2026-11-20T12:00:00Z: %ASA-3-106014: Deny", "Deny", "2026-11-20T12:00:00Z",
            [#"appname="%ASA-3-106014""#]
        ),
        // A relay wrote the header before it.
        (
            "<187>Nov 20 12:00:00 10.0.0.1 45: *Nov 20 11:59:59.1: %LINK-3-UPDOWN: x",
            "*Nov 20 11:59:59.1: %LINK-3-UPDOWN: x", "2026-11-20T12:00:00Z",
            [#"hostname="10.0.0.1""#, #"sequence="45""#]
        ),
        // Texts alone.
        ("<187>text", "text", "2026-11-21T12:00:00Z", []),
        ("<187>no time: here", "no time: here", "2026-11-21T12:00:00Z", []),
        ("<187>45: text", "45: text", "2026-11-21T12:00:00Z", []),
        ("<187> dnsmasq[12]: query", "query", "2026-11-21T12:00:00Z", [#"appname="dnsmasq""#, #"procid="12""#]),
        (
            #"<187>date=2026-11-20 time=12:00:00 devname="fw""#, #"date=2026-11-20 time=12:00:00 devname="fw""#,
            "2026-11-21T12:00:00Z", []
        ),
        (
            "<187>1 1795228710.123 MX84 flows allow src=10.0.0.1", "1 1795228710.123 MX84 flows allow src=10.0.0.1",
            "2026-11-21T12:00:00Z", []
        ),
        (
            "<187>system,error,critical login failure", "system,error,critical login failure",
            "2026-11-21T12:00:00Z", []
        ),
        // Old systems.
        (
            "<187>Nov 20 12:00:00 2026 web1 su: failed", "failed", "2026-11-20T12:00:00Z",
            [#"hostname="web1""#, #"appname="su""#]
        ),
        (
            "<187>Nov 20 12:00:00 Message forwarded from web1: su: failed", "failed", "2026-11-20T12:00:00Z",
            [#"hostname="web1""#, #"appname="su""#]
        ),
        (
            "<187>Nov 20 12:00:00 last message repeated 2 times", "last message repeated 2 times",
            "2026-11-20T12:00:00Z", []
        ),
        (
            "<187>Nov 20 12:00:00 web1 last message repeated 2 times", "last message repeated 2 times",
            "2026-11-20T12:00:00Z", [#"hostname="web1""#]
        ),
        (
            #"<187>Nov 20 12:00:00 ("U7LT,f09fc2,v4.0.10") hostapd: ath0"#, #"("U7LT,f09fc2,v4.0.10") hostapd: ath0"#,
            "2026-11-20T12:00:00Z", []
        ),
        ("<187>Nov 20 12:00:00 CRON: hi", "hi", "2026-11-20T12:00:00Z", [#"appname="CRON""#]),
        ("<187>Nov 20 12:00:00", "", "2026-11-20T12:00:00Z", []),
        (
            "<187>2026-11-20 12:00:00,5 web1 su: failed", "failed", "2026-11-20T12:00:00.500000000Z",
            [#"hostname="web1""#, #"appname="su""#]
        ),
        // VMware ESXi and others that are not strict about RFC 5424.
        (
            "<187>2026-11-20T12:00:00.123Z esx1 Hostd[2099]: [Originator@6876 sub=Vimsvc] x",
            "[Originator@6876 sub=Vimsvc] x", "2026-11-20T12:00:00.123000000Z",
            [#"hostname="esx1""#, #"appname="Hostd""#, #"procid="2099""#]
        ),
        (
            "<187>1 2026-11-20T12:00:00Z esx1 Hostd 2099 - [Originator@6876 sub=Vimsvc] x",
            "[Originator@6876 sub=Vimsvc] x", "2026-11-20T12:00:00Z",
            [#"hostname="esx1""#, #"appname="Hostd""#, #"procid="2099""#]
        ),
        (
            #"<187>1 2026-11-20T12:00:00Z h a - - [b c="1"][d e] x"#, #"[b c="1"][d e] x"#, "2026-11-20T12:00:00Z",
            [#"hostname="h""#, #"appname="a""#]
        ),
        (
            "<187>1 2026-11-20T12:00:00Z web1 app 12 ID1 no data", "no data", "2026-11-20T12:00:00Z",
            [#"hostname="web1""#, #"appname="app""#, #"procid="12""#, #"msgid="ID1""#]
        ),
        (
            #"<187>1 2026-11-20T12:00:00.1+01:00 r1 mgd 3046 UI_LOGOUT [junos@2636.1.1.1.2.18 user="x"] bye"#, "bye",
            "2026-11-20T11:00:00.100000000Z",
            [
                #"hostname="r1""#, #"appname="mgd""#, #"procid="3046""#, #"msgid="UI_LOGOUT""#,
                #"junos@2636.1.1.1.2.18.user="x""#,
            ]
        ),
    ])
    func devices(line: String, message: String, time: String, fields: [String]) {
        let parsed = parse(.syslog, line)
        #expect(parsed.message == message)
        #expect(parsed.timeText == time)
        #expect(parsed.fields == [#"severity="error""#, #"facility="local7""#] + fields)
        #expect(parsed.events == [])
    }

    /// The severity stays also where the time is of a zone that nobody knows.
    @Test func aDeviceInAZoneThatIsNotKnown() throws {
        let line = "<187>45: Nov 20 12:00:00 CET: %LINK-3-UPDOWN: x"
        let parsed = parse(.syslog, line)
        #expect(parsed.message == "x" && parsed.events == ["time_unreadable"] && parsed.time == readingTime)
        #expect(parsed["severity"] == #""error""# && parsed["appname"] == #""%LINK-3-UPDOWN""#)
        let berlin = try #require(TimeZoneRules(posix: Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)))
        #expect(parse(RecordParsing(.syslog, zone: berlin), line).timeText == "2026-11-20T11:00:00Z")
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

    private static let request = #"[21/Nov/2026:02:38:30 +0000] "GET / HTTP/1.1" 200 5"#

    /// What stands before the time, and the first fields that it makes.
    @Test(arguments: [
        // Debian's vhost_combined.
        (
            "shop.example.test:443 203.0.113.7 - -",
            [#"server_name="shop.example.test""#, "server_port=443", #"remote_addr="203.0.113.7""#]
        ),
        (
            "shop.example.test:80 2001:db8::7 - alice smith",
            [
                #"server_name="shop.example.test""#, "server_port=80", #"remote_addr="2001:db8::7""#,
                #"remote_user="alice smith""#,
            ]
        ),
        (
            "[2001:db8::1]:8443 203.0.113.7 joe alice",
            [
                #"server_name="2001:db8::1""#, "server_port=8443", #"remote_addr="203.0.113.7""#,
                #"remote_ident="joe""#, #"remote_user="alice""#,
            ]
        ),
        (
            "10.0.0.1:443 client.example.test - -",
            [#"server_name="10.0.0.1""#, "server_port=443", #"remote_addr="client.example.test""#]
        ),
        // Apache's manual has one without the port.
        (
            "shop.example.test 203.0.113.7 - alice",
            [#"server_name="shop.example.test""#, #"remote_addr="203.0.113.7""#, #"remote_user="alice""#]
        ),
        ("client.example.test - -", [#"remote_addr="client.example.test""#]),
        (
            "203.0.113.7 joe alice smith",
            [#"remote_addr="203.0.113.7""#, #"remote_ident="joe""#, #"remote_user="alice smith""#]
        ),
        ("fe80::1%eth0 - -", [#"remote_addr="fe80::1%eth0""#]), ("unix: - -", [#"remote_addr="unix:""#]),
        ("10.0.0.1:51234 - bob", [#"remote_addr="10.0.0.1:51234""#, #"remote_user="bob""#]),
        ("203.0.113.7 - a [b", [#"remote_addr="203.0.113.7""#, #"remote_user="a [b""#]),
        ("203.0.113.7 - a [1] b", [#"remote_addr="203.0.113.7""#, #"remote_user="a [1] b""#]),
    ])
    func clients(client: String, fields: [String]) {
        let line = "\(client) \(Self.request)"
        let parsed = parse(.accessLog, line)
        #expect(parsed.message == line)
        #expect(parsed.timeText == "2026-11-21T02:38:30Z")
        #expect(parsed.events == [])
        let rest = [
            #"request_method="GET""#, #"request_uri="/""#, #"server_protocol="HTTP/1.1""#, "status=200",
            "body_bytes_sent=5",
        ]
        #expect(parsed.fields == fields + rest)
    }

    /// Forms that are not known: nothing of them is taken for something else.
    @Test(arguments: [
        "shop.example.test:443 203.0.113.7 -", "shop.example.test:443 - -", "203.0.113.7 -", "203.0.113.7",
        "203.0.113.7 10.0.0.1 - -", "- 203.0.113.7 - -", "203.0.113.7, 10.0.0.1 10.0.0.2 - -", "203.0.113.7 - - -",
        "203.0.113.7 - - example.test", "shop.example.test 203.0.113.7 10.0.0.1 -", "a b c d",
        "shop.example.test:443 203.0.113.7 10.0.0.1 - -", "203.0.113.7  - -", " 203.0.113.7 - -",
        "shop.example.test:443  203.0.113.7 - -",
    ])
    func clientsOfOtherForms(client: String) {
        let line = "\(client) \(Self.request)"
        #expect(
            parse(.accessLog, line) == Parsed(message: line, fields: [], time: readingTime, events: ["parse_failed"]))
    }

    /// What stands behind the size, and the fields that it makes.
    @Test(arguments: [
        ("", []), (" 0.005", []), (#" "shop.example.test""#, []), (#" "curl/8.0""#, []),
        (#" 1234 "https://ref/" "curl/8.0""#, []),
        (#" "-" "curl/8.0""#, [#"http_user_agent="curl/8.0""#]),
        (#" "" """#, [#"http_referer="""#, #"http_user_agent="""#]),
        (
            #" "https://ref/" "curl/8.0" shop.example.test 0.1"#,
            [#"http_referer="https://ref/""#, #"http_user_agent="curl/8.0""#]
        ),
        // A third text is X-Forwarded-For only where it is one.
        (#" "-" "curl/8.0" "shop.example.test""#, [#"http_user_agent="curl/8.0""#]),
        (#" "-" "curl/8.0" "10.0.0.1:8080""#, [#"http_user_agent="curl/8.0""#]),
        (#" "-" "curl/8.0" "0.005""#, [#"http_user_agent="curl/8.0""#]),
        (
            #" "-" "curl/8.0" "2001:db8::7, unknown, 10.0.0.1""#,
            [#"http_user_agent="curl/8.0""#, #"http_x_forwarded_for="2001:db8::7, unknown, 10.0.0.1""#]
        ),
        // The host in front of them.
        (#" "shop.example.test" "https://ref/" "curl/8.0""#, []),
        (
            #" "android-app://com.example" "a b""#,
            [#"http_referer="android-app://com.example""#, #"http_user_agent="a b""#]
        ),
        (#" "-" "https://bot.example.test/""#, [#"http_user_agent="https://bot.example.test/""#]),
    ])
    func whatIsBehind(rest: String, fields: [String]) {
        let line = "203.0.113.7 - - \(Self.request)\(rest)"
        let parsed = parse(.accessLog, line)
        #expect(parsed.fields.filter { $0.hasPrefix("http_") } == fields)
        #expect(parsed["status"] == "200" && parsed["body_bytes_sent"] == "5")
        #expect(parsed.events == [])
    }

    @Test func aTimeOfAnotherForm() {
        let iso = #"10.0.0.1 - - [2026-11-21T02:38:30+00:00] "GET / HTTP/1.1" 200 1"#
        let parsed = parse(.accessLog, iso)
        #expect(parsed.events == ["time_unreadable"])
        #expect(parsed["time_local"] == #""2026-11-21T02:38:30+00:00""#)
        #expect(parse(RecordParsing(.accessLog, time: .rfc3339), iso).timeText == "2026-11-21T02:38:30Z")
    }
}
