// The fields that a parser found in one record, before they become fields of it: which of them is the message, the
// time, the severity, the trace, and what the others are called so that no name stands twice.

internal import Bytes

/// Belongs to one pipeline; nothing is allocated for a record.
struct FoundFields {
    /// Beyond it, what a log line says is data, not fields; each costs its receiver an index.
    static let fieldLimit = 128
    /// Names are made longer by those of the objects around them, again and again.
    static let nameByteLimit = 256
    /// How many `_` a name may get to differ from others.
    private static let suffixLimit = 4

    struct Field {
        var name: Range<Int>
        var value: Range<Int>
        var isNumber: Bool
        /// It was understood, and is given as what it says.
        var isTaken = false
        /// Of its name.
        var mark: UInt8
    }

    private(set) var fields: [Field] = []
    /// There was more than the limits allow, which is not among the fields.
    private(set) var isCut = false
    /// For each role the field that has it, or -1, and its rank. Small, since they are copied to be looked at.
    private var roleFields = InlineArray<9, Int16>(repeating: -1)
    private var roleRanks = InlineArray<9, Int8>(repeating: 0)
    /// Some field has a role of a trace.
    private(set) var hasTrace = false
    /// A field of this name is the time, and no other.
    private let timeName: [UInt8]?

    /// Names that fields may not have, one after another.
    private var reservedNames: [UInt8] = []
    private var reserved: [Range<Int>] = []
    /// Names of other marks are taken by nobody.
    private var reservedMarks = MarkSet()
    private var takenMarks = MarkSet()
    /// All bytes of the message are ASCII.
    private var isPlain = false

    /// `others` are the names of what the settings and the input give each record.
    init(timeName: String?, reserving others: [String]) {
        self.timeName = timeName.map { Array($0.utf8) }
        for name in RecordNames.own + RecordNames.ofSource + RecordNames.understood + others {
            let start = reservedNames.count
            reservedNames.append(text: name)
            reserved.append(start..<reservedNames.count)
            _ = reservedMarks.insert(reservedNames.mark(start..<reservedNames.count))
        }
    }

    /// Begins anew with the message of a draft.
    mutating func begin(_ draft: RecordDraft) {
        isPlain = draft.bytes.isASCII(draft.text)
        fields.removeAll(keepingCapacity: true)
        roleFields = InlineArray(repeating: -1)
        hasTrace = false
        isCut = false
    }

    /// Its name says what it is, as names do in JSON or logfmt, if it `mayHaveRole`.
    mutating func add(
        _ name: Range<Int>, _ value: Range<Int>, isNumber: Bool = false, mayHaveRole: Bool = true,
        in bytes: [UInt8]
    ) {
        guard fields.count < Self.fieldLimit, 1...Self.nameByteLimit ~= name.count, isPlain || bytes.isText(name)
        else {
            isCut = true
            return
        }
        fields.append(Field(name: name, value: value, isNumber: isNumber, mark: bytes.mark(name)))
        guard mayHaveRole else { return }
        if let timeName, bytes.isEqual(name, timeName, 0..<timeName.count) {
            if roleFields[FieldRole.Kind.time.rawValue] < 0 { setRole(.time, rank: 0) }
        } else if let role = FieldRole.of(bytes, name), role.kind != .time || timeName == nil {
            let isSet = roleFields[role.kind.rawValue] >= 0
            if !isSet || roleRanks[role.kind.rawValue] > role.rank { setRole(role.kind, rank: role.rank) }
        }
    }

    /// The last field has it.
    private mutating func setRole(_ kind: FieldRole.Kind, rank: Int) {
        roleFields[kind.rawValue] = Int16(fields.count - 1)
        roleRanks[kind.rawValue] = Int8(rank)
        if kind.rawValue >= FieldRole.Kind.traceID.rawValue { hasTrace = true }
    }

    /// Adds a field that is the time by its place, unless the settings name another.
    mutating func addTime(_ name: Range<Int>, _ value: Range<Int>, in bytes: [UInt8]) {
        add(name, value, in: bytes)
        if timeName == nil, !isCut { setRole(.time, rank: 0) }
    }

    /// There was more that could not be a field.
    mutating func cut() { isCut = true }

    /// What was found so far, to come back to it when what follows is none of the format.
    struct Mark {
        fileprivate let fieldCount: Int
        fileprivate let isCut: Bool
        fileprivate let roleFields: InlineArray<9, Int16>
        fileprivate let roleRanks: InlineArray<9, Int8>
        fileprivate let hasTrace: Bool
    }

    var mark: Mark {
        Mark(
            fieldCount: fields.count, isCut: isCut, roleFields: roleFields, roleRanks: roleRanks, hasTrace: hasTrace)
    }

    mutating func restore(_ mark: Mark) {
        fields.removeLast(fields.count - mark.fieldCount)
        (isCut, hasTrace) = (mark.isCut, mark.hasTrace)
        (roleFields, roleRanks) = (mark.roleFields, mark.roleRanks)
    }

    /// The value of the field with this role.
    func value(of kind: FieldRole.Kind) -> Range<Int>? {
        let index = Int(roleFields[kind.rawValue])
        return index < 0 ? nil : fields[index].value
    }

    /// The field with this role is understood, and is none of the others.
    mutating func take(_ kind: FieldRole.Kind) {
        let index = Int(roleFields[kind.rawValue])
        if index >= 0 { fields[index].isTaken = true }
    }

    /// Gives what was not taken to the record. Fields that it has already, those of its input too, keep their names.
    mutating func move(to draft: inout RecordDraft, of input: LogBatch) {
        takenMarks = reservedMarks
        for index in draft.inputFields { _ = takenMarks.insert(input.bytes.mark(input.fields[Int(index)].name.range)) }
        for field in draft.fields { _ = takenMarks.insert(draft.bytes.mark(field.name)) }
        for index in fields.indices where !fields[index].isTaken {
            var field = fields[index]
            guard takenMarks.insert(field.mark) || findName(&field, &draft, input) else {
                isCut = true
                continue
            }
            draft.fields.append(RecordDraft.Field(name: field.name, value: field.value, isNumber: field.isNumber))
        }
    }

    /// Gives the field as many `_` as make its name one that nothing has; false when too many would be needed.
    private mutating func findName(
        _ field: inout Field, _ draft: inout RecordDraft, _ input: LogBatch
    ) -> Bool {
        for _ in 0..<Self.suffixLimit {
            if !isTaken(field.name, draft, input) { return true }
            let start = draft.bytes.count
            draft.bytes.append(copyOf: field.name)
            draft.bytes.append(UInt8(ascii: "_"))
            field.name = start..<draft.bytes.count
            if takenMarks.insert(draft.bytes.mark(field.name)) { return true }
        }
        return !isTaken(field.name, draft, input)
    }

    private func isTaken(_ name: Range<Int>, _ draft: RecordDraft, _ input: LogBatch) -> Bool {
        for index in reserved.indices where draft.bytes.isEqual(name, reservedNames, reserved[index]) { return true }
        return draft.has(name, of: input)
    }
}

extension RecordDraft {
    /// Adds a field under a name of ours; with a `_` behind it when the record has that already.
    mutating func addUnderstood(_ name: StaticString, _ value: Range<Int>, of input: LogBatch) {
        var name = append(name)
        while has(name, of: input) {
            bytes.append(UInt8(ascii: "_"))
            name = name.lowerBound..<bytes.count
        }
        fields.append(Field(name: name, value: value, isNumber: false))
    }

    /// A field of its own or of its input is called so.
    fileprivate func has(_ name: Range<Int>, of input: LogBatch) -> Bool {
        for index in inputFields
        where bytes.isEqual(name, input.bytes, input.fields[Int(index)].name.range) { return true }
        for index in fields.indices where bytes.isEqual(name, bytes, fields[index].name) { return true }
        return false
    }
}

/// Which marks were seen.
private struct MarkSet {
    private var bits = InlineArray<4, UInt64>(repeating: 0)

    /// False when it was there already.
    @inline(__always)
    mutating func insert(_ mark: UInt8) -> Bool {
        let bit: UInt64 = 1 << UInt64(mark & 63)
        let word = Int(mark >> 6)
        guard bits[word] & bit == 0 else { return false }
        bits[word] |= bit
        return true
    }
}

extension [UInt8] {
    /// One of 256: names whose marks differ are different, and most that differ have different marks.
    @inline(__always)
    fileprivate func mark(_ name: Range<Int>) -> UInt8 {
        guard let first = name.first, let last = name.last else { return 0 }
        let word = UInt64(self[first]) << 24 | UInt64(self[(first + last) / 2]) << 16 | UInt64(self[last]) << 8
        let mixed = (word | UInt64(name.count & 255)) &* 0x9E37_79B9_7F4A_7C15
        return UInt8(truncatingIfNeeded: mixed >> 56)
    }

    fileprivate func isEqual(_ range: Range<Int>, _ other: [UInt8], _ otherRange: Range<Int>) -> Bool {
        guard range.count == otherRange.count else { return false }
        let distance = otherRange.lowerBound - range.lowerBound
        for index in range where self[index] != other[index + distance] { return false }
        return true
    }

    /// Valid UTF-8. Names that are not would be mended on their way out, and two of them might then be the same.
    fileprivate func isText(_ range: Range<Int>) -> Bool {
        var all: UInt8 = 0
        for index in range { all |= self[index] }
        guard all >= 0x80 else { return true }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: span.extracting(range))
            return true
        } catch { return false }
    }
}
