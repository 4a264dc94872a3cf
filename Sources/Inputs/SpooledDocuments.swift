// The part of an input that is the same for all whose documents cannot be read again: from the spool into batches, and
// back to it what was acknowledged.
//
// Its cursor is `{"spool":{"next":123}}`, the number of the first record that is not acknowledged.

internal import Bytes
internal import Durable
internal import Logs
internal import Platform
internal import Settings

struct SpooledDocuments {
    /// Without a descriptor that tells, the spool is asked so often.
    private static let blindInterval: Duration = .seconds(1)
    /// Records taken out of the spool at once.
    private static let readRecords = 256

    let spool: Spool
    private var members: [JSONMember] = []
    /// Taken out of the spool, and not yet in a batch, the next of them last.
    private var taken: [SpoolRecord] = []
    private var epoch: UInt32 = 0
    /// The documents, and their times, are of this agent.
    private let areOfAgent: Bool
    /// By the clock that makes those times.
    private let startedAt = Moment.now.unixNanoseconds
    /// A clock is read once more between making and reading.
    private static let clockStep: Int64 = 60_000_000_000
    private(set) var rules: DocumentRules

    /// Takes the key `spool_bytes`.
    init(
        _ section: inout SettingsSection, _ context: InputContext, _ rules: DocumentRules = DocumentRules(),
        areOfAgent: Bool = false
    ) throws(SettingsError) {
        self.rules = rules
        self.areOfAgent = areOfAgent
        let limit = try section.size("spool_bytes", default: Spool.defaultLimitBytes, in: Spool.limitRange)
        let resume = context.resume?.single
        spool = Spool(
            name: context.spoolDirectory.map { String($0.split(separator: "/").last ?? "") } ?? context.name,
            disk: context.spoolDirectory.map { HostSpoolDisk(directory: $0) }, limitBytes: limit,
            resume: resume?["spool"]?["next"]?.unsigned, inherited: Self.inherited(resume),
            log: context.log)
    }

    /// What the cursor held before there was a spool: `{"documents":[{"time":1795230523015000000,"text":"{…}"}]}`. One
    /// of another form gives nothing.
    private static func inherited(_ cursor: JSONValue?) -> [(bytes: [UInt8], unixNanoseconds: Int64)] {
        var documents: [(bytes: [UInt8], unixNanoseconds: Int64)] = []
        for document in cursor?["documents"]?.array ?? [] {
            guard let time = document["time"]?.unsigned, let text = document["text"]?.string else { continue }
            documents.append((Array(text.utf8), Int64(clamping: time)))
        }
        return documents
    }

    var wakeDescriptor: Int32? { spool.wake?.descriptor }

    mutating func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        while !batch.isFull {
            if taken.isEmpty {
                let (records, epoch) = spool.read(
                    recordLimit: min(Self.readRecords, batch.recordLimit - batch.records.count),
                    byteLimit: batch.byteLimit - batch.textByteCount)
                guard !records.isEmpty else {
                    return .until(now.monotonic + (spool.wake == nil ? Self.blindInterval : .seconds(60)))
                }
                taken = records.reversed()
                self.epoch = epoch
            }
            while let record = taken.last, batch.takes(record.bytes.count) {
                batch.append(
                    document: record.bytes, at: record.unixNanoseconds,
                    next: Position(source: epoch, offset: record.number + 1),
                    isOfAgent: areOfAgent && wasMadeInThisRun(record, at: now), &rules, &members)
                taken.removeLast()
            }
        }
        return .notAtAll
    }

    /// What an earlier run has left may have been made while the clock was right: what is known of it now says nothing
    /// of those times.
    private func wasMadeInThisRun(_ record: SpoolRecord, at now: Moment) -> Bool {
        (startedAt...max(startedAt, now.unixNanoseconds + Self.clockStep)).contains(record.unixNanoseconds)
    }

    func acknowledge(_ position: Position) { spool.acknowledge(before: position.offset, epoch: position.source) }

    func writeCursor(into json: inout JSONWriter) {
        let next = spool.cursor
        json.object { json in
            json.key("spool")
            json.object { json in
                json.key("next")
                json.number(Int(clamping: next))
            }
        }
    }

    var status: InputStatus {
        let spool = spool.status
        var status = InputStatus()
        status.lagBytes = UInt64(spool.byteCount)
        status.sourceCount = 1
        status.counts = spool.counts
        if let problem = spool.problem { status.problems.append(problem) }
        return status
    }
}
