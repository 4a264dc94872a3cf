// How many descriptors this process may have open. See getrlimit(2).

internal import Glibc

/// The soft limit: what open(2) heeds.
package func openFileLimit() -> Int { Int(clamping: readOpenFileLimit().rlim_cur) }

/// Raises the soft limit to what the administrator allows. It is low by default for programs that use select(2), which
/// has no room for descriptors above 1 023; nothing here does.
package func raiseOpenFileLimit() {
    // As much as the unit has, and no more: some systems allow a thousand million.
    let enough: rlim_t = 65_536
    var limit = readOpenFileLimit()
    guard limit.rlim_cur < min(limit.rlim_max, enough) else { return }
    limit.rlim_cur = min(limit.rlim_max, enough)
    unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

private func readOpenFileLimit() -> rlimit {
    var limit = rlimit()
    unsafe _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return limit
}
