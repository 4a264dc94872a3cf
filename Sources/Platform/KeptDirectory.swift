// A directory that is looked at again and again, such as a class of devices in sysfs. As long as it does not change,
// a look costs two system calls and allocates nothing. See readdir(3).

package import Bytes
internal import Glibc

/// The names in a directory, kept until it has others.
@safe package final class KeptDirectory {
    package let path: Path
    /// But `.` and `..`, in the order of their bytes.
    package private(set) var names: [Path] = []
    /// Closed when this goes; nobody else has it.
    private var stream: OpaquePointer?
    /// What `stream` lists.
    private var id: FileID?
    /// Of names and inodes: another device under an old name is a change too. nil before the first look.
    private var checksum: Fingerprint?

    package init(_ path: Path) {
        self.path = path
        unsafe stream = nil
    }

    package convenience init(_ path: String) { self.init(Path(path)) }

    deinit { close() }

    /// Looks again. Returns whether there is something else than the last time; true the first time.
    ///
    /// - Throws: `Errno`; `ENOENT` when there is no such directory. There are no names then.
    package func refresh() throws(Errno) -> Bool {
        do throws(Errno) {
            let isKept = unsafe stream != nil
            try rewind()
            var found = try look(takingNames: false)
            // A directory that was removed stays empty for who has it open, and another may stand in its place.
            if isKept, found == Fingerprint(), try FileStatus(of: path).id != id {
                close()
                try rewind()
                found = try look(takingNames: false)
            }
            if found == checksum { return false }
            try rewind()
            names.removeAll(keepingCapacity: true)
            checksum = try look(takingNames: true)
            names.sort()
            return true
        } catch {
            close()
            names = []
            checksum = nil
            throw error
        }
    }

    private func rewind() throws(Errno) {
        if let stream = unsafe stream { return unsafe rewinddir(stream) }
        guard let opened = unsafe path.withCString({ unsafe opendir($0) }) else { throw .current }
        unsafe stream = opened
        id = try FileStatus(of: unsafe dirfd(opened)).id
    }

    private func close() {
        if let stream = unsafe stream { unsafe _ = closedir(stream) }
        unsafe stream = nil
    }

    private func look(takingNames: Bool) throws(Errno) -> Fingerprint {
        var checksum = Fingerprint()
        guard let stream = unsafe stream else { return checksum }
        while true {
            Glibc.errno = 0
            guard let entry = unsafe readdir(stream) else {
                if Glibc.errno != 0 { throw .current }
                return checksum
            }
            let isTaken = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { field in
                let name = unsafe field.prefix(while: { $0 != 0 })
                if unsafe name.count <= 2, unsafe name.allSatisfy({ $0 == UInt8(ascii: ".") }) { return false }
                unsafe checksum.add(UnsafeRawBufferPointer(rebasing: name))
                if takingNames { unsafe names.append(Path(UnsafeRawBufferPointer(rebasing: name))) }
                return true
            }
            guard isTaken else { continue }
            var inode = unsafe UInt64(entry.pointee.d_ino)
            while inode != 0 {
                checksum.add(UInt8(truncatingIfNeeded: inode))
                inode >>= 8
            }
        }
    }
}
