// Fields of the journal that go with a record under their own names.

import Foundation
import Inputs
import Logs
import Settings
import TestSupport
import Testing

@Suite(.enabled(if: JournalTool.isThere, JournalTool.missing)) struct JournalFieldsTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func journal(_ more: String) throws -> JournaldInput {
        try journald("{ \"directory\": \"\(directory.path)\", \(more) }")
    }

    @Test func chosenFieldsGoWithTheRecord() throws {
        try makeJournal(
            directory.path + "/a.journal",
            [
                FixtureEntry(0, ["MESSAGE": "one", "_PID": "7", "_EXE": "/bin/a", "CODE_LINE": "12", "_COMM": "a"]),
                FixtureEntry(1, ["MESSAGE": "two", "_PID": "7", "_EXE": "/bin/b", "_COMM": "a"]),
                FixtureEntry(2, ["MESSAGE": "three", "_PID": "7", "_EXE": "/bin/b", "_COMM": "a"]),
                FixtureEntry(3, ["CODE_LINE": "12"]),
            ])
        var input = try journal(#""journal_fields": ["_EXE", "CODE_LINE", "_PID"]"#)
        let reading = readAll(&input)
        let own = ["identifier": "a", "pid": "#7", "_PID": "7"]
        #expect(reading.texts == ["one", "two", "three"])
        #expect(
            reading.fields == [
                own.merging(["_EXE": "/bin/a", "CODE_LINE": "12"]) { $1 }, own.merging(["_EXE": "/bin/b"]) { $1 },
                own.merging(["_EXE": "/bin/b"]) { $1 },
            ])
        // Neighbours that have the same share them.
        #expect(reading.records[1].fields == reading.records[2].fields)
        #expect(reading.records[0].fields != reading.records[1].fields)
        #expect(count("entry_without_message", of: input) == 1)
    }

    @Test func theWholeEntry() throws {
        var odd = FixtureEntry(1, ["MESSAGE": "two\nlines", "WITH_ZERO": "a\u{0}b", "EMPTY": ""])
        odd.fields.append(("BINARY", [0xFF, 0xFE, 0x00, 0x0A]))
        odd.fields.append(("EMPTY", Array("again".utf8)))
        try makeJournal(
            directory.path + "/a.journal",
            [
                FixtureEntry(0, ["MESSAGE": "one", "PRIORITY": "6", "_UID": "0"]), odd,
                FixtureEntry(2, ["LONE": "field"]),
            ])
        var input = try journal(#""journal_fields": "all""#)
        let reading = readAll(&input)
        #expect(reading.texts == ["one", "two\nlines", ""])
        #expect(
            reading.fields[0] == ["priority": "#6", "PRIORITY": "6", "_UID": "0", "_BOOT_ID": FixtureEntry.bootID])
        #expect(reading.fields[1]["WITH_ZERO"] == "a\u{0}b")
        #expect(reading.fields[1]["BINARY"] == "\u{FFFD}\u{FFFD}\u{0}\n")
        #expect(["", "again"].contains(reading.fields[1]["EMPTY"]))
        #expect(count("field_repeated", of: input) == 1)
        // A whole entry needs no message.
        #expect(reading.fields[2] == ["LONE": "field", "_BOOT_ID": FixtureEntry.bootID])
        #expect(count("entry_without_message", of: input) == 0)
        #expect(count("field_cut", of: input) == 0)
    }

    @Test func fieldsOverTheLimitAreCutMarkedAndCounted() throws {
        let long = String(repeating: "x", count: 5_000)
        try makeJournal(
            directory.path + "/a.journal",
            [
                FixtureEntry(0, ["MESSAGE": "m", "BIG": long]), FixtureEntry(1, ["MESSAGE": "m", "SMALL": "s"]),
                FixtureEntry(2, ["MESSAGE": long]),
            ])
        var input = try journal(#""journal_fields": "all", "line_limit": 1024"#)
        let reading = readAll(&input)
        #expect(reading.records.map(\.isCut) == [true, false, true])
        let first = reading.fields[0]
        #expect(first.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } <= 1_024)
        #expect(first["BIG"]?.allSatisfy { $0 == "x" } == true)
        #expect(reading.fields[1]["SMALL"] == "s")
        #expect((count("field_cut", of: input) ?? 0) >= 1)
        #expect(count("line_cut", of: input) == 1)
        #expect(reading.texts[2].utf8.count == 1_024)
    }

    /// A large field does not push out those that come after it, nor before.
    @Test(arguments: [#""all""#, #"["COREDUMP_PROC_MAPS", "COREDUMP_EXE", "COREDUMP_ENVIRON", "COREDUMP_SIGNAL"]"#])
    func aLargeFieldIsCutAndTheOthersStay(chosen: String) throws {
        var dump = FixtureEntry(0, ["MESSAGE": "m", "COREDUMP_EXE": "/usr/bin/a"])
        dump.fields.append(("COREDUMP_PROC_MAPS", Array(String(repeating: "é", count: 1_000_000).utf8)))
        dump.fields.append(("COREDUMP_ENVIRON", Array(String(repeating: "E", count: 90_000).utf8)))
        dump.fields.append(("COREDUMP_SIGNAL", Array("11".utf8)))
        try makeJournal(
            directory.path + "/a.journal", [dump, FixtureEntry(1, ["MESSAGE": "n", "COREDUMP_EXE": "/b"])])
        var input = try journal("\"journal_fields\": \(chosen)")
        let reading = readAll(&input)
        let fields = reading.fields[0]
        #expect(fields["COREDUMP_EXE"] == "/usr/bin/a" && fields["COREDUMP_SIGNAL"] == "11")
        #expect(fields["COREDUMP_ENVIRON"]?.utf8.count == 90_000)
        let maps = try #require(fields["COREDUMP_PROC_MAPS"])
        // Most of what is left, and no half of a character.
        #expect((150_000...172_144).contains(maps.utf8.count) && maps.allSatisfy { $0 == "é" })
        #expect(fields.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } <= 256 << 10)
        #expect(reading.records.map(\.isCut) == [true, false])
        #expect(count("field_cut", of: input) == 1)
        #expect(reading.fields[1]["COREDUMP_EXE"] == "/b")
    }

    @Test func manyLargeFieldsShareTheLimit() throws {
        var entry = FixtureEntry(0, ["MESSAGE": "m", "SMALL": "s"])
        for number in 0..<40 { entry.fields.append(("BIG\(number)", Array(repeating: 0x78, count: 3_000 + number))) }
        entry.fields.append(("LAST", Array("l".utf8)))
        try makeJournal(directory.path + "/a.journal", [entry])
        var input = try journal(#""journal_fields": "all", "line_limit": 8192"#)
        let fields = readAll(&input).fields[0]
        #expect(fields["SMALL"] == "s" && fields["LAST"] == "l" && fields["_BOOT_ID"] == FixtureEntry.bootID)
        let lengths = Set((0..<40).map { fields["BIG\($0)"]?.utf8.count ?? 0 })
        #expect(lengths.count == 1 && (150...205).contains(lengths.first ?? 0))
        #expect(count("field_cut", of: input) == 40)
    }

    @Test func namesAloneMayBeOverTheLimit() throws {
        var entry = FixtureEntry(0, ["MESSAGE": "m"])
        for number in 0..<100 { entry.fields.append(("A_LONG_NAME_OF_A_FIELD_\(1_000 + number)", [0x78])) }
        try makeJournal(directory.path + "/a.journal", [entry])
        var input = try journal(#""journal_fields": "all", "line_limit": 1024"#)
        let fields = readAll(&input).fields[0]
        #expect(fields.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } <= 1_024)
        #expect((30...40).contains(fields.count))
        #expect((count("field_cut", of: input) ?? 0) >= 60)
    }

    /// As many as fit; a batch is full by its fields too, since they are what takes the room.
    @Test func manyFieldsAreBounded() throws {
        var wide = FixtureEntry(0, ["MESSAGE": "wide"])
        for number in 0..<1_020 { wide.fields.append(("F\(number)", Array("\(number)".utf8))) }
        try makeJournal(directory.path + "/a.journal", [wide])
        var input = try journal(#""journal_fields": "all""#)
        let reading = readAll(&input)
        #expect(reading.fields.first?.count == 1_021)
        #expect(count("field_cut", of: input) == 0)

        let text = String(repeating: "y", count: 10_000)
        try makeJournal(
            directory.path + "/b.journal", (1..<40).map { FixtureEntry($0, ["MESSAGE": "m", "TEXT": text + "\($0)"]) })
        var again = try journal(#""journal_fields": ["TEXT"]"#)
        var batch = LogBatch(byteLimit: 100_000)
        #expect(again.read(into: &batch, at: someMoment) == .notAtAll)
        #expect(batch.isFull)
        #expect((9...12).contains(batch.records.count))
        #expect(1 + 39 - batch.records.count == readAll(&again).texts.count)
    }
}
