// What gzip, xz, zstd and bzip2 make of a text: the real programs.

import Foundation

/// With these options it reads and writes its standard streams.
package func compressed(_ text: [UInt8], by program: String, _ arguments: [String] = []) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let (input, output) = (URL(filePath: "\(directory.path)/in"), URL(filePath: "\(directory.path)/out"))
    try Data(text).write(to: input)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ProgramFailure(program: program) }
    return Array(try Data(contentsOf: output))
}

package struct ProgramFailure: Error {
    package let program: String
}
