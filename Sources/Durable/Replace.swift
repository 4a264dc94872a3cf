// Replacing a small file so that a crash or a power cut leaves the old one or the new one, whole.

package import Platform

/// What the durable stores ask of the disk. A test's disk fails at the n-th call.
package protocol Disk {
    mutating func write(_ bytes: [UInt8], to path: String) throws(Errno)
    mutating func rename(_ from: String, to: String) throws(Errno)
    mutating func syncDirectory(_ path: String) throws(Errno)
    mutating func read(_ path: String) throws(Errno) -> [UInt8]
}

/// The real one.
package struct HostDisk: Disk {
    package init() {}

    /// Content and size are on the disk when this returns.
    package func write(_ bytes: [UInt8], to path: String) throws(Errno) {
        let file = try File(writing: path, .truncate, permissions: 0o640)
        try file.write(bytes)
        try file.sync()
    }

    package func rename(_ from: String, to: String) throws(Errno) { try renameFile(from, to: to) }

    package func syncDirectory(_ path: String) throws(Errno) { try Platform.syncDirectory(path) }

    package func read(_ path: String) throws(Errno) -> [UInt8] { try readWhole(path, limit: 64 << 20) }
}

/// Writes beside, syncs, renames, syncs the directory.
package func replaceFile(
    _ name: String, in directory: String, with bytes: [UInt8], on disk: inout some Disk
) throws(Errno) {
    let final = "\(directory)/\(name)"
    let beside = final + ".new"
    try disk.write(bytes, to: beside)
    try disk.rename(beside, to: final)
    try disk.syncDirectory(directory)
}
