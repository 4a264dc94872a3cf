import Bytes
import Platform
import TestSupport
import Testing

@testable import Logs

@Suite struct ContainerFormatTests {
    private func unwrap(_ text: String, _ format: ContainerFormat) -> (text: String, line: ContainerLine)? {
        var batch = LogBatch()
        let bytes = Array(text.utf8)
        batch.append(bytes, 0..<bytes.count, fields: 0..<0, at: 7, next: Position(source: 1, offset: 1))
        var draft = RecordDraft()
        draft.begin(batch.records[0], of: batch)
        guard let line = draft.unwrap(format) else {
            #expect(draft.bytes == bytes, "what is not of the format stays as it is")
            #expect(draft.text == 0..<bytes.count)
            return nil
        }
        #expect(draft.text == 0..<draft.bytes.count)
        return (String(decoding: draft.bytes, as: UTF8.self), line)
    }

    static let time = "2016-10-06T00:17:09.669794202Z"
    static let nanoseconds: Int64 = 1_475_713_029_669_794_202

    @Test(arguments: [
        (#"GET /\n"#, "GET /", true),
        (#"a piece"#, "a piece", false),
        (#"\n"#, "", true),
        (#""#, "", false),
        (#"windows\r\n"#, "windows", true),
        (#"a \"b\" \\ \/ \t \u00e9\ud83d\ude00\ud83dx\n"#, "a \"b\" \\ / \t é😀\u{FFFD}x", true),
        (#"a letter \\n"#, #"a letter \n"#, false),
        (#"three \\\n"#, #"three \"#, true),
        (#"\u001b[31mred\u001b[0m\n"#, "\u{1B}[31mred\u{1B}[0m", true),
        (#"no escape \q \u12 \n"#, #"no escape \q \u12 "#, true),
        ("caf\u{e9} bytes", "café bytes", false),
    ])
    func dockerLines(log: String, text: String, isWhole: Bool) throws {
        let members = [#""log":"\#(log)""#, #""stream":"stderr""#, #""time":"\#(Self.time)""#]
        let attributes = #""attrs":{"a":"}\"","b":[1,{}],"n":null}"#
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            for separator in [",", " ,  "] {
                let line = "{" + (order.map { members[$0] } + [attributes]).joined(separator: separator) + "}"
                let found = try #require(unwrap(line, .docker), "\(line)")
                #expect(found.text == text)
                #expect(
                    found.line
                        == ContainerLine(stream: .stderr, unixNanoseconds: Self.nanoseconds, isWhole: isWhole))
            }
        }
    }

    @Test(arguments: [
        "stdout F message", "stdout F", "stdout F ", "stdout P part", "stderr F:TAG:X with tags",
        "stdout F  two spaces",
    ])
    func criLines(rest: String) throws {
        let found = try #require(unwrap("\(Self.time) \(rest)", .cri))
        let words = rest.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        #expect(found.text == (words.count > 2 ? words[2] : ""))
        #expect(found.line.isWhole == words[1].hasPrefix("F"))
        #expect(found.line.stream == (words[0] == "stdout" ? .stdout : .stderr))
        #expect(found.line.unixNanoseconds == Self.nanoseconds)
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T02:00:00+02:00", 0), ("1969-12-31T19:30:00-04:30", 0),
        ("2016-10-06T00:17:09.5Z", 1_475_713_029_500_000_000),
        ("2016-10-06T00:17:09.1234567891234Z", 1_475_713_029_123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
    ])
    func times(text: String, nanoseconds: Int64) {
        let bytes = Array("  \(text)".utf8)
        #expect(parseRuntimeTime(bytes, 2..<bytes.count) == nanoseconds)
    }

    @Test(arguments: [
        "", "2016-10-06", "2016-10-06T00:17:09", "2016-10-06T00:17:09.5", "2016-13-06T00:17:09Z",
        "2016-02-30T00:17:09Z",
        "2016-10-06T24:17:09Z", "2016-10-06 00:17:09Z", "2016-10-06T00:17:09+0200", "2016-10-06T00:17:09Zx",
        "2016-10-06T00:17:0aZ", "2016-10-06T00:17:09 +0200",
        "2016/10/06T00:17:09Z", "2016-10-06T00:17:09,5Z", "2016-10-06t00:17:09Z", "2016-10-06T00:17:09z",
        "9999-10-06T00:17:09Z", "-016-10-06T00:17:09Z",
    ])
    func whatIsNoTime(text: String) {
        let bytes = Array(text.utf8)
        #expect(parseRuntimeTime(bytes, 0..<bytes.count) == nil)
    }

    @Test(arguments: [
        "plain text", "{}", #"{"log":"a\n"}"#, #"{"log":"a\n","stream":"stdout","time":"now"}"#,
        #"{"log":1,"stream":"stdout","time":"2016-10-06T00:17:09Z"}"#,
        #"{"log":"a\n","stream":"stdout","time":"2016-10-06T00:17:09Z"} more"#,
        #"{"log":"a\n","stream":"stdout","time":"2016-10-06T00:17:09Z""#,
        #"{"log":"a\n","stream":"stdout","time":"2016-10-06T00:17:09Z","attrs":{}"#, "{\"log\":\"", "{\"log\":\"\\",
    ])
    func whatIsNotDocker(text: String) { #expect(unwrap(text, .docker) == nil) }

    @Test(arguments: [
        "plain text", "2016-10-06T00:17:09Z", "2016-10-06T00:17:09Z stdout", "2016-10-06T00:17:09Z stdout X a",
        "2016-10-06T00:17:09Z stdin F a", "2016-10-06T00:17:09Z stdout FP a", "2016-10-06T00:17:09Z stdout  a",
        "yesterday stdout F a", " 2016-10-06T00:17:09Z stdout F a",
    ])
    func whatIsNotCRI(text: String) { #expect(unwrap(text, .cri) == nil) }

    @Test func everyTruncationAndManyChangesAreALineOrNone() {
        var random = SeededRandom()
        let lines: [(String, ContainerFormat)] = [
            (
                #"{"log":"a \"b\" \u00e9\ud83d\ude00\n","stream":"stdout","attrs":{"a":[{}]},"time":"\#(Self.time)"}"#,
                .docker
            ),
            ("2016-10-06T00:17:09.669794202+02:00 stdout P:X a message", .cri),
        ]
        for (line, format) in lines {
            let bytes = Array(line.utf8)
            for count in 0...bytes.count { _ = unwrap(String(decoding: bytes[..<count], as: UTF8.self), format) }
            for _ in 0..<3_000 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: 0..<changed.count, using: &random)
                    changed[index] = Array("{}[]\"\\,: u\0\u{7F}9".utf8).randomElement(using: &random) ?? 0
                }
                _ = unwrap(String(decoding: changed, as: UTF8.self), format)
            }
        }
    }

    @Test(arguments: [
        ("/var/log/pods/default_web-5d4f_0a1b/app/0.log", ["namespace=default", "pod=web-5d4f", "container=app"]),
        (
            "/host/var/log/pods/kube-system_etcd-n1_3c/etcd/12.log.20260101-000000",
            [
                "namespace=kube-system", "pod=etcd-n1", "container=etcd",
            ]
        ),
        (
            "/var/log/containers/web-5d4f_default_app-x-\(String(repeating: "0a", count: 32)).log",
            [
                "namespace=default", "pod=web-5d4f", "container=app-x",
            ]
        ),
        ("/var/log/containers/web_default_app-\(String(repeating: "0g", count: 32)).log", []),
        ("/var/log/containers/web_default_\(String(repeating: "0a", count: 32)).log", []),
        ("/var/log/containers/web_default_app-12.log", []),
        ("/var/log/pods/default_web/app/0.log", []), ("/var/log/pods/_web_1/app/0.log", []),
        ("/var/log/other/default_web_1/app/0.log", []), ("/var/log/a.log", []), ("a.log", []), ("", []), ("/", []),
    ])
    func pathsNameTheirContainer(path: String, fields: [String]) {
        var world = AssemblyWorld(names: true)
        world.feed(SourceLine.of("one\ntwo", file: path))
        #expect(world.texts == ["one", "two"])
        #expect(world.records.map(\.fields) == [fields, fields])
        #expect(world.records.allSatisfy { $0.file == path })
    }
}
