import Bytes
import Metrics
import Testing

@Suite struct MergedExpositionsTests {
    private func merged(_ files: [String], limit: Int = 100) -> MergedExpositions {
        var merged = MergedExpositions()
        merged.merge(
            files.enumerated().map { number, text in
                var cursor = ByteCursor(text)
                return ("/\(number + 1).prom", ExpositionText.parse(&cursor, limit: 100))
            }, limit: limit)
        return merged
    }

    private func written(_ snapshots: [Snapshot]) -> String {
        var encoder = PrometheusText()
        var output: [UInt8] = []
        encoder.encode(snapshots, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func written(_ files: [String]) -> String {
        var snapshot = Snapshot()
        merged(files).add(to: &snapshot)
        return written([snapshot])
    }

    @Test func aFamilyInTwoFilesHasOneHeaderAndTheFirstHelp() {
        #expect(
            written(["# HELP a One.\n# TYPE a gauge\na{x=\"1\"} 1\n", "# HELP a Two.\n# TYPE a gauge\na{y=\"2\"} 2\n"])
                == """
                # HELP a One.
                # TYPE a gauge
                a{x="1"} 1
                a{y="2"} 2

                """)
    }

    @Test func aFileThatSaysNoTypeTakesThatOfAnother() {
        #expect(
            written(["a 1\nh_bucket{le=\"1\"} 3\n", "# TYPE a counter\n# TYPE h histogram\na{b=\"c\"} 2\nh_count 4"])
                == """
                # HELP a Read from /1.prom.
                # TYPE a counter
                a 1
                a{b="c"} 2
                # HELP h Read from /1.prom.
                # TYPE h histogram
                h_bucket{le="1"} 3
                h_bucket{le="+Inf"} 4
                h_count 4

                """)
    }

    @Test func partsOfHistogramsAndSummariesStandUnderTheirFamily() {
        let text = """
            # HELP h A histogram.
            # TYPE h histogram
            h_bucket{le="1"} 3
            h_bucket{le="+Inf"} 4
            h_count 4
            h_sum 5.5
            # HELP s A summary.
            # TYPE s summary
            s{quantile="0.5"} 1
            s_count 9
            s_sum 8

            """
        #expect(written([text]) == text)
        let merged = merged([
            "# TYPE h histogram\nh 1\nh_bucket 2\nh_bucket{le=\"x\"} 3\nh_sum 4\n# TYPE s summary\ns 5"
        ])
        #expect(merged.samples.map(\.descriptor.name) == ["h_sum"])
        #expect(merged.problems[0].lines == [.syntax: .init(first: 2, count: 4)])
    }

    /// A file may have first all buckets and then all counts; OpenMetrics wants each histogram together.
    @Test func partsAreBroughtTogetherInBothFormats() {
        var snapshot = Snapshot()
        merged([
            """
            # HELP h A histogram.
            # TYPE h histogram
            h_bucket{le="1",x="a"} 1
            h_bucket{le="1",x="b"} 2
            other 3
            h_bucket{le="+Inf",x="a"} 4
            h_bucket{le="+Inf",x="b"} 5
            h_count{x="a"} 4
            h_count{x="b"} 5
            h_sum{x="a"} 1
            h_sum{x="b"} 2
            # TYPE requests_total counter
            # HELP requests_total Requests.
            requests_total 6
            # TYPE requests gauge
            requests 7
            # TYPE odd counter
            odd 8
            """
        ]).add(to: &snapshot)
        var encoder = PrometheusText()
        var output: [UInt8] = []
        encoder.encode([snapshot], as: .openMetrics, into: &output)
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        let parts = [
            "h_bucket{le=\"1\",x=\"a\"} 1", "h_bucket{le=\"+Inf\",x=\"a\"} 4", "h_count{x=\"a\"} 4", "h_sum{x=\"a\"} 1",
            "h_bucket{le=\"1\",x=\"b\"} 2", "h_bucket{le=\"+Inf\",x=\"b\"} 5", "h_count{x=\"b\"} 5", "h_sum{x=\"b\"} 2",
        ]
        #expect(lines.filter { $0.hasPrefix("h_") }.map(String.init) == parts)
        #expect(
            lines.filter { $0.hasPrefix("# TYPE") } == [
                "# TYPE h histogram", "# TYPE odd unknown", "# TYPE other unknown", "# TYPE requests gauge",
                "# TYPE requests_total unknown",
            ])
        #expect(lines.last == "# EOF")
        #expect(written([snapshot]).split(separator: "\n").filter { $0.hasPrefix("h_") }.map(String.init) == parts)
        #expect(
            snapshot.origins.map { origins in
                snapshot.samples.indices.compactMap { origins.place(ofSample: $0)?.line }
            } == [3, 6, 8, 10, 4, 7, 9, 11, 5, 14, 16, 18])
    }

    /// Some programs do not write the bucket that has all, or write what they counted after the buckets of all.
    @Test func aHistogramIsCompleteAndInOrder() {
        let text = """
            # TYPE h histogram
            h_count{x="a"} 4
            h_bucket{le="10",x="a"} 3
            h_bucket{le="2",x="a"} 1
            h_sum{x="a"} 5
            h_bucket{le="1",x="b"} 1
            h_bucket{le="inf",x="b"} 2
            h_sum{x="b"} 3
            h_bucket{le="1",x="c"} 1
            h_bucket{le="1.0",x="c"} 1
            """
        #expect(
            written([text]) == """
                # HELP h Read from /1.prom.
                # TYPE h histogram
                h_bucket{le="2",x="a"} 1
                h_bucket{le="10",x="a"} 3
                h_bucket{le="+Inf",x="a"} 4
                h_count{x="a"} 4
                h_sum{x="a"} 5
                h_bucket{le="1",x="b"} 1
                h_bucket{le="+Inf",x="b"} 2
                h_sum{x="b"} 3
                h_count{x="b"} 2
                h_bucket{le="1",x="c"} 1

                """)
        let merged = merged([text])
        #expect(merged.origins.places.map(\.line) == [4, 3, 2, 2, 5, 6, 7, 8, 7, 9])
        #expect(merged.problems[0].lines == [.duplicate: .init(first: 10, count: 1)])
    }

    @Test(arguments: ["NaN", "0x1p3", "x", ""]) func aBoundIsANumber(bound: String) {
        let merged = merged(["# TYPE h histogram\nh_bucket{le=\"\(bound)\"} 1\nh_count 1\nh_sum 2"])
        #expect(merged.problems[0].lines == [.syntax: .init(first: 2, count: 1)])
        #expect(merged.samples.map(\.labels) == [["+Inf"], [], []])
    }

    @Test func typesOfOpenMetricsThatTheTextFormatLacks() {
        #expect(
            written([
                "# TYPE b info\n# HELP b Build.\nb_info{v=\"1\"} 1\n# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 2\n"
                    + "g_gcount 2\ng_gsum 3\n# TYPE s stateset\ns{s=\"on\"} 1"
            ]) == """
                # HELP b_info Build.
                # TYPE b_info gauge
                b_info{v="1"} 1
                # HELP g_bucket Read from /1.prom.
                # TYPE g_bucket gauge
                g_bucket{le="1"} 2
                # HELP g_gcount Read from /1.prom.
                # TYPE g_gcount gauge
                g_gcount 2
                # HELP g_gsum Read from /1.prom.
                # TYPE g_gsum gauge
                g_gsum 3
                # HELP s Read from /1.prom.
                # TYPE s gauge
                s{s="on"} 1

                """)
    }

    /// Prometheus compares bytes; for Swift's texts they are equal.
    @Test func valuesOfOtherBytesAreOtherSeries() {
        let merged = merged([
            "m{x=\"caf\u{E9}\"} 1\nm{x=\"cafe\u{301}\"} 2\nm{x=\"caf\u{E9}\"} 3",
            "{\"\u{E9}\"} 4\n{\"e\u{301}\"} 5",
        ])
        #expect(merged.samples.map(\.value) == [1, 2, 4, 5])
        #expect(merged.problems[0].lines == [.duplicate: .init(first: 3, count: 1)])
        #expect(merged.problems[1].lines.isEmpty)
        var snapshot = Snapshot()
        merged.add(to: &snapshot)
        var encoder = PrometheusText(escaping: .allowUTF8)
        var output: [UInt8] = []
        encoder.encode([snapshot], into: &output)
        #expect(
            String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("# TYPE") }.count == 3)
    }

    @Test func aCounterOfOpenMetricsIsACounter() {
        #expect(
            written(["# TYPE a counter\n# HELP a Help.\na_total 1\na_created 2\n"]) == """
                # HELP a_created Read from /1.prom.
                # TYPE a_created untyped
                a_created 2
                # HELP a_total Help.
                # TYPE a_total counter
                a_total 1

                """)
    }

    @Test func contradictionsAreLeftOutAndSaid() {
        let merged = merged([
            "# TYPE a gauge\na 1\na 2\nb{x=\"1\",y=\"2\"} 3",
            "# TYPE a counter\na{z=\"1\"} 4\nb{y=\"2\",x=\"1\"} 5\nc 6",
        ])
        #expect(merged.samples.map(\.value) == [1, 3, 6])
        #expect(merged.problems[0].lines == [.duplicate: .init(first: 3, count: 1)])
        #expect(
            merged.problems[1].lines == [
                .typeConflict: .init(first: 2, count: 1), .duplicate: .init(first: 3, count: 1),
            ])
    }

    @Test func whatPrometheusSaysOfATargetIsNotForFiles() {
        let merged = merged(["up 0\nup{of=\"another\"} 1\nscrape_duration_seconds 2"])
        #expect(merged.samples.map(\.value) == [1])
        #expect(merged.problems[0].lines == [.reservedName: .init(first: 1, count: 2)])
    }

    @Test func allFilesTogetherHaveALimit() {
        let merged = merged(["a 1\nb 2", "c 3\nd 4\ne 5"], limit: 3)
        #expect(merged.samples.count == 3)
        #expect(merged.problems[1].lines == [.tooManySeries: .init(first: 2, count: 2)])
    }

    @Test func descriptorsAreKept() {
        var merged = merged(["a 1", "b 2"])
        let before = merged.samples.map(\.descriptor)
        var cursor = ByteCursor("b 3")
        merged.merge([("/2.prom", ExpositionText.parse(&cursor, limit: 10))])
        #expect(merged.samples.count == 1 && merged.samples[0].descriptor === before[1])
    }

    // MARK: Beside what Vitals serves

    private static let load = MetricDescriptor("node_load1", .gauge, help: "Load.")
    private static let files = MetricDescriptor("node_files", .gauge, labels: ["b", "a"], help: "Files.")

    private func own() -> Snapshot {
        var own = Snapshot()
        own.add(Self.load, 1)
        own.add(Self.files, 2, "y", "x")
        own.add(Self.files, 3, "", "x")
        return own
    }

    @Test(arguments: [true, false]) func whatVitalsServesComesFirst(isFirst: Bool) {
        var foreign = Snapshot()
        foreign.add(MetricDescriptor("own", .gauge, help: "Its own."), 1)
        merged([
            """
            # TYPE node_load1 counter
            node_load1{a="b"} 7
            # TYPE node_files gauge
            node_files{b="y",a="x"} 8
            node_files{a="x"} 9
            node_files{a="z"} 10
            """
        ]).add(to: &foreign)
        let snapshots = isFirst ? [foreign, own()] : [own(), foreign]
        #expect(
            written(snapshots) == """
                # HELP node_files Files.
                # TYPE node_files gauge
                node_files{b="y",a="x"} 2
                node_files{b="",a="x"} 3
                node_files{a="z"} 10
                # HELP node_load1 Load.
                # TYPE node_load1 gauge
                node_load1 1
                # HELP own Its own.
                # TYPE own gauge
                own 1

                """)
        var encoder = PrometheusText()
        let refusals = encoder.arrange(snapshots)
        #expect(refusals == encoder.arrange(snapshots), "a kept layout finds the same")
        let at = isFirst ? 0 : 1
        let said = refusals.map { refusal in
            "\(refusal.reason) \(snapshots[refusal.snapshot].origins?.place(ofSample: refusal.sample)?.line ?? 0)"
        }
        #expect(refusals.allSatisfy { $0.snapshot == at })
        #expect(said == ["servedAlready 4", "servedAlready 5", "otherKind 2"])
    }

    /// A collector that is late or absent serves nothing: then the file's family stands alone.
    @Test func aNameWithoutSamplesIsFree() {
        var foreign = Snapshot()
        merged(["# TYPE node_load1 counter\nnode_load1 7\n"]).add(to: &foreign)
        var empty = own()
        empty.removeAll()
        #expect(written([empty, foreign]).contains("# TYPE node_load1 counter\nnode_load1 7\n"))
    }
}
