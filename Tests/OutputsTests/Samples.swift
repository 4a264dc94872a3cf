// What the tests of all outputs begin with.

import Bytes
import Foundation
import Logs
import Outputs
import Platform
import Settings

/// A section with the given text as its object.
func section(_ text: String, path: String = "outputs.test") throws -> SettingsSection {
    try SettingsSection(settings(parseJSON(Array(text.utf8), .settings)), path: path)
}

private func settings(_ value: JSONValue) -> SettingsValue {
    let content: SettingsValue.Content =
        switch value.content {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let text): .number(text)
        case .string(let text): .string(text)
        case .array(let elements): .array(elements.map(settings))
        case .object(let members):
            .object(
                members.map {
                    .init(key: $0.key, keyPosition: $0.keyPosition, file: "agent.json", value: settings($0.value))
                })
        }
    return SettingsValue(content, file: "agent.json", position: value.position)
}

func context(
    fields: [(name: String, value: String)] = [], input: String = "syslog", host: String = "web1",
    log: AgentLog = .silent
) -> OutputContext {
    OutputContext(inputName: input, fields: fields, hostName: host, log: log)
}

/// 2026-11-21T02:38:30.123456789Z
let someTime: Int64 = 1_795_228_710_123_456_789

/// Records of one file, numbered from 0.
func batch(_ texts: [String], at unixNanoseconds: Int64 = someTime) -> LogBatch {
    batch(texts.map { Array($0.utf8) }, at: unixNanoseconds)
}

func batch(_ texts: [[UInt8]], at unixNanoseconds: Int64 = someTime) -> LogBatch {
    var batch = LogBatch()
    let file = batch.addField("file", Array("/var/log/syslog".utf8))
    for (index, text) in texts.enumerated() {
        batch.append(
            text, 0..<text.count, fields: file..<file + 1, at: unixNanoseconds,
            next: Position(source: 1, offset: UInt64(index + 1)))
    }
    return batch
}

/// A directory of the test's own, removed when this goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "vitals-outputs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")), as: UTF8.self)
    }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }
}
