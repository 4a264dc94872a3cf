import Bytes
import TestSupport
import Testing

@Suite struct PatternSearchTests {
    private func matches(_ pattern: String, _ text: String) throws -> [String] {
        let pattern = try Pattern(pattern)
        // The text stands within something else, which no look behind may see.
        let bytes = Array("x\(text)x".utf8)
        let range = 1..<bytes.count - 1
        var found: [String] = []
        var start = range.lowerBound
        while pattern.search(bytes, range, from: start) == .matches, found.count < 100 {
            let match = try #require(pattern.range(ofGroup: 0, startingAt: range.lowerBound))
            found.append(String(decoding: bytes[match], as: UTF8.self))
            start = match.upperBound
        }
        return found
    }

    @Test func findsOneAfterAnother() throws {
        #expect(try matches("[a-z]+", "ab1cd") == ["ab", "cd"])
        #expect(try matches("(?<=a)b", "abab") == ["b", "b"])
        #expect(try matches("^a", "aaa") == ["a"])
        #expect(try matches("a$", "aaa") == ["a"])
        #expect(try matches("a*", "baac") == ["aa"], "an empty match is none")
        #expect(try matches("key=\\K\\w+", "key=1 key=2") == ["1", "2"])
        #expect(try matches("é", "éxé") == ["é", "é"])
        #expect(try matches("a", "") == [])
    }

    /// PCRE2 10.42's JIT takes nothing beyond ASCII for these, where it is told that a text may be no UTF-8.
    @Test func classesHoldBeyondASCII() throws {
        for text in ["é", "€", "\u{1F600}", "\u{FFFD}"] {
            for pattern in ["x\\Sx", "x\\Wx", "x\\Dx", "x[^a]x", "x.x", "x\\X?x"] {
                #expect(try Pattern(pattern).matches("x\(text)x"), "\(pattern) \(text)")
            }
        }
    }

    /// The JIT's own stack ends such a search after some 2 KiB.
    @Test func longTextsHaveRoom() throws {
        let quoted = try Pattern(#""(?:[^"\\]|\\.)*""#)
        for count in [1_000, 10_000, 250_000, 1_000] {
            #expect(quoted.matches("\"" + String(repeating: "a", count: count) + "\""), "\(count)")
            #expect(!quoted.matches("\"" + String(repeating: "a", count: min(count, 10_000))), "\(count)")
        }
    }

    /// A byte that is no text matches nothing, and what stands around it is found all the same.
    @Test func textsThatAreNoUTF8() throws {
        let bytes: [UInt8] = Array("a=1 \u{E9}".utf8) + [0xE9, 0x80] + Array(" b=2".utf8) + [0xC3]
        func isFound(_ pattern: String) throws -> Bool {
            let pattern = try Pattern(pattern)
            let first = pattern.match(bytes, 0..<bytes.count)
            #expect(first == pattern.match(bytes, 0..<bytes.count), "the second time as the first")
            return first == .matches
        }
        #expect(try isFound("^a=1 é"))
        #expect(try isFound("b=\\d"))
        #expect(try !isFound("é.+b"))
        #expect(try !isFound("b=2.?$"))
        #expect(try !isFound("b=3"))
        let pattern = try Pattern("(\\w)=(\\d)")
        #expect(pattern.search(bytes, 0..<bytes.count, from: 3) == .matches)
        #expect(pattern.range(ofGroup: 2, startingAt: 0).map { bytes[$0] } == [UInt8(ascii: "2")])
    }

    @Test func tellsWhatTheGroupsTook() throws {
        let pattern = try Pattern("(a)|(b)(c)?")
        #expect(pattern.groupCount == 3)
        #expect(pattern.search(Array("..b".utf8), 1..<3, from: 1) == .matches)
        #expect(pattern.range(ofGroup: 0, startingAt: 1) == 2..<3)
        #expect(pattern.range(ofGroup: 1, startingAt: 1) == nil)
        #expect(pattern.range(ofGroup: 2, startingAt: 1) == 2..<3)
        #expect(pattern.range(ofGroup: 3, startingAt: 1) == nil)
        #expect(pattern.range(ofGroup: 4, startingAt: 1) == nil)
    }

    @Test func aNeedIsNeverToldFalsely() throws {
        let patterns = [
            "a@b", "(?i)A@b", "a|@", "x=\\d+;", "(?=@)@", "[.]", "\\.$", "(a@)?b", "@+", "(?i)é@", "\\Q.-\\E",
            "@{0,3}c", "(?:;|,)",
        ]
        var random = SeededRandom()
        for text in patterns {
            let pattern = try Pattern(text)
            let needs = PatternNeeds(of: pattern)
            for _ in 0..<2_000 {
                let bytes = random.bytes(0...8, from: Array("aAbxc@.-;,=1é".utf8))
                guard pattern.search(bytes, 0..<bytes.count, from: 0) == .matches else { continue }
                #expect(needs.areMet(by: bytes, 0..<bytes.count), "\(text) \(bytes) seed \(random.seed)")
            }
        }
        let needs = PatternNeeds(of: try Pattern("\\w+@\\w+"))
        #expect(!needs.areMet(by: Array("abc".utf8), 0..<3))
        #expect(!needs.areMet(by: Array("@b".utf8), 0..<2), "too short")
    }

    @Test func comparesRanges() {
        let (text, other) = (Array("abcdef".utf8), Array("xbcd".utf8))
        #expect(text.has(1..<4, sameAs: other, from: 1))
        #expect(text.has(2..<2, sameAs: other, from: 4) && [UInt8]().has(0..<0, sameAs: [], from: 0))
        #expect(!text.has(0..<3, sameAs: other, from: 0) && !text.has(1..<4, sameAs: other, from: 0))
        #expect(!text.has(1..<5, sameAs: other, from: 1), "the other ends before")
        #expect(!text.has(0..<0, sameAs: other, from: 5), "it begins behind the end")
    }

    @Test func knowsASCII() {
        var random = SeededRandom()
        for count in 0..<40 {
            var bytes = random.bytes(count...count, from: Array(0..<128))
            #expect(bytes.isASCII(0..<count))
            guard count > 0 else { continue }
            let at = Int.random(in: 0..<count, using: &random)
            bytes[at] = 0x80
            #expect(!bytes.isASCII(0..<count))
            #expect(bytes.isASCII(0..<at) && bytes.isASCII(at + 1..<count))
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("12", 12), ("-0.25", -0.25), ("+7", 7), ("007", 7), (".5", 0.5), ("5.", 5), ("1.5e3", 1500),
            ("2E-2", 0.02),
            ("0.1", 0.1), ("123456789012345", 123_456_789_012_345),
            ("12345678901234567890", 1.234_567_890_123_456_8e19),
            ("0.000000000000000000001", 1e-21), ("0.30000000000000004", 0.30000000000000004),
        ] as [(String, Double)])
    func readsNumbers(text: String, number: Double) {
        let bytes = Array("1\(text)2".utf8)
        #expect(bytes.decimalNumber(in: 1..<bytes.count - 1) == number)
    }

    @Test(arguments: [
        "", "-", ".", "e3", "1e", "1e+", "1.2.3", "0x10", "nan", "inf", "1 ", " 1", "12ms", "1,5", "1e999", "--1",
        "1_0", "٣",
        String(repeating: "1", count: 65),
    ])
    func refusesWhatIsNoNumber(text: String) {
        let bytes = Array(text.utf8)
        #expect(bytes.decimalNumber(in: 0..<bytes.count) == nil)
    }
}
