// Records that a receiver refuses for good: `<state>/rejected/00000001.ndjson` and so on, one JSON object a line:
//
//     {"time":"2026-11-21T02:38:30.123456789Z","input":"syslog","output":"central","reason":"400 …","record":{…}}
//
// Whoever looks after the host reads, repairs or deletes them; the agent only adds.

internal import Bytes
package import Platform
internal import Synchronization

/// What became of a record given to the store.
package enum RejectedOutcome: Equatable, Sendable {
    case kept
    /// The store holds as much as it may.
    case full
    case failed(Errno)
}

/// Shared by all routes.
package final class RejectedStore: Sendable {
    /// A receiver that refuses everything must not fill the disk.
    package static let totalLimitBytes = 64 << 20
    /// Small enough to look at, and to delete one by one.
    package static let fileLimitBytes = 1 << 20
    /// A full store looks this often whether somebody has made room.
    private static let rescanInterval: Duration = .seconds(60)

    private struct State: ~Copyable {
        var file: File?
        var fileNumber: UInt64 = 0
        var fileBytes = 0
        /// Nil before the directory was looked at.
        var totalBytes: Int?
        var fullSince: Instant?
        var needsSync = false
        var needsDirectorySync = false
        var line: [UInt8] = []
    }

    private let directory: String
    private let totalLimit: Int
    private let fileLimit: Int
    private let state = Mutex(State())

    /// Touches nothing on the disk. The limits are parameters for tests.
    package init(
        stateDirectory: String, totalLimitBytes: Int = RejectedStore.totalLimitBytes,
        fileLimitBytes: Int = RejectedStore.fileLimitBytes
    ) {
        directory = "\(stateDirectory)/rejected"
        totalLimit = totalLimitBytes
        fileLimit = fileLimitBytes
    }

    /// Adds one record, `record` being one JSON value. It lasts over a power cut after the next `sync`.
    package func add(
        _ record: [UInt8], input: String, output: String, reason: String, at now: Moment
    ) -> RejectedOutcome {
        state.withLock { state in
            Self.render(record, input, output, reason, now, into: &state.line)
            do throws(Errno) { return try append(&state, at: now.monotonic) } catch {
                // The next record goes to a file opened anew, after whatever this one left of a line.
                state.file = nil
                state.totalBytes = nil
                return .failed(error)
            }
        }
    }

    /// What was added before is on the disk when this returns.
    package func sync() throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard state.needsSync else { return }
            try state.file?.sync()
            if state.needsDirectorySync { try syncDirectory(directory) }
            state.needsSync = false
            state.needsDirectorySync = false
        }
    }

    private func append(_ state: inout State, at now: Instant) throws(Errno) -> RejectedOutcome {
        if let since = state.fullSince {
            guard now - since >= Self.rescanInterval else { return .full }
            state.fullSince = nil
            state.totalBytes = nil
            state.file = nil
        }
        let total: Int
        if let known = state.totalBytes { total = known } else { total = try scan(&state) }
        guard total + state.line.count <= totalLimit else {
            state.fullSince = now
            return .full
        }
        state.totalBytes = total
        try openFile(&state)
        try state.file?.write(state.line)
        state.fileBytes += state.line.count
        state.totalBytes = total + state.line.count
        state.needsSync = true
        return .kept
    }

    /// Finds the newest file and the size of all.
    private func scan(_ state: inout State) throws(Errno) -> Int {
        try makeDirectories(directory)
        var total = 0
        state.fileNumber = 0
        state.fileBytes = 0
        for name in try directoryEntries(directory) {
            let size: Int
            do throws(Errno) { size = Int(clamping: try FileStatus(of: "\(directory)/\(name)").sizeBytes) } catch {
                guard error == .notFound else { throw error }  // deleted just now
                continue
            }
            total += size
            var text = ByteCursor(name)
            guard let number = text.unsigned(), text.skip(".ndjson"), text.isAtEnd else { continue }
            if number >= state.fileNumber {
                state.fileNumber = number
                state.fileBytes = size
            }
        }
        return total
    }

    /// Goes on with the newest file, or begins another when it has no room for the line.
    private func openFile(_ state: inout State) throws(Errno) {
        let hasRoom = state.fileBytes + state.line.count <= fileLimit
        if state.file != nil, hasRoom { return }
        if state.needsSync { try state.file?.sync() }
        state.file = nil
        if state.fileNumber == 0 || !hasRoom {
            state.fileNumber += 1
            state.fileBytes = 0
        }
        let path = path(of: state.fileNumber)
        if state.fileBytes > 0 {
            let reader = try File(reading: path)
            var last: [UInt8] = [0]
            let count = try reader.read(into: &last, at: UInt64(state.fileBytes - 1))
            // A line that was cut by a full disk or a crash must not swallow the next.
            if count == 1, last[0] != UInt8(ascii: "\n") { state.line.insert(UInt8(ascii: "\n"), at: 0) }
        }
        state.file = try File(writing: path, .append)
        state.needsDirectorySync = true
    }

    private func path(of number: UInt64) -> String {
        var name: [UInt8] = []
        name.append(padded: Int(clamping: number), width: 8)
        return "\(directory)/\(String(decoding: name, as: UTF8.self)).ndjson"
    }

    private static func render(
        _ record: [UInt8], _ input: String, _ output: String, _ reason: String, _ now: Moment, into line: inout [UInt8]
    ) {
        line.removeAll(keepingCapacity: true)
        line.append("{\"time\":\"")
        line.append(rfc3339: now.unixNanoseconds)
        line.append("\",\"input\":")
        line.append(jsonString: input)
        line.append(",\"output\":")
        line.append(jsonString: output)
        line.append(",\"reason\":")
        line.append(jsonString: reason)
        line.append(",\"record\":")
        line.append(contentsOf: record)
        line.append("}\n")
    }
}
