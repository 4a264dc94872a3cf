// The one reserve of an agent, and where a route puts a batch that waits without memory.

internal import Platform
internal import Synchronization

/// Shared by all routes of an agent. MemoryReserve decides.
package final class SharedReserve: Sendable {
    private struct State: Sendable {
        var reserve: MemoryReserve
        var waiting: [Int: @Sendable () -> Void] = [:]
    }

    private let state: Mutex<State>

    package init(bytes: Int) { state = Mutex(State(reserve: MemoryReserve(limit: bytes))) }

    /// What routes have of it now.
    var lentBytes: Int { state.withLock { $0.reserve.lentBytes } }

    fileprivate func ask(
        _ borrower: Int, output: Int, bytes: Int, whenGranted: @escaping @Sendable () -> Void
    ) -> Bool {
        let (isGranted, calls) = state.withLock { state in
            state.reserve.ask(borrower, output: output, bytes: bytes)
            let granted = state.reserve.grant()
            if !granted.contains(borrower) { state.waiting[borrower] = whenGranted }
            return (granted.contains(borrower), granted.compactMap { state.waiting.removeValue(forKey: $0) })
        }
        for call in calls { call() }
        return isGranted
    }

    fileprivate func note(_ output: Int, isProven: Bool) {
        call { state in
            guard state.reserve.note(output, isProven: isProven) else { return [] }
            return state.reserve.grant()
        }
    }

    fileprivate func change(_ borrower: Int, to bytes: Int) -> Bool {
        let isChanged = state.withLock { $0.reserve.change(borrower, to: bytes) }
        call { $0.reserve.grant() }
        return isChanged
    }

    fileprivate func giveBack(_ borrower: Int) {
        call { state in
            state.reserve.giveBack(borrower)
            state.waiting[borrower] = nil
            return state.reserve.grant()
        }
    }

    /// Tells those who got theirs, when the lock is free again.
    private func call(_ body: (inout State) -> [Int]) {
        let calls = state.withLock { state in
            body(&state).compactMap { state.waiting.removeValue(forKey: $0) }
        }
        for call in calls { call() }
    }
}

/// What one route has to do with the reserve.
package struct ReserveAccount: Sendable {
    private let reserve: SharedReserve
    /// Of the route, and of its output.
    let number: Int
    private let output: Int
    /// Where it puts the text of a batch that waits; the directory need not be there.
    let directory: String

    package init(_ reserve: SharedReserve, number: Int, output: Int, directory: String) {
        self.reserve = reserve
        self.number = number
        self.output = output
        self.directory = directory
    }

    /// True when it is granted at once; else `whenGranted` is called, once, by whoever gives back.
    func ask(_ bytes: Int, whenGranted: @escaping @Sendable () -> Void) -> Bool {
        reserve.ask(number, output: output, bytes: bytes, whenGranted: whenGranted)
    }

    /// What is borrowed is to be more or less. False when there is not so much.
    func change(to bytes: Int) -> Bool { reserve.change(number, to: bytes) }

    func giveBack() { reserve.giveBack(number) }

    /// A delivery was answered, or was not.
    func note(isAnswer: Bool) { reserve.note(output, isProven: isAnswer) }
}

/// The text of a batch, in a file without a name: nothing of it outlasts the agent, which reads the record again from
/// where it came.
final class ParkedText: Sendable {
    private let file: File
    private let count: Int

    init(_ text: [UInt8], _ account: ReserveAccount) throws(Errno) {
        let path = "\(account.directory)/\(account.number)"
        try makeDirectories(account.directory)
        let writing = try File(writing: path, .truncate)
        do throws(Errno) {
            try writing.write(text)
            file = try File(reading: path)
        } catch {
            // What failed is said; that the rest of it stays is not worth another word.
            do throws(Errno) { try removeFile(path) } catch {}
            throw error
        }
        try removeFile(path)
        count = text.count
    }

    func read() throws(Errno) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let read = try file.read(into: &text, from: done, at: UInt64(done))
            guard read > 0 else { throw .io }
            done += read
        }
        return text
    }
}
