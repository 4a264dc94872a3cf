// botocore, AWS's own client in Python, as a process that is asked. `scripts/deps build test` installs it.

import Foundation
import TestSupport

final class Botocore {
    static let python = Repository.path + "/.build/python/bin/python3"
    static var isThere: Bool { FileManager.default.isExecutableFile(atPath: python) }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var unread = Data()

    init() throws {
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = [Repository.path + "/Tests/Support/botocore_oracle.py"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// One object there, one back.
    func ask<Answer: Decodable>(_ question: some Encodable, _ type: Answer.Type = Answer.self) throws -> Answer {
        try input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(question) + Data([10]))
        return try JSONDecoder().decode(Answer.self, from: try line())
    }

    private func line() throws -> Data {
        while true {
            if let end = unread.firstIndex(of: 10) {
                defer { unread = Data(unread[(end + 1)...]) }
                return unread[..<end]
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw CocoaError(.fileReadUnknown) }
            unread += more
        }
    }
}
