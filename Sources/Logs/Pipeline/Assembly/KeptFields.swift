// The input's fields of records that outlive the batch in which they came.

/// Each set of fields is kept once, as long as something is held that has it, and then some.
struct KeptFields {
    /// Only fields; no records.
    private(set) var batch = LogBatch()
    private var ranges: [UInt64: Range<UInt32>] = [:]
    /// The last that was asked for: records of one source stand together.
    private var last: (input: Range<UInt32>, id: UInt64, range: Range<UInt32>)?
    private var cleanAt = Self.smallBytes

    private static let smallBytes = 64 << 10

    /// Another batch comes: what was at the same place is not the same.
    mutating func beginInput() { last = nil }

    /// Where the fields of a record stand in `batch`, and a number that is the same for the same fields.
    mutating func keep(_ range: Range<UInt32>, of input: LogBatch) -> (id: UInt64, range: Range<UInt32>) {
        if range.isEmpty { return (0, 0..<0) }
        if let last, last.input == range { return (last.id, last.range) }
        var id = Self.hash(range, of: input)
        while let known = ranges[id], !Self.areSame(range, of: input, known, of: batch) { id &+= 1 }
        let kept = ranges[id] ?? copy(range, of: input)
        ranges[id] = kept
        last = (range, id, kept)
        return (id, kept)
    }

    /// Much has come together that may be needed by nobody.
    var isGrown: Bool { batch.bytes.count > cleanAt }

    /// Keeps only what lanes need; nothing else may refer to `batch`.
    mutating func clean(for lanes: inout HeldLanes) {
        let old = batch
        batch = LogBatch()
        ranges.removeAll(keepingCapacity: true)
        last = nil
        for index in Array(lanes.indices) {
            let id = lanes[index].key.fields
            let range = ranges[id] ?? copy(lanes[index].draft.inputFields, of: old)
            ranges[id] = range
            lanes.moveFields(index, to: range)
        }
        cleanAt = Self.smallBytes + 2 * batch.bytes.count
    }

    private mutating func copy(_ range: Range<UInt32>, of input: LogBatch) -> Range<UInt32> {
        let start = batch.nextField
        for index in range {
            let field = input.fields[Int(index)]
            _ = batch.addField(
                named: field.name.range, field.value.range, isNumber: field.isNumber, of: input.bytes)
        }
        return start..<batch.nextField
    }

    private static func hash(_ range: Range<UInt32>, of input: LogBatch) -> UInt64 {
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in range {
            let field = input.fields[Int(index)]
            for byte in [field.name.range, field.value.range].joined() {
                hash = (hash ^ UInt64(input.bytes[byte])) &* 0x100_0000_01B3
            }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        // 0 stands for none.
        return max(hash, 1)
    }

    private static func areSame(
        _ range: Range<UInt32>, of one: LogBatch, _ otherRange: Range<UInt32>, of other: LogBatch
    ) -> Bool {
        guard range.count == otherRange.count else { return false }
        return zip(range, otherRange).allSatisfy { index, otherIndex in
            let (field, otherField) = (one.fields[Int(index)], other.fields[Int(otherIndex)])
            return field.isNumber == otherField.isNumber
                && one.bytes[field.name.range] == other.bytes[otherField.name.range]
                && one.bytes[field.value.range] == other.bytes[otherField.value.range]
        }
    }
}
