import Bytes
import Foundation
import Inputs
import Logs
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@Suite(.enabled(if: JournalTool.isThere, JournalTool.missing)) struct JournaldInputTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func numbered(_ range: Range<Int>) -> [FixtureEntry] {
        range.map { FixtureEntry($0, ["MESSAGE": "message \($0)", "PRIORITY": "\($0 % 8)", "_PID": "\(100 + $0)"]) }
    }

    /// With more settings than the directory, which is that of the test when none is given.
    private func journal(
        _ more: String = "", at path: String? = nil, resume: JSONValue? = nil
    ) throws -> JournaldInput {
        let comma = more.isEmpty ? "" : ", "
        return try journald("{ \"directory\": \"\(path ?? directory.path)\"\(comma)\(more) }", resume: resume)
    }

    @Test func readsAllWithFieldsAndTimes() throws {
        try makeJournal(
            directory.path + "/a.journal",
            [
                FixtureEntry(
                    0,
                    [
                        "MESSAGE": "one", "PRIORITY": "6", "_SYSTEMD_UNIT": "ssh.service", "SYSLOG_IDENTIFIER": "sshd",
                        "_COMM": "other", "_PID": "42", "_SOURCE_REALTIME_TIMESTAMP": "1699999999123456",
                    ]),
                FixtureEntry(1, ["MESSAGE": "two", "_COMM": "cron", "SYSLOG_PID": "7", "PRIORITY": "none"]),
                FixtureEntry(2, ["MESSAGE": "Started.", "_SYSTEMD_UNIT": "init.scope", "UNIT": "ssh.service"]),
                FixtureEntry(3, ["MESSAGE": "forged", "_SYSTEMD_UNIT": "cron.service", "UNIT": "ssh.service"]),
                FixtureEntry(4, ["PRIORITY": "6"]),
                FixtureEntry(5, ["MESSAGE": ""]),
            ])
        var input = try journal()
        let reading = readAll(&input)
        #expect(reading.texts == ["one", "two", "Started.", "forged", ""])
        #expect(
            reading.fields == [
                ["unit": "ssh.service", "priority": "#6", "identifier": "sshd", "pid": "#42"],
                ["identifier": "cron", "pid": "#7"], ["unit": "ssh.service"], ["unit": "cron.service"], [:],
            ])
        #expect(
            reading.records.map(\.unixNanoseconds).prefix(2) == [1_699_999_999_123_456_000, 1_700_000_000_001_000_000])
        #expect(reading.records.map(\.next.offset) == [1, 2, 3, 4, 5])
        #expect(count("entry_without_message", of: input) == 1)
        #expect(input.status(at: someMoment).sourceCount == 1)
        #expect(input.status(at: someMoment).problems.isEmpty)
    }

    @Test(arguments: [1, 7, 300, 5_000]) func readsEachOnceInAnyBatches(_ size: Int) throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<1_000))
        var input = try journal()
        #expect(readAll(&input, recordLimit: size).texts == (0..<1_000).map { "message \($0)" })
        #expect(readAll(&input).texts.isEmpty)
    }

    @Test func filters() throws {
        var entries: [FixtureEntry] = []
        entries.append(FixtureEntry(0, ["MESSAGE": "by ssh", "_SYSTEMD_UNIT": "ssh.service", "PRIORITY": "6"]))
        entries.append(FixtureEntry(1, ["MESSAGE": "on ssh", "_PID": "1", "UNIT": "ssh.service", "PRIORITY": "4"]))
        entries.append(FixtureEntry(2, ["MESSAGE": "forged", "_PID": "9", "UNIT": "ssh.service", "PRIORITY": "4"]))
        entries.append(
            FixtureEntry(
                3,
                [
                    "MESSAGE": "dump", "MESSAGE_ID": "fc2e22bc6ee647b6b90729ab34a250b1", "_UID": "0",
                    "COREDUMP_UNIT": "ssh.service", "PRIORITY": "2",
                ]))
        entries.append(FixtureEntry(4, ["MESSAGE": "cron", "_SYSTEMD_UNIT": "cron.service", "PRIORITY": "3"]))
        entries.append(FixtureEntry(5, ["MESSAGE": "bare"]))
        try makeJournal(directory.path + "/a.journal", entries)
        func texts(_ more: String) throws -> [String] {
            var input = try journal(more)
            return readAll(&input).texts
        }
        #expect(try texts(#""units": ["ssh"]"#) == ["by ssh", "on ssh", "dump"])
        #expect(try texts(#""units": ["ssh", "cron"]"#) == ["by ssh", "on ssh", "dump", "cron"])
        #expect(try texts(#""priority": "err""#) == ["dump", "cron"])
        #expect(
            try texts(#""units": ["ssh"], "priority": "warning""#) == ["on ssh", "dump"])
        #expect(try texts(#""matches": ["PRIORITY=4", "PRIORITY=3"]"#) == ["on ssh", "forged", "cron"])
        #expect(try texts(#""matches": ["PRIORITY=4", "_PID=1"]"#) == ["on ssh"])
        #expect(try texts(#""matches": ["_PID=1", "+", "PRIORITY=3"]"#) == ["on ssh", "cron"])
        #expect(
            try texts(#""matches": ["_PID=1", "+", "PRIORITY=3"], "units": ["cron"]"#) == ["cron"])
    }

    @Test(arguments: [1, 255, 256, 257, 1_000]) func resumesAfterTheAcknowledged(_ size: Int) throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<1_000))
        var input = try journal()
        var batch = LogBatch(recordLimit: size)
        _ = input.read(into: &batch, at: someMoment)
        let acknowledged = try #require(batch.records.last).next
        var unacknowledged = LogBatch(recordLimit: 10)
        _ = input.read(into: &unacknowledged, at: someMoment)
        let version = input.cursorVersion
        input.acknowledge(acknowledged)
        #expect(input.cursorVersion != version)

        var again = try journal(resume: try cursor(of: input))
        #expect(readAll(&again).texts == (size..<1_000).map { "message \($0)" })
        #expect(count("cursor_lost", of: again) == 0)
    }

    @Test func resumesWithinABatchAtTheBookmarkBefore() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<1_000))
        var input = try journal()
        _ = readAll(&input, recordLimit: 1_000)
        input.acknowledge(Position(source: 0, offset: 700))
        var again = try journal(resume: try cursor(of: input))
        #expect(readAll(&again).texts.first == "message 512")
    }

    @Test func goesOnInAnotherFileAndUnderAnotherFilter() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<10))
        var input = try journal()
        input.acknowledge(try #require(readAll(&input).last))
        let place = try cursor(of: input)
        try makeJournal(directory.path + "/b.journal", numbered(10..<20))
        var again = try journal(#""priority": "3""#, resume: place)
        #expect(readAll(&again).texts == [10, 11, 16, 17, 18, 19].map { "message \($0)" })
        #expect(count("cursor_lost", of: again) == 0)
    }

    @Test func saysThatTheCursorIsGone() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<10))
        var input = try journal()
        input.acknowledge(try #require(readAll(&input).last))
        let place = try cursor(of: input)
        try FileManager.default.removeItem(atPath: directory.path + "/a.journal")
        try makeJournal(directory.path + "/b.journal", numbered(20..<30))
        var again = try journal(resume: place)
        #expect(readAll(&again).texts == (20..<30).map { "message \($0)" })
        #expect(count("cursor_lost", of: again) == 1)
    }

    @Test func aCursorThatIsNoneIsSaid() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<3))
        let place = try parseJSON(Array(#"{"cursor":"what is this"}"#.utf8))
        var input = try journal(resume: place)
        #expect(readAll(&input).texts.count == 3)
        #expect(count("cursor_lost", of: input) == 1)
    }

    @Test func cutsAndKeepsBytes() throws {
        var binary = FixtureEntry(0, [:])
        binary.fields = [("MESSAGE", [0xFF, 0x00, 0x0A, 0x41, 0xC3])]
        let long = String(repeating: "x", count: 5_000)
        // journald compresses fields of this size; journal-remote does too.
        let entries = [binary, FixtureEntry(1, ["MESSAGE": long]), FixtureEntry(2, ["MESSAGE": "short"])]
        try makeJournal(directory.path + "/a.journal", entries)
        var input = try journal(#""line_limit": 1024"#)
        var batch = LogBatch()
        _ = input.read(into: &batch, at: someMoment)
        try #require(batch.records.count == 3)
        #expect(Array(batch.bytes[batch.records[0].text.range]) == [0xFF, 0x00, 0x0A, 0x41, 0xC3])
        #expect(batch.text(of: batch.records[1]) == String(repeating: "x", count: 1_024))
        #expect(batch.records.map(\.isCut) == [false, true, false])
        #expect(count("line_cut", of: input) == 1)
    }

    @Test func startsAtTheEnd() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<10))
        let end = #""start_at": "end""#
        var input = try journal(end)
        #expect(readAll(&input).texts.isEmpty)
        // The place is kept, though nothing was acknowledged, so that what comes while the agent is stopped is not
        // missed.
        #expect(input.cursorVersion == 1)
        #expect(try cursor(of: input)["since_usec"]?.unsigned == 1_800_000_000_000_000)
        let place = try parseJSON(Array(#"{"since_usec":1700000000007000}"#.utf8))
        var again = try journal(end, resume: place)
        #expect(readAll(&again).texts == ["message 7", "message 8", "message 9"])
    }

    @Test func startsAtTheBoot() throws {
        let text = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let boot = text.filter(\.isHexDigit)
        let old = numbered(0..<5)
        let new = (5..<8).map { FixtureEntry($0, boot: boot, ["MESSAGE": "message \($0)"]) }
        try makeJournal(directory.path + "/a.journal", old)
        try makeJournal(directory.path + "/b.journal", new)
        var input = try journal(#""start_at": "boot""#)
        #expect(readAll(&input).texts == ["message 5", "message 6", "message 7"])
    }

    @Test func waitsForADirectory() throws {
        let path = directory.path + "/later"
        var input = try journal(at: path)
        #expect(readAll(&input).texts.isEmpty)
        #expect(input.status(at: someMoment).sourceCount == 0)
        #expect(input.status(at: someMoment).problems.count == 1)
        #expect(!input.check().problems.isEmpty)

        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(readAll(&input, after: .seconds(10)).texts.isEmpty)
        #expect(input.status(at: someMoment).problems.first?.contains("there is no journal in \(path)") == true)

        try makeJournal(path + "/a.journal", numbered(0..<3))
        #expect(readAll(&input, after: .seconds(11)).texts.isEmpty, "not before the next look is due")
        #expect(readAll(&input, after: .seconds(20)).texts.count == 3)
        #expect(input.status(at: someMoment).problems.isEmpty)
        #expect(input.check().problems.isEmpty)
        #expect(input.check().notes.contains("3 entries are selected"))
    }

    @Test func checkNamesUnitsThatTheJournalDoesNotKnow() throws {
        try makeJournal(
            directory.path + "/a.journal",
            [
                FixtureEntry(0, ["MESSAGE": "by ssh", "_SYSTEMD_UNIT": "ssh.service"]),
                FixtureEntry(1, ["MESSAGE": "of cron", "_PID": "1", "UNIT": "cron.service"]),
            ])
        var input = try journal(#""units": ["shh", "cron", "corn.service", "postgresql"]"#)
        let report = input.check()
        #expect(report.problems.isEmpty, "a unit that has not spoken yet is none")
        #expect(report.notes.contains("no entry of unit shh.service, did you mean \"ssh.service\"?"))
        #expect(report.notes.contains("no entry of unit corn.service, did you mean \"cron.service\"?"))
        #expect(report.notes.contains("no entry of unit postgresql.service"))
        #expect(!report.notes.contains { $0.contains("unit cron") })
        #expect(report.notes.contains("1 entry is selected"))
    }

    @Test(arguments: ["", "var/log/journal"]) func aDirectoryIsAbsolute(path: String) throws {
        #expect {
            _ = try journal(at: path)
        } throws: { error in
            "\(error)".contains("inputs.journal.directory: expected a path that begins with /")
        }
    }

    @Test func findsDirectoriesThatCameAndWent() throws {
        let machine = directory.path + "/journal/0123456789abcdef0123456789abcdef"
        let files = FileManager.default
        try files.createDirectory(atPath: machine, withIntermediateDirectories: true)
        try makeJournal(machine + "/a.journal", numbered(0..<3))
        var input = try journal(at: directory.path + "/journal")
        #expect(readAll(&input).texts.count == 3)
        try files.removeItem(atPath: directory.path + "/journal")
        #expect(readAll(&input, after: .seconds(61)).texts.isEmpty)
        #expect(input.status(at: someMoment).problems.count == 1)
        try files.createDirectory(atPath: machine, withIntermediateDirectories: true)
        try makeJournal(machine + "/b.journal", numbered(3..<6))
        #expect(readAll(&input, after: .seconds(130)).texts == ["message 3", "message 4", "message 5"])
        #expect(input.status(at: someMoment).problems.isEmpty)
    }

    @Test func newFilesWakeAndAreRead() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<3))
        var input = try journal()
        #expect(readAll(&input).texts.count == 3)
        let wake = try #require(input.wakeDescriptor)
        var poller = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        #expect(poll(&poller, 1, 0) == 0, "quiet")
        try makeJournal(directory.path + "/b.journal", numbered(3..<6))
        #expect(poll(&poller, 1, 5_000) == 1)
        #expect(readAll(&input).texts == ["message 3", "message 4", "message 5"])
        #expect(poll(&poller, 1, 0) == 0, "level-triggered, and drained")
    }

    /// What libsystemd maps is given back; nothing is read twice or missed for that.
    @Test func goesOnInAJournalThatIsOpenedAnew() throws {
        let count = Int(JournaldInput.reopeningLimit)
        try makeJournal(
            directory.path + "/a.journal", (0..<count).map { FixtureEntry($0, ["MESSAGE": "\($0)"]) })
        var input = try journal()
        var batch = LogBatch(recordLimit: count - 1)
        while !batch.isFull { #expect(input.read(into: &batch, at: someMoment) == .notAtAll) }
        let mapped = try mappedBytes()
        #expect(mapped > 1 << 20)
        #expect(readAll(&input).texts == ["\(count - 1)"])
        let left = try mappedBytes()
        #expect(left < mapped / 2)
        try makeJournal(directory.path + "/b.journal", numbered(count..<count + 3))
        #expect(readAll(&input).texts == (count..<count + 3).map { "message \($0)" })
        #expect(readAll(&input, after: .seconds(10)).texts.isEmpty)
        #expect(InputsTests.count("cursor_lost", of: input) == 0)
    }

    /// Resident bytes of the files in this test's directory, by /proc/self/smaps.
    private func mappedBytes() throws -> Int {
        let text = try readWhole("/proc/self/smaps", limit: 16 << 20)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let name = (directory.path as NSString).lastPathComponent
        var (isOurs, kibibytes) = (false, 0)
        for line in lines {
            if line.first?.isHexDigit == true, line.contains("-") { isOurs = line.contains(name) }
            if isOurs, line.hasPrefix("Rss:") { kibibytes += Int(line.split(separator: " ")[1]) ?? 0 }
        }
        return kibibytes * 1_024
    }

    @Test func damagedFilesAreLeftOutAndSaid() throws {
        try makeJournal(directory.path + "/a.journal", numbered(0..<3))
        try Data("this is no journal".utf8).write(to: URL(fileURLWithPath: directory.path + "/b.journal"))
        var input = try journal()
        #expect(readAll(&input).texts.count == 3)
        #expect(readAll(&input, after: .seconds(6)).texts.isEmpty)
        #expect(count("file_corrupt", of: input) == 1)
        _ = readAll(&input, after: .seconds(12))
        #expect(count("file_corrupt", of: input) == 1, "said once")
    }

    @Test func flippedBytesNeverStopIt() throws {
        var random = SeededRandom()
        try makeJournal(directory.path + "/a.journal", numbered(0..<500))
        let whole = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/a.journal"))
        for round in 0..<20 {
            var bytes = whole
            let used = min(bytes.count, 200_000)
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<used, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            }
            try bytes.write(to: URL(fileURLWithPath: directory.path + "/a.journal"))
            var input = try journal()
            let reading = readAll(&input)
            _ = readAll(&input, after: .seconds(6))
            #expect(reading.texts.count <= 1_000, "seed \(random.seed), round \(round)")
        }
    }

    @Test func theLibraryIsNamedWhenItIsMissing() throws {
        #expect {
            _ = try Journal(.directory(directory.path), maximumFieldBytes: 1_024, library: "libsystemd-none.so.0")
        } throws: { error in
            "\(error)".contains("install the package libsystemd0")
        }
    }
}
