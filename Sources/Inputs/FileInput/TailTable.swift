// The files that are being read, found by number, by file, by the place where each stands, and by the path to which it
// belongs; and how many of them are open.

internal import Bytes
internal import Platform

struct TailTable {
    /// Descriptors that are kept for files with nothing to read: a thousand files that are written to each second must
    /// not be opened for each line. Where the limit of the process is lower, half of that is for all inputs together.
    static let openLimit = 4_096
    /// Compressed files that are read at one time: each needs some 400 KiB, with xz and zstd a dictionary too.
    static let inflatingLimit = 4
    /// What they may hold before another one is begun: the largest take up to `Inflaters.memoryLimit` on top of it.
    static let inflatingBytesLimit = 16 << 20

    /// By the number in the positions of their records; also those that only wait for acknowledgements.
    private(set) var all: [UInt32: Tail] = [:]
    /// Those that are being read.
    private var byID: [FileID: Tail] = [:]
    private var byPlace: [Path: Tail] = [:]
    private var byFamily = TailFamilies()
    private var nextNumber: UInt32 = 1
    private var nextOrder: UInt64 = 0
    /// Those that hold the buffers for a compressed file.
    private(set) var inflating: Set<UInt32> = []
    let share: TailShare
    /// Compressed files that are being written, and go on where they are when there is more of them; as many as may be
    /// read at one time. The first one has waited longest.
    private(set) var paused: [UInt32] = []
    /// What of their cursors is not saved.
    var unsaved: UnsavedTails { share.unsaved }
    private let descriptors: DescriptorBudget
    private(set) var openCount = 0 { didSet { descriptors.add(openCount - oldValue) } }

    init(_ settings: FileInputSettings, _ descriptors: DescriptorBudget) {
        (share, self.descriptors) = (TailShare(settings), descriptors)
    }

    /// To be called when the table is given up: a value has no deinit.
    func giveBackDescriptors() { descriptors.add(-openCount) }

    var count: Int { all.count }
    var values: Dictionary<UInt32, Tail>.Values { all.values }
    var places: [Path: Tail] { byPlace }

    subscript(number: UInt32) -> Tail? { all[number] }
    func at(_ place: Path) -> Tail? { byPlace[place] }
    func with(_ id: FileID) -> Tail? { byID[id] }
    func of(_ family: Path) -> [Tail] { byFamily[family] }
    func has(_ family: Path) -> Bool { byFamily.has(family) }
    func parts(of family: Path) -> Set<Path> { byFamily.parts(of: family) }
    var families: [Path] { byFamily.paths }

    /// The last of the rotated files of a path that is still being read.
    func lastRotated(of family: Path) -> Tail? {
        byFamily[family].filter(\.isAway).max { $0.order < $1.order }
    }

    // MARK: Coming and going

    /// The number for a new one.
    mutating func takeNumber() -> UInt32 {
        defer { nextNumber += 1 }
        return nextNumber
    }

    private mutating func takeOrder() -> UInt64 {
        nextOrder += 1
        return nextOrder
    }

    mutating func add(_ tail: Tail, _ file: consuming File) {
        tail.order = takeOrder()
        tail.open(file)
        openCount += 1
        all[tail.number] = tail
        byFamily.add(tail)
        put(tail, as: tail.id)
        if let place = tail.place { byPlace[place] = tail }
    }

    /// Read to its end; it stays until its last record is acknowledged.
    mutating func finish(_ tail: Tail) {
        close(tail)
        tail.stage.isFinished = true
        forgetPlace(of: tail)
        forgetID(of: tail)
        byFamily.remove(tail)
    }

    mutating func revive(_ tail: Tail) {
        tail.stage.isFinished = false
        byFamily.add(tail)
    }

    mutating func remove(_ tail: Tail) {
        all[tail.number] = nil
        unsaved.remove(tail)
    }

    // MARK: Names

    /// No name that is watched leads to it any more, as far as is known.
    mutating func forgetPlace(of tail: Tail) {
        if let place = tail.place, byPlace[place] === tail { byPlace[place] = nil }
    }

    mutating func forgetID(of tail: Tail) { if byID[tail.id] === tail { byID[tail.id] = nil } }

    mutating func put(_ tail: Tail, as id: FileID) { byID[id] = tail }

    mutating func put(_ tail: Tail, at place: Path) {
        tail.place = place
        byPlace[place] = tail
    }

    mutating func move(_ tail: Tail, toFamily family: Path) {
        byFamily.remove(tail)
        tail.move(toFamily: family)
        byFamily.add(tail)
    }

    /// Goes on in a copy of its text, whose place in the order of rotation it takes.
    mutating func move(_ tail: Tail, to copy: FoundFile, _ file: consuming File) {
        if tail.isOpen { openCount -= 1 }
        forgetPause(of: tail)
        forgetID(of: tail)
        forgetPlace(of: tail)
        tail.moveTo(copy: file, copy)
        openCount += 1
        tail.order = takeOrder()
        put(tail, as: copy.id)
        put(tail, at: copy.place)
    }

    // MARK: Descriptors

    /// No more files can be open than are.
    var isAtOpenLimit: Bool { openCount >= Self.openLimit || descriptors.isSpent }
    var isOverOpenLimit: Bool { openCount > Self.openLimit || descriptors.isOverdrawn }

    mutating func reopen(_ tail: Tail, _ file: consuming File) {
        tail.open(file)
        openCount += 1
        forgetPause(of: tail)
    }

    mutating func close(_ tail: Tail) {
        if tail.isOpen { openCount -= 1 }
        tail.reading?.close()
        inflating.remove(tail.number)
        forgetPause(of: tail)
        tail.rest()
    }

    /// Closes one that waits for more of its text, and keeps its place in that, as long as no others need the room.
    mutating func pause(_ tail: Tail) {
        guard let text = tail.reading?.inflating.text else { return close(tail) }
        close(tail)
        tail.wake().inflating.text = text
        paused.append(tail.number)
        while paused.count > Self.inflatingLimit || heldBytes(of: paused) > Self.inflatingBytesLimit {
            all[paused.removeFirst()]?.reading?.inflating.text = nil
        }
    }

    private mutating func forgetPause(of tail: Tail) { if !paused.isEmpty { paused.removeAll { $0 == tail.number } } }

    private func heldBytes(of numbers: some Sequence<UInt32>) -> Int {
        numbers.reduce(0) { $0 + (all[$1]?.reading?.inflating.text?.memoryBytes ?? 0) }
    }

    /// Makes room among the descriptors when all are taken: those read least recently give theirs back.
    mutating func closeQuiet() {
        guard isAtOpenLimit else { return }
        let quiet = all.values.filter { $0.isOpen && !$0.isAway && !$0.turn.isReady }
        for tail in quiet.sorted(by: { ($0.turn.lastReadAt, $0.number) < ($1.turn.lastReadAt, $1.number) })
            .prefix(max(1, openCount / 4))
        { close(tail) }
    }

    /// Closes what was not read for so long. What is deleted, or has no name, could not be opened again. Returns when
    /// the one of the others was read that was read least recently.
    mutating func close(quietFor duration: Duration, at now: Instant) -> Instant? {
        var oldest: Instant?
        for tail in all.values where tail.isOpen && !tail.stage.isDeleted && tail.place != nil && !tail.turn.isReady {
            if tail.turn.lastReadAt + duration <= now {
                close(tail)
            } else {
                oldest = min(oldest ?? tail.turn.lastReadAt, tail.turn.lastReadAt)
            }
        }
        return oldest
    }

    /// Deleted files that are still held, the largest first.
    var deleted: [Tail] {
        all.values.filter { $0.stage.isDeleted && $0.isOpen }.sorted { $0.sizeBytes > $1.sizeBytes }
    }

    mutating func noteInflating(_ tail: Tail) {
        if tail.reading?.inflating.text == nil { inflating.remove(tail.number) } else { inflating.insert(tail.number) }
    }

    /// It has to wait until another one gives back its buffers.
    func isInflatingEnough(without tail: Tail) -> Bool {
        guard tail.isCompressed, tail.reading?.inflating.text == nil else { return false }
        return inflating.count >= Self.inflatingLimit || heldBytes(of: inflating) > Self.inflatingBytesLimit
    }
}
