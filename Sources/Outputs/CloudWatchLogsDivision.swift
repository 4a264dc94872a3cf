// Which records of a batch travel in one request of PutLogEvents: those of one stream, in the order of their times, as
// many as the service takes at once. Pure; the limits stand in CloudWatchLogsLimits.swift.

internal import Bytes
internal import Logs

/// The places that records go to, by what the templates make of them. Names are made once for each.
struct CloudWatchPlaces: Sendable {
    /// Beyond these all are forgotten and made again as they come: what is idle does not stay. A place keeps its names
    /// about three times.
    static let limit = 4_096
    static let limitBytes = 1 << 20
    /// A name is cut at 512 characters, which have no more bytes: what is behind them makes no other place.
    static let nameBytes = 4 * CloudWatchLimits.nameLength
    /// Names that were mended and said so. One more than that, and some are said again.
    static let saidLimit = 256

    /// Not part of any text in UTF-8.
    private static let separator: UInt8 = 0xFF

    /// Where documents say it.
    private static let groupField = Array("log_group".utf8)
    private static let streamField = Array("log_stream".utf8)

    private let group: RecordTemplate
    private let stream: RecordTemplate
    private let period: Int64?
    private var hasWaited = false

    private var indexes: [[UInt8]: Int] = [:]
    /// Of the keys in `indexes`.
    private(set) var keptBytes = 0
    private(set) var destinations: [Destination] = []
    /// Of each of them, whether its names are not what the templates or the document said.
    private var areMended: [(group: Bool, stream: Bool)] = []
    /// Records that have gone to such a place.
    private(set) var mendedCounts: (group: UInt64, stream: UInt64) = (0, 0)
    /// Kept for its capacity.
    private var key: [UInt8] = []
    private var nameStart = 0
    /// What the last record was, and where it went: the next of the same file in the same period goes there too.
    private var last: (fields: Range<UInt32>, isDocument: Bool, period: Int64, place: Int)?
    private let mended: @Sendable (_ from: String, _ to: String) -> Void
    private var said: Set<String> = []

    /// `mended` is told of names that the service would not take.
    init(
        group: RecordTemplate, stream: RecordTemplate,
        mended: @escaping @Sendable (_ from: String, _ to: String) -> Void
    ) {
        self.group = group
        self.stream = stream
        self.mended = mended
        period =
            switch (group.period, stream.period) {
            case (let one?, let other?): min(one, other)
            case (let one, let other): one ?? other
            }
    }

    /// Names may become others when the instance says what it is.
    var areAsking: Bool { group.isAsking || stream.isAsking }

    /// Blocks until that is known, the first time, and for a short time at most: otherwise all that comes before
    /// would be in a group of its own.
    mutating func waitOnce() {
        guard !hasWaited else { return }
        hasWaited = true
        RecordTemplate.wait(for: [group, stream])
    }

    /// Has what is not known yet asked for again. Returns at once.
    func hurry() { RecordTemplate.wait(for: [group, stream], atMost: .zero) }

    /// Where all of a request go, by one of them.
    mutating func destination(of record: LogBatch.Record, in batch: LogBatch) -> Destination {
        beginBatch()
        return destinations[findPlace(of: record, in: batch)]
    }

    /// Another batch may have other fields at the same place.
    mutating func beginBatch() {
        last = nil
        guard destinations.count > Self.limit || keptBytes > Self.limitBytes else { return }
        indexes.removeAll()
        keptBytes = 0
        destinations.removeAll()
        areMended.removeAll()
    }

    /// The index in `destinations` of where a record goes.
    mutating func place(of record: LogBatch.Record, in batch: LogBatch) -> Int {
        let place = findPlace(of: record, in: batch)
        if areMended[place].group { mendedCounts.group += 1 }
        if areMended[place].stream { mendedCounts.stream += 1 }
        return place
    }

    private mutating func findPlace(of record: LogBatch.Record, in batch: LogBatch) -> Int {
        let period = period.map { record.unixNanoseconds.floored(by: $0 * 1_000_000_000) } ?? 0
        if let last, last.fields == record.fields, last.isDocument == record.isDocument, last.period == period {
            return last.place
        }
        key.removeAll(keepingCapacity: true)
        nameStart = 0
        let namesGroup = append(record, batch, Self.groupField, or: group)
        endName()
        let namesStream = append(record, batch, Self.streamField, or: stream)
        if namesGroup || namesStream {
            endName()
            group.append(record, of: batch, to: &key)
            endName()
            stream.append(record, of: batch, to: &key)
        }
        endName()
        key.removeLast()
        let place = indexes[key] ?? addPlace()
        last = (record.fields, record.isDocument, period, place)
        return place
    }

    /// Cuts the name that was appended last, and ends it.
    private mutating func endName() {
        let excess = key.count - nameStart - Self.nameBytes
        if excess > 0 { key.removeLast(excess) }
        key.append(Self.separator)
        nameStart = key.count
    }

    /// A document that says itself where it belongs goes there. Returns whether it does.
    private mutating func append(
        _ record: LogBatch.Record, _ batch: LogBatch, _ field: [UInt8], or template: RecordTemplate
    ) -> Bool {
        guard record.isDocument, let name = batch.lastValue(of: field, in: record) else {
            template.append(record, of: batch, to: &key)
            return false
        }
        key.append(repairing: name, of: batch.bytes)
        return true
    }

    private mutating func addPlace() -> Int {
        let wanted = key.split(separator: Self.separator, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        let names = [mend(.group, wanted[0]), mend(.stream, wanted[1])]
        // Where it goes when the place that it names takes nothing.
        let other = wanted.count > 2 ? [mend(.group, wanted[2]), mend(.stream, wanted[3])] : []
        destinations.append(Destination(names, or: other.hasSameBytes(as: names) ? [] : other))
        areMended.append((names[0] != wanted[0], names[1] != wanted[1]))
        indexes[key] = destinations.count - 1
        keptBytes += key.count
        return destinations.count - 1
    }

    private mutating func mend(_ kind: CloudWatchName, _ name: String) -> String {
        let good = kind.mended(name)
        if good != name, !said.contains(name) {
            if said.count >= Self.saidLimit { said.removeAll() }
            said.insert(name)
            mended(name, good)
        }
        return good
    }
}

/// Puts the records of a batch in order, and cuts them into requests. Kept between batches for its capacity.
struct CloudWatchDivider: Sendable {
    var places: CloudWatchPlaces

    /// One for each record: where it goes, and how many bytes its message has.
    private var homes: [(place: Int32, bytes: Int32)] = []
    private var order: [Int32] = []
    private var ordered: [LogBatch.Record] = []

    init(_ places: CloudWatchPlaces) { self.places = places }

    /// Of each record of `batch`, `messageBytes` has the bytes of its message in UTF-8.
    mutating func divide(_ batch: inout LogBatch, messageBytes: [Int32]) -> [Shipment] {
        places.beginBatch()
        homes.removeAll(keepingCapacity: true)
        var isOrdered = true
        for (index, record) in batch.records.enumerated() {
            let home = (place: Int32(places.place(of: record, in: batch)), bytes: messageBytes[index])
            if isOrdered, let before = homes.last {
                isOrdered =
                    before.place < home.place
                    || before.place == home.place
                        && batch.records[index - 1].unixNanoseconds <= record.unixNanoseconds
            }
            homes.append(home)
        }
        if !isOrdered { putInOrder(&batch) }
        return cut(batch.records)
    }

    /// By place, then by time; what has both in common stays in the order of reading.
    private mutating func putInOrder(_ batch: inout LogBatch) {
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: 0..<Int32(homes.count))
        let records = batch.records
        let homes = homes
        order.sort { one, other in
            let (first, second) = (Int(one), Int(other))
            if homes[first].place != homes[second].place { return homes[first].place < homes[second].place }
            let times = (records[first].unixNanoseconds, records[second].unixNanoseconds)
            return times.0 == times.1 ? one < other : times.0 < times.1
        }
        ordered.removeAll(keepingCapacity: true)
        for index in order { ordered.append(records[Int(index)]) }
        batch.exchangeRecords(with: &ordered)
        for (at, index) in order.enumerated() { self.homes[at] = homes[Int(index)] }
    }

    private func cut(_ records: [LogBatch.Record]) -> [Shipment] {
        typealias Limits = CloudWatchLimits
        var shipments: [Shipment] = []
        var start = 0
        var bytes = 0
        for index in records.indices {
            let cost = Int(homes[index].bytes) + Limits.eventOverheadBytes
            let isNew =
                homes[index].place != homes[start].place || bytes + cost > Limits.batchBytes
                || index - start >= Limits.batchEvents
                || records[index].unixMilliseconds - records[start].unixMilliseconds > Limits.spanMilliseconds
            if isNew, index > start {
                shipments.append(shipment(start..<index))
                (start, bytes) = (index, 0)
            }
            bytes += cost
        }
        if start < records.count { shipments.append(shipment(start..<records.count)) }
        return shipments
    }

    private func shipment(_ range: Range<Int>) -> Shipment {
        Shipment(records: range, destination: places.destinations[Int(homes[range.lowerBound].place)])
    }
}

extension LogBatch {
    /// What was added last wins: a document's own comes behind the fields of its file.
    fileprivate func lastValue(of name: [UInt8], in record: Record) -> Range<Int>? {
        let found = record.fields.last { name[...] == bytes[fields[Int($0)].name.range] }
        return found.map { fields[Int($0)].value.range }
    }
}

extension LogBatch.Record {
    /// As the service counts time; nothing is older than 1970 to it.
    var unixMilliseconds: Int64 { max(0, unixNanoseconds / 1_000_000) }
}

extension Int64 {
    fileprivate func floored(by divisor: Int64) -> Int64 {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}
