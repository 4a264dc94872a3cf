// Settings from text to tree: variables, repeated keys, merging, and errors that say where.

import Bytes
import Settings
import TestSupport
import Testing

/// The variables of a made-up world.
let variables = SettingsVariables(
    environment: { ["HOME": "/root", "EMPTY": "", "TRICK": "${HOME}"][$0] },
    readFile: { (path) throws(VariableError) in
        switch path {
        case "/secret": return Array("s3cret\n".utf8)
        case "/dos": return Array("line\r\n".utf8)
        case "/two": return Array("a\n\n".utf8)
        case "/binary": return [0xFF, 0xFE]
        case "/nul": return [0x61, 0]
        default: throw VariableError(reason: "\(path): No such file or directory")
        }
    })

func load(_ texts: String...) throws(SettingsError) -> SettingsSection {
    let files = texts.enumerated().map { SettingsFile(name: "\($0.offset + 1).json", bytes: Array($0.element.utf8)) }
    return try SettingsSection(try loadSettings(files, variables: variables), path: "")
}

func message(_ texts: String...) -> String {
    let files = texts.enumerated().map { SettingsFile(name: "\($0.offset + 1).json", bytes: Array($0.element.utf8)) }
    do throws(SettingsError) {
        _ = try loadSettings(files, variables: variables)
        return "no error"
    } catch {
        return error.description
    }
}

@Suite struct SettingsFileTests {
    private func said(ofBytes bytes: [UInt8]) -> String {
        do throws(SettingsError) {
            _ = try loadSettings([SettingsFile(name: "1.json", bytes: bytes)], variables: variables)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        ("{\n  \"a\": \"caf", 0xE9, ".log\"}", "1.json:2:12: the byte 0xe9 is not UTF-8"),
        ("{ // caf", 0xE9, "\n}", "1.json:1:9: the byte 0xe9"),
        ("{ /* \n\n ", 0xFF, "*/ }", "1.json:3:2: the byte 0xff"),
        ("{\"", 0xC3, "\": 1}", "1.json:1:3: the byte 0xc3"), ("", 0xFF, "\u{1}", "1.json:1:1: the byte 0xff"),
    ]) func bytesThatAreNotUTF8(before: String, byte: Int, after: String, start: String) {
        let message = said(ofBytes: Array(before.utf8) + [UInt8(byte)] + after.utf8)
        #expect(message.hasPrefix(start), "\(message)")
    }

    @Test func utf16IsSaidToBe() {
        let start = "1.json:1:1: the file is UTF-16"
        #expect(said(ofBytes: [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]).hasPrefix(start))
        #expect(said(ofBytes: [0xFE, 0xFF, 0, 0x7B, 0, 0x7D]).hasPrefix(start))
        #expect(said(ofBytes: [0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == "no error")
    }

    @Test(arguments: [
        (#"{"a": "/tmp/x\u0000y"}"#, "1.json:1:14: a NUL stands in no path"), (#"{"a\u0000": 1}"#, "1.json:1:4: a NUL"),
        (#"{"a": ["\u0000"]}"#, "1.json:1:9: a NUL"), (#"{"a": "\ud83dx"}"#, "1.json:1:8: half a surrogate pair"),
        (#"{"a": "\udc00"}"#, "1.json:1:8: half"), (#"{"a": "\ud83d\u0041"}"#, "1.json:1:8: half"),
    ]) func escapesThatNoNameHolds(text: String, start: String) {
        let message = message(text)
        #expect(message.hasPrefix(start), "\(message)")
    }

    @Test func escapesOfCharactersAreTaken() throws {
        var section = try load(#"{"a": "\ud83d\ude00\ufffd\u0001"}"#)
        #expect(try section.string("a") == "\u{1F600}\u{FFFD}\u{1}")
    }

    static let everything = """
        // The settings of a test.
        {
          "text": "plain", /* a comment */
          "home": "${HOME}/x",
          "list": ["a", "b",],
          "size": "64KiB",
          "wait": "500ms",
          "deep": { "number": 12, "flag": true, "none": null },
        }
        """

    @Test func everyKindOfValueIsRead() throws {
        var section = try load(Self.everything)
        #expect(try section.string("text") == "plain")
        #expect(try section.string("home") == "/root/x")
        #expect(try section.strings("list") == ["a", "b"])
        #expect(try section.size("size", default: 0, in: 0...1 << 20) == 65_536)
        #expect(try section.duration("wait", default: .zero, in: .zero ... .seconds(1)) == .milliseconds(500))
        var deep = try section.section("deep")
        #expect(try deep.integer("number", default: 0, in: 0...20) == 12)
        #expect(try deep.bool("flag", default: false))
        #expect(deep.value("none") != nil)
        try deep.finish()
        try section.finish()
    }

    @Test func noFileIsAnEmptyObject() throws {
        let section = try SettingsSection(try loadSettings([], variables: variables), path: "")
        #expect(section.keys.isEmpty)
    }

    @Test func everyTruncationIsAnErrorWithAPlace() {
        let bytes = Array(Self.everything.utf8)
        for count in 0..<bytes.count {
            let file = SettingsFile(name: "cut.json", bytes: Array(bytes.prefix(count)))
            do throws(SettingsError) {
                _ = try loadSettings([file], variables: variables)
                Issue.record("the first \(count) bytes are taken for whole settings")
            } catch {
                #expect(error.description.hasPrefix("cut.json:"))
                #expect(error.position.line <= 9)
            }
        }
    }

    @Test func randomBytesNeverCrash() {
        var random = SeededRandom()
        let alphabet = Array("{}[]\",:$\\/*-10eE.tfn \n\u{e9}".utf8)
        for _ in 0..<2_000 {
            let bytes = random.bytes(0...63, from: alphabet)
            do throws(SettingsError) {
                let tree = try loadSettings([SettingsFile(name: "x", bytes: bytes)], variables: variables)
                guard case .object = tree.content else {
                    Issue.record("not an object, seed \(random.seed)")
                    return
                }
            } catch {
                #expect(!error.reason.isEmpty, "seed \(random.seed)")
            }
        }
    }

    @Test func theTopIsAnObject() {
        #expect(message("[1]") == "1.json:1:1: expected an object { … }")
        #expect(message("\n  \"x\"") == "1.json:2:3: expected an object { … }")
        #expect(message("") == "1.json:1:1: expected a value")
    }

    // MARK: Repeated keys and merging

    @Test func aRepeatedKeyNamesBothLines() {
        #expect(message("{\n \"a\": 1,\n \"a\": 2\n}") == "1.json:3:2: a: repeated key, it stands already on line 2")
        #expect(
            message("{ \"log\": { \"level\": \"info\",\n\"level\": \"debug\" } }")
                == "1.json:2:1: log.level: repeated key, it stands already on line 1")
        #expect(message("{ \"log\": {}, \"log\": {} }").contains("repeated key"))
    }

    @Test func aRepeatedKeyInAListElementIsFoundToo() {
        #expect(message("{ \"routes\": [ { \"to\": \"a\", \"to\": \"b\" } ] }").contains("routes[0].to: repeated key"))
    }

    @Test func objectsAreMerged() throws {
        var section = try load(
            "{ \"inputs\": { \"a\": { \"type\": \"file\" } }, \"log\": { \"level\": \"info\" } }",
            "{ \"inputs\": { \"b\": { \"type\": \"journald\" } } }",
            "{ \"inputs\": { \"a\": { \"start_at\": \"end\" } } }")
        var inputs = try section.section("inputs")
        #expect(inputs.keys == ["a", "b"])
        var first = try inputs.section("a")
        #expect(try first.string("type") == "file")
        #expect(try first.string("start_at") == "end")
    }

    @Test func theSameScalarTwiceNamesBothPlaces() {
        #expect(
            message("{ \"log\": { \"level\": \"info\" } }", "{ \"log\":\n  { \"level\": \"info\" } }")
                == "2.json:2:5: log.level: is set already at 1.json:1:12")
        #expect(message("{ \"a\": [1] }", "{ \"a\": [2] }") == "2.json:1:3: a: is set already at 1.json:1:3")
        #expect(message("{ \"a\": {} }", "{ \"a\": 2 }") == "2.json:1:3: a: is set already at 1.json:1:3")
        #expect(message("{ \"a\": null }", "{ \"a\": {} }") == "2.json:1:3: a: is set already at 1.json:1:3")
    }

    @Test func errorsOfAMergedObjectNameTheRightFile() throws {
        var section = try load("{ \"log\": { \"level\": \"info\" } }", "{ \"log\": {\n \"levle\": 1 } }")
        var log = try section.section("log")
        _ = try log.string("level")
        #expect(throws: SettingsError.self) { try log.finish() }
        do throws(SettingsError) { try log.finish() } catch {
            #expect(error.description == "2.json:2:2: log.levle: unknown key, did you mean \"level\"?")
        }
    }

    // MARK: Variables

    @Test(arguments: [
        ("${HOME}", "/root"), ("${HOME}/${HOME}", "/root//root"), ("${EMPTY}", ""), ("a${EMPTY:-b}c", "abc"),
        ("${NONE:-}", ""), ("${NONE:-127.0.0.1:9100}", "127.0.0.1:9100"), ("${HOME:-x}", "/root"),
        ("$${HOME}", "${HOME}"), ("$$${HOME}", "$${HOME}"), ("^a$", "^a$"), ("a$b$$", "a$b$$"),
        ("$${", "${"), ("${TRICK}", "${HOME}"), ("${file:/secret}", "s3cret"), ("${file:/dos}", "line"),
        ("${file:/two}", "a\n"), ("é${NONE:-ü}", "éü"),
    ])
    func variablesAreReplaced(_ text: String, _ expected: String) throws {
        #expect(try variables.expand(text) == expected)
    }

    @Test(arguments: [
        ("${NONE}", "the environment variable NONE is not set; a default is ${NONE:-…}"),
        ("${HOME", "\"${\" has no \"}\"; the text ${ itself is written $${"),
        ("${}", "${} is none of"), ("${1A}", "${1A} is none of"), ("${A-b}", "${A-b} is none of"),
        ("${A:b}", "${A:b} is none of"), ("${A:-${HOME}}", "variables do not nest"),
        ("${file:secret}", "needs a path that begins with /"), ("${file:/none}", "/none: No such file or directory"),
        ("${file:/binary}", "/binary is not a text in UTF-8"),
    ])
    func wrongVariablesAreErrors(_ text: String, _ expected: String) {
        #expect(throws: VariableError.self) { try variables.expand(text) }
        do throws(VariableError) { _ = try variables.expand(text) } catch { #expect(error.reason.contains(expected)) }
    }

    /// What a file holds, in the place of its path: it may be a private key.
    @Test func whatAFileHoldsIsNoPath() throws {
        var section = try load(#"{ "a": "${file:/secret}", "b": "${HOME}/key", "c": "/${file:/two}", "d": "x" }"#)
        for key in ["a", "c"] {
            do throws(SettingsError) {
                _ = try section.optionalFilePath(key)
                Issue.record("taken")
            } catch {
                #expect(error.description.contains("write the path alone") && !error.description.contains("s3cret"))
            }
        }
        #expect(try section.filePath("b") == "/root/key" && section.filePath("d") == "x")
        #expect(try section.optionalFilePath("e") == nil)
        #expect(throws: SettingsError.self) { _ = try section.filePath("e") }
    }

    @Test func variablesWithoutAValueMayStay() throws {
        let text = "a ${HOME} ${NONE} ${file:/none} ${file:/secret} ${NONE:-b} $${x}"
        #expect(try variables.keepingUnknown.expand(text) == "a /root ${NONE} ${file:/none} s3cret b ${x}")
        #expect(throws: VariableError.self) { try variables.keepingUnknown.expand("${HOME") }
    }

    @Test func anUnsetVariableHasAPlace() {
        #expect(
            message("{\n  \"outputs\": { \"x\": { \"url\": \"${NONE}\" } }\n}")
                == "1.json:2:30: outputs.x.url: the environment variable NONE is not set; a default is ${NONE:-…}")
    }

    @Test func aVariableMakesTextNeverANumber() throws {
        var section = try load("{ \"port\": \"${NONE:-9100}\" }")
        #expect(throws: SettingsError.self) { try section.integer("port", default: 1, in: 1...65_535) }
    }
}
