import Bytes
import Metrics
import Testing

/// Names with letters that Prometheus 2 did not have: in quotes for those that take them, escaped for others.
@Suite struct QuotedNamesTests {
    private func snapshot(_ text: String) -> Snapshot {
        var cursor = ByteCursor(text)
        var merged = MergedExpositions()
        merged.merge([("/1.prom", ExpositionText.parse(&cursor, limit: 100))])
        var snapshot = Snapshot()
        merged.add(to: &snapshot)
        return snapshot
    }

    private func written(
        _ snapshots: [Snapshot], _ escaping: NameEscaping, as format: ExpositionFormat = .prometheusText
    ) -> String {
        var encoder = PrometheusText(escaping: escaping)
        var output: [UInt8] = []
        encoder.encode(snapshots, as: format, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static let dotted = """
        # TYPE "my.dotted.metric" gauge
        # HELP "my.dotted.metric" Help.
        {"my.dotted.metric","a.b"="x",c="y"} 3
        {"my.dotted.metric"} 4

        """

    @Test(arguments: [
        (NameEscaping.underscores, "my_dotted_metric", "a_b"), (.dots, "my_dot_dotted_dot_metric", "a_dot_b"),
        (.values, "U__my_2e_dotted_2e_metric", "U__a_2e_b"),
    ]) func areEscaped(escaping: NameEscaping, metric: String, label: String) {
        #expect(
            written([snapshot(Self.dotted)], escaping) == """
                # HELP \(metric) Help.
                # TYPE \(metric) gauge
                \(metric){\(label)="x",c="y"} 3
                \(metric) 4

                """)
    }

    @Test func areServedAsTheyAre() {
        let text = """
            # HELP "my.dotted.metric" Help.
            # TYPE "my.dotted.metric" gauge
            {"my.dotted.metric","a.b"="x",c="y"} 3
            {"my.dotted.metric"} 4

            """
        #expect(written([snapshot(Self.dotted)], .allowUTF8) == text)
        #expect(
            written([snapshot(#"{"q\"\\\n☃"} 1"#)], .allowUTF8) == #"""
                # HELP "q\"\\\n☃" Read from /1.prom.
                # TYPE "q\"\\\n☃" untyped
                {"q\"\\\n☃"} 1

                """#)
    }

    @Test(arguments: [
        ("1a", "_a", "__a", "U___31_a"), ("a_b é", "a_b__", "a__b____", "U__a__b_20__e9_"),
        ("a:b.", "a:b_", "a:b_dot_", "U__a:b_2e_"),
        ("plain_name", "plain_name", "plain_name", "plain_name"),
    ]) func asPrometheusEscapesThem(name: String, underscores: String, dots: String, values: String) {
        let snapshot = snapshot("{\"\(name)\"} 1")
        for (escaping, expected) in [(NameEscaping.underscores, underscores), (.dots, dots), (.values, values)] {
            #expect(written([snapshot], escaping).hasSuffix("\n\(expected) 1\n"))
        }
    }

    /// In a label's name a colon needs quotes, too.
    @Test func aColonInALabel() {
        let snapshot = snapshot(#"m{"a:b"="1"} 1"#)
        #expect(written([snapshot], .underscores).hasSuffix("\nm{a_b=\"1\"} 1\n"))
        #expect(written([snapshot], .allowUTF8).hasSuffix("\nm{\"a:b\"=\"1\"} 1\n"))
    }

    @Test func partsOfAHistogramKeepTheirEndings() {
        let snapshot = snapshot(
            """
            # TYPE "h.x" histogram
            {"h.x_bucket",le="1"} 1
            {"h.x_count"} 2
            {"h.x_sum"} 5
            # TYPE "c.y" counter
            {"c.y_total"} 3
            """)
        #expect(
            written([snapshot], .dots, as: .openMetrics)
                == """
                # TYPE c_dot_y counter
                # HELP c_dot_y Read from /1.prom.
                c_dot_y__total 3
                # TYPE h_dot_x histogram
                # HELP h_dot_x Read from /1.prom.
                h_dot_x_bucket{le="1"} 1
                h_dot_x_bucket{le="+Inf"} 2
                h_dot_x_count 2
                h_dot_x_sum 5
                # EOF

                """.replacing("c_dot_y", with: "c_dot_y_").replacing("c_dot_y___total", with: "c_dot_y__total"))
        #expect(
            written([snapshot], .allowUTF8, as: .openMetrics) == """
                # TYPE "c.y" counter
                # HELP "c.y" Read from /1.prom.
                {"c.y_total"} 3
                # TYPE "h.x" histogram
                # HELP "h.x" Read from /1.prom.
                {"h.x_bucket",le="1"} 1
                {"h.x_bucket",le="+Inf"} 2
                {"h.x_count"} 2
                {"h.x_sum"} 5
                # EOF

                """)
    }

    /// What becomes another's by escaping is left out for those that ask for that, and for them alone.
    @Test(arguments: [
        ("my_metric 1\n{\"my.metric\"} 2", [1]),
        ("# TYPE my_metric gauge\nmy_metric{a=\"1\"} 1\n{\"my.metric\"} 2", [1]),
        ("{\"my.metric\"} 1\n{\"my-metric\"} 2\n{\"my-metric\",a=\"1\"} 3", [1, 3]),
        ("{\"m\",\"a.b\"=\"1\",a_b=\"2\"} 1\nn 2", [2]), ("{\"scrape.duration.seconds\"} 1\nn 2", [2]),
        ("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n{\"h.bucket\",le=\"+Inf\"} 2", [1]),
        ("# TYPE \"h.x\" histogram\n{\"h.x_count\"} 1\nh_x_count 2", [1, 2]),
        ("m{\"a.b\"=\"1\"} 1\nm{a_b=\"1\"} 2\nm{a_b=\"2\"} 3", [2, 3]),
    ]) func escapedNamesNeverBreakAScrape(text: String, served: [Double]) {
        let snapshot = snapshot(text)
        var encoder = PrometheusText()
        let refused = encoder.arrange([snapshot])
        let kept = snapshot.samples.indices.filter { index in !refused.contains { $0.sample == index } }
        #expect(kept.map { snapshot.samples[$0].value }.sorted() == served)
        #expect(refused.allSatisfy { $0.reason == .escapedName })
        #expect(encoder.arrange([snapshot]) == refused, "a kept layout finds the same")
        var free = PrometheusText(escaping: .allowUTF8)
        #expect(free.arrange([snapshot]).isEmpty)
    }

    // MARK: Labels that are not UTF-8

    private static let mounts = MetricDescriptor("m", .gauge, labels: ["mountpoint", "n"], help: "M.")
    private static let others = MetricDescriptor("o", .gauge, labels: ["mountpoint"], help: "O.")

    @Test func bytesThatAreNotUTF8AreOneSignForEachRun() {
        #expect(
            String(label: Array("caf".utf8) + [0xE9, 0xFE] + Array("-".utf8) + [0xE2, 0x82]) == "caf\u{FFFD}-\u{FFFD}")
        #expect(String(label: Array("é☃".utf8)) == "é☃")
        #expect(Path([0x2F, 0xFF]).label == "/\u{FFFD}")
    }

    @Test func whatBecomesTheSameIsServedOnce() {
        var snapshot = Snapshot()
        let names = [[0xE9], [0xE8], Array("é".utf8), Array("e\u{301}".utf8), Array("\u{FFFD}".utf8)]
        for (number, name) in names.enumerated() {
            snapshot.add(Self.mounts, Double(number), String(label: name), "x")
            snapshot.add(Self.others, Double(number), String(label: name))
        }
        snapshot.add(Self.mounts, 5, "\u{FFFD}", "y")
        var encoder = PrometheusText()
        for _ in 0..<2 {
            let refused = encoder.arrange([Snapshot(), snapshot])
            #expect(refused.allSatisfy { $0.reason == .repairedLabel && $0.snapshot == 1 })
            #expect(refused.map { snapshot.samples[$0.sample].value }.sorted() == [1, 1, 4, 4])
        }
        snapshot.removeAll()
        snapshot.add(Self.others, 1, "x")
        #expect(encoder.arrange([Snapshot(), snapshot]).isEmpty)
    }

    /// Prometheus takes a NUL for the end of all.
    @Test func aLabelHasNoNUL() {
        var snapshot = Snapshot()
        snapshot.add(Self.others, 1, "a\u{0}b")
        snapshot.add(Self.others, 2, "a b")
        #expect(written([snapshot], .underscores) == "# HELP o O.\n# TYPE o gauge\no{mountpoint=\"a b\"} 1\n")
    }
}
