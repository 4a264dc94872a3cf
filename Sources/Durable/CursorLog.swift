// Where a route was: a log of changes for each pair of input and output, `<state>/cursors/<input>~<output>.cursor`.
//
// It begins with a snapshot, a line for each entry of the cursor, and goes on with a line for each entry that changed
// since: what is written grows with what changes, never with what is followed. CursorLine.swift has the form of the
// lines.
//
// A log is appended to by the run that made it, and by no other: each run begins with a snapshot of its own. So does
// one whose log cannot be appended to, or has outgrown its snapshot. It is written beside the log as `.new`, piece by
// piece, while changes go on into both. Then the log becomes `.old`, and the snapshot takes its name. `.old` stands in
// where the log is damaged. What versions before wrote (CursorFile.swift) is taken over, and removed when there is a
// log.

internal import Bytes
package import Platform

/// Loads and saves the cursor of one route. Not shared: it moves to the worker that saves.
package struct CursorLog<DiskType: CursorDisk>: Sendable {
    /// A log is written anew when its changes are more than its snapshot and than this, which is read within a second.
    static var changesLimitBytes: UInt64 { 4 << 20 }

    package let path: String
    private let directory: String
    private let input: String
    private let output: String
    private let log: AgentLog
    private(set) var disk: DiskType

    /// Of the log that is being appended to. Nil as long as there is none that can be.
    private var byteCount: UInt64?
    private var snapshotByteCount: UInt64 = 0
    /// Of the one that is being written beside it.
    private var newByteCount: UInt64?
    /// When the log is so large, it is to be written anew.
    private var compactionByteCount: UInt64 = .max

    /// The log that is there could be used: it becomes `.old`. One that could not must not take the place of that.
    private var isWorthKeeping = true

    /// What a power cut may take.
    package private(set) var unsyncedByteCount: UInt64 = 0
    /// Whole files that were there, and could not be used.
    package private(set) var damagedFileCount: UInt64 = 0
    /// Lines of the log that could not be used. What they said of a file is what was known before.
    package private(set) var damagedLineCount: UInt64 = 0

    /// Touches nothing on the disk. `stateDirectory` is the agent's own, without a slash at its end.
    package init(stateDirectory: String, input: String, output: String, disk: DiskType, log: AgentLog) {
        directory = cursorDirectory(of: stateDirectory)
        path = cursorPath(stateDirectory: stateDirectory, input: input, output: output)
        self.input = input
        self.output = output
        self.disk = disk
        self.log = log
    }

    private var newPath: String { path + CursorSuffix.new }
    private var oldPath: String { path + CursorSuffix.old }

    // MARK: Load

    /// What was saved last. Nil at the first start, and when nothing of it can be used, which is logged and counted.
    package mutating func load() -> CursorReplay? {
        let files = CursorFiles(path: path, disk)
        var found: CursorReplay?
        switch files.choice(ofRoute: (input, output)) {
        case .none: break
        case .log(let chosen, let isBeside):
            damagedLineCount += chosen.damagedLineCount
            if chosen.damagedLineCount > 0 {
                log.error(
                    "lines of a cursor file are damaged; older lines of the same files hold instead, and a file "
                        + "without one is read from its beginning",
                    ["path": path, "lines": "\(chosen.damagedLineCount)"])
            }
            found = isBeside ? replayOfBeside() : chosen.replay
        case .file(let file): found = file
        }
        for problem in files.problems {
            if problem.path == path { isWorthKeeping = false }
            damagedFileCount += 1
            log.error(
                "cursor file cannot be used; the copy before it is tried, and without one the input starts over",
                ["path": problem.path, "reason": problem.reason])
        }
        return found
    }

    /// The next snapshot must not overwrite the only log that there is.
    private mutating func replayOfBeside() -> CursorReplay {
        do throws(Errno) { try disk.rename(newPath, to: path) } catch {
            log.error("cursor file cannot be renamed", ["path": newPath, "reason": error.description])
            return CursorFiles(path: path, disk).replay(of: newPath)
        }
        return CursorFiles(path: path, disk).replay(of: path)
    }

    // MARK: Save

    /// All entries are to be written anew: there is no log that can be appended to, or it has outgrown its snapshot.
    package var wantsSnapshot: Bool {
        guard newByteCount == nil else { return false }
        return byteCount.map { $0 >= compactionByteCount } ?? true
    }

    /// There is a log to which changes can be appended.
    package var isOpen: Bool { byteCount != nil }

    /// Appends what changed. It outlasts a kill when this returns, and a power cut after `sync`.
    ///
    /// - Throws: what the disk says, and `notFound` when the log is no longer what was appended to: somebody has
    ///   removed, replaced or changed it. What it has then is not known: it wants a snapshot.
    package mutating func append(_ changes: CursorLines) throws(Errno) {
        guard byteCount != nil else { throw .notFound }
        guard !changes.isEmpty else { return }
        try expectUntouched()
        guard let count = byteCount else { throw .notFound }
        do throws(Errno) { try disk.append(changes.bytes, to: path) } catch {
            byteCount = nil
            throw error
        }
        byteCount = count + UInt64(changes.bytes.count)
        unsyncedByteCount += UInt64(changes.bytes.count)
    }

    /// What was appended outlasts a power cut when this returns.
    ///
    /// - Throws: what the disk says, and `notFound` when the log is no longer what was appended to. It wants a snapshot
    ///   then: after a sync that failed nobody knows what is on the disk.
    package mutating func sync() throws(Errno) {
        guard byteCount != nil else { return }
        // Also when all of it is on the disk: it may be gone from there since.
        try expectUntouched()
        guard unsyncedByteCount > 0 else { return }
        do throws(Errno) { try disk.sync(path) } catch {
            byteCount = nil
            throw error
        }
        unsyncedByteCount = 0
    }

    private mutating func expectUntouched() throws(Errno) {
        guard let count = byteCount, !disk.isUntouched(path, byteCount: count) else { return }
        byteCount = nil
        throw .notFound
    }

    /// Begins to write all entries anew. From here on `addToSnapshot` is to have all changes, too.
    package mutating func beginSnapshot() throws(Errno) {
        newByteCount = nil
        // Not written over: a power cut may have left a file that is the log, too, and somebody a link.
        try disk.remove(newPath)
        try disk.create(newPath)
        newByteCount = 0
        var head = CursorLines()
        head.head(input: input, output: output)
        try addToSnapshot(head)
    }

    /// - Throws: what the disk says. The snapshot is given up then; the log beside it stays what it was.
    package mutating func addToSnapshot(_ lines: CursorLines) throws(Errno) {
        guard let count = newByteCount, !lines.isEmpty else { return }
        do throws(Errno) { try disk.append(lines.bytes, to: newPath) } catch {
            giveUpSnapshot()
            throw error
        }
        newByteCount = count + UInt64(lines.bytes.count)
    }

    /// All entries have been added: it takes the place of the log before it, and outlasts a power cut when this
    /// returns.
    package mutating func endSnapshot() throws(Errno) {
        var end = CursorLines()
        end.endSnapshot()
        try addToSnapshot(end)
        guard let count = newByteCount else { return }
        do throws(Errno) {
            guard disk.isUntouched(newPath, byteCount: count) else { throw .notFound }
            try disk.sync(newPath)
            // Until the new name lasts, a power cut may leave the old log.
            if byteCount != nil { try disk.sync(path) }
            byteCount = nil
            if isWorthKeeping {
                // It may be gone; or something stands there that is no file. The new one is what counts.
                do throws(Errno) { try disk.rename(path, to: oldPath) } catch {}
            }
            try disk.rename(newPath, to: path)
        } catch {
            giveUpSnapshot()
            throw error
        }
        (byteCount, newByteCount, snapshotByteCount, unsyncedByteCount) = (count, nil, count, 0)
        isWorthKeeping = true
        compactionByteCount = count + max(count, Self.changesLimitBytes)
        do throws(Errno) { try disk.syncDirectory(directory) } catch {
            byteCount = nil
            throw error
        }
        removeFilesOfEarlierVersions()
    }

    /// What was written of it takes room that may be what is missing. Its name may be the only one that leads to a
    /// cursor.
    package mutating func giveUpSnapshot() {
        newByteCount = nil
        if let count = byteCount { compactionByteCount = count + max(snapshotByteCount, Self.changesLimitBytes) }
        guard byteCount != nil || hasLog else { return }
        do throws(Errno) { try disk.remove(newPath) } catch {}  // The next one takes its place.
    }

    private var hasLog: Bool {
        do throws(Errno) {
            _ = try disk.modified(path)
            return true
        } catch { return !error.isAbsence }
    }

    /// They are of a time before this log, and would be taken for the cursor if that were lost.
    private mutating func removeFilesOfEarlierVersions() {
        for suffix in CursorFile.suffixes {
            // One that stays is older than the log, and so it is not used.
            do throws(Errno) { try disk.remove(earlierCursorPath(path) + suffix) } catch {}
        }
    }
}
