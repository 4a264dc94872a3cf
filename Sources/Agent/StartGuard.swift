// Settings, the state directory and the spools may lie on a file system that hangs, and so may the start. Who stops the
// agent meanwhile is heard: signals are blocked from the beginning, so nobody else would hear them.

package import Platform
internal import Synchronization

/// Takes signals on a thread of its own until the start is over.
package final class StartGuard: Sendable {
    /// How long a stop waits for the start to end by itself, and to be followed by a stop in order.
    private static let grace: Duration = .seconds(3)

    package static let threadCount = 1

    private let early = Mutex<[AgentSignal]>([])
    private let isOver: WakeSignal
    private let hasEnded = Latch<Void>()

    /// `giveUp` is called when the start hangs and the agent is to stop; it ends the process.
    ///
    /// - Throws: `StartError` when there is no thread or descriptor to be had.
    package init(_ signals: Signals, giveUp: @escaping @Sendable (_ message: String) -> Void) throws(StartError) {
        do throws(Errno) { isOver = try WakeSignal() } catch { throw .world("cannot open a descriptor: \(error)") }
        do throws(Errno) {
            try startThread {
                self.watch(signals, giveUp)
                self.hasEnded.open(())
            }
        } catch {
            throw .world("too few threads: not one more can be had; the limit is \(threadLimitText(needed: 1))")
        }
    }

    private func watch(_ signals: Signals, _ giveUp: @Sendable (_ message: String) -> Void) {
        var leaveAt: Instant?
        while true {
            signals.wait(or: isOver, until: leaveAt)
            if isOver.isSignalled { return }
            while let signal = signals.next() {
                early.withLock { $0.append(signal) }
                if signal == .stop, leaveAt == nil { leaveAt = .now + Self.grace }
            }
            if let leaveAt, Instant.now >= leaveAt {
                return giveUp(
                    "stopped while the start hung: the disk or the network file system of the settings or of the state "
                        + "directory does not answer")
            }
        }
    }

    /// The start is over. Returns the signals that came meanwhile.
    package func finish() -> [AgentSignal] {
        isOver.signal()
        hasEnded.wait()
        return early.withLock(\.self)
    }
}
