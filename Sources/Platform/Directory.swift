// Directories: listing, making, and the calls that replace and remove names in them.

internal import CLinux
internal import Glibc

/// The names in a directory but `.` and `..`, in no order.
package func directoryEntries(_ path: String) throws(Errno) -> [String] {
    guard let stream = unsafe opendir(path) else { throw .current }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while true {
        Glibc.errno = 0
        guard let entry = unsafe readdir(stream) else {
            if Glibc.errno != 0 { throw .current }
            return names
        }
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
}

/// Makes a directory and those above it. One that is there already is fine; something else of that name is ENOTDIR.
package func makeDirectories(_ path: String, permissions: UInt32 = 0o750) throws(Errno) {
    guard unsafe mkdir(path, permissions) != 0 else { return }
    let error = Errno.current
    switch error.code {
    case EEXIST: guard try FileStatus(of: path).kind == .directory else { throw Errno(code: ENOTDIR) }
    case ENOENT:
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { throw error }
        try makeDirectories(String(path[..<slash]), permissions: permissions)
        guard unsafe mkdir(path, permissions) == 0 || Glibc.errno == EEXIST else { throw .current }
    default: throw error
    }
}

package func renameFile(_ from: String, to: String) throws(Errno) {
    guard unsafe rename(from, to) == 0 else { throw .current }
}

package func removeFile(_ path: String) throws(Errno) {
    guard unsafe unlink(path) == 0 else { throw .current }
}

/// Makes renames and removals in a directory last over a power cut.
package func syncDirectory(_ path: String) throws(Errno) {
    let directory = File(owning: unsafe linux_open(path, O_RDONLY | O_DIRECTORY, 0))
    guard directory.descriptor >= 0 else { throw .current }
    try directory.sync()
}

/// Whether this process may write there now. A hint for people: only writing tells.
package func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }
