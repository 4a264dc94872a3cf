// Journals made from text by systemd-journal-remote, which writes the same files as journald. The text is the Journal
// Export Format: https://systemd.io/JOURNAL_EXPORT_FORMATS/

import Bytes
import Durable
import Foundation
import Inputs
import Logs
import Platform
import Procfs
import Settings
import TestSupport
import Testing

enum JournalTool {
    static let path = "/lib/systemd/systemd-journal-remote"
    static let isThere = FileManager.default.isExecutableFile(atPath: path)
    static let missing: Comment = "needs the Debian package systemd-journal-remote"
}

/// One entry to be. Times are microseconds.
struct FixtureEntry {
    static let bootID = "0123456789abcdef0123456789abcdef"
    var realtime: UInt64
    var monotonic: UInt64
    var boot = Self.bootID
    var fields: [(String, [UInt8])]

    init(_ number: Int, boot: String = Self.bootID, _ fields: KeyValuePairs<String, String>) {
        realtime = 1_700_000_000_000_000 + UInt64(number) * 1_000
        monotonic = UInt64(number + 1) * 1_000
        self.boot = boot
        self.fields = fields.map { ($0.key, Array($0.value.utf8)) }
    }

    var exported: [UInt8] {
        var text = Array(
            "__REALTIME_TIMESTAMP=\(realtime)\n__MONOTONIC_TIMESTAMP=\(monotonic)\n_BOOT_ID=\(boot)\n".utf8)
        for (name, value) in fields {
            text += Array(name.utf8)
            if value.allSatisfy({ 0x20...0x7E ~= $0 }) {
                text += [0x3D] + value
            } else {
                text += [0x0A] + withUnsafeBytes(of: UInt64(value.count).littleEndian, Array.init) + value
            }
            text.append(0x0A)
        }
        return text + [0x0A]
    }
}

func makeJournal(_ path: String, _ entries: [FixtureEntry]) throws {
    let input = Pipe()
    let tool = Process()
    tool.executableURL = URL(fileURLWithPath: JournalTool.path)
    tool.arguments = ["--split-mode=none", "--output=\(path)", "-"]
    tool.standardInput = input
    tool.standardError = FileHandle.nullDevice
    try tool.run()
    let text = entries.flatMap(\.exported)
    try input.fileHandleForWriting.write(contentsOf: Data(text))
    try input.fileHandleForWriting.close()
    tool.waitUntilExit()
    try #require(tool.terminationStatus == 0)
}

let someMoment = Moment(monotonic: Instant(nanoseconds: 1_000_000_000), unixNanoseconds: 1_800_000_000_000_000_000)

/// With the settings that this text, an object, makes.
func journald(
    _ settings: String, resume: JSONValue? = nil, log: AgentLog = .silent
) throws -> JournaldInput {
    var section = try section(settings, path: "inputs.journal")
    let context = InputContext(
        name: "journal", host: Host(), hostName: "host", log: log, resume: resume.map { CursorReplay($0) },
        now: someMoment)
    let input = try JournaldInput(&section, context)
    try section.finish()
    return input
}

/// What a run of reading brought.
struct Reading {
    var texts: [String] = []
    var fields: [[String: String]] = []
    var records: [LogBatch.Record] = []
    var last: Position?

    mutating func add(_ batch: LogBatch) {
        for record in batch.records {
            texts.append(batch.text(of: record))
            var named: [String: String] = [:]
            for index in record.fields {
                let field = batch.fields[Int(index)]
                let value = String(decoding: batch.bytes[field.value.range], as: UTF8.self)
                named[String(decoding: batch.bytes[field.name.range], as: UTF8.self)] =
                    field.isNumber ? "#" + value : value
            }
            fields.append(named)
            records.append(record)
            last = record.next
        }
    }
}

/// Reads until the input has no more, in batches of `recordLimit`, `after` a while.
func readAll(
    _ input: inout JournaldInput, after: Duration = .zero, recordLimit: Int = 1_000
) -> Reading {
    var reading = Reading()
    let now = Moment(monotonic: someMoment.monotonic + after, unixNanoseconds: someMoment.unixNanoseconds)
    for _ in 0..<100_000 {
        var batch = LogBatch(recordLimit: recordLimit)
        let wait = input.read(into: &batch, at: now)
        reading.add(batch)
        if wait != .notAtAll { return reading }
    }
    Issue.record("the input always says that there is more")
    return reading
}

func cursor(of input: JournaldInput) throws -> JSONValue {
    var json = JSONWriter()
    input.writeCursor(into: &json)
    return try parseJSON(json.bytes)
}

func count(_ reason: String, of input: JournaldInput) -> UInt64? {
    input.status(at: someMoment).counts.first { $0.reason == reason }?.count
}
