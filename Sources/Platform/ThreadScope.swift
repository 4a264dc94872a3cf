// A value that belongs to what a thread does at the moment, for what is called deep below and would have to be passed
// through everything otherwise. See pthread_key_create(3).

internal import Bytes
internal import Glibc

/// Where one kind of such a value stands. Made once, as a global constant: a process has 1 024 keys.
package struct ThreadScope<Value: AnyObject>: Sendable {
    private let key: pthread_key_t

    package init() {
        var key = pthread_key_t()
        let errno = unsafe pthread_key_create(&key, nil)
        if errno != 0 { bug("no key for a value of a thread: \(errno)") }
        self.key = key
    }

    /// The value of the innermost `with` that this thread is in.
    package var value: Value? {
        guard let address = unsafe pthread_getspecific(key) else { return nil }
        return unsafe Unmanaged<Value>.fromOpaque(address).takeUnretainedValue()
    }

    /// Runs `body` on this thread with `value` for what it calls.
    package func with<Result, Failure: Error>(
        _ value: Value, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outer = unsafe pthread_getspecific(key)
        unsafe set(UnsafeRawPointer(Unmanaged.passUnretained(value).toOpaque()))
        defer { unsafe set(outer.map { UnsafeRawPointer($0) }) }
        // The pointer in the slot does not keep the value alive.
        return try withExtendedLifetime(value) { () throws(Failure) in try body() }
    }

    private func set(_ address: UnsafeRawPointer?) {
        let errno = unsafe pthread_setspecific(key, address)
        if errno != 0 { bug("no room for a value of a thread: \(errno)") }
    }
}
