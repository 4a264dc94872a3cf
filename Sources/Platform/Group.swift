// Groups by name. See getgrnam(3).

internal import Glibc

/// The number of a group, which may be written as a number too; nil when there is none of that name.
package func groupID(named name: String) -> UInt32? {
    if let number = UInt32(name) { return number }
    // A large group has a line of many members; the call says when it does not fit.
    for byteCount in [4 << 10, 64 << 10, 1 << 20] {
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: byteCount)
        let code = unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found)
        if code != ERANGE { return unsafe found == nil ? nil : entry.gr_gid }
    }
    return nil
}
