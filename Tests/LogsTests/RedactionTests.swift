// What must not leave the host: whatever the text is, the secret is gone.

import Bytes
import Platform
import TestSupport
import Testing

@testable import Logs

@Suite struct RedactionTests {
    private func redact(_ pattern: String, with replacement: String = "***") throws -> RecordFilter {
        .redact(Redaction(try Pattern(pattern), with: Replacement(replacement)))
    }

    private func preset(_ preset: RedactionPreset, _ text: String) throws -> String {
        var pipeline = RecordPipeline(
            try preset.patterns.map { text in
                .redact(
                    Redaction(
                        try Pattern(text), needing: preset.neededByte, with: Replacement("***"),
                        confirm: preset.confirmation))
            })
        return pipeline.take(inputBatch([text])).texts[0]
    }

    @Test func hidesEachMatch() throws {
        var pipeline = RecordPipeline([try redact("password=\\S+")])
        let batch = pipeline.take(inputBatch(["password=a b password=c", "nothing", "", "xpassword=1"]))
        #expect(batch.texts == ["*** b ***", "nothing", "", "x***"])
        #expect(batch.records.map(\.next.offset) == [1, 2, 3, 4])
        #expect(pipeline.met(.redacted) == 3)
    }

    @Test(arguments: [
        ("(password|token)=\\S+", "$1=***", "token=abc password=1", "token=*** password=***"),
        ("(\\w+)@(\\w+)", "$2 at $1", "me@home", "home at me"),
        ("a", "$$1", "bab", "b$1b"), ("a", "$", "bab", "b$b"), ("a", "$x$", "bab", "b$x$b"),
        ("a", "$0$0", "bab", "baab"),
        ("(a)|(b)", "<$1$2>", "abc", "<a><b>c"), ("(a)|b", "<$1>", "b", "<>"), ("a", "", "bab", "bb"),
        ("a*", "-", "baac", "b-c"), ("^\\d+", "#", "12 34", "# 34"), ("é", "e", "né né", "ne ne"),
        ("x\\Ky", "*", "xyy", "x*y"), ("(?s).+", "*", "a\nb", "*"), ("(?=(b))a|b", "[$1]", "ab", "a[]"),
    ])
    func replaces(pattern: String, replacement: String, text: String, expected: String) throws {
        var pipeline = RecordPipeline([try redact(pattern, with: replacement)])
        #expect(pipeline.take(inputBatch([text])).texts == [expected])
    }

    @Test func fieldsTooThoseOfTheInputAndThoseThatStagesFound() throws {
        let input = inputBatch([
            (Array("user=ann key=s3cret".utf8), [("unit", "s3cret.service"), ("file", "/var/log/a")])
        ])
        var draft = RecordDraft()
        draft.begin(input.records[0], of: input)
        draft.add("user", 5..<8)
        draft.add("key", 13..<19, isNumber: true)
        var events: EventCounts = [:]
        _ = try redact("s\\dcret").judge(&draft, of: input, at: Instant(nanoseconds: 0), &events)
        #expect(String(decoding: draft.bytes[draft.text], as: UTF8.self) == "user=ann key=***")
        let fields = draft.fields.map { field in
            [field.name, field.value].map { String(decoding: draft.bytes[$0], as: UTF8.self) }.joined(separator: "=")
        }
        #expect(fields == ["unit=***.service", "file=/var/log/a", "user=ann", "key=***"])
        #expect(draft.fields.allSatisfy { !$0.isNumber })
        #expect(draft.inputFields.isEmpty)
        #expect(events == [.redacted: 3])
    }

    @Test func fieldsWithoutSecretsStayShared() throws {
        var pipeline = RecordPipeline([try redact("secret")])
        var input = LogBatch()
        let field = input.addField("unit", Array("a".utf8))
        for offset in UInt64(1)...4 {
            input.append(
                Array("secret".utf8), 0..<6, fields: field..<field + 1, at: 0,
                next: Position(source: 1, offset: offset))
        }
        let clean = pipeline.take(input)
        #expect(clean.fields.count == 1)
        // Another batch has another field at the same index.
        let other = pipeline.take(inputBatch(["x"]) { _ in "my secret" })
        #expect(other.fieldTexts(of: other.records[0]) == ["unit=my ***"])
    }

    @Test func onlyWhatIsNamed() throws {
        let input = inputBatch(["secret"]) { _ in "secret" }
        func result(_ target: Redaction.Target) throws -> [String] {
            var pipeline = RecordPipeline([
                .redact(Redaction(try Pattern("secret"), with: Replacement("*"), target: target))
            ])
            let batch = pipeline.take(input)
            return batch.texts + batch.fieldTexts(of: batch.records[0])
        }
        #expect(try result(.message) == ["*", "unit=secret"])
        #expect(try result(.field(Array("unit".utf8))) == ["secret", "unit=*"])
        #expect(try result(.field(Array("file".utf8))) == ["secret", "unit=secret"])
    }

    // MARK: What must not let a secret through

    @Test func aPatternThatGivesUpWithholdsTheText() throws {
        var pipeline = RecordPipeline([try redact("(a+)+[!?]")])
        let hostile = String(repeating: "a", count: 60)
        let batch = pipeline.take(inputBatch(["secret \(hostile)", "aa!", "secret"]))
        #expect(batch.texts == ["[withheld: a redaction gave up]", "***", "secret"])
        #expect(pipeline.met(.redactionGaveUp) == 1)
        #expect(pipeline.met(.redacted) == 1)
        #expect(pipeline.met(.patternGaveUp) == 0)
        #expect(pipeline.dropCounts.isEmpty)
        // A field is withheld by itself.
        let other = pipeline.take(inputBatch(["message"]) { _ in hostile })
        #expect(other.texts == ["message"])
        #expect(other.fieldTexts(of: other.records[0]) == ["unit=[withheld: a redaction gave up]"])
    }

    @Test func aLaterMatchThatGivesUpWithholdsToo() throws {
        var pipeline = RecordPipeline([try redact("key=\\d+|(a+)+[!?]")])
        let text = "key=1 " + String(repeating: "a", count: 60) + " key=2"
        #expect(pipeline.take(inputBatch([text])).texts == ["[withheld: a redaction gave up]"])
    }

    @Test func aReplacementThatGrowsWithoutEndIsStopped() throws {
        var pipeline = RecordPipeline([try redact("(?=(.*))x", with: "$1")])
        let text = String(repeating: "x", count: 9_000)
        #expect(pipeline.take(inputBatch([text])).texts == ["[withheld: a redaction gave up]"])
        pipeline = RecordPipeline([try redact("x")])
        #expect(pipeline.take(inputBatch([text])).texts == [String(repeating: "***", count: 9_000)])
        #expect(
            pipeline.take(inputBatch([String(repeating: "x", count: 10_001)])).texts
                == ["[withheld: a redaction gave up]"])
    }

    /// To PCRE2 a byte that is no UTF-8 ends the secret.
    @Test func bytesThatAreNoTextHideNothing() throws {
        var pipeline = RecordPipeline([try redact("password=\\S+")])
        let latin = Array("password=caf".utf8) + [0xE9] + Array("-secret end".utf8)
        let batch = pipeline.take(inputBatch([(latin, []), (Array("caf".utf8) + [0xE9], [])]))
        #expect(batch.texts[0] == "*** end")
        // What has nothing to hide stays as it is.
        #expect(Array(batch.bytes[batch.records[1].text.range]) == Array("caf".utf8) + [0xE9])
    }

    @Test func whateverStandsAroundASecretItIsGone() throws {
        var random = SeededRandom()
        let alphabet: [UInt8] = Array("ab =\"\\:é\u{1F600}\n\t".utf8) + [0, 0xFF, 0xC3, 0x80, 0xE2]
        let secret = Array("s3cr3t".utf8)
        for _ in 0..<3_000 {
            var pipeline = RecordPipeline([try redact("s3cr3t")])
            let parts = (0...Int.random(in: 0...4, using: &random)).map { _ in random.bytes(0...20, from: alphabet) }
            let text = Array(parts.joined(separator: secret))
            let batch = pipeline.take(inputBatch([(text, [])]))
            let output = batch.bytes[batch.records[0].text.range]
            #expect(!Array(output).holds(secret), "seed \(random.seed)")
            #expect(pipeline.met(.redacted) == UInt64(parts.count - 1), "seed \(random.seed)")
            // The rest is what it was, as a receiver would see it.
            let expected = Array(parts.joined(separator: Array("***".utf8)))
            #expect(String(decoding: output, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
        }
    }

    // MARK: Presets

    @Test(arguments: [
        (RedactionPreset.email, "from john.doe+x@mail.example.com, to", "from ***, to"),
        (.email, "<a@b.co>", "<***>"), (.email, "mail=o'brien@example.org&x=1", "mail=***&x=1"),
        (.email, "jürgen@müller.de", "***"), (.email, "a@b@c.de", "a@***"),
        (.email, "user@localhost", "user@localhost"),
        (.email, "@ a@ @b.c", "@ a@ @b.c"), (.email, "a@b.c d@e.f", "*** ***"),
        (.ipv4, "203.0.113.7 - -", "*** - -"), (.ipv4, "10.0.0.1:80,10.0.0.2", "***:80,***"),
        (.ipv4, "256.1.1.1 1.2.3 1.2.3.256", "256.1.1.1 1.2.3 1.2.3.256"), (.ipv4, "a.010.001.000.255.", "a.***."),
        (.creditCard, "card 4111 1111 1111 1111 ok", "card *** ok"), (.creditCard, "4111111111111111", "***"),
        (.creditCard, "4111-1111-1111-1111 12/29", "*** 12/29"), (.creditCard, "4111 1111 1111 1111 12", "*** 12"),
        (.creditCard, "378282246310005", "***"), (.creditCard, "4111111111111112", "4111111111111112"),
        (.creditCard, "2345 4111111111111111", "2345 ***"), (.creditCard, "1732156710123456", "1732156710123456"),
        (.creditCard, "41111111111111111111111", "41111111111111111111111"),
        (.creditCard, "5 4111 1111 1111 1111", "5 ***"),
        (.awsKey, "id AKIAIOSFODNN7EXAMPLE.", "id ***."), (.awsKey, "xASIAIOSFODNN7EXAMPLE", "x***"),
        (.awsKey, "BAKIAIOSFODNN7EXAMPLE", "BAKIAIOSFODNN7EXAMPLE"),
        (
            .awsKey, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = ***"
        ),
        (.awsKey, #""SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY""#, #""SecretAccessKey":"***""#),
        (.bearer, "Authorization: Bearer abc.def-ghi== next", "Authorization: Bearer *** next"),
        (.bearer, "bearer%20abc", "bearer%20***"), (.bearer, "forbearer x", "forbearer x"),
    ])
    func presets(kind: RedactionPreset, text: String, expected: String) throws {
        #expect(try preset(kind, text) == expected)
    }

    /// A long line costs time in proportion, and reaches no limit.
    @Test(arguments: RedactionPreset.allCases) func presetsManageLongLines(kind: RedactionPreset) throws {
        for piece in ["a", "a.", "1", "1.", "4 ", "4", "A", "@", "a@", "Bearer ", "secretkey=", "é", "AKIA", " "] {
            let text = String(repeating: piece, count: 60_000 / piece.utf8.count)
            #expect(try preset(kind, text) != "[withheld: a redaction gave up]", "\(piece)")
        }
    }
}

extension [UInt8] {
    fileprivate func holds(_ other: [UInt8]) -> Bool {
        count >= other.count && (0...count - other.count).contains { self[$0..<$0 + other.count] == other[...] }
    }
}
