// Records on their way from an input to an output.

internal import Bytes

/// How far a reader has come in one source: the number that the input gave the source, and the first byte (or entry)
/// after a record. What an input does with it when it is acknowledged is the input's own business.
package struct Position: Hashable, Sendable {
    package let source: UInt32
    package let offset: UInt64

    package init(source: UInt32, offset: UInt64) {
        self.source = source
        self.offset = offset
    }
}

/// A piece of a batch's bytes.
package struct TextRange: Sendable, Equatable {
    package let start: UInt32
    package let count: UInt32

    package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    package var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// A name and a value that go with a record: `file`, `unit`, `pid`.
package struct LogField: Sendable {
    package let name: TextRange
    package let value: TextRange
    /// The value is a number, `true` or `false`, and is written without quotes.
    package let isNumber: Bool

    package init(name: TextRange, value: TextRange, isNumber: Bool) {
        self.name = name
        self.value = value
        self.isNumber = isNumber
    }
}

/// Records that travel together: one buffer for all the text, so that a record costs no allocation.
package struct LogBatch: Sendable {
    package struct Record: Sendable {
        package let text: TextRange
        /// Indexes into `fields`.
        package internal(set) var fields: Range<UInt32>
        /// When it was written if that is known, else when it was read.
        package internal(set) var unixNanoseconds: Int64 { didSet { hasOwnTime = true } }
        /// That time is not of this agent's making: it was found in the text, or came with it. Also one that was made
        /// here and has been set right since.
        package private(set) var hasOwnTime = false
        /// Where to go on when this record is acknowledged.
        package internal(set) var next: Position
        /// It is a JSON object of its own (an EMF document), not a message.
        package internal(set) var isDocument: Bool
        /// Its text was cut at the limit for a line.
        package let isCut: Bool
        /// It is a piece of the record that was read, and not the last.
        package var isUnfinished = false

        fileprivate init(
            text: TextRange, fields: Range<UInt32>, unixNanoseconds: Int64, next: Position, isDocument: Bool,
            isCut: Bool, hasOwnTime: Bool, isUnfinished: Bool = false
        ) {
            self.text = text
            self.fields = fields
            self.unixNanoseconds = unixNanoseconds
            self.next = next
            self.isDocument = isDocument
            self.isCut = isCut
            self.hasOwnTime = hasOwnTime
            self.isUnfinished = isUnfinished
        }
    }

    /// More would not fit the 32-bit ranges; far above any sensible batch.
    package static let byteLimitMaximum = 64 << 20

    /// A batch larger than this gets all its memory in one piece: growing by doubling leaves as much again behind. Of
    /// what it does not use, no page is ever touched.
    private static let smallBytes = 64 << 10
    private static let smallRecords = 512

    package private(set) var bytes: [UInt8] = []
    package private(set) var fields: [LogField] = []
    package internal(set) var records: [Record] = []
    /// Bytes of the records' text alone, which is what limits count.
    package private(set) var textByteCount = 0
    /// Bytes of fields whose names the source chose: a source may send much there, and the batch must stay bounded.
    private var namedFieldByteCount = 0
    /// Where to go on in sources of which a record was left out before any was taken: acknowledged with the last
    /// record.
    package private(set) var skipped: [Position] = []

    /// Some of the records may be pieces of those that were read.
    private var hasPieces = false
    /// Some of the records that were read are missing.
    private var isSelection = false

    package let byteLimit: Int
    package let recordLimit: Int
    /// Where memory is counted: no record larger than this is taken, and one larger than a batch has one of its own.
    /// Else a batch takes any record, and may pass its limit by one.
    package var recordByteLimit: Int? { didSet { wantedBytes = 0 } }
    /// Of the record that was not taken for its size: the batch counts as full. 0 when there was none.
    package private(set) var wantedBytes = 0

    /// The byte limit is one of text, up to `byteLimitMaximum`; a single record may exceed it.
    package init(byteLimit: Int = 1 << 20, recordLimit: Int = 10_000) {
        self.byteLimit = min(byteLimit, Self.byteLimitMaximum)
        self.recordLimit = recordLimit
    }

    package var isEmpty: Bool { records.isEmpty }
    package var isFull: Bool {
        textByteCount + namedFieldByteCount >= byteLimit || records.count >= recordLimit || wantedBytes > 0
    }

    /// Whether a record of so many bytes may be added. Asked by whoever has the record, before it counts as read: when
    /// not, it comes again after this batch is sent, or when there is memory for it.
    @inline(__always)
    package mutating func takes(_ byteCount: Int) -> Bool {
        guard let recordByteLimit else { return true }
        if textByteCount + namedFieldByteCount + byteCount <= roomyByteCount { return true }
        if records.isEmpty, byteCount <= recordByteLimit { return true }
        wantedBytes = byteCount
        return false
    }

    /// What it keeps, of which no more may be resident than was used once.
    package var heldByteCount: Int {
        bytes.capacity + fields.capacity * MemoryLayout<LogField>.stride
            + records.capacity * MemoryLayout<Record>.stride
    }

    /// Empties it when a record far above the limit has made it large, and lets the memory go. Else it does nothing:
    /// whoever empties a batch of which there is a copy has its memory made anew.
    package mutating func letGoIfLarge() {
        guard bytes.capacity > 2 * roomyByteCount else { return }
        letGo()
    }

    /// Empties it, and lets the memory of its texts go.
    package mutating func letGo() {
        bytes = []
        removeAll()
    }

    /// Takes all texts out of it, or puts them back: while they are elsewhere, it can be asked for no text.
    package mutating func exchangeBytes(with others: inout [UInt8]) { swap(&bytes, &others) }

    /// What its texts and fields may become in JSON: at most so many bytes.
    package var jsonByteBound: Int { bytes.jsonByteBound + records.count * Self.jsonEnvelopeBytes }

    /// Time, host, input and the input's own fields, with their names.
    private static let jsonEnvelopeBytes = 4 << 10

    /// Empties it, and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        skipped.removeAll(keepingCapacity: true)
        textByteCount = 0
        namedFieldByteCount = 0
        wantedBytes = 0
        hasPieces = false
        isSelection = false
    }

    /// Adds a field and returns its index, which any number of records may share. Not generic: across modules that is
    /// not specialised, and cost a tenth of all that is done for an entry of the journal.
    package mutating func addField(_ name: StaticString, _ value: [UInt8], isNumber: Bool = false) -> UInt32 {
        let start = UInt32(bytes.count)
        name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        let middle = UInt32(bytes.count)
        bytes.append(contentsOf: value)
        fields.append(
            LogField(
                name: TextRange(start: start, count: middle - start),
                value: TextRange(start: middle, count: UInt32(bytes.count) - middle), isNumber: isNumber))
        return UInt32(fields.count - 1)
    }

    /// Adds fields whose names are known only at run time: their names and values are pieces of `text`, which is taken
    /// over in one piece. Its bytes count for the byte limit.
    package mutating func addFields(_ parts: [LogField], of text: [UInt8]) {
        let start = UInt32(bytes.count)
        if bytes.capacity - bytes.count < text.count { grow(by: text.count) }
        bytes.append(contentsOf: text)
        namedFieldByteCount += text.count
        for part in parts {
            fields.append(
                LogField(
                    name: TextRange(start: start + part.name.start, count: part.name.count),
                    value: TextRange(start: start + part.value.start, count: part.value.count),
                    isNumber: part.isNumber))
        }
    }

    /// Adds one field whose name is data, from memory of others. Its bytes count for the byte limit.
    package mutating func addField(
        named name: Range<Int>, _ value: Range<Int>, isNumber: Bool, of source: [UInt8]
    ) -> UInt32 {
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: source[name])
        let middle = UInt32(bytes.count)
        bytes.append(contentsOf: source[value])
        namedFieldByteCount += name.count + value.count
        fields.append(
            LogField(
                name: TextRange(start: start, count: middle - start),
                value: TextRange(start: middle, count: UInt32(bytes.count) - middle), isNumber: isNumber))
        return UInt32(fields.count - 1)
    }

    /// One more field with the name and the value of another: the fields of a record stand together.
    mutating func repeatField(_ index: UInt32) { fields.append(fields[Int(index)]) }

    /// The index that the next field will have.
    package var nextField: UInt32 { UInt32(fields.count) }

    /// Adds a record whose text is `source[range]`. `hasOwnTime`: the time is not this agent's reading.
    package mutating func append(
        _ source: [UInt8], _ range: Range<Int>, fields: Range<UInt32>, at unixNanoseconds: Int64, next: Position,
        isDocument: Bool = false, isCut: Bool = false, hasOwnTime: Bool = false
    ) {
        reserve(range.count)
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: source[range])
        records.append(
            Record(
                text: TextRange(start: start, count: UInt32(range.count)), fields: fields,
                unixNanoseconds: unixNanoseconds, next: next, isDocument: isDocument, isCut: isCut,
                hasOwnTime: hasOwnTime))
        textByteCount += range.count
    }

    /// Adds a record with fields of its own besides those at `shared`: all that the draft has is copied once.
    mutating func append(_ draft: RecordDraft, shared: Range<UInt32>) {
        let firstField = nextField
        for index in shared { repeatField(index) }
        let base = bytes.count
        func moved(_ range: Range<Int>) -> TextRange {
            TextRange(start: UInt32(base + range.lowerBound), count: UInt32(range.count))
        }
        for field in draft.fields {
            fields.append(LogField(name: moved(field.name), value: moved(field.value), isNumber: field.isNumber))
        }
        reserve(draft.bytes.count)
        bytes.append(contentsOf: draft.bytes)
        records.append(
            Record(
                text: moved(draft.text), fields: firstField..<nextField, unixNanoseconds: draft.unixNanoseconds,
                next: draft.next, isDocument: draft.isDocument, isCut: draft.isCut, hasOwnTime: draft.hasOwnTime))
        textByteCount += draft.text.count
        namedFieldByteCount += draft.bytes.count - draft.text.count
    }

    /// A record that ends at `next` was left out: what stands before it vouches for it.
    package mutating func skip(to next: Position) {
        if let last = records.indices.last, records[last].next.source == next.source {
            records[last].next = next
        } else {
            skipped.removeAll { $0.source == next.source }
            skipped.append(next)
        }
    }

    /// Takes the positions of what was left out, of a batch in which no record was taken.
    package mutating func takeSkipped() -> [Position] {
        defer { skipped.removeAll(keepingCapacity: true) }
        return skipped
    }

    /// Puts `others` in the place of the records, whose text and fields they share: in another order, or some of them
    /// in pieces. The positions of the records must have been taken before. Gives back what stood there.
    package mutating func exchangeRecords(with others: inout [Record]) { swap(&records, &others) }

    /// A piece of the text of a record, with something in front of it: a record of its own. The last piece is the one
    /// that reaches to the end of the text.
    package mutating func makePiece(of record: Record, _ range: Range<Int>, prefix: [UInt8]) -> Record {
        hasPieces = true
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: prefix)
        bytes.append(contentsOf: bytes[range])
        return Record(
            text: TextRange(start: start, count: UInt32(bytes.count) - start), fields: record.fields,
            unixNanoseconds: record.unixNanoseconds, next: record.next, isDocument: record.isDocument,
            isCut: record.isCut, hasOwnTime: record.hasOwnTime,
            isUnfinished: range.upperBound < record.text.range.upperBound)
    }

    /// Puts another text in the place of that of a record.
    mutating func replaceText(of index: Int, with text: [UInt8]) {
        let record = records[index]
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: text)
        records[index] = Record(
            text: TextRange(start: start, count: UInt32(text.count)), fields: record.fields,
            unixNanoseconds: record.unixNanoseconds, next: record.next, isDocument: record.isDocument,
            isCut: record.isCut, hasOwnTime: record.hasOwnTime, isUnfinished: record.isUnfinished)
    }

    /// These records alone, in this order: those of a request that are sent again without the others.
    package func selecting(_ indexes: [Int]) -> LogBatch {
        var selected = self
        selected.records = indexes.map { records[$0] }
        selected.isSelection = true
        return selected
    }

    /// How many of the records that were read are in this range: pieces count as one, with their last.
    package func readCount(in range: Range<Int>) -> Int {
        hasPieces ? records[range].count { !$0.isUnfinished } : range.count
    }

    /// Of the texts in this range.
    package func textByteCount(in range: Range<Int>) -> Int {
        if !hasPieces, range.count == records.count, !isSelection { return textByteCount }
        return records[range].reduce(0) { $0 + Int($1.text.count) }
    }

    /// Room for one more record of so many bytes.
    @inline(__always)
    private mutating func reserve(_ count: Int) {
        if bytes.capacity - bytes.count < count { grow(by: count) }
        if records.count == records.capacity, records.count >= Self.smallRecords {
            records.reserveCapacity(recordLimit)
        }
    }

    /// An eighth more than the limit, for fields and for the last record, which may pass it.
    private var roomyByteCount: Int { byteLimit + byteLimit / 8 }

    private mutating func grow(by count: Int) {
        let whole = roomyByteCount
        let needed = bytes.count + count
        if needed > Self.smallBytes, needed <= whole { bytes.reserveCapacity(whole) }
    }

    /// The text of a record as a string: for tests and rare paths.
    package func text(of record: Record) -> String { String(decoding: bytes[record.text.range], as: UTF8.self) }

    /// Acknowledges all that was read into the batch, also what was left out before the first record. For as long as
    /// the records are those that were read, in their order.
    package var allPositions: [Position] { skipped + positions(of: 0..<records.count) }

    /// The position after the last of the first `count` records, for each source among them.
    package func positions(ofFirst count: Int) -> [Position] { positions(of: 0..<min(count, records.count)) }

    /// The position after the last of these records, for each source among them, in their order.
    package func positions(of range: Range<Int>) -> [Position] {
        var positions: [Position] = []
        // Records of one source stand together but for rare cases, and those do no harm: a later one counts.
        for record in records[range] {
            if positions.last?.source == record.next.source { positions.removeLast() }
            positions.append(record.next)
        }
        return positions
    }
}
