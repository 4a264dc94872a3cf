// One thread waits until another says how it ended.

internal import Bytes
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Opened once, with a value; who waits gets it.
package final class Latch<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let opened = DispatchSemaphore(value: 0)

    package init() {}

    /// The first time counts.
    package func open(_ value: Value) {
        let isFirst = self.value.withLock { current in
            if current != nil { return false }
            current = value
            return true
        }
        if isFirst { opened.signal() }
    }

    /// Blocks until it is opened.
    package func wait() -> Value {
        opened.wait()
        opened.signal()  // for the next who waits
        guard let value = value.withLock({ $0 }) else { bug("a latch opened without a value") }
        return value
    }
}

extension Latch {
    /// Blocks until it is opened, but no longer than `limit`; nil when it was not.
    package func wait(atMost limit: Duration) -> Value? {
        guard opened.wait(timeout: .now() + .nanoseconds(Int(limit.nanoseconds))) == .success else { return nil }
        opened.signal()
        return value.withLock { $0 }
    }
}

/// Ends the process at once. `exit` would run the libraries' own clean-up under the feet of threads that are still
/// sending.
package func leave(_ code: Int32) -> Never { _exit(code) }
