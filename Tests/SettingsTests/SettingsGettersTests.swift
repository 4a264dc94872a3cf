import Bytes
import Settings
import TestSupport
import Testing

@Suite struct UnitsTests {
    @Test func durations() {
        #expect(parseDuration("500ms") == .milliseconds(500))
        #expect(parseDuration("5s") == .seconds(5))
        #expect(parseDuration("10m") == .seconds(600))
        #expect(parseDuration("2h") == .seconds(7_200))
        #expect(parseDuration("7d") == .seconds(604_800))
        #expect(parseDuration("0s") == .zero)
        for text in ["", "5", "s", "5 s", " 5s", "-5s", "1.5s", "5S", "5sec"] {
            #expect(parseDuration(text) == nil, "\(text)")
        }
        // The limit of the setting is what is said of these.
        for text in ["99999999999999999999s", "9999999999999d", "9223372036854775807ms"] {
            #expect(parseDuration(text).map { $0 > .seconds(86_400 * 365) } == true, "\(text)")
        }
    }

    @Test func sizes() {
        #expect(parseSize("64KiB") == 65_536)
        #expect(parseSize("1MiB") == 1 << 20)
        #expect(parseSize("2GiB") == 2 << 30)
        #expect(parseSize("512B") == 512)
        #expect(parseSize("512") == 512)
        for text in ["", "KiB", "1KB", "1kib", "-1KiB", "1.5MiB"] { #expect(parseSize(text) == nil, "\(text)") }
        for text in ["9223372036854775807KiB", "9223372036854775808"] {
            #expect(parseSize(text) == .max, "\(text)")
        }
    }

    @Test func sizesAreWrittenAsTheyAreRead() {
        for text in ["0B", "1023B", "64KiB", "1025KiB", "4MiB", "2GiB"] {
            #expect(parseSize(text).map(sizeText) == text)
        }
    }

    @Test func durationsAreWrittenAsTheyAreRead() {
        for text in ["500ms", "1500ms", "5s", "90s", "10m", "2h", "7d", "0s"] {
            #expect(parseDuration(text).map(durationText) == text)
        }
        #expect(durationText(.seconds(3_600)) == "1h")
    }

    @Test func nearestKeyIsTheLikelyOne() {
        let known = ["paths", "exclude", "start_at", "fields", "multiline"]
        #expect(nearest(to: "path", among: known) == "paths")
        #expect(nearest(to: "pahts", among: known) == "paths")
        #expect(nearest(to: "excludes", among: known) == "exclude")
        #expect(nearest(to: "start-at", among: known) == "start_at")
        #expect(nearest(to: "mutliline", among: known) == "multiline")
        #expect(nearest(to: "banana", among: known) == nil)
        #expect(nearest(to: "", among: known) == nil)
        #expect(nearest(to: "x", among: []) == nil)
    }
}

@Suite struct SettingsGettersTests {
    private func reason<Value>(_ body: () throws -> Value) -> String {
        do {
            return "no error, but \(try body())"
        } catch {
            return "\(error)"
        }
    }

    @Test func gettersReadAndDefaultsStandIn() throws {
        var section = try section(
            """
            { "s": "text", "n": 7, "b": true, "l": ["x", "y"], "t": { "k": "v", "a": "b" }, "d": "10m", "z": "64KiB",
              "y": 12, "p": "^a", "o": { "inner": 1 }, "os": [ {}, {} ], }
            """, path: "inputs.a")
        #expect(try section.string("s") == "text")
        #expect(try section.string("missing", default: "d") == "d")
        #expect(try section.optionalString("missing") == nil)
        #expect(try section.strings("l") == ["x", "y"])
        #expect(try section.strings("missing", default: ["z"]) == ["z"])
        #expect(try section.table("t").map(\.name) == ["k", "a"])
        #expect(try section.duration("d", default: .zero, in: .zero ... .seconds(3_600)) == .seconds(600))
        #expect(try section.size("z", default: 1, in: 1...100_000) == 65_536)
        #expect(try section.size("y", default: 1, in: 1...100) == 12)
        #expect(try section.pattern("p")?.matches("ab") == true)
        #expect(try section.pattern("missing", default: "x")?.matches("x") == true)
        #expect(try section.pattern("missing") == nil)
        var inner = try section.section("o")
        #expect(inner.path == "inputs.a.o")
        #expect(inner.has("inner"))
        #expect(inner.value("inner") != nil)
        try inner.finish()
        #expect(try section.sections("os").map(\.path) == ["inputs.a.os[0]", "inputs.a.os[1]"])
        try section.section("absent").finish()
        #expect(section.keys == ["n", "b"])
    }

    @Test func errorsSayPlacePathAndWhatIsExpected() throws {
        var section = try section(
            "{ \"s\": 1,\n  \"l\": [\"x\", 2],\n \"d\": \"5x\", \"z\": \"1KB\", \"p\": \"(\" }", path: "inputs.a")
        #expect(reason { try section.string("s") } == "agent.json:1:8: inputs.a.s: expected text in quotes")
        #expect(reason { try section.strings("l") }.hasPrefix("agent.json:2:14: inputs.a.l[1]: "))
        #expect(
            reason { try section.duration("d", default: .zero, in: .zero ... .seconds(1)) }.contains(
                "inputs.a.d: expected a duration such as"))
        #expect(reason { try section.size("z", default: 1, in: 1...2) }.contains("inputs.a.z: expected a size such as"))
        #expect(reason { try section.pattern("p") }.contains("inputs.a.p: "))
        #expect(reason { try section.string("gone") }.contains("\"gone\" is missing"))
        #expect(
            reason {
                try SettingsSection(SettingsValue(.null, file: "f", position: .init(line: 3, column: 4)), path: "x")
            }
                == "f:3:4: x: expected an object { … }")
    }

    @Test func limitsAreHeld() throws {
        var section = try section("{ \"d\": \"2h\", \"z\": 5, \"l\": [], \"c\": \"red\" }", path: "inputs.a")
        #expect(
            reason { try section.duration("d", default: .zero, in: .seconds(1) ... .seconds(3_600)) }.contains(
                "expected a duration from 1s to 1h"))
        #expect(reason { try section.size("z", default: 1, in: 10...20) }.contains("expected 10 to 20 bytes"))
        #expect(reason { try section.strings("l") }.contains("not empty"))
        enum Colour: String, CaseIterable { case blue, green }
        #expect(reason { try section.choice("c", default: Colour.blue) }.contains("one of \"blue\", \"green\""))
    }

    @Test func keysNobodyAskedForAreRejected() throws {
        var section = try section("{ \"paths\": [\"x\"],\n  \"exlude\": [] }", path: "inputs.a")
        _ = try section.strings("paths")
        _ = try section.strings("exclude", default: [])
        #expect(
            reason { try section.finish() }
                == "agent.json:2:3: inputs.a.exlude: unknown key, did you mean \"exclude\"?")
        // The loader would refuse it.
        let at = TextPosition(line: 1, column: 1)
        let members = ["1", "2"].map {
            SettingsValue.Member(
                key: "a", keyPosition: at, file: "f", value: SettingsValue(.string($0), file: "f", position: at))
        }
        var twice = try SettingsSection(SettingsValue(.object(members), file: "f", position: at), path: "inputs.a")
        #expect(try twice.string("a") == "1")
        #expect(
            reason { try twice.finish() }.contains("inputs.a.a: "), "the loader says it better, but it is never silent")
    }
}
