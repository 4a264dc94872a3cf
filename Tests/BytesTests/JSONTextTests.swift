import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct JSONTextTests {
    private func ours(_ bytes: [UInt8]) -> (text: [UInt8], replaced: Int) {
        var out: [UInt8] = []
        let replaced = out.append(jsonString: 0..<bytes.count, of: bytes)
        return (out, replaced)
    }

    /// The same by the standard library's decoder, one scalar at a time.
    private func reference(_ bytes: [UInt8]) -> (text: [UInt8], replaced: Int) {
        var out = "\""
        var replaced = 0
        var index = 0
        while index < bytes.count {
            var scalar: Unicode.Scalar?
            for length in 1...4 where index + length <= bytes.count && scalar == nil {
                guard let text = String(validating: bytes[index..<index + length], as: UTF8.self) else { continue }
                scalar = text.unicodeScalars.first
                index += length
            }
            switch scalar {
            case nil:
                out += "\u{FFFD}"
                replaced += 1
                index += 1
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case let scalar? where scalar.value < 0x20: out += String(format: "\\u%04x", scalar.value)
            case let scalar?: out.unicodeScalars.append(scalar)
            }
        }
        return (Array((out + "\"").utf8), replaced)
    }

    @Test func edgesOfUTF8() {
        let valid: [[UInt8]] = [
            [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF],
            [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0x7F], [0xEF, 0xBB, 0xBF],
        ]
        for bytes in valid {
            #expect(ours(bytes).text == [0x22] + bytes + [0x22])
            #expect(ours(bytes).replaced == 0)
        }
        let invalid: [[UInt8]] = [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE],
            [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xE2, 0x28, 0xA1], [0xF0, 0x28, 0x8C, 0xBC],
        ]
        for bytes in invalid {
            #expect(ours(bytes).replaced > 0, "\(bytes)")
            #expect(ours(bytes) == reference(bytes), "\(bytes)")
        }
    }

    @Test func everyByteAndEveryPairIsLikeTheReference() {
        for first in UInt8.min...UInt8.max {
            #expect(ours([first]) == reference([first]))
            for second in UInt8.min...UInt8.max where first >= 0x80 {
                let bytes = [first, second]
                if ours(bytes) != reference(bytes) { Issue.record("\(bytes)") }
            }
        }
    }

    @Test func randomBytesAreLikeTheReference() {
        var random = SeededRandom()
        let tricky: [UInt8] = [
            0x22, 0x5C, 0x0A, 0x00, 0x1F, 0x20, 0x41, 0x80, 0xBF, 0xC3, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xF0, 0x9F, 0x98,
        ]
        for round in 0..<4_000 {
            // Long plain runs as well: 32 bytes are looked at together.
            var bytes = random.bytes(0...20, from: round % 2 == 0 ? tricky : nil)
            bytes.insert(
                contentsOf: repeatElement(0x61, count: Int.random(in: 0...70, using: &random)),
                at: Int.random(in: 0...bytes.count, using: &random))
            if ours(bytes) != reference(bytes) { Issue.record("seed \(random.seed): \(bytes)") }
        }
    }

    @Test func everySpecialByteAtEveryPlaceOfABlock() {
        for special in [0x00, 0x1F, 0x22, 0x5C, 0x80, 0xFF] as [UInt8] {
            for length in [31, 32, 33, 64, 65] {
                for place in 0..<length {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes[place] = special
                    if ours(bytes) != reference(bytes) { Issue.record("\(special) at \(place) of \(length)") }
                }
            }
        }
    }

    @Test func rangesAreOfTheBufferOnly() {
        var out = Array("x".utf8)
        let bytes = Array("ab\u{E9}cd".utf8)
        #expect(out.append(jsonString: 1..<3, of: bytes) == 1, "half of a character")
        #expect(String(decoding: out, as: UTF8.self) == "x\"b\u{FFFD}\"")
        #expect(out.append(jsonString: 2..<2, of: bytes) == 0)
        #expect(out.append(jsonString: "é") == 0)
    }

    @Test func writerPutsCommas() throws {
        var json = JSONWriter()
        json.object { json in
            json.key("a")
            json.array { json in
                json.number(1)
                json.number(UInt64.max)
                json.number(Int.min)
                json.number(0.5)
                json.number(Double.nan)
                json.object { _ in }
                json.array { _ in }
            }
            json.key("b\"")
            json.null()
            json.key("c")
            json.bool(true)
            json.key("d")
            json.string("x\n")
        }
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"a":[1,18446744073709551615,-9223372036854775808,0.5,null,{},[]],"b\"":null,"c":true,"d":"x\n"}"#)
        _ = try parseJSON(json.bytes)
    }

    /// As long as the string would be without its quotes and escapes.
    @Test func bytesOfTextThatIsMended() {
        let cases: [([UInt8], Int)] = [
            ([], 0), (Array("plain".utf8), 5), (Array("grüße €😀".utf8), 15), ([0xFF], 3), ([0x61, 0xC3, 0x62], 5),
            ([0xE2, 0x82], 6), ([0xED, 0xA0, 0x80], 9),
        ]
        for (bytes, count) in cases {
            let all = [0x80] + bytes + [0x80]
            #expect(all.textByteCount(of: 1..<all.count - 1) == count, "\(bytes)")
        }
    }
}
