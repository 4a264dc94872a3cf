// What is JSON to the letter, and that nothing else is: held against Foundation's reader.

import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct JSONGrammarTests {
    private func isStrict(_ bytes: [UInt8]) -> Bool {
        // As a piece of something larger, whose rest must not be looked at.
        ([0x7B] + bytes + [0x7D]).isStrictJSON(1..<bytes.count + 1)
    }

    @Test(arguments: [
        "{}", "[]", " {\t\"a\" :\r\n[1 , -0.5e+3 , \"\\u00e9\\\\\\/\" , true , false , null , {} , [ ] ] } ", "0", "-0",
        "1E5", "\"\"", "\"é\u{1F600}\"", "{\"a\":{\"b\":{\"c\":[[[]]]}},\"a\":2}", "1e999",
        #""\ud83d\ude00""#, #""\uD83D\uDE00\ud7ff\ue000""#, #""\\ud800""#,
    ])
    func isSome(text: String) { #expect(isStrict(Array(text.utf8))) }

    @Test(arguments: [
        "", " ", "{", "}", "[", "]", "{]", "[}", "{} {}", "{}x", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}",
        "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "01", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "NaN", "True", "tru",
        "nul",
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u123\"", "\"\n\"", "\"\u{0}\"", "'a'", "/**/1", "1//",
        "\u{FEFF}1", #""\ud800""#, #""\udc00""#, #""\ud83d\ud83d\ude00""#, #""\ude00\ud83d""#, #""\ud83dx\ude00""#,
        #""\ud83d\\ude00""#, #"{"\uDBFF":1}"#, #""\ud83d\u0041""#,
    ])
    func isNone(text: String) { #expect(!isStrict(Array(text.utf8))) }

    @Test(arguments: [
        (#""\ud800""#, #""\ufffd""#, 1), (#""\udc00\ud800\u0041""#, #""\ufffd\ufffd\u0041""#, 2),
        (#""\ud83d\ude00 \\ud800 é""#, #""\ud83d\ude00 \\ud800 é""#, 0), (#""\\\uDFFF""#, #""\\\ufffd""#, 1),
        (#""\ud83d\ud83d\ude00""#, #""\ufffd\ud83d\ude00""#, 1), ("", "", 0), ("\\", "\\", 0), (#"\ud8"#, #"\ud8"#, 0),
        (#"\ud800"#, #"\ufffd"#, 1),
    ])
    func halvesOfPairs(text: String, expected: String, count: Int) {
        var bytes = Array(text.utf8)
        #expect(bytes.replaceLoneSurrogates() == count)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test func depth() {
        for (count, isSome) in [(64, true), (65, false)] {
            let text = String(repeating: "[", count: count) + String(repeating: "]", count: count)
            #expect(isStrict(Array(text.utf8)) == isSome)
        }
    }

    @Test func damagedDocuments() {
        var random = SeededRandom()
        let whole = Array(
            #"{"_aws":{"CloudWatchMetrics":[{"Namespace":"é","Dimensions":[["a"],[]]}],"Time":12.5e3},"b":[true,{}]}"#
                .utf8)
        for count in 0..<whole.count { #expect(!isStrict(Array(whole[..<count]))) }
        #expect(isStrict(whole))
        let letters = Array(#"{}[]":,\\eu0-. tn"#.utf8) + [0, 0xC3, 0xFF]
        var some = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let byte = letters.randomElement(using: &random) ?? 0
                bytes[Int.random(in: bytes.indices, using: &random)] = byte
            }
            guard isStrict(bytes) else { continue }
            some += 1
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(
                throws: Never.self, "seed \(random.seed): \(text)",
                performing: { try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) })
        }
        #expect(some > 100)
    }
}
