// Replacing a small file so that a crash or a power cut leaves the old one or the new one, whole.

internal import Bytes
package import Platform

/// What the durable stores ask of the disk. A test's disk fails at the n-th call.
package protocol Disk: Sendable {
    mutating func write(_ bytes: [UInt8], to path: String) throws(Errno)
    mutating func rename(_ from: String, to: String) throws(Errno)
    mutating func syncDirectory(_ path: String) throws(Errno)
    mutating func read(_ path: String) throws(Errno) -> [UInt8]
}

/// The real one.
package struct HostDisk: Disk {
    /// The largest file that can be read back; what is to be read back must not be written larger.
    package static let readLimitBytes = 64 << 20

    package init() {}

    /// Content and size are on the disk when this returns. Makes the directory with its first file.
    package func write(_ bytes: [UInt8], to path: String) throws(Errno) {
        do throws(Errno) {
            try writeAndSync(bytes, to: path)
        } catch {
            guard error == .notFound, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { throw error }
            try makeDirectories(String(path[..<slash]))
            try writeAndSync(bytes, to: path)
        }
    }

    private func writeAndSync(_ bytes: [UInt8], to path: String) throws(Errno) {
        let file = try File(writing: path, .truncate, permissions: 0o640)
        try file.write(bytes)
        try file.sync()
    }

    package func rename(_ from: String, to: String) throws(Errno) { try renameFile(from, to: to) }

    package func syncDirectory(_ path: String) throws(Errno) { try Platform.syncDirectory(path) }

    package func read(_ path: String) throws(Errno) -> [UInt8] { try readWhole(path, limit: Self.readLimitBytes) }
}

/// Writes beside, syncs, renames, syncs the directory.
///
/// With `keepingPrevious`, what the file held before stays as `<name>.old`. Between the two renames there is no file
/// called `name`, but a whole `<name>.new`: the reader must look for that one too.
package func replaceFile(
    _ name: String, in directory: String, with bytes: [UInt8], keepingPrevious: Bool = false,
    on disk: inout some Disk
) throws(Errno) {
    let final = "\(directory)/\(name)"
    let beside = final + ".new"
    try disk.write(bytes, to: beside)
    if keepingPrevious {
        do throws(Errno) { try disk.rename(final, to: final + ".old") } catch {
            guard error == .notFound else { throw error }  // there is no previous one at the first time
        }
    }
    try disk.rename(beside, to: final)
    try disk.syncDirectory(directory)
}
