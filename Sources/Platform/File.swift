// Files by descriptor. See open(2), pread(2), fstat(2).

package import Bytes
internal import CLinux
internal import Glibc

/// What a file is, whatever it is called.
package struct FileID: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable { case regular, directory, symbolicLink, fifo, other }

    package let id: FileID
    package let kind: Kind
    /// The lower 9 bits of its mode: who may read, write and execute.
    package let permissions: UInt32
    package let sizeBytes: UInt64
    /// The user whose it is.
    package let owner: UInt32
    /// Names that the file has; 0 when it was deleted and is only kept open.
    package let linkCount: UInt64
    /// When its content last changed, nanoseconds since 1970.
    package let modifiedUnixNanoseconds: Int64
    /// When anything of it last changed, its name too, nanoseconds since 1970.
    package let changedUnixNanoseconds: Int64

    init(_ raw: stat) {
        id = FileID(device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino))
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .fifo
            default: .other
            }
        permissions = UInt32(raw.st_mode) & 0o777
        sizeBytes = UInt64(max(0, raw.st_size))
        owner = UInt32(raw.st_uid)
        linkCount = UInt64(raw.st_nlink)
        modifiedUnixNanoseconds = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
        changedUnixNanoseconds = Int64(raw.st_ctim.tv_sec) * 1_000_000_000 + Int64(raw.st_ctim.tv_nsec)
    }

    /// Of the file that `path` leads to, through symbolic links.
    package init(of path: Path) throws(Errno) {
        var raw = stat()
        guard unsafe path.withCString({ unsafe stat($0, &raw) }) == 0 else { throw .current }
        self.init(raw)
    }

    /// Without a copy of the path, as the agent has it in its settings or made it itself.
    package init(of path: String) throws(Errno) {
        var raw = stat()
        guard unsafe path.withCString({ unsafe stat($0, &raw) }) == 0 else { throw .current }
        self.init(raw)
    }

    /// Of an open file.
    init(of descriptor: Int32) throws(Errno) {
        var raw = stat()
        guard unsafe fstat(descriptor, &raw) == 0 else { throw .current }
        self.init(raw)
    }

    /// Of what `path` names: a symbolic link itself, not what it leads to.
    package init(ofLink path: Path) throws(Errno) {
        var raw = stat()
        guard unsafe path.withCString({ unsafe lstat($0, &raw) }) == 0 else { throw .current }
        self.init(raw)
    }

    package init(ofLink path: String) throws(Errno) { try self.init(ofLink: Path(path)) }
}

/// The path without symbolic links, as realpath(3) finds it.
package func realPath(_ path: Path) throws(Errno) -> Path {
    guard let found = unsafe path.withCString({ unsafe realpath($0, nil) }) else { throw .current }
    defer { unsafe free(found) }
    return unsafe Path(UnsafeRawBufferPointer(start: found, count: strlen(found)))
}

/// How a file is opened for writing.
package enum WriteMode: Sendable {
    case append, truncate, createNew
    /// Appends to a file that is there.
    case existing
}

/// An open file descriptor with one owner; closed when that owner goes.
package struct File: ~Copyable {
    package let descriptor: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning descriptor: Int32) { self.descriptor = descriptor }

    /// Never waits in the open: a FIFO without a writer opens at once, and reads as empty. Without `followsLink` a path
    /// that is a symbolic link itself throws `tooManyLinks`.
    package init(reading path: Path, followsLink: Bool = true) throws(Errno) {
        // Not into `descriptor` at once: an initializer that throws when it is set runs `deinit`, which would close -1.
        let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW)
        let opened = unsafe path.withCString { unsafe linux_open($0, flags, 0) }
        guard opened >= 0 else { throw .current }
        descriptor = opened
    }

    /// Without a copy of the path, as the agent has it in its settings or made it itself.
    package init(reading path: String) throws(Errno) {
        let opened = unsafe path.withCString { unsafe linux_open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0) }
        guard opened >= 0 else { throw .current }
        descriptor = opened
    }

    /// Never waits in the open: a FIFO without a reader throws `ENXIO`.
    package init(writing path: String, _ mode: WriteMode, permissions: UInt32 = 0o640) throws(Errno) {
        let flags =
            switch mode {
            case .append: O_APPEND | O_CREAT
            case .truncate: O_TRUNC | O_CREAT
            case .createNew: O_EXCL | O_CREAT
            case .existing: O_APPEND
            }
        let opened = unsafe linux_open(path, O_WRONLY | O_NONBLOCK | flags, permissions)
        guard opened >= 0 else { throw .current }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// One `pread` of at most `limit` bytes into the front of `buffer`. Returns the bytes read, 0 at the end of the
    /// file.
    package func read(into buffer: inout [UInt8], limit: Int, at offset: UInt64) throws(Errno) -> Int {
        let descriptor = descriptor
        return try retryingOnInterrupt {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress, min(limit, bytes.count), off_t(offset))
            }
        }
    }

    /// One `pread` into `buffer[start...]`. Returns the bytes read, 0 at the end of the file.
    package func read(into buffer: inout [UInt8], from start: Int = 0, at offset: UInt64) throws(Errno) -> Int {
        let descriptor = descriptor
        return try retryingOnInterrupt {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    descriptor, bytes.baseAddress.map { unsafe $0 + start }, bytes.count - start, off_t(offset))
            }
        }
    }

    /// Writes all of `bytes[range]`, at the position of the descriptor.
    package func write(_ bytes: [UInt8], _ range: Range<Int>? = nil) throws(Errno) {
        let range = range ?? 0..<bytes.count
        let descriptor = descriptor
        var done = range.lowerBound
        while done < range.upperBound {
            done += try retryingOnInterrupt {
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + done }, range.upperBound - done)
                }
            }
        }
    }

    /// Content and size reach the disk before this returns.
    package func sync() throws(Errno) {
        let descriptor = descriptor
        try retryingOnInterrupt { Int(fsync(descriptor)) }
    }

    /// Takes the lock of flock(2) without waiting, until the file is closed. False when another descriptor has it.
    package func lock() throws(Errno) -> Bool {
        if linux_lock(descriptor) == 0 { return true }
        let error = Errno.current
        guard error == .wouldBlock else { throw error }
        return false
    }

    /// Lets go of it before the file is closed: a child that was forked meanwhile may keep that open for a moment.
    package func unlock() { _ = linux_unlock(descriptor) }

    /// It has no name any more.
    package func isRemoved() throws(Errno) -> Bool { try status().linkCount == 0 }

    /// Takes away what stands after the first `count` bytes.
    package func cut(to count: Int) throws(Errno) {
        let descriptor = descriptor
        try retryingOnInterrupt { Int(ftruncate(descriptor, off_t(count))) }
    }

    package func status() throws(Errno) -> FileStatus { try FileStatus(of: descriptor) }

    /// When it was made, in nanoseconds since 1970. Nil where the file system does not keep that, or may make it up.
    package func birth() throws(Errno) -> Int64? {
        var unixNanoseconds: Int64 = 0
        let answer = unsafe linux_birth(descriptor, &unixNanoseconds)
        guard answer >= 0 else { throw .current }
        return answer > 0 ? unixNanoseconds : nil
    }

    /// The first offset from `offset` on that is in no hole: `offset` itself where the file system knows of no holes.
    /// Nil when there is nothing but a hole, or nothing at all.
    package func nextData(from offset: UInt64) throws(Errno) -> UInt64? {
        let found = linux_seek_data(descriptor, Int64(clamping: offset))
        if found >= 0 { return UInt64(found) }
        let error = Errno.current
        switch error.code {
        case ENXIO: return nil
        // Of file systems and devices that cannot be asked.
        case EINVAL, EOPNOTSUPP, ESPIPE: return offset
        default: throw error
        }
    }

    /// Whether bytes stand after the end that its size tells, as in the files of /proc, and not because it is growing.
    package func hasMoreThanItsSize() throws(Errno) -> Bool {
        let size = try status().sizeBytes
        var byte: [UInt8] = [0]
        guard try read(into: &byte, at: size) > 0 else { return false }
        return try status().sizeBytes == size
    }
}

/// Reads a small file whole: settings, secrets, fixtures. Not for files that grow.
///
/// - Throws: `Errno`; `EFBIG` for more than `limit` bytes.
package func readWhole(_ path: Path, limit: Int = 4 << 20) throws(Errno) -> [UInt8] {
    try readWhole(try File(reading: path), limit: limit)
}

/// The same of a file that is open.
package func readWhole(_ file: borrowing File, limit: Int = 4 << 20) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    var count = 0
    while true {
        let read = try file.read(into: &bytes, from: count, at: UInt64(count))
        guard read > 0 else { break }
        count += read
        guard count <= limit else { throw Errno(code: EFBIG) }
        if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: count)) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

package func readWhole(_ path: String, limit: Int = 4 << 20) throws(Errno) -> [UInt8] {
    try readWhole(Path(path), limit: limit)
}
