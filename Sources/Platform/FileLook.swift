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
        /// It is under way, and `done` is called when it is over.
        case underWay
        /// An earlier look has not come back.
        case hangs
    }

    private struct Known {
        var content: Content
        var stamps: [FileStamp?]?
    }

    private struct State {
        var beganAt: Instant?
        /// Who waits for the look that is under way; nil when none is.
        var waiting: [@Sendable (Content) -> Void]?
    }

    package let files: [String]
    private let pause: Duration
    private let read: @Sendable (inout Content, [FileFinding]) -> Void
    private let state: Mutex<State>
    private let worker: Worker<Known>

    /// `stamps`: of `files` before `content` was made of them; without, the first look finds all of them changed.
    /// `pause` is between two looks. `read` brings the content up to date; it is called when a file has changed or the
    /// look is forced, on a queue of its own, where it may hang.
    package init(
        _ name: String, _ files: [String], stamps: [FileStamp?]? = nil, content: Content, pause: Duration,
        read: @escaping @Sendable (inout Content, [FileFinding]) -> Void
    ) {
        self.files = files
        self.pause = pause
        self.read = read
        state = Mutex(State(beganAt: stamps == nil ? nil : .now))
        worker = Worker(name, Known(content: content, stamps: stamps))
    }

    /// Looks at the files, unless that was done a moment ago. Never waits. `done` is called from the queue of the look,
    /// when the answer is `underWay`.
    package func look(
        at now: Instant, isForced: Bool = false, then done: @escaping @Sendable (Content) -> Void
    ) -> Answer {
        let (answer, isFirst) = state.withLock { state -> (Answer, Bool) in
            if state.waiting != nil {
                guard let beganAt = state.beganAt, now - beganAt < Self.patience else { return (.hangs, false) }
                state.waiting?.append(done)
                return (.underWay, false)
            }
            if let beganAt = state.beganAt, now - beganAt < pause, !isForced { return (.notDue, false) }
            state.beganAt = now
            state.waiting = [done]
            return (.underWay, true)
        }
        if isFirst { worker.run { self.look(isForced, &$0) } }
        return answer
    }

    /// Looks at the files and waits for it. Nil when that takes longer than `limit`, or hangs already.
    package func lookAndWait(isForced: Bool, atMost limit: Duration) -> Content? {
        let latch = Latch<Content>()
        guard case .underWay = look(at: .now, isForced: isForced, then: { latch.open($0) }) else { return nil }
        return latch.wait(atMost: limit)
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
        if isForced || findings.contains(where: \.isChanged) { read(&known.content, findings) }
        let content = known.content
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting ?? []
        }
        for done in waiting { done(content) }
    }
}
