// Records that a receiver refuses for good: `<state>/rejected/<output>/2026-11-21-0001.ndjson` and so on, one JSON
// object a line:
//
//     {"time":"2026-11-21T02:38:30.123456789Z","input":"syslog","output":"central","reason":"400 …","record":{…}}
//
// Whoever looks after the host reads them, deletes them, or has `vitals replay` send them again; the agent adds, and
// removes files when they get too old. A file is locked while somebody writes or replays it.

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

/// How much is kept of one output, and for how long.
package struct RejectedLimits: Equatable, Sendable {
    /// A receiver that refuses everything must not fill the disk.
    package var totalBytes = 64 << 20
    /// Small enough to look at, and to delete one by one.
    package var fileBytes = 1 << 20
    /// What nobody has missed for so long is not missed.
    package var age: Duration = .seconds(30 * 86_400)

    package init() {}
}

/// Of one output; shared by all routes to it.
package final class RejectedStore: Sendable {
    /// A full store looks this often whether somebody has made room.
    private static let rescanInterval: Duration = .seconds(60)

    private struct State: ~Copyable {
        /// Open from the first record of a batch to the next `sync`.
        var file: File?
        var fileDay: Int64 = 0
        var fileBytes = 0
        var totalBytes = 0
        var fullSince: Instant?
        var needsDirectorySync = false
        var line: [UInt8] = []
    }

    private let directory: String
    private let output: String
    private let limits: RejectedLimits
    private let state = Mutex(State())

    /// Touches nothing on the disk.
    package init(stateDirectory: String, output: String, limits: RejectedLimits = RejectedLimits()) {
        directory = rejectedDirectory(of: output, in: stateDirectory)
        self.output = output
        self.limits = limits
    }

    /// Adds one record, `record` being one JSON value. It lasts over a power cut after the next `sync`.
    package func add(_ record: [UInt8], input: String, reason: String, at now: Moment) -> RejectedOutcome {
        state.withLock { state in
            render(record, input, reason, now, into: &state.line)
            do throws(Errno) { return try append(&state, at: now) } catch {
                // The next record goes to a file opened anew, after whatever this one left of a line.
                state.file?.unlock()
                state.file = nil
                return .failed(error)
            }
        }
    }

    /// What was added before is on the disk when this returns, and may be replayed.
    package func sync() throws(Errno) {
        try state.withLock { state throws(Errno) in try close(&state) }
    }

    /// Removes the files whose records are too old. Returns how many bytes they had.
    package func removeOld(at unixNanoseconds: Int64) throws(Errno) -> Int {
        try state.withLock { state throws(Errno) in
            // So that it is not the open one that goes.
            try close(&state)
            var removed = 0
            let today = RejectedFileName.day(of: unixNanoseconds)
            for entry in try entries() {
                guard let name = entry.name, (today - name.day) * 86_400 > limits.age.nanoseconds / 1_000_000_000
                else { continue }
                try ignoringAbsence { () throws(Errno) in try removeFile(Path(directory) / entry.file) }
                removed += entry.bytes
            }
            return removed
        }
    }

    private func close(_ state: inout State) throws(Errno) {
        guard let file = state.file.take() else { return }
        defer { file.unlock() }
        try file.sync()
        guard state.needsDirectorySync else { return }
        try syncDirectory(directory)
        state.needsDirectorySync = false
    }

    private func append(_ state: inout State, at now: Moment) throws(Errno) -> RejectedOutcome {
        if let since = state.fullSince {
            guard now.monotonic - since >= Self.rescanInterval else { return .full }
            state.fullSince = nil
        }
        let day = RejectedFileName.day(of: now.unixNanoseconds)
        let hasRoom = state.fileBytes + state.line.count <= limits.fileBytes
        if state.fileDay != day || !hasRoom { try close(&state) }
        if state.file == nil { try open(&state, day: day) }
        guard state.totalBytes + state.line.count <= limits.totalBytes else {
            state.fullSince = now.monotonic
            try close(&state)
            return .full
        }
        do throws(Errno) { try state.file?.write(state.line) } catch {
            // Else who replays the file would meet a piece of a line that the agent has counted as dropped. Where that
            // fails too, the next line goes behind the piece.
            do throws(Errno) { try state.file?.cut(to: state.fileBytes) } catch { throw error }
            throw error
        }
        state.fileBytes += state.line.count
        state.totalBytes += state.line.count
        return .kept
    }

    /// Goes on with the newest file of the day, or begins another when that has no room or is being replayed.
    private func open(_ state: inout State, day: Int64) throws(Errno) {
        try makeDirectories(directory)
        let all = try entries()
        state.totalBytes = all.reduce(0) { $0 + $1.bytes }
        var name = all.compactMap(\.name).filter { $0.day == day }.max() ?? RejectedFileName(day: day, number: 1)
        let size = all.first { $0.name == name }?.bytes ?? 0
        if size > 0, size + state.line.count > limits.fileBytes { name.number += 1 }
        while true {
            let path = "\(directory)/\(name)"
            let file = try File(writing: path, .append)
            // Locked by somebody who replays it, who may also have removed it since it was opened.
            guard try file.lock(), try !file.isRemoved() else {
                name.number += 1
                continue
            }
            state.fileDay = day
            state.fileBytes = Int(clamping: try file.status().sizeBytes)
            // A line that was cut by a full disk or a crash must not swallow the next.
            if try isCut(path, state.fileBytes) { try file.write([UInt8(ascii: "\n")]) }
            state.file = consume file
            state.needsDirectorySync = true
            return
        }
    }

    private func isCut(_ path: String, _ size: Int) throws(Errno) -> Bool {
        guard size > 0 else { return false }
        var last: [UInt8] = [0]
        return try File(reading: path).read(into: &last, at: UInt64(size - 1)) == 1 && last[0] != UInt8(ascii: "\n")
    }

    /// All files of the directory count, also those of others.
    private func entries() throws(Errno) -> [(file: Path, name: RejectedFileName?, bytes: Int)] {
        var entries: [(file: Path, name: RejectedFileName?, bytes: Int)] = []
        var names: [Path] = []
        try ignoringAbsence { () throws(Errno) in names = try directoryEntries(Path(directory)) }
        for file in names {
            // Some may be deleted just now.
            try ignoringAbsence { () throws(Errno) in
                let bytes = Int(clamping: try FileStatus(of: Path(directory) / file).sizeBytes)
                entries.append((file, file.text.flatMap(RejectedFileName.init), bytes))
            }
        }
        return entries
    }

    private func render(_ record: [UInt8], _ input: String, _ reason: String, _ now: Moment, into line: inout [UInt8]) {
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

private func ignoringAbsence(_ body: () throws(Errno) -> Void) throws(Errno) {
    do throws(Errno) { try body() } catch {
        guard error == .notFound else { throw error }
    }
}
