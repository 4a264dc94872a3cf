import Bytes
import Logs
import Platform
import Testing

@Suite struct RecordPipelineTests {
    private func raw(_ texts: [String], source: UInt32 = 1) -> LogBatch {
        var batch = LogBatch()
        let field = batch.addField("file", Array("/var/log/a.log".utf8))
        for (index, text) in texts.enumerated() {
            let bytes = Array(text.utf8)
            batch.append(
                bytes, 0..<bytes.count, fields: field..<field + 1, at: Int64(index),
                next: Position(source: source, offset: UInt64(index + 1)))
        }
        return batch
    }

    private let now = Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 0)

    @Test func carriesTextFieldsTimesAndPositions() throws {
        var pipeline = RecordPipeline()
        pipeline.filters = [RecordFilter(.exclude, try Pattern("^b"))]
        var batch = LogBatch()
        var next = 0
        pipeline.process(raw(["a", "bb", "c"]), from: &next, into: &batch, at: now)
        #expect(next == 3)
        #expect(batch.records.map { batch.text(of: $0) } == ["a", "c"])
        #expect(batch.records.map(\.unixNanoseconds) == [0, 2])
        // What was left out counts with the record before it.
        #expect(batch.records.map(\.next.offset) == [2, 3])
        #expect(batch.fields.count == 1, "shared by both records")
        #expect(pipeline.dropCounts.map(\.count) == [1])
    }

    @Test func stopsWhenTheBatchIsFullAndGoesOn() throws {
        var pipeline = RecordPipeline()
        pipeline.filters = [RecordFilter(.include, try Pattern("."))]
        let input = raw((0..<10).map(String.init))
        var next = 0
        var texts: [[String]] = []
        while next < 10 {
            var batch = LogBatch(recordLimit: 4)
            pipeline.process(input, from: &next, into: &batch, at: now)
            texts.append(batch.records.map { batch.text(of: $0) })
        }
        #expect(texts == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9"]])
    }

    @Test func whatIsLeftOutBeforeAnyRecordIsKeptApart() throws {
        var pipeline = RecordPipeline()
        pipeline.filters = [RecordFilter(.include, try Pattern("^c"))]
        var batch = LogBatch()
        var next = 0
        pipeline.process(raw(["a", "b"], source: 1), from: &next, into: &batch, at: now)
        next = 0
        pipeline.process(raw(["c"], source: 2), from: &next, into: &batch, at: now)
        #expect(batch.skipped == [Position(source: 1, offset: 2)])
        #expect(batch.positions(of: 0..<1) == [Position(source: 2, offset: 1)])
    }

    @Test(arguments: [MatchFilter.Kind.exclude, .include], [true, false])
    func aPatternThatGivesUpLetsTheRecordPass(kind: MatchFilter.Kind, usesJIT: Bool) throws {
        var pipeline = RecordPipeline()
        pipeline.filters = [RecordFilter(kind, try Pattern("(a+)+$", usesJIT: usesJIT))]
        var batch = LogBatch()
        var next = 0
        pipeline.process(
            raw([String(repeating: "a", count: 60) + "b", "aaa"]), from: &next, into: &batch, at: now)
        // The first, which nobody can judge; the second matches.
        #expect(batch.records.count == (kind == .exclude ? 1 : 2))
        #expect(pipeline.eventCounts.map(\.count) == [1])
    }
}
