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

    /// True when it is granted at once; else `whenGranted` is called, once, by whoever gives back.
    func ask(
        _ borrower: Int, bytes: Int, isProven: Bool, whenGranted: @escaping @Sendable () -> Void
    ) -> Bool {
        let (isGranted, calls) = state.withLock { state in
            state.reserve.ask(borrower, bytes: bytes, isProven: isProven)
            state.waiting[borrower] = whenGranted
            let granted = state.reserve.grant()
            let isGranted = granted.contains(borrower)
            if isGranted { state.waiting[borrower] = nil }
            return (isGranted, granted.compactMap { state.waiting.removeValue(forKey: $0) })
        }
        for call in calls { call() }
        return isGranted
    }

    func change(_ borrower: Int, to bytes: Int) -> Bool {
        let (isChanged, calls) = state.withLock { state in
            let isChanged = state.reserve.change(borrower, to: bytes)
            return (isChanged, state.reserve.grant().compactMap { state.waiting.removeValue(forKey: $0) })
        }
        for call in calls { call() }
        return isChanged
    }

    func giveBack(_ borrower: Int) {
        let calls = state.withLock { state in
            state.reserve.giveBack(borrower)
            state.waiting[borrower] = nil
            return state.reserve.grant().compactMap { state.waiting.removeValue(forKey: $0) }
        }
        for call in calls { call() }
    }
}

/// What one route has to do with the reserve.
package struct ReserveAccount: Sendable {
    let reserve: SharedReserve
    let number: Int
    /// Where it puts the text of a batch that waits; the directory need not be there.
    let directory: String

    package init(_ reserve: SharedReserve, number: Int, directory: String) {
        self.reserve = reserve
        self.number = number
        self.directory = directory
    }

    func giveBack() { reserve.giveBack(number) }
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
