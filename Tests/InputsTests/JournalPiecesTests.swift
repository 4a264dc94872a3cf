// Lines of containers that came in pieces, and of whose unit an entry of a service manager is.

import Bytes
import Foundation
import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

@Suite(.enabled(if: JournalTool.isThere, JournalTool.missing)) struct JournalPiecesTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func journal(_ more: String = "", resume: JSONValue? = nil) throws -> JournaldInput {
        try journald("{ \"directory\": \"\(directory.path)\"\(more) }", resume: resume)
    }

    private func make(_ entries: [FixtureEntry]) throws {
        try makeJournal(directory.path + "/a.journal", entries)
    }

    /// As Docker writes it; `isLast` says the field of newer versions.
    private func entry(
        _ number: Int, _ text: String, of container: String = "c1", priority: String = "6", isPartial: Bool,
        isLast: Bool? = nil
    ) -> FixtureEntry {
        var entry = FixtureEntry(
            number,
            ["MESSAGE": text, "PRIORITY": priority, "CONTAINER_ID_FULL": container, "SYSLOG_IDENTIFIER": container])
        if isPartial { entry.fields.append(("CONTAINER_PARTIAL_MESSAGE", Array("true".utf8))) }
        if let isLast {
            entry.fields.append(("CONTAINER_PARTIAL_LAST", Array("\(isLast)".utf8)))
            entry.fields.append(("CONTAINER_PARTIAL_ORDINAL", Array("\(number)".utf8)))
        }
        return entry
    }

    @Test(arguments: [false, true]) func piecesAreJoined(areNew: Bool) throws {
        try make([
            entry(0, "whole", isPartial: false), entry(1, "one ", isPartial: true, isLast: areNew ? false : nil),
            entry(2, "two ", isPartial: true, isLast: areNew ? false : nil),
            entry(3, "three", isPartial: false, isLast: areNew ? true : nil), entry(4, "after", isPartial: false),
        ])
        var input = try journal()
        let reading = readAll(&input)
        #expect(reading.texts == ["whole", "one two three", "after"])
        #expect(reading.fields.allSatisfy { $0 == ["identifier": "c1", "priority": "#6"] })
        // The time of the first piece.
        #expect(reading.records[1].unixNanoseconds == 1_700_000_000_001_000_000)
    }

    /// Some mark the last piece as a piece too.
    @Test func theLastPieceMayBeMarkedTwice() throws {
        try make([
            entry(0, "a", isPartial: true, isLast: false), entry(1, "b", isPartial: true, isLast: true),
            entry(2, "c", isPartial: false),
        ])
        var input = try journal()
        #expect(readAll(&input).texts == ["ab", "c"])
    }

    @Test func eachContainerAndStreamHasItsOwn() throws {
        try make([
            entry(0, "a1 ", of: "a", isPartial: true), entry(1, "b1 ", of: "b", isPartial: true),
            FixtureEntry(2, ["MESSAGE": "nobody's"]), entry(3, "e1 ", of: "a", priority: "3", isPartial: true),
            entry(4, "a2", of: "a", isPartial: false), entry(5, "e2", of: "a", priority: "3", isPartial: false),
            entry(6, "b2", of: "b", isPartial: false),
        ])
        var input = try journal()
        #expect(readAll(&input).texts == ["nobody's", "a1 a2", "e1 e2", "b1 b2"])
    }

    /// Newer versions of Docker name the line of each piece, of the last one too.
    @Test func eachLineHasItsOwn() throws {
        func piece(_ number: Int, _ text: String, of line: String, isLast: Bool) -> FixtureEntry {
            var entry = entry(number, text, isPartial: !isLast, isLast: isLast)
            entry.fields.append(("CONTAINER_PARTIAL_ID", Array(line.utf8)))
            return entry
        }
        try make([
            piece(0, "x1 ", of: "x", isLast: false), piece(1, "y1 ", of: "y", isLast: false),
            piece(2, "x2", of: "x", isLast: true), piece(3, "y2", of: "y", isLast: true),
        ])
        var input = try journal()
        #expect(readAll(&input).texts == ["x1 x2", "y1 y2"])
    }

    @Test func aPieceWhoseNextDoesNotComeGoesWhenItsTimeIsOver() throws {
        try make([entry(0, "lost", isPartial: true), FixtureEntry(1, ["MESSAGE": "x"])])
        var input = try journal()
        #expect(readAll(&input).texts == ["x"])
        #expect(readAll(&input, after: .seconds(4)).texts == [])
        let reading = readAll(&input, after: .seconds(5))
        #expect(reading.texts == ["lost"])
        #expect(count("partial_message_timeout", of: input) == 1)
        input.acknowledge(try #require(reading.last))
        var next = try journal(resume: try cursor(of: input))
        #expect(readAll(&next).texts == [])
    }

    @Test func aLineOverTheLimitGoesAndTheRestIsAnother() throws {
        let text = String(repeating: "x", count: 500)
        try make((0..<5).map { entry($0, text, isPartial: $0 < 4) })
        var input = try journal(", \"line_limit\": 1024")
        #expect(readAll(&input).texts.map(\.utf8.count) == [1_000, 1_000, 500])
        #expect(count("partial_message_limit", of: input) == 2)
    }

    /// What is held is not acknowledged, whatever came after it: the next start reads it again from its first piece.
    @Test func aStopBetweenPiecesLosesNothing() throws {
        let entries = [
            FixtureEntry(0, ["MESSAGE": "before"]), entry(1, "one ", isPartial: true),
            FixtureEntry(2, ["MESSAGE": "between"]), entry(3, "two", isPartial: false),
            FixtureEntry(4, ["MESSAGE": "after"]),
        ]
        try make(Array(entries.prefix(3)))
        var input = try journal()
        let reading = readAll(&input)
        #expect(reading.texts == ["before", "between"])
        input.acknowledge(try #require(reading.last))
        let place = try cursor(of: input)
        #expect(place["again"]?.bool == true)
        try makeJournal(directory.path + "/b.journal", Array(entries.suffix(2)))
        var next = try journal(resume: place)
        #expect(readAll(&next).texts == ["between", "one two", "after"])
        // All in one run, in batches of one.
        var again = try journal()
        let all = readAll(&again, recordLimit: 1)
        #expect(all.texts == ["before", "between", "one two", "after"])
        again.acknowledge(try #require(all.last))
        var none = try journal(resume: try cursor(of: again))
        #expect(readAll(&none).texts == [])
    }

    /// Podman 4.3 with conmon 2.1 writes line breaks, with a terminal two bytes of them. Those within a message stay.
    @Test func aLineOfPodmanEndsWithoutItsLineBreak() throws {
        var other = FixtureEntry(6, ["PRIORITY": "6"])
        other.fields.append(("MESSAGE", Array("of no container\n".utf8)))
        func entry(_ number: Int, _ text: String, isPartial: Bool = false) -> FixtureEntry {
            var entry = FixtureEntry(number, ["PRIORITY": "6", "CONTAINER_ID_FULL": "c1"])
            entry.fields.append(("MESSAGE", Array(text.utf8)))
            if isPartial { entry.fields.append(("CONTAINER_PARTIAL_MESSAGE", Array("true".utf8))) }
            return entry
        }
        try make([
            entry(0, "a\n"), entry(1, "\n"), entry(2, "b\r\n"), entry(3, "c\nd\n\n"), entry(4, "e\n", isPartial: true),
            entry(5, "f\n"), other,
        ])
        var input = try journal()
        #expect(readAll(&input).texts == ["a", "", "b", "c\nd\n", "e\nf", "of no container\n"])
    }

    /// As journald cuts what a service writes to its output.
    private func output(
        _ number: Int, _ text: String, of stream: String = "s1", pid: String = "7", ending: String? = nil
    ) -> FixtureEntry {
        var entry = FixtureEntry(
            number,
            [
                "MESSAGE": text, "PRIORITY": "6", "SYSLOG_IDENTIFIER": "web", "_TRANSPORT": "stdout",
                "_STREAM_ID": stream,
                "_PID": pid,
            ])
        if let ending { entry.fields.append(("_LINE_BREAK", Array(ending.utf8))) }
        return entry
    }

    @Test func whatJournaldCutsIsJoined() throws {
        try make([
            output(0, "whole"), output(1, "one ", ending: "line-max"),
            output(2, "other ", of: "s2", ending: "line-max"),
            FixtureEntry(3, ["MESSAGE": "nobody's"]), output(4, "two ", ending: "line-max"), output(5, "three"),
            output(6, "end", of: "s2", ending: "eof"), output(7, "after"),
        ])
        var input = try journal()
        let reading = readAll(&input)
        #expect(reading.texts == ["whole", "nobody's", "one two three", "other end", "after"])
        #expect(reading.records.map(\.unixNanoseconds)[2] == 1_700_000_000_001_000_000)
    }

    /// A NUL byte, the end of the stream and another process end a line; a line of another process is another line.
    @Test(arguments: ["nul", "eof", "pid-change", "what comes"]) func otherEndsAreEnds(ending: String) throws {
        try make([
            output(0, "a", ending: ending), output(1, "b"), output(2, "c ", ending: "line-max"),
            output(3, "d", ending: ending), output(4, "e ", ending: "line-max"), output(5, "of another", pid: "8"),
        ])
        var input = try journal()
        #expect(readAll(&input).texts == ["a", "b", "c d", "of another"])
        #expect(readAll(&input, after: .seconds(5)).texts == ["e "])
    }

    /// What a program says of itself through the journal's own interface is not believed: it has no stream.
    @Test func onlyJournaldSaysThatALineGoesOn() throws {
        var claim = FixtureEntry(0, ["MESSAGE": "a", "LINE_BREAK": "line-max", "STREAM_ID": "s1"])
        claim.fields.append(("_LINE_BREAK", Array("line-max".utf8)))
        try make([claim, output(1, "b")])
        var input = try journal()
        #expect(readAll(&input).texts == ["a", "b"])
    }

    @Test func theUnitIsThatOfWhichAManagerSpeaks() throws {
        let cases: [(fields: KeyValuePairs<String, String>, unit: String?, userUnit: String?)] = [
            (
                ["_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "app.service"], "user@1000.service",
                "app.service"
            ),
            (
                [
                    "_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "init.scope",
                    "USER_UNIT": "app.service",
                ], "user@1000.service", "app.service"
            ),
            // Older managers have no unit of their own.
            (["_SYSTEMD_UNIT": "user@1000.service", "USER_UNIT": "app.service"], "user@1000.service", "app.service"),
            // What anybody may say is not believed.
            (
                [
                    "_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "evil.service",
                    "USER_UNIT": "app.service",
                ], "user@1000.service", "evil.service"
            ),
            (["_SYSTEMD_UNIT": "evil.service", "USER_UNIT": "app.service"], "evil.service", nil),
            (
                ["_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "init.scope"], "user@1000.service",
                "init.scope"
            ),
            (["_SYSTEMD_UNIT": "init.scope", "UNIT": "ssh.service", "_PID": "1"], "ssh.service", nil),
        ]
        var entries: [FixtureEntry] = []
        for (number, one) in cases.enumerated() {
            var entry = FixtureEntry(number, ["MESSAGE": "m"])
            entry.fields += one.fields.map { ($0.key, Array($0.value.utf8)) }
            entries.append(entry)
        }
        try make(entries)
        var input = try journal()
        let fields = readAll(&input).fields
        #expect(fields.map { $0["unit"] } == cases.map(\.unit))
        #expect(fields.map { $0["user_unit"] } == cases.map(\.userUnit))
    }
}
