// How many threads this process can have, and what is done where there are too few.
//
// libdispatch waits for ever when pthread_create(3) says EAGAIN, in the thread that wanted one more: the agent would
// hang without a word. So they are counted before the first is needed. See getrlimit(2), cgroups(7) for pids.max.

internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// How many of `count` threads can be had at the same time, besides those that there are: tried, unless every limit is
/// far.
package func availableThreads(upTo count: Int) -> Int {
    hasRoomForThreads(count) ? count : triedThreads(upTo: count)
}

/// The same, tried in any case.
func triedThreads(upTo count: Int) -> Int { Int(linux_try_threads(Int32(clamping: count))) }

/// Runs `body` on a thread of its own, which ends with it.
///
/// - Throws: `Errno` where a limit forbids one more; a `Worker` would wait for it for ever.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    let box = ThreadBody(body)
    let context = unsafe Unmanaged.passRetained(box).toOpaque()
    let code = unsafe linux_start_thread(
        { context in
            if let context = unsafe context {
                let box = unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue()
                withExtendedLifetime(box) { box.run() }
            }
            return nil
        }, context)
    guard code != 0 else { return }
    unsafe Unmanaged<ThreadBody>.fromOpaque(context).release()
    throw Errno(code: code)
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Threads that several workers share, where there are not enough for each to have one.
package enum SharedThreads {
    /// What a worker does of a route's work. Each role goes round for itself: if all went round together, and there
    /// were as many threads as a route has workers, those that wait for receivers would all meet on the same one.
    package enum Role: Int, CaseIterable, Sendable {
        case reading, saving, sending
        /// Besides the first that sends.
        case sendingMore
    }

    private struct State {
        var queues: [DispatchQueue] = []
        /// How many workers of each role have got one.
        var given = [Int](repeating: 0, count: Role.allCases.count)
    }

    private static let state = Mutex(State())

    /// For workers that are made from here on; nil: each has a thread when it needs one.
    package static func limit(to count: Int?) {
        state.withLock { state in
            state = State(queues: (0..<(count ?? 0)).map { DispatchQueue(label: "shared \($0)") })
        }
    }

    /// In turn. The roles begin beside one another.
    static func next(for role: Role) -> DispatchQueue? {
        state.withLock { state in
            guard !state.queues.isEmpty else { return nil }
            let place = state.given[role.rawValue] + role.rawValue
            state.given[role.rawValue] += 1
            return state.queues[place % state.queues.count]
        }
    }
}

/// How many threads a `Relay` may have that hang; all relays together are kept to it from the next job on.
package enum RelayThreads {
    private static let limit = Mutex(Int.max)

    package static func limit(to count: Int) { limit.withLock { $0 = count } }

    static var current: Int { limit.withLock(\.self) }
}

/// Which limit it is that `needed` threads reach, in words for people; the likely one, where several are near.
package func threadLimitText(needed: Int) -> String {
    var space = rlimit()
    unsafe _ = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &space)
    if space.rlim_cur != rlim_t.max {
        return "the address space, \(space.rlim_cur >> 20) MiB (RLIMIT_AS, LimitAS=)"
    }
    if let full = TaskLimits().found.first(where: { $0.current + needed > $0.limit }) {
        return "the tasks of the control group \(full.group), \(full.limit) (pids.max, TasksMax=)"
    }
    var processes = rlimit()
    unsafe _ = getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &processes)
    if processes.rlim_cur != rlim_t.max {
        return "the processes and threads of this user, \(processes.rlim_cur) (RLIMIT_NPROC, LimitNPROC=)"
    }
    return "kernel.threads-max, kernel.pid_max or memory"
}
