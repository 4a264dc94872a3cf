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
