// Directories: listing, making, and the calls that replace and remove names in them.

package import Bytes
internal import CLinux
internal import Glibc

/// The names in a directory but `.` and `..`, in the order of their bytes.
package func directoryEntries(_ path: Path) throws(Errno) -> [Path] {
    guard let stream = unsafe path.withCString({ unsafe opendir($0) }) else { throw .current }
    defer { unsafe _ = closedir(stream) }
    var names: [Path] = []
    while true {
        Glibc.errno = 0
        guard let entry = unsafe readdir(stream) else {
            if Glibc.errno != 0 { throw .current }
            return names.sorted()
        }
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Path($0) }
        if name != ".", name != ".." { names.append(name) }
    }
}

/// Those of the names that are UTF-8, for directories in which the kernel, or the agent itself, gives no other names:
/// of devices, and of files of the state.
package func textEntries(_ path: String) throws(Errno) -> [String] {
    try directoryEntries(Path(path)).compactMap(\.text)
}

/// Makes a directory and those above it. One that is there already is fine; something else of that name is ENOTDIR.
package func makeDirectories(_ path: Path, permissions: UInt32 = 0o750) throws(Errno) {
    guard unsafe path.withCString({ unsafe mkdir($0, permissions) }) != 0 else { return }
    let error = Errno.current
    switch error.code {
    case EEXIST: guard try FileStatus(of: path).kind == .directory else { throw Errno(code: ENOTDIR) }
    case ENOENT:
        guard let above = path.directory, above != "/" else { throw error }
        try makeDirectories(above, permissions: permissions)
        guard unsafe path.withCString({ unsafe mkdir($0, permissions) }) == 0 || Glibc.errno == EEXIST else {
            throw .current
        }
    default: throw error
    }
}

package func makeDirectories(_ path: String, permissions: UInt32 = 0o750) throws(Errno) {
    try makeDirectories(Path(path), permissions: permissions)
}

/// Why no file can be made in a directory. The path is that of the directory itself, or of one above it.
package struct DirectoryFault: Error, Equatable, CustomStringConvertible {
    package let path: Path
    package let errno: Errno

    package var description: String { "\(path): \(errno)" }
}

/// Finds out whether files can be made in a directory, which may have to be made first, and leaves all as it was.
///
/// Permissions do not tell: /proc takes no directory from anybody, and root is asked for none. So one is made where the
/// first would have to be, and removed.
package func tryDirectory(_ path: Path) throws(DirectoryFault) {
    var nearest = path
    do throws(Errno) {
        while true {
            do throws(Errno) {
                guard try FileStatus(of: nearest).kind == .directory else { throw Errno(code: ENOTDIR) }
                break
            } catch  where error == .notFound {
                // A symbolic link that leads nowhere is there, and no directory can be made in its place.
                let isLink =
                    unsafe nearest.withCString { unsafe access($0, F_OK) } != 0
                    && (try? FileStatus(ofLink: nearest)) != nil
                guard !isLink, let above = nearest.directory else { throw error }
                nearest = above
            }
        }
        let trial = nearest / ".vitals-trial-\(processID)"
        // One that is there already was left by a trial that was killed.
        guard unsafe trial.withCString({ unsafe mkdir($0, 0o700) }) == 0 || Errno.current == .alreadyThere else {
            throw .current
        }
        guard unsafe trial.withCString({ unsafe rmdir($0) }) == 0 else { throw .current }
    } catch { throw DirectoryFault(path: nearest, errno: error) }
}

package func tryDirectory(_ path: String) throws(DirectoryFault) { try tryDirectory(Path(path)) }

package func renameFile(_ from: Path, to: Path) throws(Errno) {
    let result = unsafe from.withCString { from in unsafe to.withCString { unsafe rename(from, $0) } }
    guard result == 0 else { throw .current }
}

package func renameFile(_ from: String, to: String) throws(Errno) { try renameFile(Path(from), to: Path(to)) }

package func removeFile(_ path: Path) throws(Errno) {
    guard unsafe path.withCString({ unsafe unlink($0) }) == 0 else { throw .current }
}

package func removeFile(_ path: String) throws(Errno) { try removeFile(Path(path)) }

/// Makes renames and removals in a directory last over a power cut.
package func syncDirectory(_ path: String) throws(Errno) {
    let directory = File(owning: unsafe linux_open(path, O_RDONLY | O_DIRECTORY, 0))
    guard directory.descriptor >= 0 else { throw .current }
    try directory.sync()
}
