import Bytes
import Metrics
import TestSupport
import Testing

@Suite struct ExpositionTextTests {
    private func parsed(_ text: String, limit: Int = 100) -> ExpositionText {
        var cursor = ByteCursor(text)
        return ExpositionText.parse(&cursor, limit: limit)
    }

    /// `name{label=value} number`, one for each series.
    private func series(_ text: String) -> [String] {
        parsed(text).series.map { series in
            var line = Array(series.name.utf8)
            line.append(
                text: "{\(zip(series.key.labels, series.key.values).map { "\($0)=\($1)" }.joined(separator: ","))} ")
            line.append(number: series.value)
            return String(decoding: line, as: UTF8.self)
        }
    }

    @Test(arguments: [
        ("a 1", "a{} 1"), ("a 1\n", "a{} 1"), ("a 1\r\n", "a{} 1"), ("a{} 1", "a{} 1"), ("\u{FEFF}a 1", "a{} 1"),
        (" \t a \t { } \t 1 \t \n", "a{} 1"), ("a{b=\"c\"}1", "a{b=c} 1"), ("a{b=\"c\",} 1", "a{b=c} 1"),
        ("a { z = \"1\" , b = \"2\" } 3", "a{b=2,z=1} 3"), (":a:b_9 1", ":a:b_9{} 1"), ("a{b=\"\"} 1", "a{} 1"),
        (#"a{b="\\ \" \n {},="} 1"#, "a{b=\\ \" \n {},=} 1"), ("a{b=\"é☃\"} 1", "a{b=é☃} 1"),
        ("a 1e3", "a{} 1000"), ("a -1.5E-1", "a{} -0.15"), ("a +.5", "a{} 0.5"), ("a 5.", "a{} 5"),
        ("a NaN", "a{} NaN"), ("a nan", "a{} NaN"), ("a Inf", "a{} +Inf"), ("a +inf", "a{} +Inf"),
        ("a -Inf", "a{} -Inf"), ("a 0.1", "a{} 0.1"), ("a 1 # {trace=\"x\"} 0.5", "a{} 1"),
        (#"{"my.dotted.metric","a.b"="x"} 3"#, "my.dotted.metric{a.b=x} 3"), (#"{"a"} 1"#, "a{} 1"),
        (#" { "a b" , } 1"#, "a b{} 1"), (#"{b="c","a"} 1"#, "a{b=c} 1"),
        (#"a{"b.c"="d","b"="e"} 1"#, "a{b=e,b.c=d} 1"),
        (#"{"q\"\\\n","é☃"="x"} 1"#, "q\"\\\n{é☃=x} 1"), (#"{"a","b"="c"}1"#, "a{b=c} 1"),
    ]) func reads(text: String, expected: String) {
        #expect(series(text) == [expected])
        #expect(parsed(text).problems.lines.isEmpty)
    }

    @Test(arguments: ["", "\n", "\r\n \n", "# EOF", "#", "# HELP", "#HELP a b", "# anything goes", "# UNIT a seconds"])
    func passesOver(text: String) {
        #expect(series(text).isEmpty)
        #expect(parsed(text).problems.lines.isEmpty == (text != "# HELP"))
    }

    @Test(arguments: [
        "a", "a ", "1a 1", "a-b 1", "a x", "a 0x1F", "a 0x1p3", "a nan(7)", "a 1_000", "a 1e999", "a 1,5", "a {b=\"c\"",
        "a{b} 1", "a{b=} 1", "a{b=c} 1", "a{b=\"c} 1", "a{b=\"\\t\"} 1", "a{b=\"c\" d=\"e\"} 1", "a{=\"c\"} 1",
        "a{,} 1", "a{b:c=\"d\"} 1", "a{b=\"c\",b=\"d\"} 1", "a{__name__=\"b\"} 1", "a 1 x", "a 1 2x", "a 1 2 3",
        "{a=\"b\"} 1", "{} 1", #"{""} 1"#, #"a{"b"} 1"#, #"{"a","b"} 1"#, #"{"a",""="b"} 1"#, #"{"a","b"="c",b="d"} 1"#,
        #"{"a","__name__"="b"} 1"#, #"{"a"} "#, #"{"a" 1"#, #"{"a\t"} 1"#, #"{"a} 1"#, #""a" 1"#, "a{b=\"\u{0}\"} 1",
        "{\"a\u{0}\"} 1", #"# TYPE "a" thing"#, #"# TYPE "" gauge"#, #"# TYPE "a"gauge"#, #"# HELP "a b"#,
        "# TYPE a thing", "# TYPE a counter gauge", "# TYPE a", "# TYPE 1a counter", "# HELP a-b c", "\u{0}a 1",
    ]) func aBadLineIsLostAlone(line: String) {
        let text = parsed("before 1\n\(line)\nafter 2")
        #expect(text.series.map(\.name) == ["before", "after"])
        #expect(text.problems.lines == [.syntax: .init(first: 2, count: 1)])
    }

    @Test func labelsThatAreNotTextAreNoLabels() {
        var cursor = ByteCursor(Array("a{b=\"".utf8) + [0xFF, 0xFE] + Array("\"} 1\nc 2".utf8))
        let text = ExpositionText.parse(&cursor, limit: 10)
        #expect(text.series.map(\.name) == ["c"] && text.problems.lines[.syntax]?.first == 1)
    }

    @Test func timesAreNotServed() {
        let text = parsed("a 1\nb 2 1395066363000\r\nc 3 1.5\nd 4 -1")
        #expect(text.series.map(\.name) == ["a"])
        #expect(text.problems.lines == [.timestamp: .init(first: 2, count: 3)])
    }

    @Test func declarations() {
        let text = parsed(
            """
            # HELP a First \\\\ and\\nsecond \\x line.\r
            # TYPE a counter\r
            # TYPE a counter
            # HELP a Another.
            a 1
            # TYPE b unknown
            # TYPE a gauge
            c 1
            # TYPE c gauge
            # HELP d
            """)
        #expect(text.declarations["a"]?.kind == .counter)
        #expect(text.declarations["a"]?.help == "First \\ and\nsecond \\x line.")
        #expect(text.declarations["b"]?.kind == .untyped)
        #expect(text.declarations["c"] == nil)
        #expect(text.declarations["d"]?.help == "" && text.declarations["d"]?.kind == nil)
        #expect(
            text.problems.lines == [
                .typeConflict: .init(first: 7, count: 1), .syntax: .init(first: 9, count: 1),
            ])
    }

    @Test(arguments: [
        ("GAUGE", MetricKind.gauge), ("Counter", .counter), ("HistoGram", .histogram), ("SUMMARY\r", .summary),
        ("Untyped", .untyped), ("UNKNOWN", .untyped), ("stateset", .gauge),
    ]) func aTypeIsReadInWhateverCase(word: String, kind: MetricKind) {
        let text = parsed("# TYPE m \(word)\n# TYPE \"m.n\" \(word)\n# HELP \"m.n\" Help.")
        #expect(text.declarations["m"]?.kind == kind)
        #expect(text.declarations["m.n"]?.kind == kind)
        #expect(text.declarations["m.n"]?.help == "Help.")
        #expect(text.problems.lines.isEmpty)
    }

    /// For Swift's texts they are equal.
    @Test func namesOfOtherBytesAreOtherNames() {
        let text = parsed(
            "# TYPE \"caf\u{E9}\" gauge\n# TYPE \"cafe\u{301}\" counter\n{\"x\",\"\u{E9}\"=\"1\",\"e\u{301}\"=\"2\"} 1")
        #expect(text.declarations["caf\u{E9}"]?.kind == .gauge)
        #expect(text.declarations["cafe\u{301}"]?.kind == .counter)
        #expect(text.series.first?.key.labels.count == 2)
        #expect(text.problems.lines.isEmpty)
    }

    @Test func aHelpTextHasNoNUL() {
        #expect(parsed("# HELP a b\u{0}c").declarations["a"]?.help == "b c")
    }

    @Test func aFileHasALimit() {
        let text = parsed((1...10).map { "a{n=\"\($0)\"} 1\n" }.joined(), limit: 4)
        #expect(text.series.count == 4)
        #expect(text.problems.lines == [.tooManySeries: .init(first: 5, count: 6)])
    }

    /// Whatever stands in a file, what is read of it is written so that it reads the same.
    @Test func nothingBreaksIt() throws {
        let fixture = Array(
            """
            # HELP a Help.
            # TYPE a histogram
            a_bucket{le="+Inf",x="é\\n\\\\\\""} 3
            a_sum 1e-7
            b{c="d",e="f"} NaN 17
            {"d.é","f g"="h"} 2
            c -Inf
            """.utf8)
        func check(_ bytes: [UInt8]) {
            var cursor = ByteCursor(bytes)
            let text = ExpositionText.parse(&cursor, limit: 100)
            var merged = MergedExpositions()
            merged.merge([("f", text)])
            var snapshot = Snapshot()
            merged.add(to: &snapshot)
            var encoder = PrometheusText(escaping: .allowUTF8)
            var output: [UInt8] = []
            _ = encoder.arrange([snapshot])
            encoder.write([snapshot], as: .prometheusText, into: &output)
            var again = ByteCursor(output)
            let second = ExpositionText.parse(&again, limit: 100)
            #expect(second.problems.lines.isEmpty, "seed \(SeededRandom.seed)")
            #expect(second.series.count == snapshot.samples.count, "seed \(SeededRandom.seed)")
        }
        for count in 0...fixture.count { check(Array(fixture.prefix(count))) }
        var random = SeededRandom()
        let likely = Array("abc_{}=\",\\\n# 0123.e+-\r\u{0}é".utf8)
        for _ in 0..<3_000 {
            var bytes = fixture
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = likely.randomElement(using: &random) ?? 0
                case 1: bytes[at] = UInt8.random(in: 0 ... .max, using: &random)
                default: bytes.insert(likely.randomElement(using: &random) ?? 0, at: at)
                }
            }
            check(bytes)
        }
    }
}
