// From lines to records: takes off what container runtimes wrote around them, and joins lines that belong together.
//
// What waits for more is held back and not acknowledged; a kill loses nothing of it. Pure: the time comes in.

internal import Bytes
internal import Platform

package struct RecordAssembly {
    /// How lines are joined, and where that ends.
    package struct Multiline {
        package var rule: MultilineRule
        package var lineLimit = 1_000
        package var byteLimit = 256 << 10
        /// Since the last line.
        package var timeout: Duration = .seconds(5)

        package init(_ rule: MultilineRule) { self.rule = rule }
    }

    typealias Events = [RecordPipeline.Event: UInt64]

    /// A line that its runtime cut into pieces is joined up to here; a runtime without a limit of its own is not known.
    static let wholeLineBytes = 1 << 20
    /// So often is a file rotated within a line, and no more: a file has room for many lines.
    static let lineRotations = 16
    /// A runtime writes all pieces of a line at once.
    static let pieceTimeout: Duration = .seconds(5)

    private let format: ContainerFormat
    private let namesContainers: Bool
    private let multiline: Multiline?

    private var lanes = HeldLanes()
    private var kept = KeptFields()
    /// The line or record at hand, and a second one; their buffers wander.
    private var work = RecordDraft()
    private var aside = RecordDraft()
    /// Records that are done, from `readyFirst` to `readyEnd`; the others are kept for their buffers.
    private var ready: [RecordDraft] = []
    private var readyFirst = 0
    private var readyEnd = 0
    /// A line that is a document with metrics is a record of its own.
    private var recognisesDocuments = true
    private var members: [JSONMember] = []
    /// What the path of the last record says of its container.
    private var names: (of: Range<UInt32>, fields: KubernetesFields)?

    /// Nil when nothing is asked for.
    package init?(format: ContainerFormat, namesContainers: Bool, multiline: Multiline?) {
        guard format != .plain || namesContainers || multiline != nil else { return nil }
        self.format = format
        self.namesContainers = namesContainers
        self.multiline = multiline
    }

    /// The names of the fields that it may give a record.
    package var fieldNames: [String] {
        RecordNames.ofContainers.filter { $0 == "stream" ? format != .plain : namesContainers }
    }

    /// Joined, a record is no longer than that.
    package var recordByteLimit: Int {
        max(multiline?.byteLimit ?? 0, format == .plain ? 0 : Self.wholeLineBytes)
    }

    /// Lines are held for more of their record in so many bytes of memory, and no more.
    package var heldByteLimit: Int {
        get { lanes.bytesLimit }
        set { lanes.bytesLimit = newValue }
    }

    /// With less, records within `max_bytes` would be let go as they are. Memory grows by doubling.
    package var heldBytesLeast: Int { 2 * max(multiline?.byteLimit ?? 0, Self.pieceBytes) }

    package static let heldBytesMost = HeldLanes.bytesLimit

    /// Lines in pieces are seldom longer than that.
    private static let pieceBytes = 128 << 10

    /// The fields that records of `next` refer to.
    var fields: LogBatch { kept.batch }

    /// When there is something to `release`.
    var deadline: Instant? {
        if readyFirst < readyEnd { return Instant(nanoseconds: 0) }
        return HeldLanes.Stage.allCases.compactMap { stage in
            lanes.oldest(stage).map { lanes[$0].touched + timeout(stage) }
        }.min()
    }

    private func timeout(_ stage: HeldLanes.Stage) -> Duration {
        stage == .pieces ? Self.pieceTimeout : multiline?.timeout ?? .zero
    }

    // MARK: Lines in

    /// What comes now is of another batch than before.
    mutating func beginInput(recognisingDocuments recognises: Bool = true) {
        recognisesDocuments = recognises
        kept.beginInput()
        guard kept.isGrown, readyFirst == readyEnd else { return }
        kept.clean(for: &lanes)
        names = nil
    }

    mutating func take(_ record: LogBatch.Record, of input: LogBatch, at now: Instant, _ events: inout Events) {
        let source = record.next.source
        work.begin(record, of: input)
        let (id, range) = kept.keep(record.fields, of: input)
        work.inputFields = range
        let before = lanes.last(of: source)
        lanes.note(record.next)
        var key = HeldLanes.Key(source: source, fields: id, stream: nil, stage: .lines)
        defer { holdToLimits(at: now, &events) }
        // A document is nobody's text.
        if work.isDocument { return finish(key) }
        guard format != .plain else { return addLine(key, before: before, at: now, &events) }
        guard let line = work.unwrap(format) else {
            events[.formatFailed, default: 0] += 1
            return addLine(key, before: before, at: now, &events)
        }
        work.unixNanoseconds = line.unixNanoseconds
        key.stream = line.stream
        addPiece(key, isWhole: line.isWhole, before: before, at: now, &events)
    }

    /// `work` is a line of its stream, or a piece of one.
    private mutating func addPiece(
        _ lineKey: HeldLanes.Key, isWhole: Bool, before: UInt64, at now: Instant, _ events: inout Events
    ) {
        var key = lineKey
        key.stage = .pieces
        if let lane = begunLine(key, before: before) {
            if lanes[lane].draft.text.count + work.text.count <= Self.wholeLineBytes,
                lanes[lane].draft.rotatedBefore.count <= Self.lineRotations
            {
                lanes.append(lane, work, onNewLine: false, at: now)
                guard isWhole else { return }
                let begun = lanes[lane].before
                lanes.release(lane, into: &work)
                return addLine(lineKey, before: begun, at: now, &events)
            }
            events[.containerLineLimit, default: 0] += 1
            let begun = lanes[lane].before
            // Not `aside`, which a line that ends a record needs.
            var piece = RecordDraft()
            swap(&piece, &work)
            lanes.release(lane, into: &work)
            addLine(lineKey, before: begun, pending: before, at: now, &events)
            swap(&piece, &work)
        }
        if isWhole { return addLine(lineKey, before: before, at: now, &events) }
        _ = lanes.begin(key, &work, before: before, phase: .lines, at: now)
    }

    /// The lane of the line that goes on with what comes now. Where its runtime has rotated the file since, it moves to
    /// the new one: a file is read to its end before the one that follows it is begun.
    private mutating func begunLine(_ key: HeldLanes.Key, before: UInt64) -> Int? {
        guard lanes.oldest(.pieces) != nil else { return nil }
        if let lane = lanes.find(key) { return lane }
        guard let lane = lanes.findRotated(key) else { return nil }
        lanes.move(lane, to: key, before: before)
        return lane
    }

    /// `work` is a whole line, of which the source stood at `before`. What begins at `pending` is still to come.
    private mutating func addLine(
        _ key: HeldLanes.Key, before: UInt64, pending: UInt64 = .max, at now: Instant, _ events: inout Events
    ) {
        guard let multiline else { return finish(key, pending: pending) }
        let lane = lanes.find(key)
        var phase = lane.map { lanes[$0].phase } ?? multiline.rule.beginning
        // Programs print documents between their lines; within the text of another record nobody would find one.
        let isDocument = recognisesDocuments && EMFLine(work.bytes, work.text, &members) != nil
        let verdict =
            isDocument
            ? LineVerdict(joins: false, isLast: true) : multiline.rule.judge(Line(work.bytes, work.text), &phase)
        if verdict.patternGaveUp { events[.patternGaveUp, default: 0] += 1 }
        guard let lane else {
            if verdict.isLast { return finish(key, pending: pending) }
            _ = lanes.begin(key, &work, before: before, phase: phase, at: now)
            return
        }
        if verdict.isDoubtful || !lanes[lane].doubtful.isEmpty {
            if verdict.isDoubtful, hasRoomForDoubt(lane) {
                lanes[lane].phase = phase
                return lanes.doubt(lane, work, before: before, at: now)
            }
            let lines = lanes.takeDoubtful(lane)
            guard verdict.joins, !verdict.isDoubtful, fits(lane, lines, multiline) else {
                return separate(key, lane, lines, before: before, pending: pending, at: now, &events)
            }
            for line in lines {
                lanes.append(lane, line.draft, onNewLine: true, at: now)
                lanes[lane].lineCount += 1
            }
        }
        if verdict.joins {
            guard let limit = reachedLimit(lane, multiline) else {
                lanes.append(lane, work, onNewLine: true, at: now)
                lanes[lane].lineCount += 1
                lanes[lane].phase = phase
                guard verdict.isLast else { return }
                lanes.release(lane, into: &work)
                return finish(key, pending: pending)
            }
            // The rest is a record of its own, and goes on where this one was.
            events[limit, default: 0] += 1
        }
        if verdict.isLast {
            swap(&work, &aside)
            lanes.release(lane, into: &work)
            finish(key, pending: before)
            swap(&work, &aside)
        } else {
            lanes.exchange(lane, &work, before: before, phase: phase, at: now)
        }
        finish(key, pending: pending)
    }

    // MARK: Doubtful lines

    /// A message has seldom more lines, and what is no part of one must not wait behind many.
    private static let doubtfulLines = 16
    private static let doubtfulBytes = 16 << 10

    private func hasRoomForDoubt(_ lane: Int) -> Bool {
        let lines = lanes[lane].doubtful
        let count = lines.reduce(work.text.count) { $0 + $1.draft.text.count }
        return lines.count < Self.doubtfulLines && count <= Self.doubtfulBytes
    }

    /// All of them and `work` stay within the limits.
    private func fits(_ lane: Int, _ lines: [HeldLanes.DoubtfulLine], _ multiline: Multiline) -> Bool {
        let count = lines.reduce(lanes[lane].draft.text.count + 1 + work.text.count) { $0 + 1 + $1.draft.text.count }
        return count <= multiline.byteLimit && lanes[lane].lineCount + lines.count < multiline.lineLimit
    }

    /// The lane is a record without them: each is looked at again, and then `work`, which comes after them.
    private mutating func separate(
        _ key: HeldLanes.Key, _ lane: Int, _ lines: [HeldLanes.DoubtfulLine], before: UInt64, pending: UInt64,
        at now: Instant, _ events: inout Events
    ) {
        var current = RecordDraft()
        swap(&current, &work)
        lanes.release(lane, into: &work)
        finish(key, pending: lines.first?.before ?? before)
        lookAgain(at: lines, key, pending: before, at: now, &events)
        swap(&current, &work)
        addLine(key, before: before, pending: pending, at: now, &events)
    }

    private mutating func lookAgain(
        at lines: [HeldLanes.DoubtfulLine], _ key: HeldLanes.Key, pending: UInt64, at now: Instant,
        _ events: inout Events
    ) {
        for (index, line) in lines.enumerated() {
            work = line.draft
            let next = index + 1 < lines.count ? lines[index + 1].before : pending
            addLine(key, before: line.before, pending: next, at: now, &events)
        }
    }

    /// Why the line in `work` does not fit any more.
    private func reachedLimit(_ lane: Int, _ multiline: Multiline) -> RecordPipeline.Event? {
        if lanes[lane].lineCount >= multiline.lineLimit { return .multilineLines }
        let count = lanes[lane].draft.text.count + 1 + work.text.count
        return count > multiline.byteLimit ? .multilineBytes : nil
    }

    // MARK: Records out

    /// `work` is a whole record.
    private mutating func finish(_ key: HeldLanes.Key, pending: UInt64 = .max) {
        work.next = lanes.safe(key.source, pending: pending)
        if !work.rotatedBefore.isEmpty { work.rotatedNext = work.rotatedBefore.map { lanes.safe($0.source) } }
        if let stream = key.stream { work.add("stream", work.append(stream.name)) }
        if namesContainers, !work.isDocument { addNames() }
        if readyFirst == readyEnd { (readyFirst, readyEnd) = (0, 0) }
        if readyEnd == ready.count { ready.append(RecordDraft()) }
        swap(&ready[readyEnd], &work)
        readyEnd += 1
    }

    private mutating func addNames() {
        let range = work.inputFields
        if names?.of != range {
            let batch = kept.batch
            let file = batch.fields[Int(range.lowerBound)..<Int(range.upperBound)].first {
                batch.bytes[$0.name.range].elementsEqual("file".utf8)
            }
            names = (range, KubernetesFields(path: file.map { Array(batch.bytes[$0.value.range]) } ?? []))
        }
        names?.fields.add(to: &work)
    }

    /// Of the next record that is done; nil when there is none.
    var nextByteCount: Int? { readyFirst < readyEnd ? ready[readyFirst].bytes.count : nil }

    /// Lets go of buffers in which nothing is.
    mutating func letGo() {
        (work, aside) = (RecordDraft(), RecordDraft())
        if readyFirst == readyEnd { ready = [] } else { ready.removeLast(ready.count - readyEnd) }
        for index in 0..<min(readyFirst, ready.count) { ready[index] = RecordDraft() }
    }

    /// Takes the next record that is done.
    mutating func next(_ draft: inout RecordDraft) -> Bool {
        guard readyFirst < readyEnd else { return false }
        swap(&draft, &ready[readyFirst])
        readyFirst += 1
        return true
    }

    /// Lets one go whose time is over. False when there is none.
    mutating func release(at now: Instant, _ events: inout Events) -> Bool {
        for stage in HeldLanes.Stage.allCases {
            guard let lane = lanes.oldest(stage), lanes[lane].touched + timeout(stage) <= now else { continue }
            events[stage == .pieces ? .containerLineTimeout : .multilineTimeout, default: 0] += 1
            release(lane, at: now, &events)
            return true
        }
        return false
    }

    /// As whole as it gets.
    private mutating func release(_ lane: Int, at now: Instant, _ events: inout Events) {
        var key = lanes[lane].key
        let before = lanes[lane].before
        let lines = lanes.takeDoubtful(lane)
        lanes.release(lane, into: &work)
        guard key.stage == .pieces else {
            finish(key, pending: lines.first?.before ?? .max)
            return lookAgain(at: lines, key, pending: .max, at: now, &events)
        }
        key.stage = .lines
        addLine(key, before: before, at: now, &events)
    }

    /// Those go that have waited longest.
    private mutating func holdToLimits(at now: Instant, _ events: inout Events) {
        while lanes.isOverLimit {
            let oldest = HeldLanes.Stage.allCases.compactMap { lanes.oldest($0) }
            guard let lane = oldest.min(by: { lanes[$0].touched < lanes[$1].touched }) else { return }
            events[.heldLimit, default: 0] += 1
            var key = lanes[lane].key
            release(lane, at: now, &events)
            guard key.stage == .pieces else { continue }
            // It may be held again, as a line.
            key.stage = .lines
            if let lane = lanes.find(key) { release(lane, at: now, &events) }
        }
    }
}
