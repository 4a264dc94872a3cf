// Where a spool keeps its segments: `<directory>/00000001.spool` and so on.

internal import Bytes
package import Platform

/// What a spool asks of the disk. A test's disk fails at the n-th call, and forgets what was not synced.
package protocol SpoolDisk: Sendable {
    /// Those that are there, in the order of their numbers. Makes the directory.
    mutating func segments() throws(Errno) -> [(id: UInt64, byteCount: Int)]
    /// What stands from `offset` on.
    mutating func read(_ id: UInt64, from offset: Int) throws(Errno) -> [UInt8]
    /// Writes at the end. The segment is made with its first bytes.
    mutating func append(_ bytes: [UInt8], to id: UInt64) throws(Errno)
    /// What was appended outlasts a power cut when this returns; with `names` also which segments there are, and that
    /// those that were removed are not.
    mutating func sync(_ id: UInt64, names: Bool) throws(Errno)
    /// Whether the segment is what was appended to it, and not removed, emptied or replaced; true where nobody can
    /// tell.
    func isUntouched(_ id: UInt64, byteCount: Int) -> Bool
    /// Takes away what stands after the first `byteCount` bytes.
    mutating func cut(_ id: UInt64, to byteCount: Int) throws(Errno)
    mutating func remove(_ id: UInt64) throws(Errno)
}

/// The real one.
package struct HostSpoolDisk: SpoolDisk {
    /// A segment that is larger was not written by us.
    private static let readLimitBytes = 64 << 20

    /// Of the segment that grows.
    private final class Growing: Sendable {
        let id: UInt64
        let file: File

        init(_ id: UInt64, _ path: String) throws(Errno) {
            self.id = id
            file = try File(writing: path, .append)
        }
    }

    private let directory: String
    private var growing: Growing?

    package init(directory: String) { self.directory = directory }

    private func path(_ id: UInt64) -> String {
        var name: [UInt8] = []
        name.append(padded: Int(clamping: id), width: 8)
        return "\(directory)/\(String(decoding: name, as: UTF8.self)).spool"
    }

    package mutating func segments() throws(Errno) -> [(id: UInt64, byteCount: Int)] {
        try makeDirectories(directory)
        // It, and the one that all spools are in, may be new.
        let parts = directory.split(separator: "/")
        for count in 1...2 where parts.count > count {
            try syncDirectory("/" + parts.dropLast(count).joined(separator: "/"))
        }
        var found: [(id: UInt64, byteCount: Int)] = []
        for name in try textEntries(directory) {
            var text = ByteCursor(name)
            guard let id = text.unsigned(), text.skip(".spool"), text.isAtEnd else { continue }
            // What cannot be asked for its size cannot be read either, and costs no other.
            var byteCount = 0
            do throws(Errno) { byteCount = Int(clamping: try FileStatus(of: path(id)).sizeBytes) } catch {}
            found.append((id, byteCount))
        }
        return found.sorted { $0.id < $1.id }
    }

    package mutating func read(_ id: UInt64, from offset: Int) throws(Errno) -> [UInt8] {
        let file = try File(reading: path(id))
        let size = Int(clamping: try file.status().sizeBytes)
        guard size <= Self.readLimitBytes else { throw .tooLarge }
        var bytes = [UInt8](repeating: 0, count: max(0, size - offset))
        var count = 0
        while count < bytes.count {
            let read = try file.read(into: &bytes, from: count, at: UInt64(offset + count))
            guard read > 0 else { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    package mutating func append(_ bytes: [UInt8], to id: UInt64) throws(Errno) {
        if growing?.id != id {
            growing = nil
            let path = path(id)
            do throws(Errno) { growing = try Growing(id, path) } catch {
                // Somebody has cleared the state directory.
                guard error == .notFound else { throw error }
                try makeDirectories(directory)
                growing = try Growing(id, path)
            }
        }
        try growing?.file.write(bytes)
    }

    package mutating func sync(_ id: UInt64, names: Bool) throws(Errno) {
        if let growing, growing.id == id {
            try growing.file.sync()
        } else {
            try File(writing: path(id), .append).sync()
        }
        if names { try syncDirectory(directory) }
    }

    package func isUntouched(_ id: UInt64, byteCount: Int) -> Bool {
        do throws(Errno) {
            let status = try FileStatus(of: path(id))
            guard status.sizeBytes == UInt64(byteCount) else { return false }
            guard let growing, growing.id == id else { return true }
            return try growing.file.status().id == status.id
        } catch {
            return error != .notFound
        }
    }

    package mutating func cut(_ id: UInt64, to byteCount: Int) throws(Errno) {
        // One that is not there must not be made.
        guard try FileStatus(of: path(id)).sizeBytes > UInt64(byteCount) else { return }
        try File(writing: path(id), .append).cut(to: byteCount)
    }

    package mutating func remove(_ id: UInt64) throws(Errno) {
        if growing?.id == id { growing = nil }
        do throws(Errno) { try removeFile(path(id)) } catch {
            guard error == .notFound else { throw error }
        }
    }
}
