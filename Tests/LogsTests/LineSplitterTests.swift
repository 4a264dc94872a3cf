import Bytes
import Testing

@testable import Logs

@Suite struct LineSplitterTests {
    private struct Split {
        var texts: [String] = []
        var nexts: [UInt64] = []
        var cuts: [Bool] = []
        var consumed = 0
        var splitter: LineSplitter
    }

    /// Feeds `text` in pieces: what is not done with comes again with the next piece, as from a file.
    private func split(_ text: String, limit: Int = 1_024, piece: Int = .max, flush: Bool = false) -> Split {
        let bytes = Array(text.utf8)
        var result = Split(splitter: LineSplitter(lineLimit: limit))
        var seen = 0
        while true {
            seen = piece == .max ? bytes.count : min(seen + piece, bytes.count)
            let rest = Array(bytes[result.consumed..<seen])
            var batch = LogBatch()
            result.consumed += result.splitter.split(
                rest, count: rest.count,
                of: .init(number: 1, offset: UInt64(result.consumed), fields: 0..<0, unixNanoseconds: 0),
                isLast: flush && seen == bytes.count, into: &batch)
            result.texts += batch.records.map { batch.text(of: $0) }
            result.nexts += batch.records.map(\.next.offset)
            result.cuts += batch.records.map(\.isCut)
            if seen == bytes.count { return result }
        }
    }

    @Test(arguments: [1, 2, 3, 7, .max]) func splitsAtNewlinesWhateverThePieces(piece: Int) {
        let result = split("one\ntwo\r\n\nthr\ree\nrest", piece: piece)
        #expect(result.texts == ["one", "two", "", "thr\ree"])
        #expect(result.nexts == [4, 9, 10, 17])
        #expect(result.consumed == 17)
    }

    @Test func sendsTheRestWhenToldTo() {
        let result = split("one\nrest", flush: true)
        #expect(result.texts == ["one", "rest"])
        #expect(result.splitter.mark == .partial)
    }

    @Test func anEndAloneAfterAPartialLineIsNoRecord() {
        for end in ["\n", "\r\n"] {
            var splitter = LineSplitter(lineLimit: 100, mark: .partial)
            var batch = LogBatch()
            let bytes = Array((end + "next\n").utf8)
            let source = LineSplitter.Source(number: 1, offset: 0, fields: 0..<0, unixNanoseconds: 0)
            #expect(splitter.split(bytes, count: bytes.count, of: source, into: &batch) == bytes.count)
            #expect(batch.records.map { batch.text(of: $0) } == ["next"])
        }
    }

    @Test(arguments: [1, 3, 10, .max]) func cutsALongLineAndSkipsItsRest(piece: Int) {
        let result = split("0123456789abcdef\nnext\n", limit: 10, piece: piece)
        #expect(result.texts == ["0123456789", "next"])
        #expect(result.cuts == [true, false])
        #expect(result.splitter.cutCount == 1)
        #expect(result.splitter.skippedBytes == 6)
        #expect(result.consumed == 22)
    }

    @Test(arguments: [1, .max]) func aLineOfTheLimitIsWhole(piece: Int) {
        let result = split("0123456789\r\n0123456789\n", limit: 10, piece: piece)
        #expect(result.texts == ["0123456789", "0123456789"])
        #expect(result.cuts == [false, false])
    }

    @Test func cutsBetweenCharacters() {
        let result = split("aaaaaaaaa\u{20AC}\u{20AC}\n", limit: 11)
        #expect(result.texts == ["aaaaaaaaa"])
        #expect(split("\u{20AC}\u{20AC}\n", limit: 3).texts == ["\u{20AC}"])
    }

    @Test func stopsWhenTheBatchIsFull() {
        var splitter = LineSplitter(lineLimit: 100)
        var batch = LogBatch(recordLimit: 2)
        let bytes = Array("a\nb\nc\n".utf8)
        let source = LineSplitter.Source(number: 1, offset: 0, fields: 0..<0, unixNanoseconds: 0)
        #expect(splitter.split(bytes, count: bytes.count, of: source, into: &batch) == 4)
    }
}
