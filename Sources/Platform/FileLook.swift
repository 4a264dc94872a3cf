// Files that others replace while the agent runs: certificates, keys, tokens. They are looked at on a queue of their
// own, since a file system may hang, and whoever asks goes on with what was read before.

internal import Synchronization

/// What tells that a file may hold something else, or may be read by now: its change time counts a chmod(2) too.
package struct FileStamp: Sendable, Equatable {
    package let isRegular: Bool
    private let id: FileID
    private let sizeBytes: UInt64
    private let modifiedUnixNanoseconds: Int64
    private let changedUnixNanoseconds: Int64

    /// Of what `path` leads to. Nil when it is not there, or cannot be looked at.
    package init?(_ path: String) {
        do throws(Errno) {
            let status = try FileStatus(of: path)
            isRegular = status.kind == .regular
            (id, sizeBytes) = (status.id, status.sizeBytes)
            modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
            changedUnixNanoseconds = status.changedUnixNanoseconds
        } catch { return nil }
    }
}

/// One file at one look.
package struct FileFinding: Sendable {
    package let path: String
    /// Since the look before.
    package let isChanged: Bool
    /// A FIFO, a device, a directory: whoever opens it may wait for ever.
    package let isOdd: Bool
}

/// What was made of some files, and whether it is time to make it again.
package final class FileLook<Content: Sendable>: Sendable {
    /// A look that takes longer than this hangs.
    private static var patience: Duration { .seconds(1) }

    package enum Answer: Sendable {
        /// They were looked at a moment ago.
        case notDue
        /// It is under way, and `done` is called when it is over or takes too long.
        case underWay
        /// An earlier look has not come back.
        case hangs
    }

    private struct Known {
        var content: Content
        var stamps: [FileStamp?]?
    }

    /// What becomes of who asks.
    private enum Step {
        case answer(Answer), tellHang, begin, wait
    }

    private struct State {
        /// Made by the last look that came back.
        var content: Content
        var beganAt: Instant?
        var isUnderWay = false
        /// Who waits for the look that is under way, by numbers.
        var waiting: [UInt64: @Sendable (_ isOver: Bool) -> Void] = [:]
        var lastNumber: UInt64 = 0
        var isHangTold = false
    }

    package let files: [String]
    private let pause: Duration
    private let tellHang: @Sendable (_ hangs: Bool) -> Void
    private let read: @Sendable (inout Content, [FileFinding]) -> Void
    private let state: Mutex<State>
    private let worker: Worker<Known>
    /// Lets those go who wait for a look that keeps `worker`.
    private let releases: Worker<Void>

    /// `stamps`: of `files` before `content` was made of them; without, the first look finds all of them changed.
    /// `pause` is between two looks. `read` brings the content up to date; it is called when a file has changed or the
    /// look is forced, on a queue of its own, where it may hang. With no `files` it is called at each look, and finds
    /// out for itself: stamps are not good enough for who may log in, since a network file system gives old ones for a
    /// minute. `tellHang` is called once when looks hang, and once when they come back.
    package init(
        _ name: String, _ files: [String], stamps: [FileStamp?]? = nil, content: Content, pause: Duration,
        tellHang: @escaping @Sendable (_ hangs: Bool) -> Void = { _ in },
        read: @escaping @Sendable (inout Content, [FileFinding]) -> Void
    ) {
        self.files = files
        self.pause = pause
        self.tellHang = tellHang
        self.read = read
        state = Mutex(State(content: content, beganAt: stamps == nil ? nil : .now))
        worker = Worker(name, Known(content: content, stamps: stamps))
        releases = Worker("\(name), waiting", ())
    }

    /// What is known: at once, and the newest there is.
    package var content: Content { state.withLock(\.content) }

    /// Looks at the files, unless that was done a moment ago. Never waits. When the answer is `underWay`, `done` is called
    /// once, from another queue: when `content` is up to date, or after `limit` all the same, and in no case later than
    /// a look may take that does not hang.
    package func look(
        at now: Instant, atMost limit: Duration = .seconds(1), then done: @escaping @Sendable () -> Void
    ) -> Answer {
        look(at: now, isForced: false, atMost: limit) { _ in done() }
    }

    /// Looks at the files and waits for it. Nil when that takes longer than `limit`, or hangs already.
    package func lookAndWait(isForced: Bool, atMost limit: Duration) -> Content? {
        let latch = Latch<Bool>()
        let answer = look(at: .now, isForced: isForced, atMost: nil) { latch.open($0) }
        guard case .underWay = answer, latch.wait(atMost: limit) == true else { return nil }
        return content
    }

    /// Without a limit, `done` is called when the look is over and not before.
    private func look(
        at now: Instant, isForced: Bool, atMost limit: Duration?, _ done: @escaping @Sendable (_ isOver: Bool) -> Void
    ) -> Answer {
        let (step, number) = state.withLock { state -> (Step, UInt64) in
            let age = state.beganAt.map { now - $0 }
            if state.isUnderWay {
                guard let age, age < Self.patience else {
                    defer { state.isHangTold = true }
                    return (state.isHangTold ? .answer(.hangs) : .tellHang, 0)
                }
            } else if let age, age < pause, !isForced {
                return (.answer(.notDue), 0)
            }
            state.lastNumber += 1
            state.waiting[state.lastNumber] = done
            if state.isUnderWay { return (.wait, state.lastNumber) }
            state.isUnderWay = true
            state.beganAt = now
            return (.begin, state.lastNumber)
        }
        switch step {
        case .answer(let answer): return answer
        case .tellHang:
            tellHang(true)
            return .hangs
        case .begin: worker.run { self.look(isForced, &$0) }
        case .wait: break
        }
        if let limit {
            releases.run(after: min(limit, Self.patience)) { _ in
                self.state.withLock { $0.waiting.removeValue(forKey: number) }?(false)
            }
        }
        return .underWay
    }

    private func look(_ isForced: Bool, _ known: inout Known) {
        // Before they are read: what changes meanwhile is seen the next time.
        let stamps = files.map { FileStamp($0) }
        let findings = files.indices.map { index in
            FileFinding(
                path: files[index], isChanged: known.stamps.map { $0[index] != stamps[index] } ?? true,
                isOdd: stamps[index].map { !$0.isRegular } ?? false)
        }
        known.stamps = stamps
        if isForced || files.isEmpty || findings.contains(where: \.isChanged) { read(&known.content, findings) }
        let content = known.content
        let (waiting, hasHung) = state.withLock { state in
            defer {
                state.waiting = [:]
                state.isUnderWay = false
                state.isHangTold = false
            }
            state.content = content
            return (state.waiting.values, state.isHangTold)
        }
        if hasHung { tellHang(false) }
        for done in waiting { done(true) }
    }
}
