// What a cursor log asks of the disk.

package import Platform

/// A test's disk fails at the n-th call, forgets what was not synced, and tears what was written last.
package protocol CursorDisk: Sendable {
    /// What stands from `offset` on, `limit` bytes at the most. Nothing at the end.
    func read(_ path: String, from offset: UInt64, limit: Int) throws(Errno) -> [UInt8]
    /// When it was last written to, in nanoseconds since 1970.
    func modified(_ path: String) throws(Errno) -> Int64
    /// Makes the file, empty, with its directory where that is gone. What is appended next goes there.
    mutating func create(_ path: String) throws(Errno)
    /// Writes at the end of a file that `create` made.
    mutating func append(_ bytes: [UInt8], to path: String) throws(Errno)
    /// What was appended outlasts a power cut when this returns.
    mutating func sync(_ path: String) throws(Errno)
    /// Whether `path` is the file that was appended to, with so many bytes. True where nobody can tell.
    func isUntouched(_ path: String, byteCount: UInt64) -> Bool
    mutating func rename(_ from: String, to: String) throws(Errno)
    /// One that is not there is no error.
    mutating func remove(_ path: String) throws(Errno)
    /// The names in it outlast a power cut when this returns.
    mutating func syncDirectory(_ path: String) throws(Errno)
}

/// The real one. It keeps the files open that it appends to.
package struct HostCursorDisk: CursorDisk {
    /// Shared by copies of this value, which are never used side by side.
    private final class Open: Sendable {
        let file: File
        init(_ path: String) throws(Errno) { file = try File(writing: path, .truncate) }
    }

    /// A disk is read in blocks no larger than that; one that cannot be read costs its lines.
    private static let blockBytes = 4096

    private var open: [String: Open] = [:]

    package init() {}

    package func read(_ path: String, from offset: UInt64, limit: Int) throws(Errno) -> [UInt8] {
        let file = try File(reading: path)
        let size = try file.status().sizeBytes
        let limit = min(limit, Int(clamping: size - min(size, offset)))
        var bytes = [UInt8](repeating: 0, count: limit)
        do throws(Errno) {
            bytes.removeLast(limit - (try Self.read(file, into: &bytes, limit: limit, at: offset)))
        } catch {
            guard error == .io, limit > Self.blockBytes else { throw error }
            // A bad sector: what stands before and behind it can be read.
            bytes = [UInt8](repeating: 0, count: Self.blockBytes)
            do throws(Errno) { _ = try Self.read(file, into: &bytes, limit: Self.blockBytes, at: offset) } catch {
                bytes = [UInt8](repeating: 0, count: Self.blockBytes)
            }
        }
        return bytes
    }

    private static func read(
        _ file: borrowing File, into bytes: inout [UInt8], limit: Int, at offset: UInt64
    ) throws(Errno) -> Int {
        var count = 0
        while count < limit {
            let read = try file.read(into: &bytes, from: count, at: offset + UInt64(count))
            guard read > 0 else { break }
            count += read
        }
        return count
    }

    package func modified(_ path: String) throws(Errno) -> Int64 { try FileStatus(of: path).modifiedUnixNanoseconds }

    package mutating func create(_ path: String) throws(Errno) {
        open[path] = nil
        do throws(Errno) { open[path] = try Open(path) } catch {
            // At the first start; or somebody has cleared the state directory.
            guard error == .notFound else { throw error }
            let directory = directory(of: path)
            try makeDirectories(directory)
            try Platform.syncDirectory(self.directory(of: directory))
            open[path] = try Open(path)
        }
    }

    package mutating func append(_ bytes: [UInt8], to path: String) throws(Errno) {
        guard let open = open[path] else { throw .notFound }
        try open.file.write(bytes)
    }

    package mutating func sync(_ path: String) throws(Errno) {
        guard let open = open[path] else { throw .notFound }
        try open.file.sync()
    }

    package func isUntouched(_ path: String, byteCount: UInt64) -> Bool {
        guard let open = open[path] else { return false }
        do throws(Errno) {
            let (found, own) = (try FileStatus(of: path), try open.file.status())
            return found.sizeBytes == byteCount && found.id == own.id
        } catch {
            return !error.isAbsence
        }
    }

    package mutating func rename(_ from: String, to: String) throws(Errno) {
        try renameFile(from, to: to)
        open[to] = open.removeValue(forKey: from)
    }

    package mutating func remove(_ path: String) throws(Errno) {
        open[path] = nil
        do throws(Errno) { try removeFile(path) } catch {
            guard error.isAbsence else { throw error }
        }
    }

    package mutating func syncDirectory(_ path: String) throws(Errno) { try Platform.syncDirectory(path) }

    private func directory(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    }
}
