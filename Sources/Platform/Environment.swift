// What the process was started with. See environ(7), getcwd(3).

internal import Glibc

/// nil when it is not set. The agent never changes its environment, so reading it is safe from any thread.
package func environmentVariable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

/// `/` when it cannot be told, as after its removal.
package func currentDirectory() -> String {
    guard let path = unsafe getcwd(nil, 0) else { return "/" }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
}

package var processID: Int { Int(getpid()) }

/// How many descriptors this process may have open: the soft limit. See getrlimit(2).
package var descriptorLimit: Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    return Int(clamping: limit.rlim_cur)
}
