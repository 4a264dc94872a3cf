// The typed getters, and what they say when a value is not what they want.

import Bytes
import Settings
import Testing

private func errorText(_ text: String, _ read: (inout SettingsSection) throws(SettingsError) -> Void) -> String {
    do throws(SettingsError) {
        var section = try load(text)
        try read(&section)
        try section.finish()
        return "no error"
    } catch {
        return error.description
    }
}

private enum Colour: String, CaseIterable { case red, green }

@Suite struct SettingsSectionTests {
    @Test func theNearestKeyIsNamed() {
        #expect(
            errorText("{ \"state_dircetory\": 1 }") { (section) throws(SettingsError) in
                _ = try section.string("state_directory", default: "")
                _ = try section.string("log", default: "")
            } == "1.json:1:3: state_dircetory: unknown key, did you mean \"state_directory\"?")
    }

    @Test func aKeyThatIsNearNothingGetsTheList() {
        #expect(
            errorText("{ \"zzzzzz\": 1 }") { (section) throws(SettingsError) in
                _ = try section.string("b", default: "")
                _ = try section.string("a", default: "")
            } == "1.json:1:3: zzzzzz: unknown key; known here: a, b")
    }

    @Test func wrongKindsAreErrorsAtTheValue() {
        let text = "{ \"x\": true }"
        #expect(
            errorText(text) { (section) throws(SettingsError) in _ = try section.string("x") }
                == "1.json:1:8: x: expected text in quotes")
        #expect(
            errorText(text) { (section) throws(SettingsError) in
                _ = try section.duration("x", default: .zero, in: .zero ... .seconds(1))
            }.contains("expected a duration such as"))
        #expect(
            errorText(text) { (section) throws(SettingsError) in
                _ = try section.size("x", default: 0, in: 0...1)
            }.contains("expected a size such as"))
        #expect(
            errorText(text) { (section) throws(SettingsError) in _ = try section.strings("x") }
                .contains("expected a list of texts"))
        #expect(
            errorText(text) { (section) throws(SettingsError) in _ = try section.section("x") }
                .contains("expected an object"))
        #expect(
            errorText(text) { (section) throws(SettingsError) in
                _ = try section.choice("x", default: Colour.red)
            } == "1.json:1:8: x: expected one of \"red\", \"green\"")
    }

    @Test func aListElementIsNamedByItsIndex() {
        #expect(
            errorText("{ \"x\": [\"a\",\n 1] }") { (section) throws(SettingsError) in _ = try section.strings("x") }
                == "1.json:2:2: x[1]: expected text in quotes")
    }

    @Test func anErrorCanPointAtWhatWasTaken() {
        let text = """
            { "url": "x",
              "list": ["a",
                       "b"],
              "table": { "k": "v",
                         "l": "w" } }
            """
        func place(_ error: (SettingsSection) -> SettingsError) -> String {
            errorText(text) { (section) throws(SettingsError) in
                _ = try section.string("url")
                _ = try section.strings("list")
                _ = try section.table("table")
                throw error(section)
            }
        }
        #expect(place { $0.error(at: "url", "no") } == "1.json:1:10: url: no")
        #expect(place { $0.error(at: "list", "no") } == "1.json:2:11: list: no")
        #expect(place { $0.error(at: "list", element: 1, "no") } == "1.json:3:12: list[1]: no")
        #expect(place { $0.error(at: "table", member: "l", "no") } == "1.json:5:14: table.l: no")
        // What is not there has no place but that of the object: the default is wrong, or its absence.
        #expect(place { $0.error(at: "none", "no") } == "1.json:1:1: none: no")
        #expect(place { $0.error(at: "list", element: 2, "no") } == "1.json:2:11: list[2]: no")
        #expect(place { $0.error(at: "table", member: "m", "no") } == "1.json:4:12: table.m: no")
    }

    @Test func aMissingObjectHasThePlaceOfTheOneAroundIt() {
        #expect(
            errorText("{ \"out\": {} }") { (section) throws(SettingsError) in
                var out = try section.section("out")
                throw try out.section("tls").error("no")
            } == "1.json:1:10: out.tls: no")
        #expect(
            errorText("{ \"l\": [] }") { (section) throws(SettingsError) in _ = try section.strings("l") }
                == "1.json:1:8: l: expected a list of texts, not empty")
    }

    @Test func aMissingKeyIsAnErrorAtTheObject() {
        #expect(
            errorText("{ \"out\": {} }") { (section) throws(SettingsError) in
                var out = try section.section("out")
                _ = try out.string("url")
            } == "1.json:1:10: out: \"url\" is missing: expected text")
    }

    @Test func aMissingKeyThatIsMisspeltIsAnErrorWhereItStands() {
        #expect(
            errorText("{ \"x\": 1, \"pahts\": [\"a\"] }") { (section) throws(SettingsError) in
                _ = try section.strings("paths")
            } == "1.json:1:11: pahts: unknown key, did you mean \"paths\"?")
    }

    @Test func numbersHaveTheirRange() {
        #expect(
            errorText("{ \"n\": 70000 }") { (section) throws(SettingsError) in
                _ = try section.integer("n", default: 1, in: 1...65_535)
            } == "1.json:1:8: n: expected a whole number from 1 to 65535")
        #expect(
            errorText("{ \"d\": \"2h\" }") { (section) throws(SettingsError) in
                _ = try section.duration("d", default: .zero, in: .milliseconds(500) ... .seconds(60))
            } == "1.json:1:8: d: expected a duration from 500ms to 1m")
    }

    @Test func aPatternThatDoesNotCompileHasAPlace() {
        let text = errorText("{ \"p\": \"a(\" }") { (section) throws(SettingsError) in _ = try section.pattern("p") }
        #expect(text.hasPrefix("1.json:1:8: p: missing closing parenthesis at offset 2 of the pattern a("))
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("5s", .seconds(5)), ("10m", .seconds(600)), ("2h", .seconds(7_200)),
        ("7d", .seconds(604_800)),
    ])
    func durations(_ text: String, _ duration: Duration) {
        #expect(parseDuration(text) == duration)
        #expect(durationText(duration) == text)
    }

    @Test(arguments: ["301s", "9999999999999d", "99999999999999999999s"])
    func whatIsTooLongIsToldTheLimit(_ text: String) {
        let said = errorText("{ \"t\": \"\(text)\" }") { (section) throws(SettingsError) in
            _ = try section.duration("t", default: .zero, in: .zero ... .seconds(300))
        }
        #expect(said == "1.json:1:8: t: expected a duration from 0s to 5m")
    }

    @Test(arguments: ["", "5", "s", "-5s", "5 s", "1.5s", "5S"])
    func whatIsNoDuration(_ text: String) { #expect(parseDuration(text) == nil) }

    @Test(arguments: ["", "KiB", "1KB", "1 MiB", "-1B"])
    func whatIsNoSize(_ text: String) { #expect(parseSize(text) == nil) }
}
