// What the process was started with. See environ(7), getcwd(3).

package import Bytes
internal import CLinux
internal import Glibc

/// nil when it is not set. The agent never changes its environment, so reading it is safe from any thread.
package func environmentVariable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

/// The same as it is: it need not be UTF-8.
package func environmentBytes(_ name: String) -> [UInt8]? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: value, count: strlen(value)))
}

/// The words that this process was started with, its own name left out. Nil stands for one that is not UTF-8: Swift's
/// own list would have it repaired, and the file that it names would never be found. Swift's list is also read from
/// /proc, which need not be there.
package func commandLineWords() -> [String?] {
    (0..<linux_argument_count()).dropFirst().map { index in
        unsafe linux_argument(index).flatMap { unsafe String(validatingCString: $0) }
    }
}

/// `/` when it cannot be told, as after its removal.
package func currentDirectory() -> Path {
    guard let path = unsafe getcwd(nil, 0) else { return "/" }
    defer { unsafe free(path) }
    return unsafe Path(UnsafeRawBufferPointer(start: path, count: strlen(path)))
}

package var processID: Int { Int(getpid()) }
