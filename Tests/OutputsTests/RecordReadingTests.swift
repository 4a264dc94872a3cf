// What RecordJSON writes is read back as the record that it was.

import Bytes
import Logs
import Platform
import Settings
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordReadingTests {
    private let context = OutputContext(
        inputName: "app", fields: [(name: "team", value: "a"), (name: "zone", value: "x")], hostName: "web1",
        log: .silent)

    private func written(_ batch: LogBatch) -> [UInt8] {
        var json = RecordJSON(context)
        var text: [UInt8] = []
        _ = json.encode(batch, 0..<batch.records.count, into: &text)
        return text
    }

    private func readBack(_ text: [UInt8]) -> LogBatch {
        var reader = RecordReader()
        var batch = LogBatch()
        var start = 0
        for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") {
            reader.read(text, start..<index, into: &batch, next: Position(source: 0, offset: UInt64(start)), now: 7)
            start = index + 1
        }
        return batch
    }

    @Test func isTheSameWhenItIsWrittenAgain() throws {
        var batch = LogBatch()
        let texts = ["", "plain", "quote \" back \\ tab \t nul \0 é \u{1F600}", "two\nlines", #"{"a":"json"}"#]
        for (index, text) in texts.enumerated() {
            let first = batch.nextField
            _ = batch.addField("file", Array("/var/log/\(text).log".utf8))
            _ = batch.addField("pid", Array("12".utf8), isNumber: true)
            _ = batch.addField("flag", Array("true".utf8), isNumber: true)
            _ = batch.addField("zone", Array("own".utf8))
            batch.append(
                Array(text.utf8), 0..<text.utf8.count, fields: first..<batch.nextField,
                at: 1_795_230_523_015_000_001 + Int64(index), next: Position(source: 0, offset: 1), isCut: index == 1)
        }
        let document = #"{"_aws":{"Timestamp":1},"message":"no stamp"}"#
        batch.append(
            Array(document.utf8), 0..<document.utf8.count, fields: 0..<0, at: 5,
            next: Position(source: 0, offset: 1), isDocument: true)
        let text = written(batch)
        let again = readBack(text)
        #expect(String(decoding: written(again), as: UTF8.self) == String(decoding: text, as: UTF8.self))
        #expect(again.records.map(\.isDocument) == [false, false, false, false, false, true])
        #expect(again.records.map(\.isCut) == [false, true, false, false, false, false])
        #expect(again.text(of: again.records[2]) == texts[2])
    }

    /// A document may have members that are called as those of a record.
    @Test func aDocumentWithATimestampAndAMessageStaysOne() {
        let document = #"{"_aws":{"CloudWatchMetrics":[]},"timestamp":"2026-11-21T02:38:30Z","message":"m","n":1}"#
        let batch = readBack(Array("\(document)\n".utf8))
        #expect(batch.records.map(\.isDocument) == [true])
        #expect(batch.records.map { batch.text(of: $0) } == [document])
    }

    @Test func whatIsNoRecordGoesAsItIs() {
        let batch = readBack(Array("\"said \\\"no\\\"\"\n12\n{\"message\":1,\"timestamp\":\"x\"}\n".utf8))
        #expect(batch.records.allSatisfy { $0.isDocument && $0.unixNanoseconds == 7 })
        #expect(
            batch.records.map { batch.text(of: $0) } == ["said \"no\"", "12", "{\"message\":1,\"timestamp\":\"x\"}"])
    }

    @Test func aTimeThatCannotBeReadIsNow() {
        let batch = readBack(Array("{\"timestamp\":\"yesterday\",\"message\":\"m\"}\n".utf8))
        #expect(batch.records.map(\.unixNanoseconds) == [7])
    }

    @Test func everyTruncationAndRandomBytesAreTaken() {
        var random = SeededRandom()
        let whole = Array(
            #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"m\n","a":{"b":[1]},"truncated":true}"#.utf8)
        for count in 0...whole.count {
            var reader = RecordReader()
            var batch = LogBatch()
            reader.read(whole, 0..<count, into: &batch, next: Position(source: 0, offset: 0), now: 0)
            #expect(batch.records.count == 1)
        }
        for _ in 0..<2_000 {
            var bytes = whole
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            var reader = RecordReader()
            var batch = LogBatch()
            reader.read(bytes, 0..<bytes.count, into: &batch, next: Position(source: 0, offset: 0), now: 0)
            #expect(batch.records.count == 1, "seed \(SeededRandom.seed)")
        }
    }
}
