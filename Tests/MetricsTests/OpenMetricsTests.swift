import Bytes
import Metrics
import Testing

@Suite struct OpenMetricsTests {
    private func encoded(_ snapshots: [Snapshot]) -> String {
        var text = PrometheusText()
        var output: [UInt8] = []
        text.encode(snapshots, as: .openMetrics, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func namesTypesUnitsAndTheEnd() {
        var host = Snapshot()
        host.add(
            MetricDescriptor("node_cpu_seconds_total", .counter, labels: ["cpu"], help: "Time\\ \"spent\"."), 2.5, "0")
        host.add(MetricDescriptor("node_load1", .gauge, help: "Load."), 0.5)
        host.add(MetricDescriptor("node_vmstat_pgfault", .untyped, help: "Faults."), 7)
        host.add(MetricDescriptor("node_oddly_named", .counter, help: "No suffix."), 8)
        host.add(MetricDescriptor("node_temp_celsius", .gauge, help: "Warm."), 40)
        #expect(
            encoded([host]) == #"""
                # TYPE node_cpu_seconds counter
                # UNIT node_cpu_seconds seconds
                # HELP node_cpu_seconds Time\\ \"spent\".
                node_cpu_seconds_total{cpu="0"} 2.5
                # TYPE node_load1 gauge
                # HELP node_load1 Load.
                node_load1 0.5
                # TYPE node_oddly_named unknown
                # HELP node_oddly_named No suffix.
                node_oddly_named 8
                # TYPE node_temp_celsius gauge
                # UNIT node_temp_celsius celsius
                # HELP node_temp_celsius Warm.
                node_temp_celsius 40
                # TYPE node_vmstat_pgfault unknown
                # HELP node_vmstat_pgfault Faults.
                node_vmstat_pgfault 7
                # EOF

                """#)
    }

    @Test func aNameThatIsTakenMakesTheCounterUnknown() {
        var host = Snapshot()
        host.countersBeginUnixSeconds = 12.5
        host.add(MetricDescriptor("x_total", .counter, help: "Counts."), 1)
        host.add(MetricDescriptor("x", .gauge, help: "Is."), 2)
        let gauge = "# TYPE x gauge\n# HELP x Is.\nx 2\n"
        let unknown = "# TYPE x_total unknown\n# HELP x_total Counts.\nx_total 1\n"
        #expect(encoded([host]) == gauge + unknown + "# EOF\n")
    }

    /// One family from two snapshots, of which one knows when its counters were 0.
    @Test func sayWhenACounterBegan() {
        let descriptor = MetricDescriptor("v_records_total", .counter, labels: ["a", "b"], help: "R.")
        var (known, unknown) = (Snapshot(), Snapshot())
        known.countersBeginUnixSeconds = 1_700_000_000.25
        known.add(descriptor, 1, "x\n", "y")
        known.add(MetricDescriptor("v_lag", .gauge, help: "L."), 3)
        unknown.add(descriptor, 2, "p", "q")
        let expected = """
            # TYPE v_lag gauge
            # HELP v_lag L.
            v_lag 3
            # TYPE v_records counter
            # HELP v_records R.
            v_records_total{a="x\\n",b="y"} 1
            v_records_created{a="x\\n",b="y"} 1700000000.25
            v_records_total{a="p",b="q"} 2
            # EOF

            """
        #expect(encoded([known, unknown]) == expected)
    }

    @Test func bothFormatsFromOneEncoder() {
        var (encoder, host, output) = (PrometheusText(), Snapshot(), [UInt8]())
        let descriptor = MetricDescriptor("a_total", .counter, help: "A.")
        for _ in 0..<2 {
            host.removeAll()
            host.add(descriptor, 1)
            for format in ExpositionFormat.allCases { encoder.encode([host], as: format, into: &output) }
        }
        let once =
            "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# TYPE a counter\n# HELP a A.\na_total 1\n# EOF\n"
        #expect(String(decoding: output, as: UTF8.self) == once + once)
    }
}

/// No family has a name that another has, with the endings of its samples.
@Suite struct OpenMetricsNamesTests {
    private func encoded(_ files: [String], beside own: [Snapshot] = []) -> String {
        var merged = MergedExpositions()
        merged.merge(
            files.map { text in
                var cursor = ByteCursor(text)
                return ("/f.prom", ExpositionText.parse(&cursor, limit: 100))
            })
        var snapshot = Snapshot()
        merged.add(to: &snapshot)
        var text = PrometheusText()
        var output: [UInt8] = []
        text.encode(own + [snapshot], as: .openMetrics, into: &output)
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        return lines.filter { !$0.hasPrefix("# HELP") }.joined(separator: "\n")
    }

    /// As Python's library writes a file: https://github.com/prometheus/client_python
    @Test(arguments: ["gauge", "untyped"]) func whatSaysSinceWhenIsAPart(kind: String) {
        #expect(
            encoded([
                """
                # TYPE c_total counter
                c_total{a="1"} 1
                c_total{a="2"} 2
                # TYPE c_created \(kind)
                c_created{a="1"} 10
                c_created{a="2"} 20
                # TYPE s summary
                s_count 3
                s_sum 4
                # TYPE s_created \(kind)
                s_created 30
                # TYPE h histogram
                h_bucket{le="1",x="p"} 5
                h_bucket{le="+Inf",x="p"} 6
                h_count{x="p"} 6
                h_sum{x="p"} 7
                h_bucket{le="+Inf",x="q"} 8
                h_count{x="q"} 8
                h_sum{x="q"} 9
                # TYPE h_created \(kind)
                h_created{x="q"} 50
                h_created{x="p"} 40
                # TYPE alone_created \(kind)
                alone_created 70
                """
            ]) == """
                # TYPE alone_created \(kind == "gauge" ? "gauge" : "unknown")
                alone_created 70
                # TYPE c counter
                c_total{a="1"} 1
                c_created{a="1"} 10
                c_total{a="2"} 2
                c_created{a="2"} 20
                # TYPE h histogram
                h_bucket{le="1",x="p"} 5
                h_bucket{le="+Inf",x="p"} 6
                h_count{x="p"} 6
                h_sum{x="p"} 7
                h_created{x="p"} 40
                h_bucket{le="+Inf",x="q"} 8
                h_count{x="q"} 8
                h_sum{x="q"} 9
                h_created{x="q"} 50
                # TYPE s summary
                s_count 3
                s_sum 4
                s_created 30
                # EOF
                """)
    }

    @Test func aFileMaySaySinceWhenOurOwnCount() {
        var own = Snapshot()
        own.countersBeginUnixSeconds = 5
        own.add(MetricDescriptor("v_total", .counter, help: "V."), 1)
        own.add(MetricDescriptor("w_total", .counter, help: "W."), 2)
        #expect(
            encoded(["# TYPE v_created gauge\nv_created 3\n"], beside: [own]) == """
                # TYPE v counter
                v_total 1
                v_created 3
                # TYPE w counter
                w_total 2
                w_created 5
                # EOF
                """)
    }

    @Test(arguments: [
        // Another family has the name of the counter, or one that it would have.
        (
            "# TYPE x_total counter\nx_total 1\n# TYPE x gauge\nx 2\n# TYPE x_created gauge\nx_created 3",
            ["x gauge", "x_created gauge", "x_total unknown"]
        ),
        (
            "# TYPE x_total counter\nx_total 1\n# TYPE x_created counter\nx_created 3",
            ["x_created unknown", "x_total unknown"]
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\n# TYPE h_count gauge\nh_count 3",
            ["h_bucket unknown", "h_sum unknown", "h_count gauge"]
        ),
        (
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\n# TYPE s_total counter\ns_total 3",
            ["s unknown", "s_sum unknown", "s_total unknown"]
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n# TYPE h_created histogram\nh_created_count 1",
            ["h_bucket unknown", "h_created_bucket unknown", "h_created_count unknown"]
        ),
    ]) func namesNeverClash(text: String, types: [String]) {
        let lines = encoded([text]).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("# TYPE") }.map { String($0.dropFirst("# TYPE ".count)) } == types)
        #expect(lines.last == "# EOF")
    }

    /// A name that a file no longer has is free again.
    @Test func anOldClashIsForgotten() {
        var (merged, snapshot, encoder) = (MergedExpositions(), Snapshot(), PrometheusText())
        var types: [String] = []
        for text in ["# TYPE x_total counter\nx_total 1\nx 2", "# TYPE x_total counter\nx_total 1\n"] {
            var cursor = ByteCursor(text)
            merged.merge([("/f.prom", ExpositionText.parse(&cursor, limit: 100))])
            snapshot.removeAll()
            merged.add(to: &snapshot)
            var output: [UInt8] = []
            encoder.encode([snapshot], as: .openMetrics, into: &output)
            types += String(decoding: output, as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix("# TYPE") }.map(String.init)
        }
        #expect(types == ["# TYPE x unknown", "# TYPE x_total unknown", "# TYPE x counter"])
    }
}
