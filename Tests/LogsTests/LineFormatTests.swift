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
        (
            "<187>7433: ASR920: 007439: 2y10w: %SEC_LOGIN-3-X: x", "x", "2026-11-21T12:00:00Z",
            [
                #"sequence="7433""#, #"hostname="ASR920""#, #"sequence_="007439""#, #"uptime="2y10w""#,
                #"appname="%SEC_LOGIN-3-X""#,
            ]
        ),
        (
            "<187>3132785: 0.0.0.0: 3132781: Nov 20 2026 12:00:00.5 UTC: %SYS-3-X: x", "x",
            "2026-11-20T12:00:00.500000000Z",
            [
                #"sequence="3132785""#, #"hostname="0.0.0.0""#, #"sequence_="3132781""#, #"appname="%SYS-3-X""#,
            ]
        ),
        (
            "<187>3132783: ::: 3132779: Nov 20 2026 12:00:00 UTC: %SYS-3-X: x", "x", "2026-11-20T12:00:00Z",
            [#"sequence="3132783""#, #"hostname="::""#, #"sequence_="3132779""#, #"appname="%SYS-3-X""#]
        ),
        (
            "<187>Nov 20 12:00:00 r1 -1504483602: RP/0/RSP0/CPU0:Nov 20 11:59:59.4 UTC: acl[297]: x",
            "RP/0/RSP0/CPU0:Nov 20 11:59:59.4 UTC: acl[297]: x", "2026-11-20T12:00:00Z",
            [#"hostname="r1""#, #"sequence="-1504483602""#]
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
            "<187>Nov 20 12:00:00 UTC 2026 web1 su: failed", "failed", "2026-11-20T12:00:00Z",
            [#"hostname="web1""#, #"appname="su""#]
        ),
        (
            "<187>Nov 20 12:00:00 WEB1 2026 su: failed", "2026 su: failed", "2026-11-20T12:00:00Z",
            [#"hostname="WEB1""#]
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
    /// An example of RFC 3164, section 5.4.
    @Test func aYearBehindAZoneThatIsNotKnown() {
        let parsed = parse(.syslog, "<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time")
        #expect(parsed.message == "%% It's time" && parsed.events == ["time_unreadable"] && parsed.time == readingTime)
        #expect(parsed["hostname"] == #""mymachine""# && parsed["appname"] == #""myproc""#)
    }

    /// Its first group looks like a year.
    @Test func aHostWithAnAddressOfIPv6() {
        let parsed = parse(.syslog, "<30>Nov 20 12:00:00 2001:db8::1 app[12]: hi")
        #expect(parsed.message == "hi" && parsed.timeText == "2026-11-20T12:00:00Z")
        #expect(parsed["hostname"] == #""2001:db8::1""# && parsed["procid"] == #""12""#)
        #expect(parse(.syslog, "<30>Nov 20 12:00:00 2024: hi").timeText == "2024-11-20T12:00:00Z")
    }

    @Test func aDeviceInAZoneThatIsNotKnown() throws {
        let line = "<187>45: Nov 20 12:00:00 CET: %LINK-3-UPDOWN: x"
        for line in [line, "<187>45: sw1: Nov 20 12:00:00.833 NewYork: %LINK-3-UPDOWN: x"] {
            let parsed = parse(.syslog, line)
            #expect(parsed.message == "x" && parsed.events == ["time_unreadable"] && parsed.time == readingTime)
            #expect(parsed["severity"] == #""error""# && parsed["appname"] == #""%LINK-3-UPDOWN""#)
        }
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
