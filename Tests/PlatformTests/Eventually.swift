import Platform

#if canImport(Glibc)
    import Glibc
#endif

/// True as soon as `condition` is, false when it is not by the deadline. Never makes a test right by its length.
func eventually(within limit: Duration = .seconds(20), _ condition: () -> Bool) -> Bool {
    let deadline = Instant.now + limit
    while !condition() {
        if Instant.now > deadline { return false }
        usleep(1_000)
    }
    return true
}
