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
