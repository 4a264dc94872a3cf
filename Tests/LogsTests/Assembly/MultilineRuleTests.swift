import Bytes
import Logs
import Platform
import TestSupport
import Testing

@Suite struct MultilineRuleTests {
    private func records(_ rule: MultilineRule, _ text: String) -> [String] {
        var world = AssemblyWorld(rule)
        world.feed(SourceLine.of(text))
        world.waitForAll()
        return world.texts
    }

    @Test func aStartBeginsARecord() throws {
        let rule = MultilineRule.start(try Pattern(#"^\d"#))
        #expect(records(rule, "x\n1 a\nb\n\nc\n2 d\n3") == ["x", "1 a\nb\n\nc", "2 d", "3"])
    }

    @Test func aContinuationGoesOn() throws {
        let rule = MultilineRule.continue(try Pattern(#"^>"#))
        #expect(records(rule, ">x\na\n>b\n>c\nd\ne\n>f") == [">x", "a\n>b\n>c", "d", "e\n>f"])
    }

    @Test func anEndEndsARecord() throws {
        let rule = MultilineRule.end(try Pattern(#";$"#))
        #expect(records(rule, "a;\nb\nc;\n;\nd") == ["a;", "b\nc;", ";", "d"])
    }

    @Test func indentedLinesGoOn() {
        #expect(records(.indent, "a\n b\n\tc\nd\n\n e\nf") == ["a\n b\n\tc", "d", "\n e", "f"])
    }

    @Test(arguments: [
        (MultilineRule.Preset.python, Traces.python), (.java, Traces.java), (.go, Traces.go), (.json, Traces.json),
    ])
    func presetsKnowTheirTraces(preset: MultilineRule.Preset, parts: [String]) {
        let found = records(.preset(preset), parts.joined(separator: "\n"))
        // The empty line that might have led to another exception stays with the one before it.
        #expect(found == parts)
    }

    /// Programs print documents with metrics between their lines.
    @Test func aDocumentIsARecordOfItsOwn() throws {
        let document = #"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"n":1}"#
        let cases: [(MultilineRule, [String])] = [
            (.start(try Pattern("^[0-9]")), ["1 a\nb", document, "c\nd", document, document, "2 e"]),
            (.end(try Pattern(";$")), ["a", document, "b\nc;", document, "d;"]),
            (.indent, ["a\n b", document, " c", document]),
            (.preset(.json), ["{\n\"a\":1}", document, "{\n}"]),
        ]
        for (rule, wanted) in cases { #expect(records(rule, wanted.joined(separator: "\n")) == wanted) }
    }

    @Test func aDocumentIsALineLikeAnyOtherWhenTheSettingsSaySo() throws {
        var world = AssemblyWorld(.start(try Pattern("^[0-9]")))
        world.pipeline.recognisesDocuments = false
        world.feed(SourceLine.of("1 a\n{\"_aws\":{\"CloudWatchMetrics\":[]}}\n2 b"))
        world.waitForAll()
        #expect(world.texts == ["1 a\n{\"_aws\":{\"CloudWatchMetrics\":[]}}", "2 b"])
    }

    @Test func anEmptyLineAfterATraceStaysWithIt() {
        let trace = "Traceback (most recent call last):\n  File\nKeyboardInterrupt"
        #expect(records(.preset(.python), trace + "\n\nnext") == [trace + "\n", "next"])
    }

    @Test func tracesThatFollowEachOtherAreTwo() {
        let python = "Traceback (most recent call last):\n  File \"a\"\nValueError: 1"
        #expect(records(.preset(.python), python + "\n" + python) == [python, python])
        let java = "java.lang.Error: 1\n\tat a.b(C.java:1)"
        #expect(records(.preset(.java), java + "\n" + java) == [java, java])
        let go = "panic: a\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1"
        #expect(records(.preset(.go), go + "\n" + go) == [go, go])
    }

    /// Lines of which only the ones after them say whether they are part of a message.
    @Test func linesThatTurnOutToBeNoMessage() {
        let header = "ERROR a.B: java.io.IOException: gone"
        #expect(records(.preset(.java), "\(header)\nb\nc") == [header, "b", "c"])
        #expect(
            records(.preset(.java), "\(header)\nb\n\(header)\nc\n\tat a.B(B.java:1)")
                == [header, "b", "\(header)\nc\n\tat a.B(B.java:1)"])
        #expect(records(.preset(.java), "\(header)\nb\n  indented\nc") == [header, "b", "  indented", "c"])
        #expect(records(.preset(.go), "panic: a\nb\nc") == ["panic: a", "b", "c"])
        let text = (1...40).map(String.init)
        #expect(records(.preset(.java), ([header] + text).joined(separator: "\n")) == [header] + text)
        #expect(
            records(.preset(.java), ([header] + text + ["\tat a.B(B.java:1)"]).joined(separator: "\n"))
                == [header] + text + ["\tat a.B(B.java:1)"])
        // They are no longer held than others.
        var world = AssemblyWorld(.preset(.java))
        world.feed(SourceLine.of(([header] + text).joined(separator: "\n")))
        #expect(world.texts == [header] + text && world.pipeline.deadline == nil)
    }

    @Test func aMessageOfManyLinesKeepsToTheLimits() {
        var world = AssemblyWorld(.preset(.java)) { $0.lineLimit = 3 }
        world.feed(SourceLine.of("a.B: c\nd\ne\n\tat a.B(B.java:1)\n\tat a.C(C.java:1)"))
        world.waitForAll()
        #expect(world.texts == ["a.B: c", "d", "e", "\tat a.B(B.java:1)\n\tat a.C(C.java:1)"])
        #expect(world.records.map(\.next) == [1, 2, 3, 5])
    }

    /// What a trace has lost its beginning of, after a limit or a restart.
    @Test func framesAloneAreOneRecordInJava() {
        #expect(
            records(.preset(.java), "\tat a.b(C.java:1)\n\tat a.c(C.java:2)\nnext")
                == ["\tat a.b(C.java:1)\n\tat a.c(C.java:2)", "next"])
        #expect(records(.preset(.go), "goroutine 1 [running]:\nmain.main()\n\t/a.go:1\nnext").count == 2)
    }

    @Test func linesThatAreNoTraceAreNotHeld() {
        for preset in MultilineRule.Preset.allCases {
            var world = AssemblyWorld(.preset(preset))
            world.feed(SourceLine.of("one\ntwo (a)\n three"))
            #expect(world.texts == ["one", "two (a)", " three"], "\(preset)")
            #expect(world.pipeline.deadline == nil)
        }
    }

    @Test func aJSONObjectGoesWithItsLastBrace() {
        var world = AssemblyWorld(.preset(.json))
        world.feed(SourceLine.of("{\n\"a\": 1\n}"))
        #expect(world.texts == ["{\n\"a\": 1\n}"])
        #expect(world.pipeline.deadline == nil)
    }

    @Test func aPatternThatGivesUpJoinsNothing() throws {
        let evil = String(repeating: "a", count: 60) + "b"
        for rule in [
            MultilineRule.start(try Pattern("(a+)+$")), .continue(try Pattern("(a+)+$")), .end(try Pattern("(a+)+$")),
        ] {
            var world = AssemblyWorld(rule)
            world.feed(SourceLine.of("x\n\(evil)\n\(evil)"))
            world.waitForAll()
            #expect(world.texts == ["x", evil, evil])
            #expect(world.count(.patternGaveUp) == 2)
        }
    }

    /// Whatever the bytes: nothing crashes, nothing is lost, and the order stays.
    @Test(arguments: MultilineRule.Preset.allCases) func anyBytesComeOutAgain(preset: MultilineRule.Preset) {
        var random = SeededRandom()
        let words = (Traces.python + Traces.java + Traces.go + Traces.json)
            .flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
        for _ in 0..<300 {
            let lines = (0..<Int.random(in: 1...40, using: &random)).map { _ -> String in
                let word = words.randomElement(using: &random) ?? ""
                switch Int.random(in: 0..<4, using: &random) {
                case 0: return String(word.prefix(Int.random(in: 0...word.count, using: &random)))
                case 1: return String(word.suffix(Int.random(in: 0...word.count, using: &random)))
                case 2: return word
                default:
                    return String(decoding: random.bytes(0...12, from: Array("{}[]\"\\ \t:.(a".utf8)), as: UTF8.self)
                }
            }
            #expect(
                records(.preset(preset), lines.joined(separator: "\n")).joined(separator: "\n")
                    == lines.joined(separator: "\n"))
        }
    }
}
