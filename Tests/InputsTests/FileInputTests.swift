// Lines, limits, settings and rest: what is not about rotation.

import Bytes
import Foundation
import Glibc
import Logs
import Platform
import Settings
import Testing

@testable import Inputs

@Suite struct FileInputTests {
    @Test func aPartialLastLineWaitsAndIsThenSentAsItIs() throws {
        let world = try FileWorld()
        world.append("one\nhal")
        #expect(world.read() == ["one"])
        world.advance(.seconds(3))
        world.append("f")
        #expect(world.read() == [])
        world.advance(.seconds(3))
        #expect(world.read() == [])
        #expect(world.input.read(into: &world.batch, at: world.now) == .until(world.now.monotonic + .seconds(2)))
        world.advance(.seconds(2))
        #expect(world.read() == ["half"])
        world.acknowledge()
        let cursor = world.saved()
        world.append("\nnext\n")
        #expect(world.read() == ["next"])
        try world.restart(cursor)
        #expect(world.read() == ["next"])
        #expect(world.input.status(at: world.now).lagBytes == 6)
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test func whatFollowsAPartialLineIsARecordOfItsOwn() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "partial_line_timeout": "1s""#)
        world.append("first ")
        world.read()
        world.advance(.seconds(1))
        #expect(world.read() == ["first "])
        world.append("second\nthird\n")
        #expect(world.read() == ["second", "third"])
    }

    @Test func aLineOverTheLimitIsCutAndCountedAlsoOverARestart() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "line_limit": "1KiB""#)
        world.append("short\n" + String(repeating: "x", count: 600_000))
        let lines = world.read()
        #expect(lines.map(\.utf8.count) == [5, 1_024])
        #expect(world.records.map(\.isCut) == [false, true])
        #expect(world.count("line_cut") == 1)
        #expect(world.count("bytes_cut") == 600_000 - 1_024)
        world.acknowledge()
        try world.restart(world.saved())
        world.append(String(repeating: "y", count: 3_000) + "\nnext\n")
        #expect(world.read() == ["next"])
        #expect(world.count("line_cut") == 0)
        // What was skipped before is not skipped once more.
        #expect(world.count("bytes_cut") == 3_000)
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test func linesOfEveryLengthAroundTheBufferComeWhole() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "line_limit": "256KiB""#)
        let lengths = [0, 1, 200_000, 262_143, 262_144, 5, 100_000, 262_144, 262_144, 3]
        let expected = lengths.enumerated().map {
            String(repeating: Character(UnicodeScalar(UInt8(65 + $0))), count: $1)
        }
        world.append(expected.map { $0 + "\r\n" }.joined())
        #expect(world.read() == expected)
        #expect(world.count("line_cut") == 0)
    }

    @Test func carriesTheFileAndThePositions() throws {
        let world = try FileWorld()
        world.append("one\r\ntwo\n")
        world.readOnce()
        #expect(world.batch.fields.count == 1)
        let field = world.batch.fields[0]
        #expect(String(decoding: world.batch.bytes[field.name.range], as: UTF8.self) == "file")
        #expect(String(decoding: world.batch.bytes[field.value.range], as: UTF8.self) == world.path("a.log"))
        #expect(world.batch.records.map(\.fields) == [0..<1, 0..<1])
        #expect(world.batch.records.map(\.next.offset) == [5, 9])
        #expect(world.input.status(at: world.now).lagBytes == 9)
        let version = world.input.cursorVersion
        world.acknowledge(1)
        #expect(world.input.status(at: world.now).lagBytes == 4)
        #expect(world.input.cursorVersion != version)
    }

    @Test func onlyAcknowledgedLinesAreBehindTheCursor() throws {
        let world = try FileWorld()
        world.append("one\ntwo\nthree\n")
        world.read()
        world.acknowledge(2)
        try world.restart(world.saved())
        #expect(world.read() == ["three"])
    }

    @Test func startsAtTheEndOnlyAtTheVeryFirstStart() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "start_at": "end""#)
        world.append("old\n")
        #expect(world.read() == [])
        world.append("new\n")
        world.append("b\n", to: "b.log")
        #expect(world.read().sorted() == ["b", "new"])
        world.acknowledge()
        let cursor = world.saved()
        world.append("c\n", to: "c.log")
        try world.restart(cursor)
        #expect(world.read() == ["c"])
    }

    @Test func oneBusyFileDoesNotKeepTheOthersWaiting() throws {
        let world = try FileWorld()
        let line = String(repeating: "x", count: 999) + "\n"
        world.append(String(repeating: line, count: 5_000))
        world.append("b\n", to: "b.log")
        world.batch = LogBatch(byteLimit: 3 << 20, recordLimit: 100_000)
        world.readOnce()
        #expect(world.lines.contains("b"))
    }

    @Test func moreFilesThanDescriptorsAreReadAllTheSame() throws {
        let world = try FileWorld()
        for number in 0..<700 { world.append("\(number)\n", to: "\(number).log") }
        #expect(world.read().count == 700)
        #expect(world.input.follower.tails.openCount <= TailTable.openLimit)
        for number in 0..<700 { world.append("again \(number)\n", to: "\(number).log") }
        world.move("699.log", "699.log.1")
        #expect(world.read().count == 700)
        world.advance(.seconds(11))
        world.read()
        #expect(world.input.follower.tails.openCount <= TailTable.openLimit)
        world.acknowledge()
        #expect(world.input.status(at: world.now).lagBytes == 0)
    }

    @Test func fileLimitIsCountedAndSaid() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "file_limit": 2"#)
        for number in 0..<3 { world.append("\(number)\n", to: "\(number).log") }
        #expect(world.read().count == 2)
        #expect(world.count("file_limit") == 1)
        #expect(world.input.status(at: world.now).problems.contains { $0.contains("file_limit") })
    }

    /// A loop of links cannot be read by anybody; what root may read is in Tests/EndToEnd/test_rotation.py.
    @Test func aLoopOfLinksIsReportedAndTheOthersGoOn() throws {
        let world = try FileWorld()
        symlink(world.path("x.log"), world.path("x.log"))
        world.append("one\n")
        #expect(world.read() == ["one"])
        #expect(world.input.status(at: world.now).problems.count == 1)
        world.advance(.seconds(11))
        world.read()
        #expect(world.count("file_unreadable") == 1)
        world.delete("x.log")
        world.append("x\n", to: "x.log")
        #expect(world.read() == ["x"])
        world.advance(.seconds(11))
        world.read()
        #expect(world.input.status(at: world.now).problems == [])
    }

    @Test func compressedFilesAreNoLines() throws {
        let world = try FileWorld(#""paths": ["DIR/*"]"#)
        let gzip = open(world.path("a.gz"), O_WRONLY | O_CREAT, 0o644)
        let magic: [UInt8] = [0x1F, 0x8B, 0x08, 0x00, 0x0A]
        write(gzip, magic, magic.count)
        close(gzip)
        world.append("one\n")
        #expect(world.read() == ["one"])
        #expect(world.count("file_compressed") == 1)
    }

    @Test func findsDirectoriesThatComeLater() throws {
        let world = try FileWorld(#""paths": ["DIR/*/logs/**/*.log", "DIR/later/x.log"], "exclude": ["*private*"]"#)
        #expect(world.read() == [])
        try makeDirectories(world.path("app/logs/deep/er"))
        world.append("one\n", to: "app/logs/deep/er/a.log")
        world.append("no\n", to: "app/logs/deep/er/private.log")
        #expect(world.read() == ["one"])
        world.append("two\n", to: "app/logs/b.log")
        #expect(world.read() == ["two"])
        try makeDirectories(world.path("later"))
        world.append("x\n", to: "later/x.log")
        #expect(world.read() == ["x"])
    }

    @Test func checkNamesFilesAndProblems() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log", "DIR/none/*.log"]"#)
        for number in 10..<40 { world.append("x\n", to: "\(number).log") }
        let report = world.input.check()
        #expect(report.problems == [])
        #expect(report.notes.first == "\(world.directory)/*.log: 30 files")
        #expect(report.notes.contains("and 10 more"))
        #expect(report.notes.last == "\(world.directory)/none/*.log: 0 files")
    }

    @Test(arguments: [
        (#""paths": ["a.log"]"#, "begins with a slash"), (#""paths": ["/a[b"]"#, "has no ']'"),
        (#""path": ["/a"]"#, "paths"), (#""paths": ["/a"], "line_limit": "1B""#, "1024"),
        (#""paths": ["/a"], "start_at": "middle""#, "beginning"), (#""paths": ["/a"], "multiline": {}"#, "unknown key"),
    ]) func rejectsSettings(settings: String, reason: String) throws {
        do {
            _ = try FileWorld(settings)
            Issue.record("\(settings) was taken")
        } catch let error as SettingsError {
            #expect(error.description.contains(reason), "\(error)")
        }
    }

    @Test func cursorsReadBackAsTheyWereWritten() throws {
        var cursors = FileCursors()
        cursors.files = [
            FileCursor(
                path: "/var/log/\"a\".log",
                identity: FileIdentity(
                    id: FileID(device: .max, inode: 7), born: 1_800_000_000_000_000_001,
                    print: FilePrint(
                        head: .init(of: Array("one\n".utf8)[...]),
                        inner: .init(end: 2_000, checksum: Fingerprint(value: 9)))),
                offset: 1 << 60, mark: .cut, sizeBytes: .max)
        ]
        cursors.floors = ["/a": 1_800_000_000_000_000_001]
        var json = JSONWriter()
        cursors.write(into: &json)
        var malformed = 0
        #expect(FileCursors(try parseJSON(json.bytes), malformed: &malformed) == cursors)
        #expect(malformed == 0)
        let broken = try parseJSON(Array(#"{"version": 1, "files": [{"path": "/a"}, 7], "floors": 3}"#.utf8))
        #expect(FileCursors(broken, malformed: &malformed) == FileCursors())
        #expect(malformed == 2)
    }

    @Test func printsGrowUpToTheirLimit() {
        let bytes = (0..<2_000).map { UInt8(truncatingIfNeeded: $0 * 7) | 1 }
        var head = FilePrint.Head(of: bytes[..<100])
        #expect(head.begins(bytes[..<500]))
        head.grow(from: bytes[..<500])
        #expect(head == FilePrint.Head(of: bytes[..<500]))
        #expect(!head.begins(bytes[..<499]))
        head.grow(from: bytes[...])
        #expect(head.isWhole && head == FilePrint.Head(of: bytes[..<1_024]))
        var changed = bytes
        changed[1_023] ^= 1
        #expect(!head.begins(changed[...]))
        #expect(FilePrint().head.begins([]))
    }

    /// What is not written yet is no part of it; NULs with something behind them are.
    @Test func printsEndBeforeNULs() {
        var bytes = Array("one\n".utf8) + [UInt8](repeating: 0, count: 2_000)
        var head = FilePrint.Head(of: bytes[...])
        #expect(head == FilePrint.Head(of: bytes[..<4]))
        bytes[10] = 7
        head.grow(from: bytes[...])
        #expect(head == FilePrint.Head(of: bytes[..<11]) && head.length == 11)
        #expect(FilePrint.Head(of: bytes[11...]).length == 0)
    }

    @Test(arguments: [
        ("app.log.1", true), ("app.log-20261121", true), ("app.log.2026-11-21", true), ("app-20261121.log", true),
        ("app.1.log", true), ("app.log.old", true), ("app.log~", true), ("app.log", false), ("app.log.err", false),
        ("app.logs", false), ("app.log.1.gz", true), ("app.log.gz", true), ("app-20261121.log.gz", true),
        ("app.log.err.gz", false), ("app.log.1.zst", false), ("app2.log", false), ("app-error.log", false),
        ("other.log.1", false), ("app.log.copy", true), ("app.log.bak.2", true), ("app.log.old1", true),
        ("app.log-2026120106.backup", true),
        ("app.log.1.bak", true), ("app.log-db.backup", false), ("app.log.1.base", false),
        ("app-backup.log", false), ("app.log.copyright", false),
    ]) func knowsRotatedNames(name: String, isRotated: Bool) {
        #expect(isRotatedName(Path(name), of: "app.log") == isRotated)
    }

    @Test func findsTheNamesThatMayHaveBeenRotated() {
        #expect(originalNames(of: "app.log.1") == ["app.log", "app"].filter { mayBeCopyName("app.log.1", of: $0) })
        #expect(originalNames(of: "app-20261121.log").contains("app.log"))
        #expect(originalNames(of: "app.log-2026-11-21").contains("app.log"))
        #expect(originalNames(of: "app") == [])
    }

    // MARK: Rest

    private func waitForEvent(_ world: FileWorld) -> Bool {
        guard let descriptor = world.input.wakeDescriptor else { return false }
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 5_000) == 1
    }

    @Test func theDescriptorWakesForOneFileOfAThousandAndOnlyThatIsRead() throws {
        let world = try FileWorld()
        for number in 0..<1_000 { world.append("x\n", to: "\(number).log") }
        #expect(world.read().count == 1_000)
        world.read()
        let turns = world.input.follower.turns.count
        world.append("y\n", to: "500.log")
        #expect(waitForEvent(world))
        #expect(world.read() == ["y"])
        #expect(world.input.follower.turns.count == turns + 1)
        // A scan looks at every file and reads none.
        world.advance(.seconds(60))
        #expect(world.read() == [])
        #expect(world.input.follower.turns.count == turns + 1)
        #expect(world.input.read(into: &world.batch, at: world.now) == .until(world.now.monotonic + .seconds(60)))
    }

    @Test func aScanFindsWhatAnEventDidNotTell() throws {
        let world = try FileWorld()
        world.append("one\n")
        #expect(world.read() == ["one"])
        world.append("two\n")
        while try world.input.follower.watcher.inotify?.events().isEmpty == false {}
        #expect(world.read() == [])
        world.advance(.seconds(60))
        #expect(world.read() == ["two"])
    }

    /// Its size is 0 and its content is not: it seems to be truncated by whoever looks at it.
    @Test(.timeLimit(.minutes(1))) func aFileOfProcIsReportedAndHoldsNothingUp() throws {
        let world = try FileWorld(#""paths": ["/proc/uptime", "DIR/*.log"]"#)
        world.append("one\n")
        #expect(world.read() == ["one"])
        #expect(world.count("file_unreadable") == 1)
        #expect(world.input.status(at: world.now).problems.count == 1)
        let turns = world.input.follower.turns.count
        for _ in 0..<5 {
            world.advance(.seconds(60))
            #expect(world.read() == [])
        }
        #expect(world.count("file_unreadable") == 1, "said once")
        #expect(world.input.follower.turns.count <= turns + 10)
        world.append("two\n")
        #expect(world.read() == ["two"])
        #expect(world.input.check().problems.count == 1)
    }
}
