// A temporary directory with log files, an input that follows them, and a clock that the test turns.

import Bytes
import CLinux
import Durable
import Foundation
import Glibc
import Logs
import Platform
import Settings
import TestSupport
import Testing

@testable import Inputs

final class FileWorld {
    private let own: TemporaryDirectory
    var directory: String { own.path }
    var settings: String
    /// Begins now, since files get their times of change from the kernel.
    var now = Moment.now
    var input: FileInput
    var cursor: JSONValue?
    private(set) var lines: [String] = []
    private(set) var records: [LogBatch.Record] = []
    private(set) var pending: [Position] = []
    var batch = LogBatch()

    let limits: FileLimits

    init(_ settings: String = #""paths": ["DIR/*.log"]"#, limits: FileLimits = FileLimits()) throws {
        own = try TemporaryDirectory()
        self.settings = settings
        self.limits = limits
        input = try Self.make(settings, in: own.path, cursor: nil, now, limits)
    }

    static func make(
        _ settings: String, in directory: String, cursor: JSONValue?, _ now: Moment, _ limits: FileLimits
    ) throws -> FileInput {
        let text = "{" + settings.replacingOccurrences(of: "DIR", with: directory) + "}"
        var section = try section(text, path: "inputs.test")
        let own = try FileInputSettings(&section)
        try section.finish()
        let resume = cursor.map { CursorReplay($0) }
        func make() -> FileFollower { FileFollower(own, resume: resume, log: .silent, now: now, limits: limits) }
        var follower = make()
        // A user has 128 inotify instances; the kernel takes a while to let go of one, and other tests have some.
        let hasAll = eventually(within: .seconds(60)) {
            if limits.hasINotify, follower.watcher.inotify == nil { follower = make() }
            return !limits.hasINotify || follower.watcher.inotify != nil
        }
        #expect(hasAll, "no inotify instance: see fs.inotify.max_user_instances")
        return FileInput(follower: follower)
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    // MARK: What a writer does

    func append(_ text: String, to name: String = "a.log") {
        let descriptor = open(path(name), O_WRONLY | O_CREAT | O_APPEND, 0o644)
        write(text, descriptor)
        close(descriptor)
    }

    /// To a name that need not be text.
    func append(_ text: String, to name: Path) {
        let descriptor = (Path(directory) / name).withCString { open($0, O_WRONLY | O_CREAT | O_APPEND, 0o644) }
        write(text, descriptor)
        close(descriptor)
    }

    func write(_ text: String, _ descriptor: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            done += bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        }
    }

    func move(_ from: String, _ to: String) { rename(path(from), path(to)) }
    func move(_ from: Path, _ to: Path) { try? renameFile(Path(directory) / from, to: Path(directory) / to) }
    func delete(_ name: String) { unlink(path(name)) }
    func truncate(_ name: String = "a.log") { Glibc.truncate(path(name), 0) }
    func copy(_ from: String, _ to: String) { append(content(from), to: to) }
    /// As gzip(1) does it: beside, with the time of change of the original, which is then removed.
    func compress(_ name: String, to compressed: String? = nil, keeping: Bool = false) {
        let target = compressed ?? name + ".gz"
        write(bytes: gzipped(Array(content(name).utf8)), to: target)
        copyTime(of: name, to: target)
        if !keeping { delete(name) }
    }

    func copyTime(of name: String, to other: String) {
        var status = stat()
        stat(path(name), &status)
        utimensat(AT_FDCWD, path(other), [status.st_atim, status.st_mtim], 0)
    }

    func gzipped(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        GzipCompressor(level: 1).compress(text, into: &bytes)
        return bytes
    }

    func write(bytes: [UInt8], to name: String) {
        let descriptor = open(path(name), O_WRONLY | O_CREAT | O_APPEND, 0o644)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    func content(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path(name)) ?? Data(), as: UTF8.self)
    }

    // MARK: What the agent does

    func advance(_ duration: Duration) {
        now.monotonic = now.monotonic + duration
        // The time of day stays: files get theirs from the kernel, and the two are compared.
    }

    /// Reads until there is nothing more right now; acknowledges nothing. Returns the lines of this call.
    @discardableResult
    func read(limit: Int = 10_000) -> [String] {
        var new: [String] = []
        for _ in 0..<limit {
            let wait = readOnce()
            new += batch.records.map { batch.text(of: $0) }
            if wait != .notAtAll { break }
        }
        return new
    }

    @discardableResult
    func readOnce() -> Wait {
        batch.removeAll()
        let wait = input.read(into: &batch, at: now)
        lines += batch.records.map { batch.text(of: $0) }
        records += batch.records
        pending += batch.records.map(\.next)
        return wait
    }

    func acknowledge(_ count: Int = .max) {
        for position in pending.prefix(count) { input.acknowledge(position) }
        pending.removeFirst(min(count, pending.count))
    }

    /// What was saved of this run so far, and what changed since.
    private var log = CursorLines()

    /// What the cursor log says when what changed is saved now, as one value. A snapshot says the same, and both say
    /// what the input knows.
    func saved() -> JSONValue? {
        var changes = CursorLines()
        input.follower.wantSizes()
        input.takeCursorChanges(into: &changes)
        if log.isEmpty { log = input.snapshot() } else { log.append(changes) }
        let known = input.follower.cursors.inOrder
        for (name, lines) in [("changes", log), ("snapshot", input.snapshot())] {
            var malformed = 0
            let found = FileCursors(CursorReplay(lines), malformed: &malformed).inOrder
            if found != known || malformed > 0 {
                Issue.record("the \(name) (\(malformed) malformed) are not what is known: \(found) instead of \(known)")
            }
        }
        return try? parseJSON(Array(input.text().utf8))
    }

    /// A stop and a start. Without a cursor: the first start.
    func restart(_ cursor: JSONValue?) throws {
        pending = []
        log = CursorLines()
        input = try Self.make(settings, in: directory, cursor: cursor, now, limits)
    }

    func count(_ reason: String) -> UInt64 {
        input.status(at: now).counts.first { $0.reason == reason }?.count ?? 0
    }
}

extension FileInput {
    /// All of the cursor, as one value.
    func text() -> String {
        var json = JSONWriter()
        follower.cursors.write(into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// In more parts than there would be.
    func snapshot() -> CursorLines {
        var lines = CursorLines()
        for part in 0..<cursorPartCount + 2 { writeCursor(into: &lines, part: part, of: cursorPartCount + 2) }
        return lines
    }
}

extension FileCursors {
    var inOrder: FileCursors {
        var cursors = self
        func order(_ file: FileCursor) -> (Path, UInt64, UInt64, UInt64, UInt64, UInt64) {
            let (head, inner) = (file.print.head.checksum.value, file.print.inner?.checksum.value ?? 0)
            return (file.path, file.id.inode, file.offset, file.sizeBytes, head, inner)
        }
        cursors.files.sort { order($0) < order($1) }
        return cursors
    }
}

extension FileFollower {
    /// What its cursor is to say, worked out from its tables.
    var cursors: FileCursors {
        var cursors = FileCursors()
        cursors.files = tails.all.keys.sorted().compactMap { tails[$0]?.cursor }
        let own = Set(tails.values.compactMap(\.reading?.knownKey))
        cursors.files += memory.known.all.filter { !own.contains($0.key) }
            .sorted { ($0.path, $0.id.inode, $0.offset) < ($1.path, $1.id.inode, $1.offset) }
        cursors.floors = memory.floors.times
        cursors.since = memory.since
        return cursors
    }
}
