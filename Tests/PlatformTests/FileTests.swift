import Foundation
import Platform
import TestSupport
import Testing

@Suite struct FileTests {
    private let own: TemporaryDirectory
    private var directory: String { own.path }

    init() throws { own = try TemporaryDirectory() }

    @Test func writesAppendsReads() throws {
        let path = directory + "/a"
        do {
            let file = try File(writing: path, .createNew)
            try file.write(Array("hello".utf8))
            try file.write(Array("-world-".utf8), 1..<6)
            try file.sync()
            #expect(try file.status().sizeBytes == 10)
            #expect(try file.status().kind == .regular)
        }
        #expect(throws: Errno(code: EEXIST)) { _ = try File(writing: path, .createNew) }
        do { try File(writing: path, .append).write([0x21]) }
        #expect(try readWhole(path) == Array("helloworld!".utf8))
        do { try File(writing: path, .truncate).write([]) }
        #expect(try readWhole(path).isEmpty)
    }

    @Test func readsAtAnOffsetIntoABuffer() throws {
        let path = directory + "/a"
        try File(writing: path, .createNew).write(Array("0123456789".utf8))
        let file = try File(reading: path)
        var buffer = [UInt8](repeating: 0x2E, count: 6)
        #expect(try file.read(into: &buffer, from: 2, at: 7) == 3)
        #expect(String(decoding: buffer, as: UTF8.self) == "..789.")
        #expect(try file.read(into: &buffer, from: 0, at: 10) == 0)
        #expect(try file.read(into: &buffer, from: 0, at: 99) == 0)
    }

    @Test func wholeFilesHaveALimit() throws {
        let path = directory + "/a"
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try File(writing: path, .createNew).write(bytes)
        #expect(try readWhole(path) == bytes)
        #expect(try readWhole(path, limit: 100_000) == bytes)
        #expect(throws: Errno.tooLarge) { _ = try readWhole(path, limit: 99_999) }
    }

    @Test func identityStaysOverRenames() throws {
        let (one, other) = (directory + "/a", directory + "/b")
        try File(writing: one, .createNew).write([1])
        let file = try File(reading: one)
        let id = try FileStatus(of: one).id
        try renameFile(one, to: other)
        #expect(try FileStatus(of: other).id == id)
        #expect(throws: Errno.notFound) { _ = try FileStatus(of: one) }
        try removeFile(other)
        #expect(try file.status().linkCount == 0)
        #expect(try file.status().id == id)
    }

    /// Where the file system tells it. It is not the time of a change.
    @Test func aFileIsBornOnce() throws {
        let (one, other) = (directory + "/a", directory + "/b")
        try File(writing: one, .createNew).write([1])
        let file = try File(reading: one)
        let born = try file.birth()
        try renameFile(one, to: other)
        try File(writing: other, .append).write([2])
        #expect(try File(reading: other).birth() == born)
        if let born { #expect(abs(born - Moment.now.unixNanoseconds) < 3_600_000_000_000) }
        // The kernel makes up its own files as they are asked for.
        #expect(try File(reading: "/proc/self/stat").birth() == nil)
    }

    @Test func holesAreSteppedOver() throws {
        let path = directory + "/a"
        try File(writing: path, .createNew).write([1])
        #expect(truncate(path, 4 << 20) == 0)
        let file = try File(reading: path)
        #expect(try file.nextData(from: 0) == 0)
        // A file system that knows of no holes has data up to the end.
        let next = try file.nextData(from: 1 << 20)
        #expect(next == nil || next == 1 << 20)
        #expect(try file.nextData(from: 4 << 20) == nil)
    }

    @Test func aFIFOWithoutWriterIsEmpty() throws {
        let path = directory + "/fifo"
        try #require(mkfifo(path, 0o600) == 0)
        #expect(try FileStatus(of: path).kind == .fifo)
        _ = try File(reading: path)
    }

    @Test func errorsAreTheKernels() {
        #expect(throws: Errno.notFound) { _ = try File(reading: directory + "/none") }
        #expect(throws: Errno(code: EISDIR)) { _ = try File(writing: directory, .append) }
        #expect(throws: Errno(code: EISDIR)) { _ = try readWhole(directory) }
        #expect(throws: Errno(code: ENOTDIR)) { _ = try textEntries("/proc/self/status") }
        #expect(throws: Errno.notFound) { try removeFile(directory + "/none") }
        #expect(throws: Errno.notFound) { try renameFile(directory + "/none", to: directory + "/x") }
        #expect(throws: Errno.notFound) { try syncDirectory(directory + "/none") }
        #expect(Errno.notFound.description == "No such file or directory")
        #expect(Errno(code: 9_999).description.contains("9999"))
    }

    @Test func directoriesAreMadeAndListed() throws {
        let deep = directory + "/x/y/z"
        try makeDirectories(deep)
        try makeDirectories(deep)
        try makeDirectories(deep + "/")
        #expect(try FileStatus(of: deep).kind == .directory)
        try File(writing: directory + "/file", .createNew).write([])
        #expect(try textEntries(directory).sorted() == ["file", "x"])
        #expect(try textEntries(deep).isEmpty)
        try syncDirectory(directory)
        #expect(throws: Errno(code: ENOTDIR)) { try makeDirectories(directory + "/file/y") }
        #expect(throws: Errno(code: ENOTDIR)) { try makeDirectories(directory + "/file") }
        #expect(throws: Errno.notFound) { try makeDirectories("") }
    }

    @Test func interruptedCallsAreCalledAgain() throws {
        var calls = 0
        let answer = try retryingOnInterrupt {
            calls += 1
            errno = EINTR
            return calls < 4 ? -1 : 7
        }
        #expect(answer == 7)
        #expect(calls == 4)
        #expect(throws: Errno.io) {
            try retryingOnInterrupt {
                errno = EIO
                return -1
            }
        }
    }
}

@Suite struct ClockTests {
    @Test func instantsStopAtTheEnds() {
        let some = Instant(nanoseconds: 1_000)
        #expect(some + .nanoseconds(-1_000) == Instant(nanoseconds: 0))
        #expect(some + .nanoseconds(-1_001) == Instant(nanoseconds: 0))
        #expect(some + .seconds(Int64.max) == Instant(nanoseconds: 1_000 + UInt64(Int64.max)))
        #expect(Instant(nanoseconds: .max) + .nanoseconds(1) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: 5) - some == .nanoseconds(-995))
        #expect(Instant(nanoseconds: .max) - Instant(nanoseconds: 0) == .nanoseconds(Int64.max))
        #expect(Instant.now <= Instant.now)
    }

    @Test func durationsAsNanoseconds() {
        #expect(Duration.milliseconds(1_500).nanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-1).nanoseconds == -1_000_000_000)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.milliseconds(250).inSeconds == 0.25)
    }
}
