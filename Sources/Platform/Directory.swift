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

/// Why no file can be made in a directory. The path is that of the directory itself, or of one above it.
package struct DirectoryFault: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let errno: Errno

    package var description: String { "\(path): \(errno)" }
}

/// Finds out whether files can be made in a directory, which may have to be made first, and leaves all as it was.
///
/// Permissions do not tell: /proc takes no directory from anybody, and root is asked for none. So one is made where the
/// first would have to be, and removed.
package func tryDirectory(_ path: String) throws(DirectoryFault) {
    var nearest = path
    do throws(Errno) {
        while true {
            do throws(Errno) {
                guard try FileStatus(of: nearest).kind == .directory else { throw Errno(code: ENOTDIR) }
                break
            } catch  where error == .notFound {
                // A symbolic link that leads nowhere is there, and no directory can be made in its place.
                let isLink = unsafe access(nearest, F_OK) != 0 && (try? FileStatus(ofLink: nearest)) != nil
                guard !isLink, let slash = nearest.utf8.lastIndex(of: UInt8(ascii: "/")), nearest != "/" else {
                    throw error
                }
                nearest = slash == nearest.startIndex ? "/" : String(nearest[..<slash])
            }
        }
        let trial = "\(nearest == "/" ? "" : nearest)/.vitals-trial-\(processID)"
        // One that is there already was left by a trial that was killed.
        guard unsafe mkdir(trial, 0o700) == 0 || Errno.current == .alreadyThere else { throw .current }
        guard unsafe rmdir(trial) == 0 else { throw .current }
    } catch { throw DirectoryFault(path: nearest, errno: error) }
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
