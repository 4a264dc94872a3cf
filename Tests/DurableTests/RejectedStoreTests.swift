import Bytes
import Platform
import TestSupport
import Testing

@testable import Durable

@Suite struct RejectedStoreTests {
    private let own: TemporaryDirectory
    private var directory: String { own.path }
    private var rejected: String { rejectedDirectory(of: "out", in: directory) }
    private let day: UInt64 = 86_400

    init() throws { own = try TemporaryDirectory() }

    private func store(_ change: (inout RejectedLimits) -> Void = { _ in }) -> RejectedStore {
        var limits = RejectedLimits()
        change(&limits)
        return RejectedStore(stateDirectory: directory, output: "out", limits: limits)
    }

    private func moment(_ seconds: UInt64) -> Moment {
        Moment(
            monotonic: Instant(nanoseconds: seconds * 1_000_000_000), unixNanoseconds: Int64(seconds) * 1_000_000_000)
    }

    private func add(_ store: RejectedStore, _ text: String, at seconds: UInt64 = 1) -> RejectedOutcome {
        store.add([UInt8](text.utf8), input: "in", reason: "400 \"bad\"", at: moment(seconds))
    }

    private func lines() throws -> [String] {
        try textEntries(rejected).sorted().flatMap {
            String(decoding: try readWhole("\(rejected)/\($0)"), as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    @Test func writesALineForEachRecord() throws {
        let store = store()
        #expect(add(store, "{\"message\":\"one\"}") == .kept)
        #expect(add(store, "2") == .kept)
        try store.sync()
        #expect(
            try lines().first
                == #"{"time":"1970-01-01T00:00:01.000000000Z","input":"in","output":"out","#
                + #""reason":"400 \"bad\"","record":{"message":"one"}}"#
        )
        for line in try lines() { _ = try parseJSON([UInt8](line.utf8)) }
        #expect(try textEntries(rejected) == ["1970-01-01-0001.ndjson"])
    }

    @Test func eachOutputHasItsOwn() throws {
        let other = RejectedStore(stateDirectory: directory, output: "a/../b", limits: RejectedLimits())
        #expect(add(store(), "1") == .kept)
        #expect(add(other, "2") == .kept)
        #expect(try textEntries("\(directory)/rejected").sorted() == ["a%2f%2e%2e%2fb", "out"])
    }

    @Test func goesOnAfterARestartAndACutLine() throws {
        #expect(add(store(), "1") == .kept)
        do {
            let file = try File(writing: "\(rejected)/1970-01-01-0001.ndjson", .append)
            try file.write([UInt8]("{\"time\"".utf8))
        }
        #expect(add(store(), "2") == .kept)
        #expect(add(store(), "3") == .kept)
        #expect(try textEntries(rejected) == ["1970-01-01-0001.ndjson"])
        let all = try lines()
        #expect(all.count == 4)
        #expect(all.filter { $0.hasSuffix("}") }.count == 3)
    }

    @Test func isBoundedInSize() throws {
        let store = store { ($0.totalBytes, $0.fileBytes) = (4_000, 1_000) }
        var kept = 0
        while add(store, "\(kept)") == .kept { kept += 1 }
        let names = try textEntries(rejected)
        let sizes = try names.map { try FileStatus(of: "\(rejected)/\($0)").sizeBytes }
        #expect(sizes.reduce(0, +) <= 4_000)
        #expect(sizes.allSatisfy { $0 <= 1_000 })
        #expect(names.count >= 4)
        #expect(try lines().count == kept)
        // Somebody makes room: noticed within a minute, not at once.
        for name in names { try removeFile("\(rejected)/\(name)") }
        #expect(add(store, "more", at: 30) == .full)
        #expect(add(store, "more", at: 62) == .kept)
        #expect(try lines().count == 1)
    }

    @Test func isBoundedInAge() throws {
        let store = store { $0.age = .seconds(30 * 86_400) }
        for days: UInt64 in [10, 20, 40, 41] { #expect(add(store, "\(days)", at: days * day + 7) == .kept) }
        try File(writing: "\(rejected)/notes.txt", .createNew).write([0])
        #expect(try store.removeOld(at: moment(41 * day).unixNanoseconds) > 50)
        #expect(
            try textEntries(rejected).sorted() == [
                "1970-01-21-0001.ndjson", "1970-02-10-0001.ndjson", "1970-02-11-0001.ndjson", "notes.txt",
            ])
        #expect(try store.removeOld(at: moment(41 * day).unixNanoseconds) == 0)
        // A store in which nothing was ever put has no directory.
        let other = RejectedStore(stateDirectory: directory, output: "other", limits: RejectedLimits())
        #expect(try other.removeOld(at: 0) == 0)
    }

    @Test func saysWhyItFails() throws {
        try HostDisk().write([], to: "\(directory)/rejected")
        let store = store()
        guard case .failed = add(store, "1") else {
            Issue.record("kept in a directory that is a file")
            return
        }
        try removeFile("\(directory)/rejected")
        #expect(add(store, "2") == .kept)
    }

    // MARK: Replaying

    @Test func linesAreFoundInWhatWasWritten() throws {
        let record = #"{"message":"a \",\"record\":1} b","host":"h"}"#
        let store = store()
        _ = store.add([UInt8](record.utf8), input: "in \"1\"", reason: #"400 ,"record":{"#, at: moment(1))
        _ = add(store, "\"text\"")
        try store.sync()
        try File(writing: "\(rejected)/1970-01-01-0001.ndjson", .append).write([UInt8]("no line\n{\"time\":".utf8))
        let held = try HeldRejectedFile("1970-01-01-0001.ndjson", in: rejected)
        let found = held.lines.map { line in
            line.rejected.map { "\($0.input)|\(String(decoding: $0.bytes[$0.record], as: UTF8.self))" }
        }
        #expect(found == ["in \"1\"|\(record)", "in|\"text\"", nil, nil])
    }

    @Test func everyCutOfALineIsNoneOrWhole() throws {
        _ = add(store(), #"{"message":"one","host":"h"}"#)
        let line = try #require(try lines().first).utf8
        for count in 0..<line.count { #expect(RejectedLine(Array(line.prefix(count))) == nil) }
        #expect(RejectedLine(Array(line)) != nil)
        var random = SeededRandom()
        for _ in 0..<2_000 {
            var bytes = Array(line)
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if let found = RejectedLine(bytes) { #expect(found.record.upperBound == bytes.count - 1) }
        }
    }

    @Test func whatIsHeldIsNotWrittenTo() throws {
        let store = store()
        for text in ["1", "2", "3"] { #expect(add(store, text) == .kept) }
        #expect(throws: RejectedFileError.busy(path: "\(rejected)/1970-01-01-0001.ndjson")) {
            _ = try HeldRejectedFile("1970-01-01-0001.ndjson", in: rejected)
        }
        try store.sync()
        do {
            let held = try HeldRejectedFile("1970-01-01-0001.ndjson", in: rejected)
            #expect(add(store, "4") == .kept)
            try held.keep([1])
            #expect(add(store, "5") == .kept)
        }
        try store.sync()
        #expect(try textEntries(rejected).sorted() == ["1970-01-01-0001.ndjson", "1970-01-01-0002.ndjson"])
        #expect(try lines().map { $0.dropLast().last } == ["2", "4", "5"])
        try HeldRejectedFile("1970-01-01-0001.ndjson", in: rejected).keep([])
        #expect(try textEntries(rejected) == ["1970-01-01-0002.ndjson"])
    }

    @Test func namesSayTheDay() {
        let name = RejectedFileName(day: RejectedFileName.day(of: 1_795_230_523_015_000_000), number: 12)
        #expect(name.description == "2026-11-21-0012.ndjson")
        #expect(RejectedFileName(name.description) == name)
        #expect(RejectedFileName(day: 20_000, number: 12_345).description == "2024-10-04-12345.ndjson")
        for text in ["", "2026-11-21.ndjson", "2026-13-21-0001.ndjson", "2026-11-21-0001.ndjson.new", "x"] {
            #expect(RejectedFileName(text) == nil)
        }
    }
}
