// What is held back for more of it, by source, fields and stream; and how far each source may be acknowledged
// meanwhile.
//
// A lane is there only as long as it holds something. Lanes stand in two kinds of order, each a list of links: in that
// of their last piece, from which the timeout takes the first; and, within a source, in that of where they begin.

internal import Platform

struct HeldLanes {
    enum Stage: UInt8, CaseIterable {
        /// Pieces of a line, as container runtimes cut it.
        case pieces
        /// Lines of a record.
        case lines
    }

    /// What may be joined: the same source, the same fields, the same stream.
    struct Key: Hashable {
        var source: UInt32
        var fields: UInt64
        var stream: ContainerStream?
        var stage: Stage
    }

    struct Lane {
        fileprivate(set) var key: Key
        /// Without fields that stages found.
        fileprivate(set) var draft = RecordDraft()
        /// Where its source stood before it.
        fileprivate(set) var before: UInt64
        var lineCount = 1
        var phase: LinePhase
        fileprivate(set) var touched: Instant
        /// Lines after it that belong to it only if one that is still to come says so.
        fileprivate(set) var doubtful: [DoubtfulLine] = []

        fileprivate var age = Link()
        fileprivate var place = Link()
    }

    struct DoubtfulLine {
        let draft: RecordDraft
        let before: UInt64
    }

    /// A line in pieces, whatever source it comes from.
    private struct PieceKey: Hashable {
        let fields: UInt64
        let stream: ContainerStream?

        init(_ key: Key) { (fields, stream) = (key.fields, key.stream) }
    }

    fileprivate struct Link {
        var previous = -1
        var next = -1
    }

    private struct Ends {
        var first = -1
        var last = -1
    }

    private struct Source {
        let number: UInt32
        /// The end of the last record that was taken from it.
        var last: UInt64 = 0
        /// Its lanes, by where they begin.
        var lanes = Ends()
    }

    /// A follower has up to 10 000 files by default, and seldom writes of more than a few of them come within a
    /// timeout.
    static let laneLimit = 10_000
    /// Of all lanes together, where there is so much memory: what a few files with the longest records need.
    static let bytesLimit = 16 << 20
    var bytesLimit = HeldLanes.bytesLimit
    /// Places of sources that are remembered though nothing of theirs is held. Forgotten ones cost a step back of the
    /// cursor, not a record.
    private static let sourceLimit = 2 * laneLimit
    /// Buffers that lanes leave behind for those that come, and how large they may be.
    private static let keptBuffers = 64
    private static let keptBytes = 16 << 10

    private var slots: [Lane] = []
    private var free: [Int] = []
    private var byKey: [Key: Int] = [:]
    /// Of the lanes of pieces: how many each file and stream has, and the sum of their indexes, which tells a second
    /// one from the first.
    private var pieces: [PieceKey: (count: Int, sum: Int)] = [:]
    /// Of sources in which text began that goes on in another, where they stood before it: they may not be acknowledged
    /// further either. Rare.
    private var rotated: [UInt32: [UInt64]] = [:]
    private var ages: [Ends] = Stage.allCases.map { _ in Ends() }
    private var sources: [Source] = []
    private var sourceByNumber: [UInt32: Int] = [:]
    private var currentSource = -1
    private var currentLane: (key: Key, index: Int)?
    /// Memory of the buffers of all lanes.
    private(set) var heldBytes = 0

    subscript(index: Int) -> Lane {
        _read { yield slots[index] }
        _modify { yield &slots[index] }
    }

    var count: Int { byKey.count }
    var indices: Dictionary<Key, Int>.Values { byKey.values }
    var isOverLimit: Bool { count > Self.laneLimit || heldBytes > bytesLimit }

    mutating func find(_ key: Key) -> Int? {
        if let currentLane, currentLane.key == key { return currentLane.index }
        guard let index = byKey[key] else { return nil }
        currentLane = (key, index)
        return index
    }

    /// The one lane with pieces of the same file and stream from another source: the file was rotated between them and
    /// what comes now, which is the first of its own source. Records without fields have no file, and among several
    /// such lanes nobody knows which it is.
    func findRotated(_ key: Key) -> Int? {
        guard key.fields != 0, let group = pieces[PieceKey(key)], group.count == 1 else { return nil }
        return byKey[key] == nil ? group.sum : nil
    }

    /// What a lane of pieces holds goes on in another source, which stood at `before`. There must be no lane of that
    /// key.
    mutating func move(_ index: Int, to key: Key, before: UInt64) {
        let begun = Position(source: slots[index].key.source, offset: slots[index].before)
        unlinkPlace(index)
        byKey[slots[index].key] = nil
        slots[index].key = key
        slots[index].before = before
        slots[index].draft.rotatedBefore.append(begun)
        hold([begun])
        byKey[key] = index
        currentLane = (key, index)
        linkPlace(index)
    }

    /// The lane of a stage whose last piece came first.
    func oldest(_ stage: Stage) -> Int? {
        let first = ages[Int(stage.rawValue)].first
        return first < 0 ? nil : first
    }

    // MARK: Positions

    /// The end of the last record that was taken from a source; 0, which acknowledges nothing, when that is not known.
    mutating func last(of source: UInt32) -> UInt64 { sources[index(of: source)].last }

    mutating func note(_ position: Position) { sources[index(of: position.source)].last = position.offset }

    /// How far a source may be acknowledged once all that was let go is: up to the earliest record that is held, or
    /// that begins at `pending`.
    mutating func safe(_ source: UInt32, pending: UInt64 = .max) -> Position {
        let entry = sources[index(of: source)]
        var held = entry.lanes.first < 0 ? entry.last : slots[entry.lanes.first].before
        if !rotated.isEmpty { held = min(held, rotated[source]?.min() ?? .max) }
        return Position(source: source, offset: min(held, pending))
    }

    /// Of text that began in these sources.
    private mutating func hold(_ places: [Position]) {
        for place in places { rotated[place.source, default: []].append(place.offset) }
    }

    private mutating func letGo(_ places: [Position]) {
        for place in places {
            guard var offsets = rotated[place.source], let found = offsets.firstIndex(of: place.offset) else {
                continue
            }
            offsets.remove(at: found)
            rotated[place.source] = offsets.isEmpty ? nil : offsets
        }
    }

    private mutating func index(of source: UInt32) -> Int {
        if currentSource >= 0, sources[currentSource].number == source { return currentSource }
        if let known = sourceByNumber[source] {
            currentSource = known
            return known
        }
        if sources.count >= Self.sourceLimit { forgetSources() }
        currentSource = sources.count
        sources.append(Source(number: source))
        sourceByNumber[source] = currentSource
        return currentSource
    }

    private mutating func forgetSources() {
        sources.removeAll { $0.lanes.first < 0 }
        sourceByNumber.removeAll(keepingCapacity: true)
        for (index, source) in sources.enumerated() { sourceByNumber[source.number] = index }
    }

    // MARK: Holding

    /// Holds `draft`, and leaves an old buffer in its place. There must be no lane of that key.
    mutating func begin(
        _ key: Key, _ draft: inout RecordDraft, before: UInt64, phase: LinePhase, at now: Instant
    ) -> Int {
        var lane = Lane(key: key, before: before, phase: phase, touched: now)
        let index = free.popLast() ?? slots.count
        if index < slots.count {
            swap(&lane.draft, &slots[index].draft)
            slots[index] = lane
        } else {
            slots.append(lane)
        }
        byKey[key] = index
        if key.stage == .pieces { count(key, 1, index) }
        currentLane = (key, index)
        fill(index, with: &draft)
        linkAge(index)
        linkPlace(index)
        return index
    }

    /// Holds `draft` in place of what the lane has, which is let go in exchange.
    mutating func exchange(
        _ index: Int, _ draft: inout RecordDraft, before: UInt64, phase: LinePhase, at now: Instant
    ) {
        unlinkAge(index)
        unlinkPlace(index)
        heldBytes -= slots[index].draft.bytes.capacity
        letGo(slots[index].draft.rotatedBefore)
        slots[index].before = before
        slots[index].phase = phase
        slots[index].lineCount = 1
        slots[index].touched = now
        fill(index, with: &draft)
        linkAge(index)
        linkPlace(index)
    }

    /// Adds text to what the lane holds.
    mutating func append(_ index: Int, _ added: RecordDraft, onNewLine: Bool, at now: Instant) {
        heldBytes -= slots[index].draft.bytes.capacity
        slots[index].draft.join(added, onNewLine: onNewLine)
        heldBytes += slots[index].draft.bytes.capacity
        hold(added.rotatedBefore)
        slots[index].touched = now
        guard slots[index].age.next >= 0 else { return }
        unlinkAge(index)
        linkAge(index)
    }

    /// Holds a line beside what the lane has, of which it is not known yet whether it belongs there.
    mutating func doubt(_ index: Int, _ line: RecordDraft, before: UInt64, at now: Instant) {
        var held = line
        // A short line must not sit on the buffer of a long one.
        held.bytes = []
        held.bytes.reserveCapacity(line.bytes.count)
        held.bytes.append(contentsOf: line.bytes)
        heldBytes += held.bytes.capacity
        hold(held.rotatedBefore)
        slots[index].doubtful.append(DoubtfulLine(draft: held, before: before))
        slots[index].touched = now
        unlinkAge(index)
        linkAge(index)
    }

    /// Takes those lines out, in their order.
    mutating func takeDoubtful(_ index: Int) -> [DoubtfulLine] {
        let lines = slots[index].doubtful
        guard !lines.isEmpty else { return lines }
        slots[index].doubtful = []
        for line in lines {
            heldBytes -= line.draft.bytes.capacity
            letGo(line.draft.rotatedBefore)
        }
        return lines
    }

    /// Lets go what the lane holds, and ends it. No line of it is doubtful. `draft` leaves its buffer behind.
    mutating func release(_ index: Int, into draft: inout RecordDraft) {
        unlinkAge(index)
        unlinkPlace(index)
        heldBytes -= slots[index].draft.bytes.capacity
        byKey[slots[index].key] = nil
        if slots[index].key.stage == .pieces { count(slots[index].key, -1, -index) }
        currentLane = nil
        letGo(slots[index].draft.rotatedBefore)
        swap(&draft, &slots[index].draft)
        let isWorthKeeping = free.count < Self.keptBuffers && slots[index].draft.bytes.capacity <= Self.keptBytes
        if !isWorthKeeping { slots[index].draft = RecordDraft() }
        free.append(index)
    }

    private mutating func count(_ key: Key, _ count: Int, _ index: Int) {
        let group = pieces[PieceKey(key)] ?? (0, 0)
        pieces[PieceKey(key)] = group.count + count == 0 ? nil : (group.count + count, group.sum + index)
    }

    private mutating func fill(_ index: Int, with draft: inout RecordDraft) {
        swap(&slots[index].draft, &draft)
        // A short line must not sit on the buffer of a long record.
        let bytes = slots[index].draft.bytes
        if bytes.capacity > Self.keptBytes, bytes.capacity / 4 > bytes.count {
            var fitting: [UInt8] = []
            fitting.reserveCapacity(bytes.count)
            fitting.append(contentsOf: bytes)
            slots[index].draft.bytes = fitting
        }
        heldBytes += slots[index].draft.bytes.capacity
        hold(slots[index].draft.rotatedBefore)
    }

    /// The fields of what is held moved to other places.
    mutating func moveFields(_ index: Int, to range: Range<UInt32>) {
        slots[index].draft.inputFields = range
        slots[index].doubtful = slots[index].doubtful.map { line in
            var draft = line.draft
            draft.inputFields = range
            return DoubtfulLine(draft: draft, before: line.before)
        }
    }

    // MARK: Orders

    private mutating func linkAge(_ index: Int) {
        let stage = Int(slots[index].key.stage.rawValue)
        let last = ages[stage].last
        slots[index].age = Link(previous: last, next: -1)
        if last >= 0 { slots[last].age.next = index } else { ages[stage].first = index }
        ages[stage].last = index
    }

    private mutating func unlinkAge(_ index: Int) {
        let stage = Int(slots[index].key.stage.rawValue)
        let link = slots[index].age
        if link.previous >= 0 { slots[link.previous].age.next = link.next } else { ages[stage].first = link.next }
        if link.next >= 0 { slots[link.next].age.previous = link.previous } else { ages[stage].last = link.previous }
    }

    private mutating func linkPlace(_ index: Int) {
        let source = self.index(of: slots[index].key.source)
        // It begins after all others, but for a line whose pieces took their time.
        var previous = sources[source].lanes.last
        while previous >= 0, slots[previous].before > slots[index].before { previous = slots[previous].place.previous }
        let next = previous >= 0 ? slots[previous].place.next : sources[source].lanes.first
        slots[index].place = Link(previous: previous, next: next)
        if previous >= 0 { slots[previous].place.next = index } else { sources[source].lanes.first = index }
        if next >= 0 { slots[next].place.previous = index } else { sources[source].lanes.last = index }
    }

    private mutating func unlinkPlace(_ index: Int) {
        let source = self.index(of: slots[index].key.source)
        let link = slots[index].place
        if link.previous >= 0 {
            slots[link.previous].place.next = link.next
        } else {
            sources[source].lanes.first = link.next
        }
        if link.next >= 0 {
            slots[link.next].place.previous = link.previous
        } else {
            sources[source].lanes.last = link.previous
        }
    }
}

extension RecordDraft {
    /// Adds the text of what goes on with it.
    mutating func join(_ added: RecordDraft, onNewLine: Bool) {
        if onNewLine { bytes.append(UInt8(ascii: "\n")) }
        bytes.append(contentsOf: added.bytes[added.text])
        text = text.lowerBound..<bytes.count
        isCut = isCut || added.isCut
        if !added.rotatedBefore.isEmpty { rotatedBefore += added.rotatedBefore }
    }
}
