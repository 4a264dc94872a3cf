// A lock that the kernel lets go when its process ends, however it ends. See flock(2).

internal import Bytes
internal import CLinux
internal import Glibc

package enum LockError: Error, Equatable {
    /// Another process has it; its id when the file says so.
    case held(byProcess: Int?)
    case unusable(Errno)
}

/// Held as long as this is kept.
package final class LockFile: Sendable {
    private let descriptor: Int32

    /// Takes the lock without waiting, and writes this process's id into the file, for whoever is refused.
    package init(_ path: String) throws(LockError) {
        descriptor = unsafe linux_open(path, O_RDWR | O_CREAT, 0o640)
        guard descriptor >= 0 else { throw .unusable(.current) }
        guard linux_lock(descriptor) == 0 else {
            let error = Errno.current
            // `deinit` runs also for an object whose initializer throws, and closes.
            guard error == .wouldBlock else { throw .unusable(error) }
            throw .held(byProcess: readProcessID(path))
        }
        var text: [UInt8] = []
        text.append(decimal: Int(getpid()))
        text.append("\n")
        // The id is a courtesy: a disk that is full must not keep the agent from starting.
        guard ftruncate(descriptor, 0) == 0 else { return }
        unsafe text.withUnsafeBytes { unsafe _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// Whether `path` still names the file that is locked.
    ///
    /// - Throws: `Errno` of stat(2); `notFound` when there is nothing of that name.
    package func isAt(_ path: String) throws(Errno) -> Bool {
        try FileStatus(of: path).id == FileStatus(of: descriptor).id
    }

    deinit {
        guard descriptor >= 0 else { return }
        // A child that is between fork and exec has the descriptor too: closing this one alone would leave it locked.
        _ = linux_unlock(descriptor)
        close(descriptor)
    }
}

/// The process that has, or had, the lock at `path`, if it is there still. Does not touch the lock.
package func lockHolder(_ path: String) -> Int? {
    guard let process = readProcessID(path), let id = pid_t(exactly: process), id > 0 else { return nil }
    return kill(id, 0) == 0 || Errno.current.code == EPERM ? process : nil
}

/// nil when the holder has not written it, or the file cannot be read.
private func readProcessID(_ path: String) -> Int? {
    do throws(Errno) {
        var cursor = ByteCursor(try readWhole(path, limit: 64))
        return cursor.unsigned().map { Int(clamping: $0) }
    } catch {
        return nil
    }
}
