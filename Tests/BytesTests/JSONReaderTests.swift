import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct JSONReaderTests {
    static let document = #"""
        {"a": [1, -2.5e+3, true, false, null, "é\n\u00e9\ud83d\ude00\\\"\/\b\f\r\t"], "b": {"c": {}, "d": []}, "a": 0}
        """#

    private func error(_ text: String, _ dialect: JSONDialect = .strict) -> JSONError? {
        do throws(JSONError) {
            _ = try parseJSON(Array(text.utf8), dialect)
            return nil
        } catch {
            return error
        }
    }

    @Test func readsEveryKind() throws {
        let value = try parseJSON(Array(Self.document.utf8))
        let list = try #require(value["a"]?.array)
        #expect(list[0].unsigned == 1)
        #expect(list[1].double == -2500)
        #expect(list[2].bool == true)
        #expect(list[3].bool == false)
        #expect(list[5].string == "é\né😀\\\"/\u{8}\u{C}\r\t")
        guard case .object(let members) = value.content else { throw error("") ?? CancellationError() }
        #expect(members.map(\.key) == ["a", "b", "a"])
        #expect(value["b"]?["c"]?["x"] == nil)
        #expect(try parseJSON([0xEF, 0xBB, 0xBF, 0x31]).unsigned == 1, "a byte order mark")
    }

    @Test func everyTruncationIsAnError() {
        let bytes = Array(Self.document.utf8)
        for count in 0..<bytes.count {
            for dialect in [JSONDialect.strict, .settings] {
                #expect(throws: JSONError.self) { try parseJSON(Array(bytes[..<count]), dialect) }
            }
        }
    }

    @Test func positionsCountFromOne() {
        #expect(error("{\n  \"a\": tru\n}")?.position == TextPosition(line: 2, column: 8))
        #expect(error("")?.position == TextPosition(line: 1, column: 1))
        #expect(error("[1,\n2,\n  x]")?.position == TextPosition(line: 3, column: 3))
        #expect(error("/* one\ntwo */ x", .settings)?.position == TextPosition(line: 2, column: 8))
        #expect(error("[1] 2")?.position == TextPosition(line: 1, column: 5))
        #expect(error("\"abc")?.position == TextPosition(line: 1, column: 1))
        #expect(error("[1,2")?.description.hasPrefix("1:5: ") == true)
    }

    @Test func friendlinessIsForSettingsOnly() throws {
        let texts = ["[1,]", "{\"a\":1,}", "// c\n1", "1 /* c */", "[1, // c\n 2]", "/**/1", "1//", "/***/1"]
        for text in texts {
            #expect(error(text) != nil, "strict: \(text)")
            #expect(error(text, .settings) == nil, "settings: \(text)")
        }
        for text in ["[,]", "{,}", "[1,,]", "{\"a\":1,,}", "/* 1", "/", "1 /", "/*/1", "[1 2]"] {
            #expect(error(text, .settings) != nil, "\(text)")
        }
    }

    @Test func rejectsWhatIsNoJSON() {
        let texts = [
            "01", "-", "1.", ".5", "+1", "1e", "1e+", "0x1", "NaN", "'a'", "\"\u{1}\"", "\"a\nb\"", "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\\u12\"", "{a:1}", "{\"a\" 1}", "{1:2}", "tru", "nulll", "[1}", "{\"a\":1]", "\"", "\\", "\u{0}",
        ]
        for text in texts { #expect(error(text) != nil, "\(text)") }
    }

    @Test func halvesOfSurrogatesBecomeReplacements() throws {
        #expect(try parseJSON(Array(#""\ud800""#.utf8)).string == "\u{FFFD}")
        #expect(try parseJSON(Array(#""\udc00x""#.utf8)).string == "\u{FFFD}x")
        #expect(try parseJSON(Array(#""\ud800\u0041""#.utf8)).string == "\u{FFFD}A")
        #expect(try parseJSON(Array(#""\ud800\ud83d\ude00""#.utf8)).string == "\u{FFFD}😀")
        #expect(try parseJSON(Array(#""\ud800\n""#.utf8)).string == "\u{FFFD}\n")
        #expect(try parseJSON(Array(#""\u0000""#.utf8)).string == "\u{0}")
    }

    @Test func nestingIsLimited() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(error(nested(60)) == nil)
        #expect(error(nested(66)) != nil)
        #expect(error(nested(100_000)) != nil)
        #expect(error(String(repeating: "{\"a\":", count: 100_000)) != nil)
    }

    /// What we take, Foundation takes; what we do not, it does not either. But it takes a trailing comma in a list or
    /// an object, which RFC 8259 does not, and refuses numbers that are no doubles, which the RFC does not.
    @Test func agreesWithFoundationOnRandomText() {
        var random = SeededRandom()
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"\\n\"", "1", "-2", "0.5", "true", "null", " ", "\n", "\"",
            "x",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            let dense = text.filter { !$0.isWhitespace }
            let mayEndInComma = dense.contains(",]") || dense.contains(",}")
            let theirs = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            let isTaken = error(text) == nil
            #expect(isTaken == (theirs != nil) || (mayEndInComma && !isTaken), "seed \(random.seed): \(text)")
        }
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededRandom()
        let alphabet = Array("{}[],:\"\\ud8001e-+.tfn/* \n".utf8) + [0, 0xC3, 0xFF]
        for _ in 0..<20_000 {
            let bytes = random.bytes(0...30, from: alphabet)
            for dialect in [JSONDialect.strict, .settings] {
                do { _ = try parseJSON(bytes, dialect) } catch {
                    #expect(error.position.line >= 1 && error.position.column >= 1, "seed \(random.seed)")
                }
            }
        }
    }
}
