// A program of Tests/Support in Python as a process of the test's own: it says where it can be reached in its first
// line, and ends when its standard input does.

import Foundation

package final class PythonProgram: @unchecked Sendable {
    // @unchecked: nothing of it changes after `init`.
    private let process = Process()
    private let input = Pipe()
    /// Of its first line.
    package let words: [String]

    /// `python` is that of the path, or one with packages of its own.
    package init(_ name: String, _ arguments: [String] = [], python: String? = nil) throws {
        process.executableURL = URL(fileURLWithPath: python ?? "/usr/bin/env")
        let path = "\(Repository.path)/Tests/Support/\(name)"
        process.arguments = (python == nil ? ["python3"] : []) + [path] + arguments
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte[0] != 10 {
            line += byte
        }
        words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    package func terminate() { process.terminate() }
}
