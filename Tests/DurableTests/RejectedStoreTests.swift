import Bytes
import Platform
import TestSupport
import Testing

@testable import Durable

@Suite struct RejectedStoreTests {
    private let own: TemporaryDirectory
    private var directory: String { own.path }

    init() throws { own = try TemporaryDirectory() }

    private func moment(_ seconds: UInt64) -> Moment {
        Moment(
            monotonic: Instant(nanoseconds: seconds * 1_000_000_000), unixNanoseconds: Int64(seconds) * 1_000_000_000)
    }

    private func add(_ store: RejectedStore, _ text: String, at seconds: UInt64 = 1) -> RejectedOutcome {
        store.add([UInt8](text.utf8), input: "in", output: "out", reason: "400 \"bad\"", at: moment(seconds))
    }

    private func lines(_ directory: String) throws -> [String] {
        try directoryEntries("\(directory)/rejected").sorted().flatMap {
            String(decoding: try readWhole("\(directory)/rejected/\($0)"), as: UTF8.self).split(separator: "\n").map(
                String.init)
        }
    }

    @Test func writesALineForEachRecord() throws {
        let store = RejectedStore(stateDirectory: directory)
        #expect(add(store, "{\"message\":\"one\"}") == .kept)
        #expect(add(store, "2") == .kept)
        try store.sync()
        #expect(
            try lines(directory).first
                == #"{"time":"1970-01-01T00:00:01.000000000Z","input":"in","output":"out","#
                + #""reason":"400 \"bad\"","record":{"message":"one"}}"#
        )
        for line in try lines(directory) { _ = try parseJSON([UInt8](line.utf8)) }
    }

    @Test func goesOnAfterARestartAndACutLine() throws {
        #expect(add(RejectedStore(stateDirectory: directory), "1") == .kept)
        do {
            let file = try File(writing: "\(directory)/rejected/00000001.ndjson", .append)
            try file.write([UInt8]("{\"time\"".utf8))
        }
        #expect(add(RejectedStore(stateDirectory: directory), "2") == .kept)
        #expect(add(RejectedStore(stateDirectory: directory), "3") == .kept)
        #expect(try directoryEntries("\(directory)/rejected") == ["00000001.ndjson"])
        let all = try lines(directory)
        #expect(all.count == 4)
        #expect(all.filter { $0.hasSuffix("}") }.count == 3)
    }

    @Test func isBounded() throws {
        let store = RejectedStore(stateDirectory: directory, totalLimitBytes: 4_000, fileLimitBytes: 1_000)
        var kept = 0
        while add(store, "\(kept)") == .kept { kept += 1 }
        let names = try directoryEntries("\(directory)/rejected")
        let sizes = try names.map { try FileStatus(of: "\(directory)/rejected/\($0)").sizeBytes }
        #expect(sizes.reduce(0, +) <= 4_000)
        #expect(sizes.allSatisfy { $0 <= 1_000 })
        #expect(names.count >= 4)
        #expect(try lines(directory).count == kept)
        // Somebody makes room: noticed within a minute, not at once.
        for name in names { try removeFile("\(directory)/rejected/\(name)") }
        #expect(add(store, "more", at: 30) == .full)
        #expect(add(store, "more", at: 62) == .kept)
        #expect(try lines(directory).count == 1)
    }

    @Test func saysWhyItFails() throws {
        try HostDisk().write([], to: "\(directory)/rejected")
        let store = RejectedStore(stateDirectory: directory)
        guard case .failed = add(store, "1") else {
            Issue.record("kept in a directory that is a file")
            return
        }
        try removeFile("\(directory)/rejected")
        #expect(add(store, "2") == .kept)
    }
}
