// Follows the log files of one input. What there is to know has owners of its own (PathWatcher, TailTable,
// FileMemory, ReadTurns, FileProblems) and what is to be done about rotated files is decided by RotationPlan; this
// asks and applies.

internal import Bytes
internal import Durable
internal import Logs
internal import Platform

/// A class, because its tails refer to each other; it belongs to the queue of its input.
final class FileFollower {
    let settings: FileInputSettings
    let problems: FileProblems
    var watcher: PathWatcher
    var links: FileLinks
    var tails: TailTable
    var memory: FileMemory
    var turns: ReadTurns
    var buffers: TailBuffers
    var texts = KeptTexts()
    /// As long as one scan takes.
    var listed: ListedDirectories?
    /// As long as one step takes: ten thousand files that go at once cost one look at the names beside them.
    var numbered = NumberedPlaces()
    private let clock: () -> Instant
    var cursorVersion: UInt64 = 0
    /// Of all files together.
    private var sizeBytesOfLastLook: UInt64 = 0

    init(
        _ settings: FileInputSettings, resume: CursorReplay?, log: AgentLog, now: Moment, readBytes: Int = .max,
        limits: FileLimits = FileLimits()
    ) {
        self.settings = settings
        problems = FileProblems(log)
        clock = limits.clock
        watcher = PathWatcher(limits, problems)
        links = FileLinks(settings)
        tails = TailTable(settings, limits.descriptors)
        turns = ReadTurns(settings, at: now.monotonic)
        buffers = TailBuffers(
            lineLimit: settings.lineLimit, readBytes: readBytes, reader: TextReader(limits.reader, limits.inflaters))
        memory = FileMemory(settings, resume: resume, at: now, problems, through: &buffers.reader)
    }

    deinit { tails.giveBackDescriptors() }

    // MARK: Steps

    func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        look(at: now)
        turns.wakeTimed(at: now.monotonic)
        releaseHeld(at: now)
        if turns.idleCheckIsDue(at: now.monotonic) {
            turns.noteIdleCheck(oldest: tails.close(quietFor: settings.idleClose, at: now.monotonic))
        }
        var round = turns.beginRound(at: clock())
        while !batch.isFull, let tail = turns.next(&round, mustWait: { tails.isInflatingEnough(without: $0) }) {
            let recordCount = batch.records.count
            takeTurn(tail, into: &batch, at: now)
            if batch.records.count == recordCount, round.isOver(at: clock()) { break }
        }
        numbered.forget()
        if !turns.isEmpty { return .notAtAll }
        let due = memory.nextDue(after: settings.rotationGrace) ?? turns.nextDeadline
        let next = max(now.monotonic, min(due, turns.nextDeadline))
        return turns.isPaced ? .pause(until: min(next, now.monotonic + ReadPace.eventSpacing)) : .until(next)
    }

    /// Opens what is new, and holds what goes, without reading a line: files may come and go while a receiver is
    /// down.
    func lookAround(at now: Moment) {
        look(at: now)
        numbered.forget()
        for tail in turns.waiting { tail.noteGrowth(through: &buffers) }
        let sizeBytes = tails.values.reduce(0) { $0 &+ $1.sizeBytes }
        guard sizeBytes != sizeBytesOfLastLook else { return }
        // Saved, though nothing was acknowledged: what is deleted after a stop is to be counted whole.
        sizeBytesOfLastLook = sizeBytes
        wantSizes()
    }

    private func look(at now: Moment) {
        takeChanges(at: now)
        if now.monotonic >= turns.nextScan { scan(at: now) }
    }

    /// Held files whose time is over.
    private func releaseHeld(at now: Moment) {
        for (place, file) in memory.due(after: settings.rotationGrace, at: now.monotonic) {
            memory.settle(place, file)
            if settings.matches(place) { examine(place, at: now) } else { catchUp(file.family, at: now) }
            memory.endSettling(place, file)
        }
    }

    // MARK: From when a file is taken over until its last record is acknowledged

    /// Takes over a file that is open.
    func follow(
        _ file: consuming File, _ status: FileStatus, path: Path, family: Path, place: Path, cursor: FileCursor,
        isCompressed: Bool = false, at now: Moment
    ) -> Tail {
        let tail = Tail(
            number: tails.takeNumber(), path: path, family: family, place: place, cursor: cursor,
            isCompressed: isCompressed, share: tails.share, at: now.monotonic)
        tail.modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        tails.add(tail, file)
        memory.letGo(place)
        problems.noteFollowed(path)
        memory.known.remove(tail.cursor.key)
        tail.noteInner(through: &buffers.reader)
        cursorVersion += 1
        turns.add(tail)
        problems.log.debug("follows a log file", ["path": path.repaired, "from_byte": "\(cursor.offset)"])
        if tails.isOverOpenLimit { tails.close(tail) }
        return tail
    }

    /// Its name leads elsewhere now. Where it went, if anywhere, another event or a scan tells.
    func leave(_ tail: Tail) {
        tails.forgetPlace(of: tail)
        tail.place = nil
        guard !tail.isAway else {
            // One that was cut short, and waits for more.
            if tail.isCompressed, !tail.isOpen { turns.add(tail) }
            return
        }
        tail.goAway()
        turns.add(tail)
    }

    /// An away file that was quiet long enough, or that cannot be read on. It is remembered how far it was read: the
    /// rest is lost when it is found nowhere.
    func finish(_ tail: Tail, losing loss: FileCount = .bytesLostDeleted, at now: Moment) {
        tails.finish(tail)
        // The beginning of an empty file identifies nothing.
        if !tail.print.isEmpty {
            memory.known.insert(tail.readCursor, tail: tail, loss: loss)
            tail.setKnown(tail.readCursor.key)
            if tail.stage.isDeleted || tail.place == nil { noteMissing(tail.readCursor.key, at: now) }
        } else {
            problems.countLost(tail.readCursor, loss)
        }
        if tail.isAcknowledged { forget(tail) }
    }

    /// What it became, if it was compressed, is looked for until the grace is over.
    func noteMissing(_ key: FileCursor.Key, at now: Moment) {
        let until = memory.known.noteMissing(key, at: now.monotonic) + settings.rotationGrace
        turns.scan(by: max(until, now.monotonic))
    }

    /// Its acknowledgements, if any are to come, mean nothing any more.
    private func forget(_ tail: Tail) {
        tails.remove(tail)
        if let key = tail.reading?.knownKey { memory.known.settle(key) }
        cursorVersion += 1
    }

    func acknowledge(_ position: Position) {
        guard let tail = tails[position.source], tail.acknowledge(position.offset) else { return }
        cursorVersion += 1
        guard tail.isAcknowledged else { return }
        if tail.isFinished { forget(tail) } else { tail.rest() }
    }
}
