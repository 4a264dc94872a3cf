// The signals that the agent heeds, as a descriptor: a handler may not touch the Swift runtime, a queue that reads may.
// See signalfd(2).

internal import CLinux
internal import Glibc

package enum AgentSignal: Sendable, Equatable {
    /// SIGTERM or SIGINT.
    case stop
    /// SIGHUP: to be survived.
    case hangUp
}

/// Made once, in `main` before the first thread starts, since a thread inherits what is blocked from the one that
/// starts it.
package final class Signals: Sendable {
    /// Readable when a signal has come.
    package let descriptor: Int32

    /// From here on SIGTERM, SIGINT and SIGHUP wait to be read, and SIGPIPE is ignored: a reader that went away is an
    /// error of `write`.
    package init() throws(Errno) {
        descriptor = linux_open_signals()
        guard descriptor >= 0 else { throw .current }
    }

    deinit { close(descriptor) }

    /// The next signal that came; nil when there is none.
    package func next() -> AgentSignal? {
        switch linux_next_signal(descriptor) {
        case SIGTERM, SIGINT: .stop
        case SIGHUP: .hangUp
        default: nil
        }
    }

    /// Blocks until a signal has come, `other` is readable, or `deadline` is over.
    package func wait(or other: WakeSignal, until deadline: Instant?) {
        var milliseconds: Int32 = -1
        if let deadline {
            milliseconds = Int32(clamping: (max(0, (deadline - .now).nanoseconds) + 999_999) / 1_000_000)
        }
        // Interrupted, it has waited too short: who calls looks again.
        _ = linux_wait_readable(descriptor, other.descriptor, milliseconds)
    }
}
