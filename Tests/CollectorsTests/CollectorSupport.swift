// What tests of collectors share: settings made of values, and hosts made of a few files.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import Testing

import struct Procfs.Host

@testable import Collectors

/// A section with these members, as if it stood in agent.json.
func settings(_ members: KeyValuePairs<String, SettingsValue.Content> = [:]) throws(SettingsError) -> SettingsSection {
    let place = TextPosition(line: 1, column: 1)
    let object = members.map { key, content in
        SettingsValue.Member(
            key: key, keyPosition: place, file: "test", value: SettingsValue(content, file: "test", position: place))
    }
    return try SettingsSection(SettingsValue(.object(object), file: "test", position: place), path: "collectors.test")
}

/// A host in a directory of its own, which goes with it.
final class TemporaryHost {
    let root: String
    var host: Host { Host(proc: "\(root)/proc", sys: "\(root)/sys") }

    init(_ files: [String: String] = [:]) throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("vitals-\(UUID().uuidString)").path
        for (path, text) in files { try write(path, text) }
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ text: String) throws {
        let url = URL(fileURLWithPath: "\(root)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        // In place, as the kernel does: a reader that keeps the file open sees the new text.
        if let file = FileHandle(forWritingAtPath: url.path) {
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        } else {
            try Data(text.utf8).write(to: url)
        }
    }
}

/// One reading, as `name{label values} value`, in the order in which the collector adds.
func samples(_ collector: inout some Collector) throws -> [String] {
    var snapshot = Snapshot()
    try collector.collect(into: &snapshot)
    return snapshot.samples.map { sample in
        let labels = snapshot.labels(of: sample)
        var text = Array(snapshot.families[sample.family].name.utf8)
        if !labels.isEmpty { text.append(text: "{\(labels.joined(separator: ","))}") }
        text.append(text: " ")
        text.append(number: sample.value)
        return String(decoding: text, as: UTF8.self)
    }
}
