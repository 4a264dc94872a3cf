import Bytes
import Logs
import TestSupport
import Testing

@Suite struct TimeReadingTests {
    /// The time of a field, nil when it could not be read.
    private func read(_ text: String, _ format: TimeFormat, zone: TimeZoneRules = .utc, now: Int64? = nil) throws
        -> String?
    {
        let pattern = try Pattern("(?s)^(?<time>.*)$")
        let parsing = RecordParsing(.regex(pattern), time: format, zone: zone)
        let parsed = parse(parsing, text)
        return parsed.events.isEmpty ? parsed.timeText : nil
    }

    @Test(arguments: [
        ("2026-11-21T02:38:30Z", "2026-11-21T02:38:30Z"),
        ("2026-11-21t02:38:30z", "2026-11-21T02:38:30Z"),
        ("2026-11-21 02:38:30.5", "2026-11-21T02:38:30.500000000Z"),
        ("2026-11-21 02:38:30,123", "2026-11-21T02:38:30.123000000Z"),
        ("2026/11/21 02:38:30", "2026-11-21T02:38:30Z"),
        ("2026-11-21T02:38:30.123456789123Z", "2026-11-21T02:38:30.123456789Z"),
        ("2026-11-21T02:38:30+01:00", "2026-11-21T01:38:30Z"),
        ("2026-11-21T02:38:30-0130", "2026-11-21T04:08:30Z"),
        ("2026-11-21 02:38:30 +01", "2026-11-21T01:38:30Z"),
        ("2026-11-21T23:59:60Z", "2026-11-22T00:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("2026-02-29T00:00:00Z", nil), ("2026-11-31T00:00:00Z", nil), ("2026-00-01T00:00:00Z", nil),
        ("2026-11-21T24:00:00Z", nil), ("2026-11-21T02:60:30Z", nil), ("2026-11-21T02:38:61Z", nil),
        ("2026-11-21", nil), ("2026-11-21T02:38", nil), ("2026-11-21T02:38:30Zx", nil),
        ("2026-11-21T02:38:30.", nil), ("2026-11-21T02:38:30+1", nil), ("2026-11-21T02:38:30+25:00", nil),
        ("2026-1-21T02:38:30Z00", nil), ("x026-11-21T02:38:30Z", nil), ("2500-01-01T00:00:00Z", nil),
        ("0001-01-01T00:00:00Z", nil), ("", nil),
    ])
    func rfc3339(text: String, time: String?) throws {
        #expect(try read(text, .rfc3339) == time)
        #expect(try read(text, .automatic) == time)
    }

    @Test(
        arguments: [
            ("1795228710", 1_000_000_000, "2026-11-21T02:38:30Z"),
            ("1795228710.123456789", 1_000_000_000, "2026-11-21T02:38:30.123456789Z"),
            ("1795228710.1234567899", 1_000_000_000, "2026-11-21T02:38:30.123456789Z"),
            ("1795228710123", 1_000_000, "2026-11-21T02:38:30.123000000Z"),
            ("1795228710123.5", 1_000_000, "2026-11-21T02:38:30.123500000Z"),
            ("1795228710123456", 1_000, "2026-11-21T02:38:30.123456000Z"),
            ("1795228710123456789", 1, "2026-11-21T02:38:30.123456789Z"),
            ("1.795228710e9", 1_000_000_000, "2026-11-21T02:38:30Z"),
            ("17952287100E-1", 1_000_000_000, "2026-11-21T02:38:30Z"),
            ("-1", 1_000_000_000, "1969-12-31T23:59:59Z"), ("0", 1, "1970-01-01T00:00:00Z"),
            ("9223372036854775807", 1_000_000_000, nil), ("99999999999999999999", 1, nil), ("1e99", 1, nil),
            ("0e999", 1, "1970-01-01T00:00:00Z"), ("1e-999", 1, "1970-01-01T00:00:00Z"),
            ("", 1, nil), ("-", 1, nil), (".5", 1, nil), ("1.", 1, nil), ("1e", 1, nil), ("0x10", 1, nil),
            ("12 ", 1, nil),
        ] as [(String, Int64, String?)])
    func epoch(text: String, unit: Int64, time: String?) throws {
        #expect(try read(text, .epoch(nanoseconds: unit)) == time)
    }

    @Test(arguments: [
        ("1795228710", "2026-11-21T02:38:30Z"), ("1795228710.5", "2026-11-21T02:38:30.500000000Z"),
        ("1795228710123", "2026-11-21T02:38:30.123000000Z"), ("1795228710123456", "2026-11-21T02:38:30.123456000Z"),
        ("1795228710123456789", "2026-11-21T02:38:30.123456789Z"), ("99999999999", "5138-11-16T09:46:39Z"),
    ])
    func sizeTellsTheUnit(text: String, time: String) throws {
        // The largest count of seconds is beyond what 64 bits of nanoseconds hold.
        #expect(try read(text, .automatic) == (time.hasPrefix("5") ? nil : time))
    }

    @Test(arguments: [
        ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:02:38:30 +0100", "2026-11-21T01:38:30Z"),
        ("%Y-%m-%d %H:%M:%S,%f", "2026-11-21 02:38:30,123", "2026-11-21T02:38:30.123000000Z"),
        ("%Y-%m-%d %H:%M:%S", "2026-11-21 02:38:30.25", "2026-11-21T02:38:30.250000000Z"),
        ("%d %B %Y %T", "21 November 2026 02:38:30", "2026-11-21T02:38:30Z"),
        ("%d %B %Y %T", "21 nov 2026 02:38:30", "2026-11-21T02:38:30Z"),
        ("%d %b %Y %T", "21 NOVEMBER 2026 02:38:30", "2026-11-21T02:38:30Z"),
        ("%d %b %Y %T", "1 Sept 2026 02:38:30", "2026-09-01T02:38:30Z"),
        ("%d %b %Y %T", "1 May 2026 02:38:30", "2026-05-01T02:38:30Z"),
        ("%a %b %e %H:%M:%S %Y", "Sat Nov 21 02:38:30 2026", "2026-11-21T02:38:30Z"),
        ("%A, %d-%b-%y %H:%M:%S %Z", "Saturday, 21-Nov-26 02:38:30 GMT", "2026-11-21T02:38:30Z"),
        ("%m/%d/%Y %I:%M:%S %p", "11/21/2026 02:38:30 PM", "2026-11-21T14:38:30Z"),
        ("%m/%d/%Y %I:%M:%S %p", "11/21/2026 12:38:30 AM", "2026-11-21T00:38:30Z"),
        ("%D %R", "11/21/26 02:38", "2026-11-21T02:38:00Z"),
        ("%F", "2026-11-21", "2026-11-21T00:00:00Z"),
        ("%Y %j", "2026 325", "2026-11-21T00:00:00Z"),
        ("[%s]", "[1795228710]", "2026-11-21T02:38:30Z"),
        ("%s.%f", "1795228710.5", "2026-11-21T02:38:30.500000000Z"),
        ("100%% %F", "100% 2026-11-21", "2026-11-21T00:00:00Z"),
        ("%y%m%d %H:%M:%S", "261121  2:38:30", "2026-11-21T02:38:30Z"),
        ("%d.%m.%y", "21.11.69", "1969-11-21T00:00:00Z"),
        ("%Y%m%d%H%M%S", "20261121023830", "2026-11-21T02:38:30Z"),
        // The latest year in which it is not more than a day after 2026-11-21T12:00:00Z.
        ("%b %e %H:%M:%S", "Nov 21 02:38:30", "2026-11-21T02:38:30Z"),
        ("%b %e %H:%M:%S", "Nov  1 02:38:30", "2026-11-01T02:38:30Z"),
        ("%b %e %H:%M:%S", "Nov 22 12:00:00", "2026-11-22T12:00:00Z"),
        ("%b %e %H:%M:%S", "Nov 22 12:00:01", "2025-11-22T12:00:01Z"),
        ("%b %e %H:%M:%S", "Nov 25 02:38:30", "2025-11-25T02:38:30Z"),
        ("%b %e %H:%M:%S", "Jan  2 02:38:30", "2026-01-02T02:38:30Z"),
        ("%b %e %H:%M:%S", "Apr 15 02:38:30", "2026-04-15T02:38:30Z"),
        ("%b %e %H:%M:%S", "Jul  2 02:38:30", "2026-07-02T02:38:30Z"),
        ("%b %e %H:%M:%S", "Feb 29 02:38:30", "2024-02-29T02:38:30Z"),
        ("%j %H:%M:%S", "326 12:00:00", "2026-11-22T12:00:00Z"),
        ("%j %H:%M:%S", "327 00:00:00", "2025-11-23T00:00:00Z"),
        ("%j %H:%M:%S", "366 00:00:00", "2024-12-31T00:00:00Z"),
        ("%d/%m %H:%M", "25/11 02:38", "2025-11-25T02:38:00Z"),
        ("%b %e %T %z", "Nov 22 13:30:00 +0200", "2026-11-22T11:30:00Z"),
        // A zone by its name: UTC's, or an offset before it says it all.
        ("%F %T %Z", "2026-11-21 02:38:30 UTC", "2026-11-21T02:38:30Z"),
        ("%F %T %Z", "2026-11-21 02:38:30 utc", "2026-11-21T02:38:30Z"),
        ("%F %T%Z", "2026-11-21 02:38:30Z", "2026-11-21T02:38:30Z"),
        ("%F %T %Z", "2026-11-21 02:38:30 -03", "2026-11-21T05:38:30Z"),
        ("%a, %d %b %Y %T %z (%Z)", "Sat, 21 Nov 2026 02:38:30 +0100 (CET)", "2026-11-21T01:38:30Z"),
        ("%F %T %Z%z", "2026-11-21 02:38:30 GMT+0100", "2026-11-21T01:38:30Z"),
        ("%F %T %Z", "2026-11-21 02:38:30 CET", nil), ("%F %T %Z", "2026-11-21 02:38:30 EST", nil),
        ("%F %T %Z", "2026-11-21 02:38:30 Utz", nil), ("%b %e %T %Z", "Nov 21 02:38:30 PST", nil),
        ("%F %T %Z", "2026-11-21 02:38:30 ", nil), ("%F %T %Z", "2026-11-21 02:38:30 +", nil),
        ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:02:38:30", nil), ("%d/%b/%Y", "21/Nov/2026 ", nil),
        ("%d/%b/%Y", "21/Nox/2026", nil), ("%d/%b/%Y", "31/Nov/2026", nil), ("%d/%b/%Y", "32/Nov/2026", nil),
        ("%F %T", "2026-11-21 24:00:00", nil), ("%F %I", "2026-11-21 13", nil), ("%Y %j", "2026 366", nil),
        ("%F %p", "2026-11-21 xm", nil), ("%F", "", nil), ("%a %F", "Xyz 2026-11-21", nil),
    ])
    func patterns(pattern: String, text: String, time: String?) throws {
        #expect(try read(text, .pattern(try TimePattern(pattern))) == time)
    }

    @Test(arguments: ["", "%", "%H:%M", "%Y", "%Q", "%Y-%m", "%d %H", "%-d %b", "no directives", "%c"])
    func patternsThatAreNone(pattern: String) { #expect(throws: TimePatternError.self) { try TimePattern(pattern) } }

    @Test func zonesOfTimesThatSayNone() throws {
        let berlin = try #require(TimeZoneRules(posix: Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)))
        #expect(try read("2026-11-21 02:38:30", .automatic, zone: berlin) == "2026-11-21T01:38:30Z")
        #expect(try read("2026-07-21 02:38:30", .automatic, zone: berlin) == "2026-07-21T00:38:30Z")
        #expect(try read("2026-07-21 02:38:30Z", .automatic, zone: berlin) == "2026-07-21T02:38:30Z")
    }

    /// The names of the zone that the settings give are known, also where they settle which of two hours it was.
    @Test(
        arguments: [
            ("2026-11-21 02:38:30 CET", "2026-11-21T01:38:30Z"), ("2026-07-21 02:38:30 CEST", "2026-07-21T00:38:30Z"),
            ("2026-10-25 02:30:00 CEST", "2026-10-25T00:30:00Z"), ("2026-10-25 02:30:00 CET", "2026-10-25T01:30:00Z"),
            // Some write the name of winter all year.
            ("2026-07-21 02:38:30 CET", "2026-07-21T01:38:30Z"),
            ("2026-11-21 02:38:30 GMT", "2026-11-21T02:38:30Z"), ("2026-11-21 02:38:30 EST", nil),
            ("2026-11-21 02:38:30 cet", nil), ("2026-11-21 02:38:30 CE", nil),
        ] as [(String, String?)])
    func namesOfTheZone(text: String, time: String?) throws {
        let berlin = try #require(TimeZoneRules(posix: Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)))
        let format = TimeFormat.pattern(try TimePattern("%F %T %Z"))
        #expect(try read(text, format, zone: berlin) == time)
        // What another line said, with its own name, does not stay for the next.
        let parsing = RecordParsing(.regex(try Pattern("^(?<time>.*)$")), time: format, zone: berlin)
        let lines = ["2026-07-21 02:38:30 CEST", text].map { Array($0.utf8) }
        #expect(parse(parsing, lines)[1].events == (time == nil ? ["time_unreadable"] : []))
    }

    /// A log without years, read at these times.
    @Test(arguments: [
        ("2026-12-01T10:00:00Z", "Apr 15 08:00:00", "2026-04-15T08:00:00Z"),
        ("2026-12-01T10:00:00Z", "Dec  2 09:59:59", "2026-12-02T09:59:59Z"),
        ("2026-12-01T10:00:00Z", "Dec  3 08:00:00", "2025-12-03T08:00:00Z"),
        ("2026-12-31T23:59:59Z", "Dec 31 23:59:58", "2026-12-31T23:59:58Z"),
        ("2026-12-31T23:59:59Z", "Jan  1 00:00:01", "2027-01-01T00:00:01Z"),
        ("2026-12-31T23:59:59Z", "Jan  2 00:00:01", "2026-01-02T00:00:01Z"),
        ("2027-01-01T00:00:01Z", "Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
        ("2027-01-01T00:00:01Z", "Jan  1 00:00:00", "2027-01-01T00:00:00Z"),
        ("2027-06-01T00:00:00Z", "Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
        ("2028-02-28T12:00:00Z", "Feb 29 11:00:00", "2028-02-29T11:00:00Z"),
        ("2028-02-28T12:00:00Z", "Feb 29 13:00:00", "2024-02-29T13:00:00Z"),
        ("2028-03-01T00:00:00Z", "Feb 29 23:59:59", "2028-02-29T23:59:59Z"),
        ("2103-01-01T00:00:00Z", "Feb 29 12:00:00", "2096-02-29T12:00:00Z"),
    ])
    func timesWithoutAYear(now: String, text: String, time: String) throws {
        var rfc3339 = TimeReading(.rfc3339, zone: .utc)
        let bytes = Array(now.utf8)
        let found = rfc3339.readRFC3339(bytes, 0..<bytes.count, now: 0)
        let moment = try #require(found)
        let parsing = RecordParsing(
            .regex(try Pattern("^(?<time>.*)$")), time: .pattern(try TimePattern("%b %e %H:%M:%S")))
        #expect(parse(parsing, [Array(text.utf8)], at: moment)[0].timeText == time)
        // As syslog has it.
        #expect(parse(RecordParsing(.syslog), [Array("<13>\(text) web1 a: b".utf8)], at: moment)[0].timeText == time)
    }

    /// Line after line over both changes of the clock, with what is kept from one to the next.
    @Test func overTheChangesOfTheClock() throws {
        let berlin = try #require(TimeZoneRules(posix: Array("CET-1CEST,M3.5.0,M10.5.0/3".utf8)))
        for change in [1_774_746_000, 1_792_890_000] {  // 2026-03-29T01:00Z, 2026-10-25T01:00Z
            var lines: [[UInt8]] = []
            var expected: [Int64] = []
            for seconds in stride(from: change - 300_000, through: change + 300_000, by: 701) {
                let local = seconds + berlin.offset(at: Int64(seconds))
                // Of the hour that comes twice, the second time is the nearer one to now.
                let isFirst = change == 1_792_890_000 && (change - 3_600..<change).contains(seconds)
                var text: [UInt8] = Array(#"{"ts":""#.utf8)
                text.append(civil: CivilTime(unixSeconds: Int64(local)))
                lines.append(text + Array(#""}"#.utf8))
                expected.append(Int64(isFirst ? seconds + 3_600 : seconds) * 1_000_000_000)
            }
            let times = parse(RecordParsing(.json, zone: berlin), lines).map(\.time)
            #expect(times == expected)
        }
    }
}
