import Bytes
import Metrics
import TestSupport
import Testing

/// Whatever stands in text files, no strict reader may refuse the answer: it would lose all that Vitals serves.
@Suite struct AnyTextFileTests {
    // MARK: By hand

    private func families(
        _ files: [String], beside own: [Snapshot] = [], _ escaping: NameEscaping = .underscores
    ) throws -> [String] {
        let (text, _, _) = Self.served(files, beside: own, escaping)
        _ = try StrictOpenMetrics.read(text)
        return text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.dropFirst(7)) }
    }

    /// The answer, how many samples there were, and how many were refused.
    private static func served(
        _ files: [String], beside own: [Snapshot], _ escaping: NameEscaping
    ) -> (text: String, samples: Int, refused: Int) {
        var merged = MergedExpositions()
        merged.merge(
            files.enumerated().map { number, text in
                var cursor = ByteCursor(text)
                return ("/\(number + 1).prom", ExpositionText.parse(&cursor, limit: 1_000))
            })
        var snapshot = Snapshot()
        merged.add(to: &snapshot)
        var encoder = PrometheusText(escaping: escaping)
        var output: [UInt8] = []
        let snapshots = own + [snapshot]
        let refused = encoder.arrange(snapshots)
        encoder.write(snapshots, as: .openMetrics, into: &output)
        return (
            String(decoding: output, as: UTF8.self), snapshots.map(\.samples.count).reduce(0, +), refused.count
        )
    }

    private static let histogram = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
    private static let parts = ["h_bucket unknown", "h_count unknown", "h_sum unknown"]
    private static let summary = "# TYPE s summary\ns_count 2\ns_sum 3\n"

    @Test(arguments: [
        // What counts is a number, and not negative.
        ("# TYPE c counter\nc_total NaN", ["c_total unknown"]),
        ("# TYPE c_total counter\nc_total -1\nc_total{a=\"b\"} 1", ["c_total unknown"]),
        (
            "# TYPE c_total counter\nc_total -Inf\n# TYPE c_created gauge\nc_created 1",
            ["c_created gauge", "c_total unknown"]
        ),
        ("# TYPE c_total counter\nc_total +Inf", ["c counter"]), ("# TYPE c_total counter\nc_total -0", ["c counter"]),
        ("# TYPE c_total counter\nc_total 1.5", ["c counter"]), ("# TYPE g gauge\ng NaN", ["g gauge"]),
        // Histograms.
        (histogram + "h_count 2\nh_sum 3", ["h histogram"]), (histogram, ["h histogram"]),
        (histogram + "h_sum 3", ["h histogram"]),
        (histogram + "h_count 2", ["h_bucket unknown", "h_count unknown"]),
        (histogram + "h_count 3\nh_sum 3", parts), (histogram + "h_count 2\nh_sum -3", parts),
        (histogram + "h_count 2\nh_sum NaN", parts), (histogram + "h_count NaN\nh_sum 1", parts),
        (histogram + "h_bucket{le=\"2\"} 0\nh_count 2\nh_sum 3", parts),
        (histogram + "h_bucket{le=\"-1\"} 0\nh_count 2\nh_sum 3", parts),
        (histogram + "h_bucket{le=\"-1\"} 0", ["h histogram"]),
        (histogram + "h_bucket{le=\"2\"} 1.5\nh_count 2\nh_sum 3", parts),
        ("# TYPE h histogram\nh_bucket{le=\"+Inf\"} -1", ["h_bucket unknown"]),
        ("# TYPE h histogram\nh_bucket{le=\"1\"} 1", ["h_bucket unknown"]),
        ("# TYPE h histogram\nh_bucket{le=\"+Inf\"} +Inf", ["h_bucket unknown"]),
        ("# TYPE h histogram\nh_sum 1", ["h_sum unknown"]),
        ("# TYPE h histogram\nh_bucket{le=\"infinity\"} 2\nh_count 2\nh_sum 3", ["h histogram"]),
        ("# TYPE h histogram\nh_bucket{le=\"-Infinity\"} 0\nh_count 2", ["h_bucket unknown", "h_count unknown"]),
        ("# TYPE h histogram\nh_bucket{le=\"0\"} 0\nh_bucket{le=\"-0\"} 0\nh_count 2\nh_sum 3", ["h histogram"]),
        // Only some of a family are odd.
        (histogram + "h_bucket{le=\"1\",a=\"b\"} 1", ["h_bucket unknown"]),
        // Summaries.
        (summary + "s{quantile=\"0.5\"} NaN", ["s summary"]), ("# TYPE s summary\ns{quantile=\"1\"} 2", ["s summary"]),
        (summary + "s{quantile=\"0.5\"} -1", ["s unknown", "s_count unknown", "s_sum unknown"]),
        (summary + "s{quantile=\"1.5\"} 1", ["s unknown", "s_count unknown", "s_sum unknown"]),
        ("# TYPE s summary\ns_sum -3\ns_count 1", ["s_count unknown", "s_sum unknown"]),
        ("# TYPE s summary\ns_sum 3\ns_count 1.5", ["s_count unknown", "s_sum unknown"]),
        // Since when they count.
        (summary + "# TYPE s_created gauge\ns_created NaN", ["s_count unknown", "s_sum unknown", "s_created gauge"]),
        (histogram + "# TYPE h_created gauge\nh_created{a=\"b\"} 1", ["h_bucket unknown", "h_created gauge"]),
        (
            "# TYPE c_total counter\nc_total 1\n# TYPE c_created gauge\nc_created{a=\"b\"} 1",
            ["c_created gauge", "c_total unknown"]
        ),
        (
            "# TYPE c_total counter\nc_total 1\n# TYPE c_created gauge\nc_created -1",
            ["c_created gauge", "c_total unknown"]
        ),
        (
            "# TYPE c_total counter\nc_total 1\n# TYPE c_created untyped\nc_created +Inf",
            ["c_created unknown", "c_total unknown"]
        ),
        // A label that only some parts may have is none of the others.
        (summary + "s{quantile=\"0.5\",le=\"1\"} 1\ns_count{quantile=\"0.5\"} 1\ns_sum{le=\"1\"} 1", ["s summary"]),
        (histogram + "h_bucket{le=\"1\",quantile=\"2\"} 1\nh_count{le=\"1\"} 2", ["h_bucket unknown"]),
    ]) func isServedToAStrictReader(text: String, types: [String]) throws {
        #expect(try families([text]) == types)
        #expect(try families([text.replacing("\n", with: "\r\n")], .values) == types)
    }

    @Test func onlyBucketsHaveABound() {
        var cursor = ByteCursor("# TYPE h histogram\nh_count{le=\"1\"} 2\n# TYPE s summary\ns_sum{quantile=\"1\"} 3")
        var merged = MergedExpositions()
        merged.merge([("/f.prom", ExpositionText.parse(&cursor, limit: 9))])
        #expect(merged.samples.isEmpty)
        #expect(merged.problems[0].lines == [.syntax: .init(first: 2, count: 2)])
    }

    /// Escaping makes one of two, and the parts of each do not belong to those of the other.
    @Test(arguments: [
        (
            "# TYPE \"h.x\" histogram\n{\"h.x_bucket\",le=\"1\"} 1\n{\"h.x_bucket\",le=\"+Inf\"} 2\n"
                + "# TYPE h_x histogram\nh_x_bucket{le=\"2\"} 1\nh_x_bucket{le=\"+Inf\"} 2", ["h_x_bucket unknown"]
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\",\"a.b\"=\"c\"} 1\nh_bucket{le=\"+Inf\",\"a.b\"=\"c\"} 2\n"
                + "h_bucket{le=\"2\",a_b=\"c\"} 1\nh_bucket{le=\"+Inf\",a_b=\"c\"} 2", ["h_bucket unknown"]
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\",\"a.b\"=\"c\"} 1\nh_bucket{le=\"+Inf\",\"a.b\"=\"c\"} 2\n"
                + "h_bucket{le=\"2\",a_c=\"c\"} 1\nh_bucket{le=\"+Inf\",a_c=\"c\"} 2", ["h histogram"]
        ),
        ("{\"m\",\"..name..\"=\"x\"} 1\nn 2", ["n unknown"]),
    ]) func whatEscapingMakesOne(text: String, types: [String]) throws {
        #expect(try families([text]) == types)
        _ = try families([text], .allowUTF8)
    }

    /// Go's reader of the text format takes `x_count` for a part of `x`, and refuses a second header of `x`.
    @Test(arguments: [
        ("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\n# TYPE h_count gauge\nh_count 3", true),
        ("# TYPE s summary\ns{quantile=\"1\"} 1\n# TYPE s_sum counter\ns_sum 3", true),
        ("# TYPE \"s.x\" summary\n{\"s.x_sum\"} 1\ns_x_count 1", true),
        ("# TYPE s summary\ns_sum 2\ns_count 3\n# TYPE s_bucket gauge\ns_bucket 3", false),
    ]) func noNameOfTheTextIsAPartOfAnother(text: String, isSplit: Bool) {
        var cursor = ByteCursor(text)
        var merged = MergedExpositions()
        merged.merge([("/f.prom", ExpositionText.parse(&cursor, limit: 9))])
        var snapshot = Snapshot()
        merged.add(to: &snapshot)
        var (encoder, output) = (PrometheusText(), [UInt8]())
        encoder.encode([snapshot], into: &output)
        let types = String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(types.contains { $0.hasSuffix(" histogram") || $0.hasSuffix(" summary") } == !isSplit)
        #expect(Set(types.map { $0.split(separator: " ")[2] }).count == types.count)
    }

    @Test func ourOwnCountersAreHeldToItToo() throws {
        var own = Snapshot()
        own.countersBeginUnixSeconds = 5
        own.add(MetricDescriptor("v_total", .counter, labels: ["a"], help: "V."), -1, "x")
        own.add(MetricDescriptor("w_total", .counter, help: "W."), 1)
        #expect(try families([], beside: [own]) == ["v_total unknown", "w counter"])
        own.removeAll()
        own.add(MetricDescriptor("w_total", .counter, help: "W."), .nan)
        #expect(try families(["w_total{a=\"b\"} 1"], beside: [own]) == ["w_total unknown"])
    }

    /// The same encoder, as the values change.
    @Test func whatIsNoLongerOddHasItsTypeAgain() throws {
        var (encoder, merged, snapshot) = (PrometheusText(), MergedExpositions(), Snapshot())
        var types: [String] = []
        for value in ["1", "NaN", "2"] {
            var cursor = ByteCursor("# TYPE c_total counter\nc_total \(value)\n")
            merged.merge([("/f.prom", ExpositionText.parse(&cursor, limit: 9))])
            snapshot.removeAll()
            merged.add(to: &snapshot)
            var output: [UInt8] = []
            encoder.encode([snapshot], as: .openMetrics, into: &output)
            types += try StrictOpenMetrics.read(String(decoding: output, as: UTF8.self))
        }
        #expect(types == ["c", "c_total", "c"])
    }

    // MARK: By chance

    /// Few names, so that they clash.
    private static let names = ["x", "y", "h", "h_x", "h.x", "s", "_", "x_y", "9", "..name..", "e\u{301}", "\u{E9}"]
    private static let endings = [
        "", "", "", "_total", "_total", "_created", "_count", "_sum", "_bucket", "_info", "_gcount", ".total",
        "_seconds",
    ]
    private static let types = [
        "counter", "counter", "gauge", "histogram", "histogram", "summary", "untyped", "info", "stateset",
        "gaugehistogram", "unknown", "COUNTER",
    ]
    private static let values = ["0", "1", "2", "3", "4", "1.5", "-1", "NaN", "+Inf", "-Inf", "1e18", "-0"]
    private static let bounds = [
        "1", "1.0", "2", "+Inf", "inf", "Infinity", "-1", "-inf", "0", "-0", "0.5", "0.99", "NaN", "x", "", "1e3",
    ]

    private struct Writer {
        var random: SeededRandom
        var lines: [String] = []

        mutating func pick(_ texts: [String]) -> String { texts.randomElement(using: &random) ?? "" }
        mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }

        mutating func label() -> String {
            let name = pick(["a", "a_b", "a.b", "le", "quantile", "..name.."])
            let value =
                ["le", "quantile"].contains(name) ? pick(AnyTextFileTests.bounds) : pick(["1", "2", "\\n", ""])
            return "\"\(name)\"=\"\(value)\""
        }

        mutating func sample(_ name: String, _ labels: [String], _ value: String) {
            var labels = labels
            while chance(4) { labels.append(label()) }
            lines.append("{\((["\"\(name)\""] + labels).joined(separator: ","))} \(value)")
        }

        /// A metric that is whole, mostly.
        mutating func metric() {
            let name = pick(AnyTextFileTests.names) + pick(AnyTextFileTests.endings)
            let type = pick(AnyTextFileTests.types)
            if !chance(8) { lines.append("# TYPE \"\(name)\" \(type)") }
            if chance(3) { lines.append("# HELP \"\(name)\" \(pick(["", "h", "a\\\\b\\n\"", "\\x\t", "# EOF"]))") }
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let labels = chance(2) ? [] : [label()]
                let total = pick(["2", "3", "2", "3", pick(AnyTextFileTests.values)])
                let isParted = type == "histogram" || type == "summary"
                if type == "histogram" {
                    if chance(2) { sample(name + "_bucket", labels + ["le=\"1\""], pick(["1", "2", "2.5"])) }
                    if !chance(3) { sample(name + "_bucket", labels + ["le=\"+Inf\""], total) }
                }
                if type == "summary" { sample(name, labels + ["quantile=\"\(pick(["0.5", "1", "2"]))\""], total) }
                if isParted, !chance(4) { sample(name + "_count", labels, total) }
                if isParted, !chance(4) { sample(name + "_sum", labels, pick(["1", "1", "-1", "NaN"])) }
                if !isParted { sample(name + (chance(3) ? pick(AnyTextFileTests.endings) : ""), labels, total) }
                if chance(3) {
                    let base = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
                    sample(base + "_created", labels, pick(["1", "1.5e9", "NaN"]))
                }
            }
        }

        mutating func file() -> String {
            lines = []
            for _ in 0...Int.random(in: 0...4, using: &random) { metric() }
            if chance(4) { lines.shuffle(using: &random) }
            return lines.joined(separator: "\n")
        }
    }

    private static func own() -> Snapshot {
        var own = Snapshot()
        own.countersBeginUnixSeconds = 5
        own.add(MetricDescriptor("x_total", .counter, labels: ["a"], help: "X."), 1, "1")
        own.add(MetricDescriptor("h_count", .gauge, help: "H."), 2)
        own.add(MetricDescriptor("s_seconds", .gauge, help: "S."), 2)
        return own
    }

    @Test func isServedWhateverItIs() {
        for seed in (0..<250 as Range<UInt64>).map({ SeededRandom.seed &+ $0 }) {
            var writer = Writer(random: SeededRandom(seed: seed))
            let files = (0...Int.random(in: 0...2, using: &writer.random)).map { _ in writer.file() }
            let own = writer.chance(2) ? [Self.own()] : []
            for escaping in NameEscaping.allCases {
                let (text, samples, refused) = Self.served(files, beside: own, escaping)
                do {
                    _ = try StrictOpenMetrics.read(text)
                } catch {
                    Issue.record(
                        "seed \(seed), \(escaping): \(error)\n\(files.joined(separator: "\n---\n"))\n===\n\(text)")
                    return
                }
                let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") && $0 != "x_created{a=\"1\"} 5" }
                #expect(lines.count == samples - refused, "seed \(seed), \(escaping): each sample is served")
            }
        }
    }
}

/// The reader by which the others are judged refuses what it should.
@Suite struct StrictOpenMetricsTests {
    @Test(arguments: [
        "a 1\n", "# TYPE a gauge\na 1\n# TYPE a gauge\n", "# TYPE a counter\na 1\n", "# TYPE a counter\na_total -1\n",
        "# TYPE a counter\na_total 1\n# TYPE a_created gauge\na_created 1\n", "# TYPE a untyped\na 1\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 1\n", "# TYPE a histogram\na_bucket{le=\"inf\"} 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n", "# TYPE a histogram\na_created 1\n",
        "# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n",
        "# TYPE a histogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n",
        "# TYPE a summary\na{quantile=\"2\"} 1\n", "# TYPE a summary\na_count 1.5\n",
        "# TYPE a summary\na_count{b=\"1\"} 1\na_count{b=\"2\"} 1\na_sum{b=\"1\"} 1\n",
        "# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 1\n", "# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n",
        "# TYPE a gauge\n# UNIT a seconds\na 1\n", "# TYPE a gauge\na x\n", "\n",
    ]) func refuses(text: String) {
        #expect(throws: StrictOpenMetrics.Refused.self) { try StrictOpenMetrics.read(text + "# EOF\n") }
        #expect(throws: StrictOpenMetrics.Refused.self) { try StrictOpenMetrics.read("# TYPE a gauge\na 1\n") }
    }
}
