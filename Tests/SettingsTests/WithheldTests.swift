// What variables bring is in no error, and texts are read again when their files change.

import Settings
import Synchronization
import TestSupport
import Testing

@Suite struct WithheldTests {
    private static let secret = "s3cret-?token/with@all:kinds"

    private func section(_ json: String, secret: String = Self.secret) throws -> SettingsSection {
        let variables = SettingsVariables(
            environment: { $0 == "TOKEN" ? secret : nil }, readFile: { _ in Array(secret.utf8) + [10] })
        let file = SettingsFile(name: "f", bytes: Array(json.utf8))
        return try SettingsSection(try loadSettings([file], variables: variables), path: "")
    }

    @Test(arguments: ["${file:/t}", "${TOKEN}"]) func noErrorShowsWhatAVariableBrings(variable: String) throws {
        var section = try section(#"{ "a": "x \#(variable)", "list": ["\#(variable)"], "o": { "m": "\#(variable)" } }"#)
        let value = try section.string("a")
        let given = try #require(try section.strings("list").first)
        let quotes = [
            value, given, String(given.prefix(7)), String(given.dropFirst(9)), "\(given.prefix(6))…", "not \(given)!",
        ]
        for quote in quotes {
            for error in [
                section.error(at: "a", "expected this, not \"\(quote)\""), section.error("wrong: \"\(quote)\""),
                section.error(at: "list", element: 0, "not \"\(quote)\""),
                section.error(at: "o", member: "m", "not \"\(quote)\""), section.error(at: "none", "not \"\(quote)\""),
            ] {
                let said = error.description
                for start in 0...(Self.secret.count - 5) {
                    let part = Self.secret.dropFirst(start).prefix(5)
                    #expect(!said.contains(part), "\(said) has \(part)")
                }
                #expect(said.contains("(what \(variable) brings is not shown)"))
            }
        }
        let other = section.error(at: "a", "expected http://… or https://…").description
        #expect(other.hasSuffix("expected http://… or https://…"))
    }

    @Test func shortOnesAreLeftOutWhereTheyAreQuoted() throws {
        let section = try section(#"{ "a": "${file:/t}" }"#, secret: "ab")
        #expect(
            section.error(at: "a", "able: not \"ab\"").reason == "able: not \"…\" (what ${file:/t} brings is not shown)"
        )
    }

    @Test func whatStandsInTheSettingsIsShown() throws {
        let section = try section(#"{ "a": "plain", "b": "${NONE:-default-of-it}" }"#)
        #expect(section.error(at: "a", "not \"plain\"").reason == "not \"plain\"")
        #expect(section.error(at: "b", "not \"default-of-it\"").reason == "not \"default-of-it\"")
    }

    @Test func aGetterThatRefusesShowsNothing() throws {
        for key in ["duration", "size", "choice", "bool", "integer"] {
            var section = try section("{ \"k\": \"${file:/t}\" }")
            do throws(SettingsError) {
                switch key {
                case "duration": _ = try section.duration("k", default: .zero, in: .zero ... .seconds(1))
                case "size": _ = try section.size("k", default: 0, in: 0...1)
                case "bool": _ = try section.bool("k", default: false)
                case "integer": _ = try section.integer("k", default: 0, in: 0...1)
                default: _ = try section.pattern("k")
                }
                #expect(key == "choice", "it is a pattern")
            } catch { #expect(!error.description.contains("s3cret")) }
        }
    }

    @Test func aTextIsReadAgain() throws {
        let content = Mutex("one\n")
        let isThere = Mutex(true)
        let variables = SettingsVariables(
            environment: { _ in "env" },
            readFile: { path throws(VariableError) in
                guard isThere.withLock({ $0 }) else { throw VariableError(reason: "\(path): gone") }
                return Array(content.withLock { $0 }.utf8)
            })
        let file = SettingsFile(
            name: "f", bytes: Array(#"{ "h": { "A": "Bearer ${file:/t} ${E}", "B": "plain" }, "u": "${E}" }"#.utf8))
        var section = try SettingsSection(try loadSettings([file], variables: variables), path: "")
        var table = try section.liveTable("h")
        #expect(table.map(\.name) == ["A", "B"] && table.map(\.text.value) == ["Bearer one env", "plain"])
        #expect(table.map(\.text.files) == [["/t"], []] && table[0].text.template == "Bearer ${file:/t} ${E}")
        #expect(try table[0].text.refresh() == false)
        content.withLock { $0 = "two" }
        #expect(try table[0].text.refresh { !$0.contains("two") } == false)
        #expect(table[0].text.value == "Bearer one env")
        #expect(try table[0].text.refresh() == true)
        #expect(table[0].text.value == "Bearer two env")
        isThere.withLock { $0 = false }
        #expect(throws: VariableError.self) { try table[0].text.refresh() }
        #expect(table[0].text.value == "Bearer two env")
        // Without files there is nothing to read: the environment stays as it was at the start.
        var other = try section.liveString("u")
        #expect(try other.refresh() == false && other.files.isEmpty)
        #expect(try section.optionalLiveString("none") == nil)
    }
}
