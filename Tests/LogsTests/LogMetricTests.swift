// Counting records and the numbers in them.

import Bytes
import TestSupport
import Testing

@testable import Logs

@Suite struct LogMetricTests {
    private func metric(
        _ pattern: String? = nil, field: String? = nil, labels: [(String, LogMetric.LabelSource)] = [],
        bounds: [Double]? = nil, group: Int = 0, scale: Double = 1, limit: Int = 100
    ) throws -> LogMetric {
        var source = LogMetric.Source()
        source.pattern = try pattern.map { try Pattern($0) }
        source.field = field.map { Array($0.utf8) }
        source.group = group
        source.scale = scale
        return LogMetric(
            LogMetricDefinition("m", help: "", labels: labels.map(\.0), bounds: bounds), source,
            labels: labels.map(\.1), seriesLimit: limit)
    }

    /// Each series as its labels and its count.
    private func counts(_ metric: LogMetric) -> [String: UInt64] {
        let values = metric.values
        return Dictionary(
            uniqueKeysWithValues: zip(values.labels.map { $0.joined(separator: ",") }, values.counts))
    }

    @Test func countsWhatMatches() throws {
        let all = try metric()
        let some = try metric("^GET (\\d)", labels: [("class", .group(1)), ("unit", .field(Array("unit".utf8)))])
        var pipeline = RecordPipeline([], metrics: [all, some])
        #expect(!pipeline.isEmpty)
        #expect(counts(all) == ["": 0], "there from the beginning")
        let batch = pipeline.take(inputBatch(["GET 200", "GET 404", "PUT 1", "GET 201"]) { ["a", "a", "a", nil][$0] })
        #expect(batch.records.count == 4)
        #expect(counts(all) == ["": 4])
        #expect(counts(some) == ["2,a": 1, "4,a": 1, "2,": 1])
    }

    @Test func seriesAreBounded() throws {
        let bounded = try metric("(\\w+)", labels: [("word", .group(1))], limit: 3)
        var pipeline = RecordPipeline([], metrics: [bounded])
        _ = pipeline.take(inputBatch(["a", "b", "c", "d", "a", "e", "other"]))
        #expect(counts(bounded) == ["a": 2, "b": 1, "c": 1, "other": 3])
        #expect(pipeline.met(.metricSeriesFull) == 3)
    }

    /// Two series of one name and the same labels would make Prometheus refuse the whole scrape.
    @Test func noTwoSeriesHaveTheSameLabels() throws {
        let word = try metric("(?s)(.*)", labels: [("word", .group(1))], limit: 50)
        var pipeline = RecordPipeline([], metrics: [word])
        var random = SeededRandom()
        var records = [[0xFF], [0xFE], Array("other".utf8), Array("e\u{301}".utf8), Array("é".utf8)]
        for _ in 0..<2_000 { records.append(random.bytes(0...3, from: [0xFF, 0xC3, 0x80, 0x61])) }
        for piece in ["é", "x", "\u{1F600}"] { records.append(Array(String(repeating: piece, count: 200).utf8)) }
        records.append([UInt8](repeating: 0x80, count: 300))
        _ = pipeline.take(inputBatch(records.map { ($0, []) }))
        let labels = word.values.labels
        #expect(Set(labels).count == labels.count, "seed \(random.seed)")
        #expect(labels.count <= 51)
        #expect(word.values.counts.reduce(0, +) == UInt64(records.count))
        #expect(labels.allSatisfy { $0[0].utf8.count <= 3 * 128 })
    }

    @Test func histograms() throws {
        let took = try metric("took (\\S+) ms", bounds: [0.01, 0.1, 1], group: 1, scale: 0.001)
        var pipeline = RecordPipeline([], metrics: [took])
        _ = pipeline.take(
            inputBatch(["took 5 ms", "took 10 ms", "took 10.5 ms", "took 2e3 ms", "took long ms", "nothing"]))
        #expect(took.values.counts == [4])
        #expect(Array(took.values.buckets(ofSeries: 0)) == [2, 1, 0, 1])
        #expect(abs(took.values.sums[0] - 2.0255) < 1e-12)
        #expect(pipeline.met(.metricValueUnreadable) == 1)
    }

    @Test func aHistogramOfAField() throws {
        let seconds = try metric(field: "unit", labels: [("text", .field(Array("message".utf8)))], bounds: [1])
        var pipeline = RecordPipeline([], metrics: [seconds])
        _ = pipeline.take(inputBatch(["a", "b", "c"]) { ["0.5", nil, "2"][$0] })
        #expect(seconds.values.counts == [2])
        #expect(Array(seconds.values.buckets(ofSeries: 0)) == [1, 1])
    }

    /// What is thinned out is counted, what is filtered out is not, and labels have no secrets.
    @Test func metricsSeeWhatPassesTheFilters() throws {
        let user = try metric("user=(\\S+)", labels: [("user", .group(1))])
        var pipeline = RecordPipeline(
            [
                .sample(Sampler(oneIn: 10)), .init(.exclude, try Pattern("health")),
                .limit(RateLimiter(1, per: .seconds(1), burst: 1)),
                .redact(Redaction(try Pattern("ann|bob"), with: Replacement("*"))),
            ], metrics: [user])
        let batch = pipeline.take(inputBatch((0..<40).map { $0 % 4 == 1 ? "health user=ann" : "user=bob" }))
        #expect(batch.texts == ["user=*"])
        #expect(counts(user) == ["*": 30])
        #expect(pipeline.dropped(.sample) == 36)
        #expect(pipeline.dropped(.rateLimit) == 3 - pipeline.dropped(.filter))
        #expect(pipeline.dropCounts.reduce(0) { $0 + $1.count } == 39)
    }

    @Test func aPatternThatGivesUpCountsNothing() throws {
        let hostile = try metric("(a+)+$")
        var pipeline = RecordPipeline([], metrics: [hostile])
        #expect(pipeline.take(inputBatch([String(repeating: "a", count: 60) + "b"])).records.count == 1)
        #expect(counts(hostile) == ["": 0])
        #expect(pipeline.met(.patternGaveUp) == 1)
    }
}
