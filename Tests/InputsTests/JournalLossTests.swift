// What is lost when files of the journal are damaged, cut short or removed: only what was in them, and that is said.

import Bytes
import Foundation
import Inputs
import Logs
import Platform
import Settings
import TestSupport
import Testing

@Suite(.enabled(if: JournalTool.isThere, JournalTool.missing)) struct JournalLossTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func numbered(_ range: Range<Int>) -> [FixtureEntry] {
        range.map { FixtureEntry($0, ["MESSAGE": "message \($0)", "PRIORITY": "\($0 % 8)", "_PID": "\(100 + $0)"]) }
    }

    private func journal(_ more: String = "", resume: JSONValue? = nil) throws -> JournaldInput {
        try journald("{ \"directory\": \"\(directory.path)\" \(more) }", resume: resume)
    }

    private func path(_ name: String) -> String { "\(directory.path)/\(name).journal" }

    private func numbers(_ reading: Reading) -> [Int] {
        reading.texts.compactMap { Int($0.dropFirst("message ".count)) }
    }

    /// What systemd's own reader finds in the same files.
    private func numbersByJournalctl() throws -> Set<Int> {
        let output = Pipe()
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tool.arguments = ["journalctl", "--directory=\(directory.path)", "--output=cat", "--no-pager", "--quiet"]
        tool.standardOutput = output
        tool.standardError = FileHandle.nullDevice
        try tool.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        tool.waitUntilExit()
        return Set(
            String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap {
                Int($0.dropFirst("message ".count))
            })
    }

    /// Whatever is wrong with the file in the middle, the two others are read whole and in order, and once.
    @Test func aDamagedFileLosesOnlyItself() throws {
        try makeJournal(path("a"), numbered(0..<100))
        try makeJournal(path("b"), numbered(100..<400))
        try makeJournal(path("c"), numbered(400..<500))
        let whole = try Data(contentsOf: URL(fileURLWithPath: path("b")))
        // journal-remote allocates 8 MiB; what is used stands at the beginning.
        let used = (whole.lastIndex { $0 != 0 } ?? 0) + 1
        var random = SeededRandom()
        for round in 0..<60 {
            let place: Comment = "seed \(random.seed), round \(round)"
            var bytes = whole
            switch round % 3 {
            case 0: bytes = bytes.prefix(Int.random(in: 0..<used, using: &random))
            case 1: bytes[0..<272].shuffle(using: &random)
            default:
                for _ in 0..<Int.random(in: 1...30, using: &random) {
                    bytes[Int.random(in: 0..<used, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
                }
            }
            try bytes.write(to: URL(fileURLWithPath: path("b")))
            var input = try journal(round % 2 == 0 ? "" : #", "journal_fields": "all", "exclude_units": ["x*"]"#)
            let reading = numbers(readAll(&input))
            let missing = Set(Array(0..<100) + Array(400..<500)).subtracting(reading)
            // Ids and times in a file say which entries are the same, and which comes next: with those changed,
            // libsystemd itself may leave out one or two entries of the other files (once in thousands of rounds; the
            // ids are new in each run, so that no seed brings it back). journalctl, over the same files, is asked
            // whether it is that: what journalctl shows must have come.
            let given = missing.isEmpty ? [] : try numbersByJournalctl()
            #expect(missing.isDisjoint(with: given), "missing: \(missing), journalctl: \(given.count), \(place)")
            // A file that was cut short says nothing wrong.
            #expect(round % 3 != 0 || missing.isEmpty, "missing: \(missing), \(place)")
            #expect(reading.count <= 700, place)
            #expect(count("journal_unavailable", of: input) == 0, place)
            if round % 3 == 0 {
                _ = readAll(&input, after: .seconds(6))
                // A file without a byte is one that journald has just made.
                #expect(count("file_corrupt", of: input) == (bytes.isEmpty ? 0 : 1), place)
            }
        }
    }

    /// The place where reading was is in a file that can no longer be read.
    @Test func aCursorInADamagedFileGoesToTheNearestLaterEntry() throws {
        try makeJournal(path("a"), numbered(0..<100))
        try makeJournal(path("b"), numbered(100..<200))
        try makeJournal(path("c"), numbered(200..<300))
        // It ends here: a file that this process holds open is none that was given up.
        let place = try {
            var input = try journal()
            var batch = LogBatch(recordLimit: 150)
            while !batch.isFull { _ = input.read(into: &batch, at: someMoment) }
            input.acknowledge(try #require(batch.records.last).next)
            return try cursor(of: input)
        }()
        #expect(truncate(path("b"), 100 << 10) == 0)
        var again = try journal(resume: place)
        #expect(numbers(readAll(&again)) == Array(200..<300))
        #expect(count("cursor_lost", of: again) == 1)
        // Its file has a sequence of its own, so how many is not known, and is not guessed.
        #expect(count("entry_lost", of: again) == 0)
        _ = readAll(&again, after: .seconds(6))
        #expect(count("file_corrupt", of: again) == 1)
    }

    /// The pages of a mapped file that is cut short are gone, and reading them raises SIGBUS.
    @Test func aFileThatIsCutShortWhileItIsReadEndsNothing() throws {
        let many = (0..<20_000).map {
            FixtureEntry($0, ["MESSAGE": "message \($0) \(String(repeating: "z", count: 100))"])
        }
        try makeJournal(path("a"), many)
        try makeJournal(path("b"), numbered(20_000..<20_100))
        var input = try journal()
        var batch = LogBatch(recordLimit: 3)
        _ = input.read(into: &batch, at: someMoment)
        #expect(batch.records.count == 3)
        let lostBefore = Journal.lostPages
        #expect(truncate(path("a"), 64 << 10) == 0)
        let rest = numbers(readAll(&input))
        for number in 20_000..<20_100 { #expect(rest.contains(number)) }
        #expect(rest.count < 10_000)
        #expect(Journal.lostPages > lostBefore, "no page was lost: this test shows nothing")
        _ = readAll(&input, after: .seconds(6))
        _ = readAll(&input, after: .seconds(12))
        let said = (count("file_corrupt", of: input) ?? 0) + (count("entry_corrupt", of: input) ?? 0)
        #expect(said >= 1)
        #expect(input.check().problems.isEmpty)
    }

    /// The entry after the cursor's is the first that is left: nothing was between them. (Gaps that have something in
    /// them are made by a live journald, in LiveJournalTests.)
    @Test func aGapWithNothingInItIsSaidToBeNone() throws {
        try makeJournal(path("a"), numbered(0..<50))
        var input = try journal()
        var batch = LogBatch(recordLimit: 10)
        _ = input.read(into: &batch, at: someMoment)
        input.acknowledge(try #require(batch.records.last).next)
        let text = try #require(try cursor(of: input)["cursor"]?.string)
        #expect(try #require(JournalCursor(text)).sequenceNumber == 10)
        let changes = ["i": "0", "x": "0", "t": "1", "m": "1"]
        let old = text.split(separator: ";").map { part in
            changes[String(part.prefix(1))].map { "\(part.prefix(1))=\($0)" } ?? String(part)
        }
        let place = try parseJSON(Array("{\"cursor\":\"\(old.joined(separator: ";"))\"}".utf8))
        var again = try journal(resume: place)
        #expect(readAll(&again).texts.count == 50)
        #expect(count("cursor_lost", of: again) == 1)
        #expect(count("entry_lost", of: again) == 0, "1 comes right after 0")
    }
}
