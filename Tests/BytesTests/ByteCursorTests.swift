import Bytes
import TestSupport
import Testing

@Suite struct ByteCursorTests {
    private func read<Value>(_ text: String, _ body: (inout ByteCursor) -> Value) -> (Value, Int) {
        var cursor = ByteCursor(text)
        let value = body(&cursor)
        return (value, cursor.index)
    }

    @Test func unsignedNumbersAndTheirEnds() {
        #expect(read("") { $0.unsigned() } == (nil, 0))
        #expect(read("x1") { $0.unsigned() } == (nil, 0))
        #expect(read("0") { $0.unsigned() } == (0, 1))
        #expect(read("0012 ") { $0.unsigned() } == (12, 4))
        #expect(read("18446744073709551615") { $0.unsigned() } == (UInt64.max, 20))
        #expect(read("18446744073709551616") { $0.unsigned() } == (nil, 0))
        #expect(read("99999999999999999999999") { $0.unsigned() } == (nil, 0))
        #expect(read("-1") { $0.unsigned() } == (nil, 0))
    }

    @Test func signedNumbersAndTheirEnds() {
        #expect(read("-1") { $0.signed() } == (-1, 2))
        #expect(read("-") { $0.signed() } == (nil, 0))
        #expect(read("--1") { $0.signed() } == (nil, 0))
        #expect(read("9223372036854775807") { $0.signed() } == (Int64.max, 19))
        #expect(read("9223372036854775808") { $0.signed() } == (nil, 0))
        #expect(read("-9223372036854775808") { $0.signed() } == (Int64.min, 20))
        #expect(read("-9223372036854775809") { $0.signed() } == (nil, 0))
    }

    @Test func hexadecimalNumbers() {
        #expect(read("0xFf ") { $0.hexadecimal() } == (255, 4))
        #expect(read("deadbeef") { $0.hexadecimal() } == (0xDEAD_BEEF, 8))
        #expect(read("ffffffffffffffff") { $0.hexadecimal() } == (UInt64.max, 16))
        #expect(read("10000000000000000") { $0.hexadecimal() } == (nil, 0))
        #expect(read("0x") { $0.hexadecimal() } == (nil, 0))
        #expect(read("g") { $0.hexadecimal() } == (nil, 0))
    }

    @Test func decimalNumbers() {
        #expect(read("0.29 ") { $0.decimal() } == (0.29, 4))
        #expect(read("-3") { $0.decimal() } == (-3, 2))
        #expect(read("12.") { $0.decimal() } == (12, 2))
        #expect(read("12.x") { $0.decimal() } == (12, 2))
        #expect(read(".5") { $0.decimal() } == (nil, 0))
        #expect(read("-") { $0.decimal() } == (nil, 0))
        #expect(read("1.5e3") { $0.decimal() } == (1.5, 3))
    }

    @Test func decimalsOfTwoDigitsAreTheNearestDoubles() {
        for hundredths in 0..<20_000 {
            let tail = hundredths % 100
            let text = "\(hundredths / 100).\(tail < 10 ? "0" : "")\(tail)"
            #expect(read(text) { $0.decimal() }.0 == Double(text))
        }
    }

    @Test func literalsAndWords() {
        var cursor = ByteCursor("cpu  user 7\nlast")
        #expect(cursor.skip("cpus") == false)
        #expect(cursor.skip("cpu") == true)
        cursor.skipSpaces()
        let word = cursor.word()
        #expect(cursor.text(word) == "user")
        #expect(cursor.has(word, "user"))
        #expect(!cursor.has(word, "use"))
        #expect(cursor.upTo(UInt8(ascii: ":")) == nil)
        #expect(cursor.next == UInt8(ascii: " "))
        cursor.skipSpaces()
        #expect(cursor.unsigned() == 7)
        #expect(cursor.isAtLineEnd)
        #expect(!cursor.isAtEnd)
        #expect(cursor.line == 1)
        cursor.skipToNextLine()
        #expect(cursor.line == 2)
        #expect(cursor.text(cursor.restOfLine()) == "last")
        cursor.skipToNextLine()
        #expect(cursor.isAtEnd)
        #expect(cursor.isAtLineEnd)
        #expect(cursor.next == nil)
        #expect(cursor.word().isEmpty)
        #expect(cursor.skip("x") == false)
        #expect(cursor.skip("") == true)
        #expect(cursor.skip(byte: 0) == false)
    }

    @Test func upToStaysOnTheLine() {
        var cursor = ByteCursor("a b\nc: d")
        #expect(cursor.upTo(UInt8(ascii: ":")) == nil)
        #expect(cursor.index == 0)
        cursor.skipToNextLine()
        #expect(cursor.upTo(UInt8(ascii: ":")) == 4..<5)
        #expect(cursor.index == 6)
        var stop = ByteCursor("\n")
        #expect(stop.upTo(UInt8(ascii: "\n")) == nil, "the end of a line is no stop")
    }

    @Test func readsNoFurtherThanItsCount() {
        var cursor = ByteCursor(Array("123456".utf8), count: 3)
        #expect(cursor.unsigned() == 123)
        #expect(cursor.isAtEnd)
        #expect(ByteCursor([1, 2], count: 9).end == 2)
        let buffer = cursor.takeBytes()
        #expect(buffer.count == 6)
        #expect(cursor.bytes.isEmpty)
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededRandom()
        let alphabet = Array("0123456789.-x:af \n\t".utf8)
        for _ in 0..<3_000 {
            var cursor = ByteCursor(random.bytes(0...40, from: alphabet))
            for _ in 0..<60 where !cursor.isAtEnd {
                let before = cursor.index
                switch Int.random(in: 0..<10, using: &random) {
                case 0: _ = cursor.unsigned()
                case 1: _ = cursor.signed()
                case 2: _ = cursor.hexadecimal()
                case 3: _ = cursor.decimal()
                case 4: _ = cursor.word()
                case 5: _ = cursor.upTo(UInt8(ascii: ":"))
                case 6: _ = cursor.skip("0x")
                case 7: cursor.skipToNextLine()
                case 8: cursor.skipSpaces()
                default: _ = cursor.skip(byte: UInt8(ascii: "\n"))
                }
                #expect(cursor.index >= before && cursor.index <= cursor.end, "seed \(random.seed)")
            }
        }
    }
}
