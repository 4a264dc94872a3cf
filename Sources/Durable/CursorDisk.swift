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
    /// Whether `path` is the file that was appended to, with so many bytes, and nobody else has written to it. True
    /// where nobody can tell.
    mutating func isUntouched(_ path: String, byteCount: UInt64) -> Bool
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
        let id: FileID
        init(_ path: String) throws(Errno) {
            file = try File(writing: path, .truncate)
            id = try file.status().id
        }
    }

    private struct Written {
        let open: Open
        /// The time of change after the last append. Nil when that is not known.
        var modified: Int64?
        /// The first and the last bytes, up to `knownBytes` of each.
        var start: [UInt8] = []
        var end: [UInt8] = []
    }

    /// Enough to tell what was written from what another program writes in its place.
    private static let knownBytes = 256

    /// A disk is read in blocks no larger than that; one that cannot be read costs its lines.
    private static let blockBytes = 4096

    private var open: [String: Written] = [:]

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
        do throws(Errno) { open[path] = Written(open: try Open(path)) } catch {
            // At the first start; or somebody has cleared the state directory.
            guard error == .notFound else { throw error }
            let directory = directory(of: path)
            try makeDirectories(directory)
            try Platform.syncDirectory(self.directory(of: directory))
            open[path] = Written(open: try Open(path))
        }
    }

    package mutating func append(_ bytes: [UInt8], to path: String) throws(Errno) {
        guard var written = open[path] else { throw .notFound }
        written.modified = nil
        open[path] = written
        try written.open.file.write(bytes)
        if written.start.count < Self.knownBytes {
            written.start += bytes.prefix(Self.knownBytes - written.start.count)
        }
        written.end = Array((written.end + bytes.suffix(Self.knownBytes)).suffix(Self.knownBytes))
        do throws(Errno) { written.modified = try written.open.file.status().modifiedUnixNanoseconds } catch {}
        open[path] = written
    }

    package mutating func sync(_ path: String) throws(Errno) {
        guard let written = open[path] else { throw .notFound }
        try written.open.file.sync()
    }

    package mutating func isUntouched(_ path: String, byteCount: UInt64) -> Bool {
        guard let written = open[path] else { return false }
        do throws(Errno) {
            let found = try FileStatus(of: path)
            guard found.sizeBytes == byteCount, found.id == written.open.id else { return false }
            if found.modifiedUnixNanoseconds == written.modified { return true }
            // A network file system may change it of its own, and a person by touch(1).
            guard try holds(written, path, byteCount) else { return false }
            open[path]?.modified = found.modifiedUnixNanoseconds
            return true
        } catch {
            return !error.isAbsence
        }
    }

    private func holds(_ written: Written, _ path: String, _ byteCount: UInt64) throws(Errno) -> Bool {
        guard try read(path, from: 0, limit: written.start.count) == written.start else { return false }
        let end = written.end
        return try read(path, from: byteCount - min(byteCount, UInt64(end.count)), limit: end.count) == end
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
