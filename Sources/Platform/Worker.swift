// A component and the private serial queue that owns it: the only way in which anything here runs beside anything else.
//
// Private serial queues do not starve one another when one blocks; the global queues and the Swift concurrency pool are
// as wide as the machine has cores, and do. See docs/design.md, section 4.

internal import Dispatch

/// Owns `State` and lets closures at it one after another, on a queue of its own.
///
/// The closures are `@Sendable`: only values cross. What they are given, `inout`, need not be.
@safe package final class Worker<State>: @unchecked Sendable {
    // @unchecked: `state` is touched only by closures that run on `queue`, which is serial, and by `init`.
    private let queue: DispatchQueue
    private var state: State

    /// `sharing`: it takes part in `SharedThreads`, so it never waits for another that does.
    package init(_ name: String, _ state: sending State, sharing role: SharedThreads.Role? = nil) {
        queue = DispatchQueue(label: name, target: role.flatMap { SharedThreads.next(for: $0) })
        self.state = state
    }

    /// Returns at once.
    package func run(_ body: @escaping @Sendable (inout State) -> Void) {
        queue.async { body(&self.state) }
    }

    package func run(after delay: Duration, _ body: @escaping @Sendable (inout State) -> Void) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.nanoseconds))) { body(&self.state) }
    }

    /// Waits for its turn and for the result. Never from within the same worker.
    package func runAndWait<Value: Sendable>(_ body: @Sendable (inout State) -> Value) -> Value {
        queue.sync { body(&state) }
    }

    /// Calls `body` whenever `descriptor` has something to read, until the watch is cancelled or goes.
    ///
    /// The descriptor must stay open until then.
    package func whenReadable(
        _ descriptor: Int32, _ body: @escaping @Sendable (inout State) -> Void
    ) -> Watch {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [weak self] in if let self { body(&self.state) } }
        return Watch(source)
    }

    /// Calls `body` whenever `descriptor` takes more bytes.
    package func whenWritable(
        _ descriptor: Int32, _ body: @escaping @Sendable (inout State) -> Void
    ) -> Watch {
        let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [weak self] in if let self { body(&self.state) } }
        return Watch(source)
    }

    /// Calls `body` every `interval`, give or take a tenth, beginning one interval from now.
    package func every(_ interval: Duration, _ body: @escaping @Sendable (inout State) -> Void) -> Watch {
        let source = DispatchSource.makeTimerSource(queue: queue)
        let nanoseconds = Int(interval.nanoseconds)
        source.schedule(
            deadline: .now() + .nanoseconds(nanoseconds), repeating: .nanoseconds(nanoseconds),
            leeway: .nanoseconds(nanoseconds / 10))
        source.setEventHandler { [weak self] in if let self { body(&self.state) } }
        return Watch(source)
    }

    /// Calls `body` once for each time that the timer is set, until that goes.
    package func timer(_ body: @escaping @Sendable (inout State) -> Void) -> WorkerTimer {
        let source = DispatchSource.makeTimerSource(queue: queue)
        source.setEventHandler { [weak self] in if let self { body(&self.state) } }
        return WorkerTimer(source)
    }
}

/// A timer that is set again and again: to make a source for each short wait costs more than what is waited for.
package final class WorkerTimer: @unchecked Sendable {
    // @unchecked: a dispatch source may be used from any thread.
    private let source: any DispatchSourceTimer

    init(_ source: any DispatchSourceTimer) {
        self.source = source
        source.activate()
    }

    deinit { source.cancel() }

    /// Fires once, after `delay` give or take a tenth. What was set before counts no more.
    package func set(_ delay: Duration) {
        let nanoseconds = Int(delay.nanoseconds)
        source.schedule(deadline: .now() + .nanoseconds(nanoseconds), leeway: .nanoseconds(nanoseconds / 10))
    }
}

/// An event source that runs as long as this is kept.
package final class Watch: @unchecked Sendable {
    // @unchecked: a dispatch source may be cancelled from any thread; nothing else is done with it here.
    private let source: any DispatchSourceProtocol

    init(_ source: any DispatchSourceProtocol) {
        self.source = source
        source.activate()
    }

    deinit { source.cancel() }

    /// No call of the handler begins after this, when it is called on the worker's own queue. Calls `done` on that
    /// queue when the descriptor is no longer watched, and may be closed.
    package func cancel(then done: (@Sendable () -> Void)? = nil) {
        if let done { source.setCancelHandler(handler: done) }
        source.cancel()
    }
}
