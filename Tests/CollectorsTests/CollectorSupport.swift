// What tests of collectors share: hosts made of a few files, and what collectors serve as text.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host
import class Procfs.SkippedRows

@testable import Collectors

/// A host in a directory of its own, which goes with it.
final class TemporaryHost {
    private let directory: TemporaryDirectory
    var root: String { directory.path }
    var host: Host { Host(proc: "\(root)/proc", sys: "\(root)/sys") }

    init(_ files: [String: String] = [:]) throws {
        directory = try TemporaryDirectory()
        for (path, text) in files { try write(path, text) }
    }

    func write(_ path: String, _ text: String) throws { try directory.write(path, text) }
}

enum Golden {
    /// Holds `text` to Tests/Fixtures/golden/<name>.txt, or writes that file when UPDATE_GOLDEN is 1.
    static func expect(_ name: String, _ text: String) throws {
        let path = "\(Repository.fixtures)/golden/\(name).txt"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        #expect(text == String(decoding: try readWhole(path), as: UTF8.self))
    }
}

/// Runs `body`, and tells what was left out meanwhile: the path of each file below `root`, and what is wrong there.
func leftOut(below root: String, _ body: () throws -> Void) throws -> [String] {
    let skipped = SkippedRows()
    try skipped.gather { () throws(any Error) in try body() }
    return skipped.files.map { file in
        #expect(file.path.hasPrefix("\(root)/"))
        return "\(file.path.dropFirst(root.count + 1)): \(file.problem)"
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
