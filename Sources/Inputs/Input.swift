// What an input is: it steps, Delivery loops. CONTRIBUTING.md says how to add one.

package import Bytes
package import Durable
package import Logs
package import Platform
package import Procfs
package import Settings

/// When to call `read` again.
package enum Wait: Equatable, Sendable {
    /// There is more: at once.
    case notAtAll
    /// At this time, or before when the descriptor of `wakeDescriptor` is readable.
    case until(Instant)
    /// At this time, however readable the descriptor is: so much comes that it is taken together.
    case pause(until: Instant)
}

/// What an input knows about itself; the same for every kind, so that `/metrics` and `vitals status` need no cases.
package struct InputStatus: Sendable, Equatable {
    /// Bytes that are there and not acknowledged; nil when the input cannot know.
    package var lagBytes: UInt64?
    /// Sources being read: files, or 1 for a journal.
    package var sourceCount = 0
    /// False until it has looked for its sources for the first time: what is not there may be found a moment later.
    package var hasLooked = true
    /// Counts that only grow, by reason: `line_cut`, `bytes_lost_truncation`, `file_unreadable` …
    package var counts: [(reason: String, count: UInt64)] = []
    /// What is wrong right now, with the path in it; empty when all is well.
    package var problems: [String] = []

    package init() {}

    package static func == (one: InputStatus, other: InputStatus) -> Bool {
        one.lagBytes == other.lagBytes && one.sourceCount == other.sourceCount && one.hasLooked == other.hasLooked
            && one.problems == other.problems
            && one.counts.elementsEqual(other.counts) { $0 == $1 }
    }
}

/// What every input is made with.
package struct InputContext: Sendable {
    /// The key under `inputs`.
    package let name: String
    package let log: AgentLog
    /// What was saved of the cursor in an earlier run; nil at the first start.
    package let resume: CursorReplay?
    package let now: Moment
    /// For inputs that read the host itself.
    package let host: Host
    package let hostName: String
    /// Where it may keep what cannot be read again: a directory of its own and of its route, that it has to make. Nil
    /// for an input that is only looked at.
    package let spoolDirectory: String?
    package let shares: InputShares
    /// What it may read at once into buffers of its own.
    package let readBytes: Int

    package init(
        name: String, host: Host, hostName: String, log: AgentLog, resume: CursorReplay?, now: Moment,
        spoolDirectory: String? = nil, shares: InputShares = InputShares(), readBytes: Int = .max
    ) {
        self.name = name
        self.host = host
        self.hostName = hostName
        self.log = log
        self.resume = resume
        self.now = now
        self.spoolDirectory = spoolDirectory
        self.shares = shares
        self.readBytes = readBytes
    }
}

/// A source of records. It belongs to the queue of one route, and is never called from two threads.
package protocol Input: SendableMetatype {
    static var type: String { get }

    /// Its records are documents of its own making: nobody parses or filters them.
    static var givesDocuments: Bool { get }

    /// The fields that it gives its records, besides `file`.
    static var fieldNames: [String] { get }

    /// Asks `section` for its options; the caller calls `finish()` on it. Opens nothing that may not be there.
    init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError)

    /// The largest record that an input with these settings gives.
    static func recordByteLimit(_ section: inout SettingsSection) throws(SettingsError) -> Int

    /// It asks `LogBatch.takes` before each record. One that does not may pass the limit of a batch by a record.
    static var asksForRoom: Bool { get }

    /// Where others reach it, by its settings.
    var addresses: [ListenAddress] { get }

    /// Called once, before the agent says that it is ready, and waited for: opens what others reach it by. What cannot
    /// be opened is a problem in `status`, and stops nothing.
    mutating func open()

    /// A descriptor that becomes readable when there may be something to read; nil when there is none.
    var wakeDescriptor: Int32? { get }

    /// Reads what is there now into `batch` until it is full, never waiting, and says when to call again.
    /// What is wrong with a source is counted and reported in `status`; it never stops the others.
    mutating func read(into batch: inout LogBatch, at now: Moment) -> Wait

    /// Called now and then while no batch has room, as in an outage: takes hold of what may be gone when `read` is
    /// called next, and reads nothing.
    mutating func lookAround(at now: Moment)

    /// The receiver has everything up to `position`. Comes in the order in which records were read.
    mutating func acknowledge(_ position: Position)

    /// Changes with every acknowledgement that the cursor would show.
    var cursorVersion: UInt64 { get }

    /// What of the cursor changed since this was called last. All that can be named by then: an entry that is new, or
    /// stands for another, comes before the one that is gone.
    mutating func takeCursorChanges(into lines: inout CursorLines)

    /// Into how many parts the cursor is divided, so that reading need not wait while all of it is written.
    var cursorPartCount: Int { get }

    /// All entries of a part as they are now, from which `InputContext.resume` goes on. An entry never changes its
    /// part.
    func writeCursor(into lines: inout CursorLines, part: Int, of partCount: Int)

    func status(at now: Moment) -> InputStatus

    /// Nothing is read any more. Takes what others have sent before now, as far as that can be had until `deadline`,
    /// and is not reached from here on.
    mutating func stopReceiving(until deadline: Instant)

    /// Nothing is read or acknowledged any more: what it keeps has to be on the disk when this returns.
    mutating func close()

    /// Those of `paths` that it reads, or would read if they were there.
    func filesRead(among paths: [Path]) -> [Path]

    /// It removes what was acknowledged: no other route may need it.
    var removesFiles: Bool { get }

    /// Opens what would be read, for `vitals check`.
    mutating func check() -> CheckReport
}

/// One whose cursor is one value.
package protocol OneEntryInput: Input {
    /// Writes the acknowledged position, one JSON value.
    func writeCursor(into json: inout JSONWriter)
}

extension OneEntryInput {
    package mutating func takeCursorChanges(into lines: inout CursorLines) {
        writeCursor(into: &lines, part: 0, of: 1)
    }

    package var cursorPartCount: Int { 1 }

    package func writeCursor(into lines: inout CursorLines, part: Int, of partCount: Int) {
        lines.put(0) { writeCursor(into: &$0) }
    }
}

extension Input {
    package static var givesDocuments: Bool { false }

    package static var fieldNames: [String] { [] }

    package static var asksForRoom: Bool { true }

    /// As large as a document may be that comes on a socket.
    package static func recordByteLimit(_ section: inout SettingsSection) throws(SettingsError) -> Int { 1 << 20 }

    package var addresses: [ListenAddress] { [] }

    package mutating func open() {}

    package mutating func stopReceiving(until deadline: Instant) {}

    package mutating func lookAround(at now: Moment) {}

    package mutating func close() {}

    package func filesRead(among paths: [Path]) -> [Path] { [] }

    package var removesFiles: Bool { false }
}
