// Lines of access logs: the forms that are known, and that others are not read as if they were.

import Bytes
import Logs
import Testing

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
        // Of a logger, a proxy in front, a clock.
        "nginx: 203.0.113.7 - -", "app[web.1]: 203.0.113.7 - -", "203.0.113.7, 10.0.0.1 - -", "0.005 203.0.113.7 - -",
        "1732156710 203.0.113.7 - -", "2026-11-21T02:38:30Z 203.0.113.7 - -", "nginx[1]:80 203.0.113.7 - -",
        "\"203.0.113.7\" 10.0.0.1 - -", "[shop.example.test] 203.0.113.7 - -", "web=shop.example.test 203.0.113.7 - -",
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
