// How one queue tells another that there is something to read: a descriptor that is readable from then on. See
// eventfd(2).

internal import CLinux
internal import Glibc

/// Signalled any number of times, it is readable once, until it is cleared.
package final class WakeSignal: Sendable {
    package let descriptor: Int32

    package init() throws(Errno) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .current }
    }

    deinit { close(descriptor) }

    package func signal() {
        var one: UInt64 = 1
        // Refused only when it has been signalled 2^64 times.
        unsafe _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Whether it is readable now.
    package var isSignalled: Bool { linux_wait_readable(descriptor, descriptor, 0) > 0 }

    package func clear() {
        var count: UInt64 = 0
        unsafe _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
