import AWS
import Bytes
import Foundation
import TestSupport
import Testing

/// The small formats: profile files, XML, times, command lines. Whole, cut off anywhere, and mangled.
@Suite struct AWSTextTests {
    // MARK: Profile files

    private let config = """
        # A comment
        [default]
        region=eu-west-1   ; and another
        Output = json
        [profile  logs ]
        role_arn = arn:aws:iam::1:role/a#b
        source_profile=default
        s3 =
          max_queue = 10
          region = other
        services = local
        [profile 'with blanks']
        region = eu-west-2
        [profile "quoted"]
        region = eu-west-3
        [plain]
        region = nowhere
        [sso-session x]
        sso_region = eu-west-1
        [services local]
        cloudwatch_logs =
        \tendpoint_url = http://127.0.0.1:1
        sts=
          endpoint_url=http://127.0.0.1:2
        """

    private func file(_ text: String) -> ProfileFile { ProfileFile(Array(text.utf8)) }

    @Test func configAndCredentials() {
        let credentials = file("[logs]\r\nRegion = eu-west-9\r\naws_access_key_id = A\r\n[new]\r\na =\r\nb = c=d\r\n")
        let profiles = Profiles(config: file(config), credentials: credentials)
        #expect(profiles.names == ["default", "logs", "new", "quoted", "with blanks"])
        #expect(profiles["default"] == ["region": "eu-west-1", "output": "json"])
        #expect(profiles["logs"]?["role_arn"] == "arn:aws:iam::1:role/a#b" && profiles["logs"]?["s3/max_queue"] == "10")
        // What stands in both is taken from `credentials`; what is below another setting is not the setting.
        #expect(profiles["logs"]?["region"] == "eu-west-9" && profiles["logs"]?["aws_access_key_id"] == "A")
        #expect(profiles["new"] == ["b": "c=d"])
        #expect(profiles["with blanks"]?["region"] == "eu-west-2" && profiles["quoted"]?["region"] == "eu-west-3")
        #expect(profiles["plain"] == nil && profiles["gone"] == nil)
        #expect(file(config).problems == [] && credentials.problems == [])
    }

    @Test func defaultInBothSpellings() {
        for text in ["[default]\na=1\nb=1\n[profile default]\na=2\n", "[profile default]\na=2\n[default]\na=1\nb=1\n"] {
            #expect(Profiles(config: file(text))["default"] == ["a": "2", "b": "1"])
        }
    }

    /// As Python's configparser reads it, and with it botocore: a line is below the one above it that has less in
    /// front.
    @Test func whatIsIndentedAsAWhole() {
        for indent in ["  ", "\t", "        ", " \t "] {
            let text = """
                [default]
                I# a comment
                Iregion = eu-west-1
                Iaws_access_key_id = A

                I; another
                Iaws_secret_access_key=b
                [profile logs]
                Irole_arn: arn:aws:iam::1:role/a
                Is3 =
                I  region = other
                Isource_profile = default
                I[profile more]
                Iregion = eu-west-2
                [services local]
                Icloudwatch_logs =
                I  endpoint_url = http://127.0.0.1:1
                Ists =
                Iendpoint_url = http://127.0.0.1:2
                """.replacingOccurrences(of: "I", with: indent)
            let whole = file(text)
            let profiles = Profiles(config: whole)
            #expect(whole.problems == [], "\(indent.debugDescription)")
            #expect(
                profiles["default"] == [
                    "region": "eu-west-1", "aws_access_key_id": "A", "aws_secret_access_key": "b",
                ])
            #expect(
                profiles["logs"] == [
                    "role_arn": "arn:aws:iam::1:role/a", "s3/region": "other", "source_profile": "default",
                ])
            #expect(whole.sections.last?.settings["cloudwatch_logs/endpoint_url"] == "http://127.0.0.1:1")
            #expect(whole.sections.last?.settings["endpoint_url"] == "http://127.0.0.1:2")
        }
    }

    @Test func linesThatAreNone() {
        let odd = file(
            "a = b\n[x\nk = l\n[y]\nMARKER\n= c\nd = e\n  goes on here\nd2 = \n[w\nd = MARKER\n[z] /* rest */\nf = g\n")
        #expect(odd.problems.map(\.line) == [1, 2, 3, 5, 6, 10, 11])
        #expect(!"\(odd.problems)".contains("MARKER"))
        // What belongs to a section whose name cannot be read is no other's.
        #expect(odd.sections.map(\.title) == ["y", "z"] && odd.sections[0].settings == ["d": "e", "d2": ""])
        #expect(odd.sections[1].settings == ["f": "g"])
    }

    @Test func piecesOfProfileFiles() {
        unbroken(config) { bytes in
            let file = ProfileFile(bytes)
            let lines = bytes.count { $0 == 10 } + 1
            for problem in file.problems { #expect((1...lines).contains(problem.line)) }
            _ = Profiles(config: file, credentials: file)["default"]
        }
    }

    // MARK: XML

    private let document = """
        <?xml version="1.0"?><!-- <Code>no</Code> is what a comment may hold -->
        <ns:Response xmlns:ns="u"><Result a="b"><ns:Key x='1'>a&amp;b&lt;&gt;&quot;&apos;&#65;&#x42;&nope;&</ns:Key>
        <Empty/><Empty2></Empty2><Nested><Inner>x</Inner></Nested><Keys>not it</Keys></Result></ns:Response>
        """

    @Test func elements() {
        func text(_ name: String) -> String? { xmlText(of: name, in: Array(document.utf8)) }
        #expect(text("Key") == "a&b<>\"'AB&nope;&")
        #expect(text("Empty") == "" && text("Empty2") == "" && text("Inner") == "x" && text("Keys") == "not it")
        #expect(text("Nested") == nil && text("Gone") == nil && text("Ke") == nil)
        #expect(xmlText(of: "a", in: Array("<a>no end".utf8)) == nil)
        #expect(
            xmlText(of: "a", in: Array("<a>&#1114112;&#x110000;&#xD800;</a>".utf8)) == "&#1114112;&#x110000;&#xD800;")
    }

    @Test func piecesOfXML() {
        unbroken(document) { bytes in
            for name in ["Key", "Empty", "Inner", "Response"] { _ = xmlText(of: name, in: bytes) }
        }
    }

    // MARK: Times

    @Test(
        arguments: [
            ("2015-08-30T12:36:00Z", 1_440_938_160), ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T23:59:59.999999Z", 1_709_251_199), ("2015-08-30T12:36:00+02:30", 1_440_929_160),
            ("2015-08-30T12:36:00-00:30", 1_440_939_960), ("2015-08-30T12:36:00.5+00:00", 1_440_938_160),
        ] as [(String, Int64)]) func times(text: String, seconds: Int64)
    {
        #expect(parseTimestamp(text) == seconds)
    }

    @Test(arguments: [
        "", "2015-08-30", "2015-08-30T12:36:00", "2015-8-30T12:36:00Z", "2015-13-30T12:36:00Z", "2015-02-29T12:36:00Z",
        "2015-08-30T24:36:00Z", "2015-08-30T12:60:00Z", "2015-08-30T12:36:61Z", "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00ZZ", "2015-08-30T12:36:00+2", "2015-08-30 12:36:00Z", "+015-08-30T12:36:00Z", "soon",
    ]) func noTimes(text: String) {
        #expect(parseTimestamp(text) == nil)
    }

    @Test func piecesOfTimes() {
        unbroken("2015-08-30T12:36:00.25+02:30") { _ = parseTimestamp(String(decoding: $0, as: UTF8.self)) }
    }

    // MARK: Command lines

    @Test(
        arguments: [
            ("", []), ("  ", []), ("a b", ["a", "b"]), (" a\t'b c'  \"d e\" ", ["a", "b c", "d e"]),
            (#"a\ b "c\"d\\e\f" 'g\h'"#, ["a b", #"c"d\e\f"#, #"g\h"#]), (#"x'y'"z""#, ["xyz"]),
            (#"a '' """#, ["a", "", ""]),
            ("$HOME `x` | y", ["$HOME", "`x`", "|", "y"]),
        ] as [(String, [String])]) func commandLines(text: String, words: [String])
    {
        #expect(shellWords(text) == words)
    }

    @Test(arguments: ["'", "a \"b", #"a\"#, #""\"#]) func commandLinesWithoutAnEnd(text: String) {
        #expect(shellWords(text) == nil)
    }

    @Test func piecesOfCommandLines() {
        unbroken(#"/opt/x --a 'b c' "d\"e" f\ g"#) { _ = shellWords(String(decoding: $0, as: UTF8.self)) }
    }

    /// Each truncation, and random changes: no crash, and what the caller looks at.
    private func unbroken(_ text: String, _ parse: ([UInt8]) -> Void) {
        let bytes = Array(text.utf8)
        for count in 0...bytes.count { parse(Array(bytes[..<count])) }
        var random = SeededRandom()
        let likely = Array("[]<>&;#='\"\\ \t\r\n/:0Z".utf8)
        for _ in 0..<1_000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<changed.count, using: &random)
                changed[index] =
                    Bool.random(using: &random)
                    ? likely.randomElement(using: &random) ?? 0 : UInt8.random(in: 0 ... .max, using: &random)
            }
            let start = Int.random(in: 0..<changed.count, using: &random)
            parse(changed)
            changed.removeSubrange(start..<min(changed.count, start + 9))
            parse(changed)
        }
        for _ in 0..<200 { parse(random.bytes(0...64)) }
    }
}
