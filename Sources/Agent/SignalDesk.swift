// Signals are taken on the main thread, which waits for nobody, and heeded by the worker of the agent. Whatever hangs,
// or cannot have a thread, the process ends when it is told to.

internal import Platform
internal import Synchronization

final class SignalDesk: Sendable {
    /// How much longer than the routes' own limit the stop may take, and how long one that was asked for twice: after
    /// that the process ends as it is.
    private static let stopGrace: Duration = .seconds(3)
    private static let secondStopGrace: Duration = .seconds(1)

    private let drainTimeout: Duration
    private let log: AgentLog
    private let taken = Mutex<[AgentSignal]>([])
    private let hasTaken: WakeSignal
    private let ended = Latch<Int32>()
    /// Readable when the agent has ended.
    private let end: WakeSignal

    init(drainTimeout: Duration, log: AgentLog) throws(Errno) {
        (end, hasTaken) = (try WakeSignal(), try WakeSignal())
        self.drainTimeout = drainTimeout
        self.log = log
    }

    /// Readable when `next` has some.
    var descriptor: Int32 { hasTaken.descriptor }

    /// Those that have come, each once.
    func takeAll() -> [AgentSignal] {
        hasTaken.clear()
        return taken.withLock { taken in
            defer { taken = [] }
            return taken
        }
    }

    /// Who waits goes on.
    func finish(_ code: Int32) {
        ended.open(code)
        end.signal()
    }

    /// Blocks until `finish`, and takes `signals` meanwhile on the calling thread, after those that came `early`.
    /// Returns the exit code. `unfinished` says what has not stopped, when that takes too long.
    func wait(heeding signals: Signals?, early: [AgentSignal], unfinished: () -> [String]) -> Int32 {
        guard let signals else { return ended.wait() }
        var leaveAt: Instant?
        var next: [AgentSignal] = early
        while true {
            for signal in next {
                taken.withLock { $0.append(signal) }
                hasTaken.signal()
                guard signal == .stop else { continue }
                leaveAt = .now + (leaveAt == nil ? drainTimeout + Self.stopGrace : Self.secondStopGrace)
            }
            signals.wait(or: end, until: leaveAt)
            if let code = ended.wait(atMost: .zero) { return code }
            next = []
            while let signal = signals.next() { next.append(signal) }
            if next.isEmpty, let leaveAt, Instant.now >= leaveAt {
                log.error(
                    "the stop takes too long, and is given up; what was not acknowledged is sent again",
                    ["unfinished": unfinished().joined(separator: ", ")])
                return 1
            }
        }
    }
}
