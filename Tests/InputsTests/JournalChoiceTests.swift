// Whose entries come, and which of their fields: by libsystemd's matches, and by what is asked after reading.

import Bytes
import Foundation
import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

@Suite(.enabled(if: JournalTool.isThere, JournalTool.missing)) struct JournalChoiceTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func journal(_ more: String) throws -> JournaldInput {
        try journald("{ \"directory\": \"\(directory.path)\", \(more) }")
    }

    private func texts(_ more: String) throws -> [String] {
        var input = try journal(more)
        return readAll(&input, recordLimit: 2).texts
    }

    /// One of each way in which an entry can be of a unit, and the forgeries of them.
    private func makeOwned() throws {
        let dump = "fc2e22bc6ee647b6b90729ab34a250b1"
        let entries: [KeyValuePairs<String, String>] = [
            ["MESSAGE": "nginx", "_SYSTEMD_UNIT": "nginx.service", "_SYSTEMD_SLICE": "web.slice", "PRIORITY": "6"],
            ["MESSAGE": "nginx 2", "_SYSTEMD_UNIT": "nginx-2.service", "_SYSTEMD_SLICE": "web.slice", "PRIORITY": "3"],
            ["MESSAGE": "started", "_PID": "1", "_SYSTEMD_UNIT": "init.scope", "UNIT": "nginx.service"],
            ["MESSAGE": "forged unit", "_PID": "9", "_SYSTEMD_UNIT": "cron.service", "UNIT": "nginx.service"],
            ["MESSAGE": "dump", "MESSAGE_ID": dump, "_UID": "0", "COREDUMP_UNIT": "nginx.service"],
            ["MESSAGE": "forged dump", "MESSAGE_ID": dump, "_UID": "7", "COREDUMP_UNIT": "nginx.service"],
            ["MESSAGE": "about", "_UID": "0", "OBJECT_SYSTEMD_UNIT": "nginx.service"],
            ["MESSAGE": "forged about", "_UID": "7", "OBJECT_SYSTEMD_UNIT": "nginx.service"],
            ["MESSAGE": "kernel", "_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel", "PRIORITY": "4"],
            [
                "MESSAGE": "editor", "_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "editor.service",
                "SYSLOG_IDENTIFIER": "ed",
            ],
            ["MESSAGE": "editor starts", "_SYSTEMD_UNIT": "user@1000.service", "USER_UNIT": "editor.service"],
            ["MESSAGE": "nobody", "SYSLOG_IDENTIFIER": "ed"],
        ]
        try makeJournal(
            directory.path + "/a.journal", entries.enumerated().map { FixtureEntry($0.offset, $0.element) })
    }

    /// By name through libsystemd's index and by pattern after reading, the same entries come.
    @Test(arguments: [#""nginx""#, #""nginx.servic[e]""#]) func aUnitHasWhatIsSaidOfIt(unit: String) throws {
        try makeOwned()
        #expect(try texts("\"units\": [\(unit)]") == ["nginx", "started", "dump", "about"])
        #expect(try texts("\"units\": [\(unit)], \"priority\": 6") == ["nginx"])
        #expect(
            try texts("\"units\": [\(unit)], \"kernel\": true")
                == ["nginx", "started", "dump", "about", "kernel"])
        #expect(
            try texts("\"units\": [\(unit)], \"user_units\": [\"editor\"]")
                == ["nginx", "started", "dump", "about", "editor", "editor starts"])
    }

    @Test func patternsTakeManyUnits() throws {
        try makeOwned()
        #expect(try texts(#""units": ["nginx*"]"#) == ["nginx", "nginx 2", "started", "dump", "about"])
        #expect(try texts(#""units": ["nginx*", "cron"]"#).count == 6)
        #expect(try texts(#""units": ["nginx?2.{service,socket}"]"#) == ["nginx 2"])
        #expect(try texts(#""user_units": ["ed*"]"#) == ["editor", "editor starts"])
        #expect(try texts(#""units": ["web.slice"]"#) == ["nginx", "nginx 2"])
        #expect(try texts(#""units": ["[w]eb.slice"]"#) == ["nginx", "nginx 2"])
        #expect(try texts(#""units": ["nothing*"]"#).isEmpty)
    }

    @Test func excludedUnitsStayAway() throws {
        try makeOwned()
        let kept = ["forged dump", "forged about", "kernel", "editor", "editor starts", "nobody"]
        #expect(try texts(#""exclude_units": ["nginx*", "cron"]"#) == kept)
        #expect(try texts(#""units": ["nginx*"], "exclude_units": ["nginx"]"#) == ["nginx 2"])
        #expect(try texts(#""units": ["nginx", "nginx-2"], "exclude_units": ["nginx"]"#) == ["nginx 2"])
        #expect(try texts(#""exclude_units": ["*"]"#) == ["forged dump", "forged about", "kernel", "nobody"])
        #expect(try texts(#""kernel": true, "exclude_units": ["*"]"#) == ["kernel"])
        #expect(try texts(#""exclude_units": ["web.slice"], "priority": "info""#) == ["kernel"])
    }

    @Test func kernelAndIdentifiers() throws {
        try makeOwned()
        #expect(try texts(#""kernel": true"#) == ["kernel"])
        #expect(try texts(#""identifiers": ["ed"]"#) == ["editor", "nobody"])
        #expect(try texts(#""identifiers": ["ed", "kernel"]"#) == ["kernel", "editor", "nobody"])
        #expect(try texts(#""identifiers": ["ed"], "user_units": ["editor"]"#) == ["editor"])
    }

    /// What is left out moves the cursor all the same, else a start would read all of it again.
    @Test func whatIsLeftOutIsPassed() throws {
        let noise = (0..<500).map { FixtureEntry($0, ["MESSAGE": "noise", "_SYSTEMD_UNIT": "noise.service"]) }
        try makeJournal(directory.path + "/a.journal", noise)
        let settings = "{ \"directory\": \"\(directory.path)\", \"exclude_units\": [\"noise\"] }"
        var input = try journald(settings)
        #expect(readAll(&input).texts.isEmpty)
        let place = try cursor(of: input)
        #expect(place["cursor"]?.string != nil)
        try makeJournal(directory.path + "/b.journal", [FixtureEntry(600, ["MESSAGE": "wanted"])])
        var again = try journald(settings, resume: place)
        #expect(readAll(&again).texts == ["wanted"])
        #expect(count("cursor_lost", of: again) == 0)
    }

    @Test func boots() throws {
        let text = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let boot = text.filter(\.isHexDigit)
        try makeJournal(directory.path + "/a.journal", (0..<3).map { FixtureEntry($0, ["MESSAGE": "old \($0)"]) })
        try makeJournal(
            directory.path + "/b.journal",
            (3..<5).map { FixtureEntry($0, boot: boot, ["MESSAGE": "new \($0)", "PRIORITY": "\($0)"]) })
        #expect(try texts(#""boot": "all""#).count == 5)
        #expect(try texts(#""boot": "current""#) == ["new 3", "new 4"])
        #expect(try texts(#""boot": "current", "priority": 3"#) == ["new 3"])
        #expect(try texts("\"boot\": \"\(FixtureEntry.bootID)\"") == ["old 0", "old 1", "old 2"])
        #expect(try texts(#""boot": 0"#) == ["new 3", "new 4"])
        #expect(try texts(#""boot": "0""#) == ["new 3", "new 4"])
        #expect(try texts(#""boot": -1"#) == ["old 0", "old 1", "old 2"])
        #expect(try texts(#""boot": "-1", "matches": ["MESSAGE=old 1"]"#) == ["old 1"])
        var none = try journal(#""boot": -2"#)
        #expect(readAll(&none).texts.isEmpty)
        #expect(none.status(at: someMoment).problems == ["there is no boot -2: the journal has 2"])
        #expect(none.check().problems == ["there is no boot -2: the journal has 2"])
        var other = try journal(#""boot": "ffffffffffffffffffffffffffffffff""#)
        #expect(readAll(&other).texts.isEmpty)
        #expect(other.check().notes.contains("no entry of the boot ffffffffffffffffffffffffffffffff"))
    }

    /// The order of boots is that of their first entries, not of their ids.
    @Test func bootsAreCountedBackInTheirOrder() throws {
        let ids = ["cc", "aa", "dd", "bb"].map { String(repeating: $0, count: 16) }
        for (number, id) in ids.enumerated().reversed() {
            try makeJournal(
                directory.path + "/\(number).journal",
                [FixtureEntry(number * 10, boot: id, ["MESSAGE": "\(number)"])])
        }
        for back in 0..<4 { #expect(try texts("\"boot\": \(-back)") == ["\(3 - back)"]) }
    }

    @Test func aDirectoryLeavesOutItsNamespaces() throws {
        let machine = "0123456789abcdef0123456789abcdef"
        for (place, text) in [("", "own"), (".web", "of web")] {
            let path = "\(directory.path)/\(machine)\(place)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try makeJournal(path + "/a.journal", [FixtureEntry(text.count, ["MESSAGE": text])])
        }
        var input = try journald("{ \"directory\": \"\(directory.path)\" }")
        #expect(readAll(&input).texts == ["own"])
        // Nor are its files taken for damaged ones.
        _ = readAll(&input, after: .seconds(61))
        _ = readAll(&input, after: .seconds(70))
        #expect(count("file_corrupt", of: input) == 0)
        var web = try journald("{ \"directory\": \"\(directory.path)/\(machine).web\" }")
        #expect(readAll(&web).texts == ["of web"])
    }

    @Test func checkSaysWhatPatternsAndNamesFind() throws {
        try makeOwned()
        var input = try journal(
            #""units": ["ngin*", "corn*"], "exclude_units": ["conr"], "identifiers": ["edd"], "#
                + #""journal_fields": ["_CMDLIN"]"#)
        let report = input.check()
        #expect(report.problems.isEmpty)
        #expect(report.notes.contains("ngin* takes nginx-2.service, nginx.service"), "\(report.notes)")
        #expect(report.notes.contains("no unit in the journal is like corn*"))
        #expect(report.notes.contains(#"no entry of unit conr.service, did you mean "cron.service"?"#))
        #expect(report.notes.contains(#"no entry with the identifier "edd", did you mean "ed"?"#), "\(report.notes)")
        #expect(report.notes.contains("no entry has the field _CMDLIN"))
        #expect(report.notes.contains("0 entries are selected"))
        var few = try journal(#""units": ["ngin*"], "exclude_units": ["nginx"]"#)
        #expect(few.check().notes.contains("1 entry is selected"))
    }
}
