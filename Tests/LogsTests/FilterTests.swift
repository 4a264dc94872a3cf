// Filters on records that an input gave: which are taken, how many, and that the counts are exact.

import Bytes
import Platform
import TestSupport
import Testing

@testable import Logs

/// A batch of texts with the fields that an input gives; a field of nil is left out.
func inputBatch(_ records: [(text: [UInt8], fields: [(StaticString, String?)])]) -> LogBatch {
    var batch = LogBatch(byteLimit: 16 << 20, recordLimit: 1_000_000)
    for (index, record) in records.enumerated() {
        let start = batch.nextField
        for (name, value) in record.fields {
            if let value { _ = batch.addField(name, Array(value.utf8)) }
        }
        batch.append(
            record.text, 0..<record.text.count, fields: start..<batch.nextField, at: 0,
            next: Position(source: 1, offset: UInt64(index + 1)))
    }
    return batch
}

func inputBatch(_ texts: [String], unit: (Int) -> String? = { _ in nil }) -> LogBatch {
    inputBatch(
        texts.enumerated().map { index, text in
            let fields: [(StaticString, String?)] = [("unit", unit(index))]
            return (Array(text.utf8), fields)
        })
}

extension RecordPipeline {
    init(_ filters: [RecordFilter], metrics: [LogMetric] = []) {
        self.init()
        self.filters = filters
        self.metrics = metrics
    }

    /// What is taken of the batch, at this number of milliseconds.
    mutating func take(_ input: LogBatch, at milliseconds: UInt64 = 0) -> LogBatch {
        var batch = LogBatch(byteLimit: 64 << 20, recordLimit: 1_000_000)
        var next = 0
        let now = Moment(monotonic: Instant(nanoseconds: milliseconds * 1_000_000), unixNanoseconds: 0)
        process(input, from: &next, into: &batch, at: now)
        return batch
    }

    func dropped(_ reason: Drop) -> UInt64 { dropCounts.first { $0.reason == reason }?.count ?? 0 }
    func met(_ event: Event) -> UInt64 { eventCounts.first { $0.event == event }?.count ?? 0 }
}

extension LogBatch {
    var texts: [String] { records.map { text(of: $0) } }

    /// Each field of a record as `name=value`.
    func fieldTexts(of record: Record) -> [String] {
        fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map { field in
            String(decoding: bytes[field.name.range], as: UTF8.self) + (field.isNumber ? "=#" : "=")
                + String(decoding: bytes[field.value.range], as: UTF8.self)
        }
    }
}

@Suite struct FilterTests {
    private func match(
        _ kind: MatchFilter.Kind, _ patterns: [String], field: String? = nil
    ) throws -> RecordFilter {
        .match(MatchFilter(kind, try patterns.map { try Pattern($0) }, field: field))
    }

    // MARK: include, exclude

    @Test func anyOfSeveralPatterns() throws {
        var pipeline = RecordPipeline([try match(.include, ["^a", "z$"])])
        #expect(pipeline.take(inputBatch(["ab", "bz", "b", "az"])).texts == ["ab", "bz", "az"])
        pipeline = RecordPipeline([try match(.exclude, ["^a", "z$"])])
        #expect(pipeline.take(inputBatch(["ab", "bz", "b", "az"])).texts == ["b"])
        #expect(pipeline.dropped(.filter) == 3)
    }

    @Test func byAFieldOfTheInput() throws {
        let input = inputBatch(["a", "b", "c"]) { ["ssh.service", nil, "cron.service"][$0] }
        var pipeline = RecordPipeline([try match(.include, ["^ssh"], field: "unit")])
        #expect(pipeline.take(input).texts == ["a"], "what is not there does not match")
        pipeline = RecordPipeline([try match(.exclude, ["^ssh"], field: "unit")])
        #expect(pipeline.take(input).texts == ["b", "c"])
        pipeline = RecordPipeline([try match(.exclude, ["."], field: "uni")])
        #expect(pipeline.take(input).texts == ["a", "b", "c"])
    }

    @Test func byAFieldThatAStageFound() throws {
        let input = inputBatch(["level=debug"]) { _ in "ssh" }
        var draft = RecordDraft()
        draft.begin(input.records[0], of: input)
        draft.add("level", 6..<11)
        draft.add("unit", 0..<5)
        var events: EventCounts = [:]
        let now = Instant(nanoseconds: 0)
        func verdict(_ pattern: String, _ field: String) throws -> StageVerdict {
            try match(.exclude, [pattern], field: field).judge(&draft, of: input, at: now, &events)
        }
        #expect(try verdict("^debug$", "level") == .drop(.filter))
        #expect(try verdict("^ssh", "unit") == .pass, "what a stage found goes before what the input gave")
        #expect(try verdict("^level$", "unit") == .drop(.filter))
    }

    @Test func ofSeveralPatternsOnlyOneNeedsToEnd() throws {
        let hostile = String(repeating: "a", count: 60) + "b"
        var pipeline = RecordPipeline([try match(.exclude, ["(a+)+$", "b$"])])
        #expect(pipeline.take(inputBatch([hostile])).texts == [])
        #expect(pipeline.met(.patternGaveUp) == 0)
        pipeline = RecordPipeline([try match(.include, ["(a+)+$", "c$"])])
        #expect(pipeline.take(inputBatch([hostile])).texts == [hostile])
        #expect(pipeline.met(.patternGaveUp) == 1)
    }

    // MARK: sample

    @Test func oneInN() {
        var pipeline = RecordPipeline([.sample(Sampler(oneIn: 3))])
        let texts = (0..<10).map(String.init)
        #expect(pipeline.take(inputBatch(texts)).texts == ["0", "3", "6", "9"])
        #expect(pipeline.dropped(.sample) == 6)
    }

    @Test func aSampleIsAsLargeAsItShouldBe() {
        var random = SeededRandom()
        for _ in 0..<60 {
            let count = Int.random(in: 0...3_000, using: &random)
            let parts = UInt64.random(in: 1...50, using: &random)
            let ratio = Double.random(in: 0.001..<1, using: &random)
            let input = inputBatch((0..<count).map(String.init))
            var pipeline = RecordPipeline([.sample(Sampler(oneIn: parts))])
            #expect(pipeline.take(input).records.count == (count + Int(parts) - 1) / Int(parts), "seed \(random.seed)")
            #expect(pipeline.dropped(.sample) == UInt64(count - (count + Int(parts) - 1) / Int(parts)))
            pipeline = RecordPipeline([.sample(Sampler(ratio: ratio))])
            let taken = pipeline.take(input).records.count
            #expect(abs(Double(taken) - Double(count) * ratio) <= 1, "seed \(random.seed)")
            #expect(taken + Int(pipeline.dropped(.sample)) == count)
        }
    }

    @Test func whatHasTheSameValueStaysTogether() {
        let traces = (0..<4_000).map { "trace-\($0)" }
        let input = inputBatch(Array(repeating: "x", count: 12_000)) { traces[$0 % 4_000] }
        var counts: [String: Int] = [:]
        var pipeline = RecordPipeline([.sample(Sampler(oneIn: 10, by: "unit"))])
        let taken = pipeline.take(input)
        for record in taken.records { counts[taken.fieldTexts(of: record)[0], default: 0] += 1 }
        #expect(counts.values.allSatisfy { $0 == 3 }, "all or none of a trace")
        #expect((340...460).contains(counts.count), "\(counts.count) of 4000 traces")
        // The same choice elsewhere, also for a ratio.
        var other = RecordPipeline([.sample(Sampler(ratio: 0.1, by: "unit"))])
        #expect(other.take(input).records.count == taken.records.count)
        // What has none is counted out.
        pipeline = RecordPipeline([.sample(Sampler(oneIn: 10, by: "trace_id"))])
        #expect(pipeline.take(input).records.count == 1_200)
    }

    // MARK: rate_limit

    @Test func aBurstThenARate() {
        var pipeline = RecordPipeline([.limit(RateLimiter(10, per: .seconds(1), burst: 3))])
        let five = inputBatch(["0", "1", "2", "3", "4"])
        #expect(pipeline.take(five, at: 0).texts == ["0", "1", "2"])
        #expect(pipeline.take(five, at: 99).texts == [])
        #expect(pipeline.take(five, at: 100).texts == ["0"])
        #expect(pipeline.take(five, at: 350).texts == ["0", "1"])
        #expect(pipeline.take(five, at: 399).texts == [])
        #expect(pipeline.take(five, at: 400).texts == ["0"])
        #expect(pipeline.take(five, at: 3_600_000).texts == ["0", "1", "2"], "no more than the burst")
        #expect(pipeline.dropped(.rateLimit) == 35 - 10)
    }

    /// Against a bucket in fractions: never above burst + rate × time, nothing that could have been taken is left out.
    @Test func theRateIsExact() {
        var random = SeededRandom()
        for _ in 0..<40 {
            let rate = Int.random(in: 1...1_000_000, using: &random)
            let burst = Int.random(in: 1...50, using: &random)
            let per = Duration.milliseconds(Int.random(in: 1...3_600_000, using: &random))
            var pipeline = RecordPipeline([.limit(RateLimiter(rate, per: per, burst: burst))])
            var milliseconds: UInt64 = 0
            var (seen, taken) = (0, 0)
            var tokens = Double(burst)
            for _ in 0..<50 {
                let step = UInt64.random(in: 0...2_000, using: &random)
                milliseconds += step
                tokens = min(Double(burst), tokens + Double(step) * Double(rate) / (per.inSeconds * 1_000))
                let count = Int.random(in: 0...60, using: &random)
                let passed = pipeline.take(inputBatch((0..<count).map(String.init)), at: milliseconds).records.count
                #expect(Double(passed) <= tokens + 1e-6, "seed \(random.seed)")
                #expect(passed == count || tokens - Double(passed) < 1 + 1e-6, "seed \(random.seed)")
                tokens -= Double(passed)
                (seen, taken) = (seen + count, taken + passed)
            }
            #expect(taken + Int(pipeline.dropped(.rateLimit)) == seen)
        }
    }

    @Test func eachValueHasItsOwn() {
        let input = inputBatch(["a1", "b1", "a2", "b2", "-1", "-2"]) { ["a", "b", "a", "b", nil, nil][$0] }
        var pipeline = RecordPipeline([.limit(RateLimiter(1, per: .seconds(1), burst: 1, by: "unit"))])
        #expect(pipeline.take(input).texts == ["a1", "b1", "-1"])
    }

    @Test func whatHasNoBucketSharesOne() {
        let limit = RateLimiter.keyLimit
        let many = inputBatch((0..<limit + 100).map(String.init)) { "unit \($0)" }
        var pipeline = RecordPipeline([.limit(RateLimiter(10, per: .seconds(1), burst: 10, by: "unit"))])
        #expect(pipeline.take(many).records.count == limit + 10)
        #expect(pipeline.met(.rateLimitKeysFull) == 100)
        #expect(pipeline.dropped(.rateLimit) == 90)
        // A full bucket is forgotten: after a tenth of a second all are.
        let others = inputBatch((0..<limit).map(String.init)) { "other \($0)" }
        #expect(pipeline.take(others, at: 100).records.count == limit)
        #expect(pipeline.met(.rateLimitKeysFull) == 100)
    }

    // MARK: All of them

    @Test func nothingIsCountedTwiceOrNotAtAll() throws {
        var random = SeededRandom()
        for _ in 0..<50 {
            let all: [RecordFilter] = [
                try match(.include, ["[0-6]$"]), try match(.exclude, ["3", "5"]), .sample(Sampler(oneIn: 2)),
                .sample(Sampler(ratio: 0.7, by: "unit")), .limit(RateLimiter(50, per: .seconds(1), burst: 70)),
                .limit(RateLimiter(5, per: .seconds(1), burst: 7, by: "unit")),
                .redact(Redaction(try Pattern("1+"), with: Replacement("*"))),
            ]
            let filters = all.shuffled(using: &random).prefix(Int.random(in: 1...5, using: &random))
            let counter = LogMetric(
                LogMetricDefinition("n", help: "", labels: []), LogMetric.Source(), labels: [], seriesLimit: 1)
            var pipeline = RecordPipeline(Array(filters), metrics: Bool.random(using: &random) ? [counter] : [])
            var (seen, taken) = (0, 0)
            for step in 0..<UInt64(10) {
                let count = Int.random(in: 0...100, using: &random)
                taken +=
                    pipeline.take(inputBatch((0..<count).map(String.init)) { "u\($0 % 7)" }, at: step * 100)
                    .records.count
                seen += count
            }
            let dropped = pipeline.dropCounts.reduce(0) { $0 + Int($1.count) }
            #expect(taken + dropped == seen, "seed \(random.seed)")
            guard !pipeline.metrics.isEmpty else { continue }
            #expect(counter.values.counts[0] >= UInt64(taken))
        }
    }
}
