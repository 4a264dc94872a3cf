import Metrics
import TestSupport
import Testing

@Suite struct PrometheusTextTests {
    private let load = MetricDescriptor("node_load1", .gauge, help: "1m load average.")
    private let cpu = MetricDescriptor("node_cpu_seconds_total", .counter, labels: ["cpu", "mode"], help: "Seconds.")

    private func encoded(_ snapshots: [Snapshot]) -> String {
        var text = PrometheusText()
        var output: [UInt8] = []
        text.encode(snapshots, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func familiesAreSortedAndTheirSamplesTogether() {
        var snapshot = Snapshot()
        snapshot.add(load, 0.5)
        snapshot.add(cpu, 1, "0", "idle")
        snapshot.add(load, 0.25)
        snapshot.add(cpu, 2.25, "1", "idle")
        #expect(
            encoded([snapshot]) == """
                # HELP node_cpu_seconds_total Seconds.
                # TYPE node_cpu_seconds_total counter
                node_cpu_seconds_total{cpu="0",mode="idle"} 1
                node_cpu_seconds_total{cpu="1",mode="idle"} 2.25
                # HELP node_load1 1m load average.
                # TYPE node_load1 gauge
                node_load1 0.5
                node_load1 0.25

                """)
    }

    @Test func aNameInTwoSnapshotsIsOneFamily() {
        let again = MetricDescriptor("node_cpu_seconds_total", .counter, labels: ["cpu", "mode"], help: "Seconds.")
        var (one, other) = (Snapshot(), Snapshot())
        one.add(cpu, 1, "0", "idle")
        one.add(load, 3)
        other.add(load, 4)
        other.add(again, 2, labels: ["1", "user"])
        let text = encoded([one, other])
        #expect(text.split(separator: "\n").count { $0.hasPrefix("# TYPE") } == 2)
        #expect(
            text.contains(
                "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1\nnode_cpu_seconds_total{cpu=\"1\",mode=\"user\"} 2\n"
            ))
        #expect(text.contains("node_load1 3\nnode_load1 4\n"))
    }

    @Test func escapesInHelpAndLabels() {
        let odd = MetricDescriptor("odd", .untyped, labels: ["path"], help: "a\\b\n\"c\"")
        var snapshot = Snapshot()
        snapshot.add(odd, .infinity, "C:\\x\n\"é\"")
        #expect(
            encoded([snapshot]) == """
                # HELP odd a\\\\b\\n"c"
                # TYPE odd untyped
                odd{path="C:\\\\x\\n\\"é\\""} +Inf

                """)
    }

    @Test func nothingIsWrittenForFamiliesWithoutSamples() {
        var snapshot = Snapshot()
        snapshot.add(load, 1)
        snapshot.removeAll()
        #expect(encoded([snapshot]) == "")
        #expect(encoded([]) == "")
    }

    @Test func removeAllKeepsWorking() {
        var snapshot = Snapshot()
        for round in 0..<3 {
            snapshot.removeAll()
            snapshot.add(load, Double(round))
            snapshot.add(cpu, 1, "\(round)", "idle")
            #expect(snapshot.families.map(\.name) == ["node_load1", "node_cpu_seconds_total"])
            #expect(snapshot.samples.map(\.value) == [Double(round), 1])
            #expect(snapshot.labels(of: snapshot.samples[0]) == [])
            #expect(snapshot.labels(of: snapshot.samples[1]) == ["\(round)", "idle"])
            #expect(encoded([snapshot]).contains("node_load1 \(round)\n"))
        }
    }

    @Test func labelsMayBeEmpty() {
        var snapshot = Snapshot()
        snapshot.add(cpu, 1, "", "")
        snapshot.add(cpu, 2, "a", "")
        #expect(snapshot.samples.map { snapshot.labels(of: $0) } == [["", ""], ["a", ""]])
        #expect(encoded([snapshot]).contains("{cpu=\"\",mode=\"\"} 1\n"))
    }

    @Test func anEncoderIsKeptBetweenScrapes() {
        var text = PrometheusText()
        var (large, small) = (Snapshot(), Snapshot())
        for index in 0..<500 { large.add(cpu, Double(index), "\(index)", "idle") }
        small.add(load, 1)
        var output: [UInt8] = []
        text.encode([large, small], into: &output)
        output.removeAll()
        text.encode([small], into: &output)
        #expect(String(decoding: output, as: UTF8.self) == encoded([small]))
    }

    /// What is kept of the last scrape must not show in this one, whatever came, went or changed places.
    @Test(arguments: 1...10) func aKeptEncoderWritesWhatAFreshOneWrites(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var text = PrometheusText()
        let names = ["node_b", "node_a", "node_d", "node_c", "node_e"]
        let known = names.map { MetricDescriptor($0, .gauge, labels: ["x"], help: $0) }
        var snapshots = [Snapshot(), Snapshot(), Snapshot()]
        for _ in 0..<50 {
            for index in snapshots.indices {
                snapshots[index].removeAll()
                for value in 0..<Int.random(in: 0...6, using: &random) {
                    // Some of them made anew, with a name that is known.
                    let name = Int.random(in: names.indices, using: &random)
                    let isNew = Int.random(in: 0..<8, using: &random) == 0
                    let family =
                        isNew ? MetricDescriptor(names[name], .gauge, labels: ["x"], help: names[name]) : known[name]
                    snapshots[index].add(family, Double(value), value == 5 ? "\"\n" : "\(index)")
                }
            }
            if Bool.random(using: &random) { snapshots.swapAt(0, 2) }
            let served = Array(snapshots.prefix(Int.random(in: 0...3, using: &random)))
            var output: [UInt8] = []
            text.encode(served, into: &output)
            #expect(String(decoding: output, as: UTF8.self) == encoded(served))
        }
    }

    @Test func familiesThatCameAndWentAreForgotten() {
        var snapshot = Snapshot()
        for round in 0..<10_000 {
            snapshot.removeAll()
            snapshot.add(MetricDescriptor("node_\(round)", .gauge, help: "Another each time."), 1)
        }
        #expect(snapshot.families.count < 1_000)
        #expect(snapshot.samples.map { snapshot.families[$0.family].name } == ["node_9999"])
        #expect(encoded([snapshot]).hasSuffix("node_9999 1\n"))
    }
}
