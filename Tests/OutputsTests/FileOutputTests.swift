import Foundation
import Outputs
import Platform
import Settings
import TestSupport
import Testing

@Suite struct FileOutputTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/deep/er/app.log" }

    init() throws { directory = try TemporaryDirectory() }

    private func output(_ options: String = "", path: String? = nil) throws -> FileOutput {
        var section = try section("{ \"path\": \"\(path ?? self.path)\" \(options.isEmpty ? "" : ", " + options) }")
        let output = try FileOutput(&section, context())
        try section.finish()
        return output
    }

    /// A line of `count` bytes, newline included.
    private func line(_ text: String, _ count: Int = 0) -> [UInt8] {
        Array((text + String(repeating: ".", count: max(0, count - text.utf8.count - 1)) + "\n").utf8)
    }

    private func text(_ suffix: String = "") throws -> String { try directory.text("deep/er/app.log" + suffix) }

    @Test func appendsAndMakesDirectories() throws {
        var output = try output()
        try output.deliver(line("one"), recordCount: 1)
        try output.deliver(line("two"), recordCount: 1)
        #expect(try text() == "one\ntwo\n")
        var later = try self.output(#""sync": false"#)
        try later.deliver(line("three"), recordCount: 1)
        #expect(try text() == "one\ntwo\nthree\n")
    }

    @Test func encodesAsItsFormatSays() throws {
        for (options, expected) in [("", "{\"timestamp\""), (#""format": "text""#, "hello\n")] {
            var body: [UInt8] = []
            var encoder = try output(options).makeEncoder()
            _ = encoder.encode(batch(["hello"]), 0..<1, into: &body)
            #expect(String(decoding: body, as: UTF8.self).hasPrefix(expected))
        }
    }

    @Test func rotatesAndKeepsSoMany() throws {
        var output = try output(#""rotate_bytes": "4KiB", "keep": 2"#)
        for name in ["a", "b", "c", "d", "e", "f", "g"] { try output.deliver(line(name, 2_000), recordCount: 1) }
        #expect(try text().prefix(1) == "g" && text().count == 2_000)
        #expect(try text(".1").split(separator: "\n").map { $0.prefix(1) } == ["e", "f"])
        #expect(try text(".2").split(separator: "\n").map { $0.prefix(1) } == ["c", "d"])
        #expect(!directory.has("deep/er/app.log.3"))
        // More than a file holds gets a file of its own.
        try output.deliver(line("h", 9_000), recordCount: 1)
        try output.deliver(line("i"), recordCount: 1)
        #expect(try text() == "i\n" && text(".1").count == 9_000)
    }

    @Test func keepsNoneWhenToldSo() throws {
        var output = try output(#""rotate_bytes": 4096, "keep": 0"#)
        for name in ["a", "b", "c"] { try output.deliver(line(name, 3_000), recordCount: 1) }
        #expect(try text().prefix(1) == "c")
        #expect(!directory.has("deep/er/app.log.1"))
    }

    @Test func followsAFileThatWasMovedAway() throws {
        var output = try output()
        try output.deliver(line("one"), recordCount: 1)
        try renameFile(path, to: path + ".moved")
        try output.deliver(line("two"), recordCount: 1)
        try removeFile(path)
        try output.deliver(line("three"), recordCount: 1)
        #expect(try text(".moved") == "one\n" && text() == "three\n")
        // The directory too.
        try FileManager.default.removeItem(atPath: directory.path + "/deep")
        try output.deliver(line("four"), recordCount: 1)
        #expect(try text() == "four\n")
    }

    @Test func halfALineSpoilsNoOther() throws {
        try makeDirectories(directory.path + "/deep/er")
        try Data("{\"timestamp\":\"20".utf8).write(to: URL(fileURLWithPath: path))
        var output = try output()
        try output.deliver(line("one"), recordCount: 1)
        #expect(try text() == "{\"timestamp\":\"20\none\n")
    }

    /// As two routes do, each with an output of its own: nothing torn, nothing lost, over many rotations.
    @Test func severalWritersShareAFile() async throws {
        let text = "\"path\": \"\(path)\", \"rotate_bytes\": 8192, \"keep\": 1000, \"sync\": false"
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    var section = try section("{ \(text) }")
                    var output = try FileOutput(&section, context())
                    for number in 0..<100 {
                        let lines = (0..<5).map { "\(writer) \(number * 5 + $0)" + String(repeating: ".", count: 50) }
                        try output.deliver(Array((lines.joined(separator: "\n") + "\n").utf8), recordCount: 5)
                    }
                }
            }
            try await group.waitForAll()
        }
        var next = [0, 0, 0, 0]
        let count = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/deep/er").count
        #expect(count > 10)
        for number in stride(from: count - 1, through: 0, by: -1) {
            let content = try self.text(number == 0 ? "" : ".\(number)")
            #expect(content.utf8.count <= 8_192)
            for line in content.split(separator: "\n") {
                let words = line.prefix { $0 != "." }.split(separator: " ").compactMap { Int($0) }
                #expect(words.count == 2 && line.hasSuffix(String(repeating: ".", count: 50)))
                #expect(next[words[0]] == words[1])
                next[words[0]] = words[1] + 1
            }
        }
        #expect(next == [500, 500, 500, 500])
    }

    @Test func aLockThatNobodyGivesBackIsAReasonToRetry() throws {
        var output = try output()
        output.lockPatience = .milliseconds(50)
        try output.deliver(line("one"), recordCount: 1)
        let holder = try File(reading: path)
        #expect(flock(holder.descriptor, LOCK_EX | LOCK_NB) == 0, "a delivery left its lock behind")
        #expect(throws: DeliveryError.retry(after: nil, reason: "\(path): \(Errno.wouldBlock)")) {
            try output.deliver(line("two"), recordCount: 1)
        }
        #expect(flock(holder.descriptor, LOCK_UN) == 0)
        try output.deliver(line("two"), recordCount: 1)
        #expect(try text() == "one\ntwo\n")
    }

    private static let mayMount = getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")

    /// Needs root, for the small file system.
    @Test(.enabled(if: mayMount, "needs root to mount a small tmpfs"))
    func aFullDiskTakesTheBatchBack() throws {
        let mount = directory.path + "/small"
        try makeDirectories(mount)
        guard try run("/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mount) == 0 else {
            try Test.cancel("this machine does not let root mount a tmpfs")
        }
        defer { _ = try? run("/bin/umount", mount) }
        let path = mount + "/app.log"
        var output = try output(path: path)
        try output.deliver(line("one", 30_000), recordCount: 1)
        #expect(throws: DeliveryError.retry(after: nil, reason: "\(path): No space left on device")) {
            try output.deliver(line("two", 50_000), recordCount: 1)
        }
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == line("one", 30_000))
        // A smaller one still goes, and the first too once there is room.
        try output.deliver(line("three", 10_000), recordCount: 1)
        #expect(try run("/bin/mount", "-o", "remount,size=200k", mount) == 0)
        try output.deliver(line("two", 50_000), recordCount: 1)
        #expect(
            try Array(Data(contentsOf: URL(fileURLWithPath: path)))
                == line("one", 30_000) + line("three", 10_000) + line("two", 50_000))
    }

    @Test func whatCannotBeWrittenIsRetriedAndFoundByCheck() throws {
        try makeDirectories(directory.path + "/deep")
        try Data().write(to: URL(fileURLWithPath: directory.path + "/deep/er"))
        var output = try output()
        #expect(throws: DeliveryError.retry(after: nil, reason: "\(path): Not a directory")) {
            try output.deliver(line("one"), recordCount: 1)
        }
        #expect(output.check().problems.count == 1)
        try removeFile(directory.path + "/deep/er")
        #expect(output.check().problems.isEmpty)
        #expect(!directory.has("deep/er"), "check makes nothing")
        try output.deliver(line("one"), recordCount: 1)
        #expect(output.check().problems.isEmpty)

        // A FIFO must not hold the route up.
        try removeFile(path)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: DeliveryError.self) { try output.deliver(line("two"), recordCount: 1) }
        #expect(output.check().problems == ["\(path) is not a regular file"])
    }

    @Test(arguments: [
        "{ }", #"{ "path": "app.log" }"#, #"{ "path": "/var/log/" }"#, #"{ "path": "/x", "keep": -1 }"#,
        #"{ "path": "/x", "rotate_bytes": "1KiB" }"#, #"{ "path": "/x", "format": "xml" }"#,
    ]) func wrongSettings(text: String) throws {
        var section = try section(text)
        #expect(throws: SettingsError.self) { try FileOutput(&section, context()) }
    }

    private func run(_ program: String, _ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
