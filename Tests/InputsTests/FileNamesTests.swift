// Log files whose names are not UTF-8, and names that Unicode takes for the same: found, read, rotated and remembered.

import Bytes
import Foundation
import Glibc
import Logs
import Platform
import Settings
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileNamesTests {
    /// `caf\xE9`, `café` composed and decomposed, and what a repair of the first would be called.
    static let stems: [Path] = [
        Path([0x63, 0x61, 0x66, 0xE9]), Path([0x63, 0x61, 0x66, 0xC3, 0xA9]),
        Path([0x63, 0x61, 0x66, 0x65, 0xCC, 0x81]), Path([0x63, 0x61, 0x66, 0xEF, 0xBF, 0xBD]),
    ]

    private func name(_ stem: Path, _ ending: String = ".log") -> Path { Path(stem.bytes + ending.utf8) }

    private func file(_ record: LogBatch.Record, in batch: LogBatch) -> Path {
        let field = batch.fields[Int(record.fields.lowerBound)]
        return Path(batch.bytes[field.value.range]).name
    }

    @Test func eachNameIsAFileOfItsOwn() throws {
        let world = try FileWorld(#""paths": ["DIR/*.log"], "exclude": ["none"]"#)
        for (number, stem) in Self.stems.enumerated() { world.append("one \(number)\n", to: name(stem)) }
        #expect(world.read().sorted() == ["one 0", "one 1", "one 2", "one 3"])
        // By the events of inotify, not by a scan.
        for (number, stem) in Self.stems.enumerated() { world.append("two \(number)\n", to: name(stem)) }
        #expect(world.read().sorted() == ["two 0", "two 1", "two 2", "two 3"])
        #expect(world.input.status(at: world.now).sourceCount == 4)
        #expect(world.input.status(at: world.now).problems == [])
    }

    @Test func aRecordCarriesTheBytesOfTheName() throws {
        let world = try FileWorld()
        for stem in Self.stems { world.append("one\n", to: name(stem)) }
        world.readOnce()
        let names = world.batch.records.map { file($0, in: world.batch) }
        #expect(names.sorted() == Self.stems.map { name($0) }.sorted())
    }

    @Test func theyGoOnAfterARestart() throws {
        let world = try FileWorld()
        for (number, stem) in Self.stems.enumerated() { world.append("one \(number)\n", to: name(stem)) }
        world.read()
        world.acknowledge()
        for (number, stem) in Self.stems.enumerated() { world.append("two \(number)\n", to: name(stem)) }
        try world.restart(world.saved())
        #expect(world.read().sorted() == ["two 0", "two 1", "two 2", "two 3"])
        #expect(world.count("cursor_malformed") == 0)
        world.advance(.seconds(61))
        #expect(world.read() == [] && world.count("bytes_lost_deleted") == 0)
    }

    @Test(arguments: [true, false]) func theyAreRotated(isRunning: Bool) throws {
        let world = try FileWorld()
        for (number, stem) in Self.stems.enumerated() { world.append("one \(number)\n", to: name(stem)) }
        world.read()
        world.acknowledge()
        let saved = world.saved()
        for (number, stem) in Self.stems.enumerated() {
            world.append("two \(number)\n", to: name(stem))
            world.move(name(stem), name(stem, ".log.1"))
            world.append("three \(number)\n", to: name(stem))
        }
        if !isRunning { try world.restart(saved) }
        let lines = world.read()
        #expect(lines.sorted() == ["three 0", "three 1", "three 2", "three 3", "two 0", "two 1", "two 2", "two 3"])
        for number in 0..<4 {
            let own = lines.filter { $0.hasSuffix("\(number)") }
            #expect(own == ["two \(number)", "three \(number)"])
        }
    }

    @Test func directoriesMayHaveSuchNamesToo() throws {
        let world = try FileWorld(#""paths": ["DIR/*/a.log", "DIR/deep/**/b.log"]"#)
        world.read()
        for (number, stem) in Self.stems.enumerated() {
            for directory in [stem, "deep" / stem, "deep" / stem / stem] {
                try makeDirectories(Path(world.directory) / directory)
                world.append("a \(number)\n", to: directory / "a.log")
                world.append("b \(number)\n", to: directory / "b.log")
            }
        }
        let expected = (0..<4).flatMap { ["a \($0)", "b \($0)", "b \($0)"] }.sorted()
        #expect(world.read().sorted() == expected)
        world.acknowledge()
        for stem in Self.stems { world.append("more\n", to: stem / "a.log") }
        #expect(world.read() == ["more", "more", "more", "more"])
        try world.restart(world.saved())
        for (number, stem) in Self.stems.enumerated() { world.append("again \(number)\n", to: "deep" / stem / "b.log") }
        #expect(world.read().sorted() == ["again 0", "again 1", "again 2", "again 3", "more", "more", "more", "more"])
    }

    @Test func aQuestionMarkIsOneByte() throws {
        let world = try FileWorld(#""paths": ["DIR/caf?.log"]"#)
        for (number, stem) in Self.stems.enumerated() { world.append("one \(number)\n", to: name(stem)) }
        #expect(world.read() == ["one 0"])
    }

    @Test func aPatternMeansItsOwnBytes() throws {
        let world = try FileWorld(#""paths": ["DIR/caf\u00e9.log"]"#)
        for (number, stem) in Self.stems.enumerated() { world.append("one \(number)\n", to: name(stem)) }
        #expect(world.read() == ["one 1"])
        let other = try FileWorld(#""paths": ["DIR/*"], "exclude": ["cafe\u0301.log"]"#)
        for (number, stem) in Self.stems.enumerated() { other.append("one \(number)\n", to: name(stem)) }
        #expect(other.read().sorted() == ["one 0", "one 1", "one 3"])
    }

    /// Since when each is followed is remembered for each: rotated files of a new pattern are not those of an old one.
    @Test func patternsAreToldByTheirBytes() throws {
        let world = try FileWorld(#""paths": ["DIR/caf\u00e9*.log", "DIR/cafe\u0301*.log"]"#)
        world.read()
        #expect(world.saved()?["since"]?.array?.count == 2)
    }

    @Test func aCursorKeepsTheBytes() throws {
        var cursors = FileCursors()
        for (number, stem) in Self.stems.enumerated() {
            cursors.files.append(
                FileCursor(
                    path: "/var/log" / name(stem),
                    identity: FileIdentity(
                        id: FileID(device: 1, inode: UInt64(number)),
                        print: FilePrint(head: .init(of: Array("one\n".utf8)[...]))),
                    offset: 4, sizeBytes: 4))
            cursors.floors["/var/log" / name(stem)] = Int64(number)
        }
        var json = JSONWriter()
        cursors.write(into: &json)
        let text = try #require(String(validating: json.bytes, as: UTF8.self))
        // As before where a name is text; and an older agent finds its `path` in each.
        #expect(text.contains("\"path\":\"/var/log/café.log\",\"device\""))
        #expect(
            text.contains("\"path\":\"/var/log/caf\u{FFFD}.log\",\"path_bytes\":\"2f7661722f6c6f672f636166e92e6c6f67\"")
        )
        var malformed = 0
        #expect(FileCursors(try parseJSON(json.bytes), malformed: &malformed) == cursors)
        #expect(malformed == 0)
    }

    @Test(arguments: ["\"2\"", "\"2g\"", "\"\\u0662f\"", "7", "null"]) func damagedBytesAreCounted(bytes: String) throws
    {
        let json = """
            {"version": 1, "files": [{"path": "/a", "path_bytes": \(bytes), "device": 1, "inode": 1, "print": 1,
             "print_length": 1, "offset": 1}], "floors": [{"path": "/a", "path_bytes": \(bytes), "modified": 1}]}
            """
        var malformed = 0
        #expect(FileCursors(try parseJSON(Array(json.utf8)), malformed: &malformed) == FileCursors())
        #expect(malformed == 2)
    }

    @Test func whatIsSaidOfThemIsPlainText() throws {
        let world = try FileWorld(#""paths": ["DIR/*"]"#)
        let bad = Path(Array("a\n\u{1B}[2J\u{202E}".utf8) + [0xE9])
        world.append("one\n", to: bad)
        var input = world.input
        let note = try #require(input.check().notes.last)
        #expect(note == "  \(world.directory)/a\\n\\x1b[2J\\u{202e}\u{FFFD}")
        // A loop of links cannot be read by anybody.
        let loop: Path = "l\u{9B}\n"
        (Path(world.directory) / loop).withCString { _ = symlink($0, $0) }
        world.advance(.seconds(61))
        world.read()
        let problem = try #require(world.input.status(at: world.now).problems.first)
        #expect(problem.hasPrefix("\(world.directory)/l\\x9b\\n: "))
    }
}
