import Logs
import Testing

@Suite struct LogBatchTests {
    private func add(_ text: String, _ source: UInt32 = 0, _ offset: UInt64 = 0, to batch: inout LogBatch) {
        let bytes = Array(text.utf8)
        batch.append(
            bytes, 0..<bytes.count, fields: 0..<0, at: 0, next: Position(source: source, offset: offset))
    }

    @Test func isFullAtEitherLimit() {
        var batch = LogBatch(byteLimit: 10, recordLimit: 3)
        #expect(batch.isEmpty)
        #expect(!batch.isFull)
        add("123456789", to: &batch)
        #expect(!batch.isFull)
        add("0", to: &batch)
        #expect(batch.isFull)
        batch.removeAll()
        #expect(batch.isEmpty)
        #expect(!batch.isFull)
        for _ in 0..<3 { add("", to: &batch) }
        #expect(batch.isFull, "records without text count as well")
    }

    @Test func aSingleRecordMayExceedTheLimit() {
        var batch = LogBatch(byteLimit: 4)
        add("123456", to: &batch)
        #expect(batch.isFull)
        #expect(batch.text(of: batch.records[0]) == "123456")
    }

    @Test func fieldsDoNotCountAsText() {
        var batch = LogBatch(byteLimit: 10)
        _ = batch.addField("file", Array(repeating: UInt8(ascii: "x"), count: 100))
        #expect(batch.textByteCount == 0)
        #expect(!batch.isFull)
    }

    @Test func theByteLimitHasALimit() {
        #expect(LogBatch(byteLimit: .max).byteLimit == LogBatch.byteLimitMaximum)
    }

    @Test func textAndFieldsAreTheirOwnRanges() {
        var batch = LogBatch()
        let first = batch.nextField
        #expect(batch.addField("unit", Array("ssh".utf8)) == first)
        _ = batch.addField("pid", Array("42".utf8), isNumber: true)
        let bytes = Array("one two".utf8)
        batch.append(
            bytes, 4..<7, fields: first..<batch.nextField, at: 5, next: Position(source: 1, offset: 2), isCut: true)
        batch.append(bytes, 0..<3, fields: 1..<2, at: 6, next: Position(source: 1, offset: 3), isDocument: true)
        func text(_ range: TextRange) -> String { String(decoding: batch.bytes[range.range], as: UTF8.self) }
        #expect(batch.records.map(batch.text) == ["two", "one"])
        #expect(batch.fields.map { text($0.name) } == ["unit", "pid"])
        #expect(batch.fields.map { text($0.value) } == ["ssh", "42"])
        #expect(batch.fields.map(\.isNumber) == [false, true])
        #expect(batch.records.map(\.isCut) == [true, false])
        #expect(batch.records.map(\.isDocument) == [false, true])
        #expect(batch.records.map(\.unixNanoseconds) == [5, 6])
        #expect(batch.records[1].fields == 1..<2)
        #expect(batch.textByteCount == 6)
    }

    @Test func recordsArePutInOrderAndInPieces() {
        var batch = LogBatch()
        for (index, text) in ["a", "one two", "c"].enumerated() { add(text, 0, UInt64(index + 1), to: &batch) }
        batch.skip(to: Position(source: 1, offset: 7))
        #expect(batch.allPositions == [Position(source: 1, offset: 7), Position(source: 0, offset: 3)])
        let start = batch.records[1].text.range.lowerBound
        let pieces = [start..<start + 4, start + 4..<start + 7].map {
            batch.makePiece(of: batch.records[1], $0, prefix: Array("+".utf8))
        }
        var records = [batch.records[2]] + pieces + [batch.records[0]]
        batch.exchangeRecords(with: &records)
        #expect(batch.records.map(batch.text) == ["c", "+one ", "+two", "a"])
        #expect(records.map(batch.text) == ["a", "one two", "c"])
        #expect(batch.records.map(\.isUnfinished) == [false, true, false, false])
        #expect(batch.readCount(in: 0..<4) == 3)
        #expect(batch.readCount(in: 0..<2) == 1)
        #expect(batch.textByteCount(in: 1..<3) == 9)
        #expect(batch.selecting([3, 1]).records.map(batch.text) == ["a", "+one "])
    }

    @Test func positionsAreTheLastOfEachRun() {
        var batch = LogBatch()
        for (source, offset) in [(1, 10), (1, 20), (2, 5), (2, 6), (1, 30)] as [(UInt32, UInt64)] {
            add("x", source, offset, to: &batch)
        }
        func positions(_ count: Int) -> [Position] { batch.positions(ofFirst: count) }
        #expect(positions(0).isEmpty)
        #expect(positions(1) == [Position(source: 1, offset: 10)])
        #expect(positions(2) == [Position(source: 1, offset: 20)])
        #expect(positions(4) == [Position(source: 1, offset: 20), Position(source: 2, offset: 6)])
        // Whoever acknowledges them in turn ends at the last of each source.
        let last = positions(99).reduce(into: [UInt32: UInt64]()) { $0[$1.source] = $1.offset }
        #expect(last == [1: 30, 2: 6])
    }
}

@Suite struct LargeBatchTests {
    @Test func memoryOfOneHugeRecordIsLetGo() {
        var batch = LogBatch(byteLimit: 4_096, recordLimit: 100)
        let huge = [UInt8](repeating: 120, count: 100_000)
        let next = Position(source: 0, offset: 1)
        batch.append(huge, 0..<3_000, fields: 0..<0, at: 0, next: next)
        let usual = batch.heldByteCount
        batch.letGoIfLarge()
        #expect(batch.heldByteCount == usual && batch.records.count == 1)
        batch.append(huge, 0..<huge.count, fields: 0..<0, at: 0, next: next)
        #expect(batch.heldByteCount > 100_000)
        batch.letGoIfLarge()
        #expect(batch.isEmpty && batch.textByteCount == 0 && batch.heldByteCount <= usual)
    }
}
