// One record on its way from an input to a batch, as the stages of a pipeline see it and change it.

/// All of its text and of what was found in it lies in one kept buffer; stages add to its end and move ranges.
package struct RecordDraft: Sendable {
    package struct Field: Sendable {
        package var name: Range<Int>
        package var value: Range<Int>
        /// The value is a number, `true` or `false`, and is written without quotes.
        package var isNumber: Bool
    }

    package internal(set) var bytes: [UInt8] = []
    /// The message.
    package internal(set) var text = 0..<0
    /// What stages found, besides the fields that the input gave.
    package internal(set) var fields: [Field] = []
    /// The fields that the input gave: indexes into those of its batch.
    package internal(set) var inputFields: Range<UInt32> = 0..<0
    /// A stage that sets it has found it in the text.
    package internal(set) var unixNanoseconds: Int64 = 0 { didSet { hasOwnTime = true } }
    package internal(set) var hasOwnTime = false
    package internal(set) var next = Position(source: 0, offset: 0)
    /// It began in other sources, which stood here before it: the file was rotated within it.
    var rotatedBefore: [Position] = []
    /// How far those sources may be acknowledged with it.
    var rotatedNext: [Position] = []
    package internal(set) var isDocument = false
    /// As of a record in a batch.
    package internal(set) var claimsSource = false
    package internal(set) var isCut = false

    package init() {}

    /// Begins anew with a record of an input.
    mutating func begin(_ record: LogBatch.Record, of batch: LogBatch) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: batch.bytes[record.text.range])
        text = 0..<bytes.count
        fields.removeAll(keepingCapacity: true)
        inputFields = record.fields
        unixNanoseconds = record.unixNanoseconds
        hasOwnTime = record.hasOwnTime
        next = record.next
        if !rotatedBefore.isEmpty { rotatedBefore = [] }
        if !rotatedNext.isEmpty { rotatedNext = [] }
        isDocument = record.isDocument
        claimsSource = record.claimsSource
        isCut = record.isCut
    }

    /// Adds bytes to the end and returns where they stand.
    mutating func append(_ text: StaticString) -> Range<Int> {
        let start = bytes.count
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        return start..<bytes.count
    }

    mutating func append(_ added: [UInt8], _ range: Range<Int>) -> Range<Int> {
        let start = bytes.count
        bytes.append(contentsOf: added[range])
        return start..<bytes.count
    }

    /// Adds a field whose value stands in `bytes` already.
    mutating func add(_ name: StaticString, _ value: Range<Int>, isNumber: Bool = false) {
        fields.append(Field(name: append(name), value: value, isNumber: isNumber))
    }

    /// The value of the first field of that name; of those that stages found.
    func value(of name: [UInt8]) -> Range<Int>? {
        fields.first { field in
            field.name.count == name.count && bytes[field.name].elementsEqual(name)
        }?.value
    }
}
