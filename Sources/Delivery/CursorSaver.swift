// What the saving worker of a route has: the log of its cursor, and when that is to outlast a power cut.

internal import Durable
internal import Platform

/// What is to be written at one time.
struct CursorStep: Sendable {
    /// What changed since the last step.
    var changes = CursorLines()
    /// A part of a snapshot.
    var part: Part?
    /// All of it is to be on the disk when the step is done.
    var isLastOfRun = false

    struct Part: Sendable {
        var lines = CursorLines()
        var isFirst = false
        var isLast = false
    }
}

/// What became of a step.
struct CursorOutcome: Sendable {
    /// What changed is not saved.
    var failure: Errno?
    /// It is, and the log goes on growing.
    var snapshotFailure: Errno?
    var wantsSnapshot = false
    var byteCount = 0
}

struct CursorSaver: Sendable {
    /// A power cut may take what was acknowledged in this time.
    static let syncInterval: Duration = .seconds(1)
    /// Each sync writes a block, however little changed: so that of a trickle is further apart.
    static let trickleSyncInterval: Duration = .seconds(5)
    private static let trickleBytes: UInt64 = 4_096

    private(set) var log: CursorLog<HostCursorDisk>
    private var lastSync = Instant.now
    /// Since when there is something to be synced.
    private var unsyncedSince: Instant?
    /// Somebody is on his way to sync.
    var isSyncScheduled = false

    init(_ log: CursorLog<HostCursorDisk>) { self.log = log }

    mutating func perform(_ step: CursorStep, at now: Instant) -> CursorOutcome {
        var outcome = CursorOutcome()
        if log.isOpen || step.part == nil {
            do throws(Errno) { try log.append(step.changes) } catch { outcome.failure = error }
        }
        if let part = step.part {
            do throws(Errno) {
                if part.isFirst { try log.beginSnapshot() } else { try log.addToSnapshot(step.changes) }
                try log.addToSnapshot(part.lines)
                if part.isLast {
                    try log.endSnapshot()
                    lastSync = now
                }
                outcome.failure = nil
            } catch {
                if log.isOpen { outcome.snapshotFailure = error } else { outcome.failure = error }
            }
        }
        if log.unsyncedByteCount == 0 { unsyncedSince = nil } else if unsyncedSince == nil { unsyncedSince = now }
        if outcome.failure == nil, step.isLastOfRun { outcome.failure = sync(at: now) }
        outcome.wantsSnapshot = log.wantsSnapshot
        outcome.byteCount = step.changes.bytes.count
        return outcome
    }

    /// When to sync; nil when there is nothing that is not on the disk.
    var syncDue: Instant? {
        guard log.isOpen, let unsyncedSince else { return nil }
        let trickleDue = unsyncedSince + Self.trickleSyncInterval
        return log.unsyncedByteCount < Self.trickleBytes
            ? trickleDue : min(trickleDue, max(unsyncedSince, lastSync + Self.syncInterval))
    }

    mutating func sync(at now: Instant) -> Errno? {
        unsyncedSince = nil
        do throws(Errno) {
            try log.sync()
            lastSync = now
            return nil
        } catch {
            return error
        }
    }
}
