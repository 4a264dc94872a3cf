// The fields that a parser found in one record, before they become fields of it: which of them is the message, the time,
// the severity, the trace, and what the others are called so that no name stands twice.

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
    }

    private(set) var fields: [Field] = []
    /// There was more than the limits allow, which is not among the fields.
    private(set) var isCut = false
    /// For each role the field that has it, and its rank.
    private var roles = [(index: Int, rank: Int)?](repeating: nil, count: FieldRole.Kind.allCases.count)
    /// A field of this name is the time, and no other.
    private let timeName: [UInt8]?

    /// Names that fields may not have, and one bit for each kind of them: see `bit`.
    private let reserved: [[UInt8]]
    private let reservedBits: UInt64
    private var takenBits: UInt64 = 0

    /// - Parameter others: what the settings give each record.
    init(timeName: String?, reserving others: [String]) {
        self.timeName = timeName.map { Array($0.utf8) }
        reserved = (RecordNames.own + RecordNames.ofInputs + RecordNames.understood + others).map { Array($0.utf8) }
        reservedBits = reserved.reduce(0) { $0 | Self.bit($1, 0..<$1.count) }
    }

    mutating func removeAll() {
        fields.removeAll(keepingCapacity: true)
        for index in roles.indices { roles[index] = nil }
        isCut = false
    }

    /// - Parameter mayHaveRole: its name says what it is, as names do in JSON or logfmt.
    mutating func add(
        _ name: Range<Int>, _ value: Range<Int>, isNumber: Bool = false, mayHaveRole: Bool = true,
        in bytes: [UInt8]
    ) {
        guard fields.count < Self.fieldLimit, 1...Self.nameByteLimit ~= name.count, bytes.isText(name) else {
            isCut = true
            return
        }
        fields.append(Field(name: name, value: value, isNumber: isNumber))
        guard mayHaveRole else { return }
        if let timeName, bytes[name].elementsEqual(timeName) {
            if roles[FieldRole.Kind.time.rawValue] == nil {
                roles[FieldRole.Kind.time.rawValue] = (fields.count - 1, 0)
            }
        } else if let role = FieldRole(bytes, name), role.kind != .time || timeName == nil {
            if let other = roles[role.kind.rawValue], other.rank <= role.rank { return }
            roles[role.kind.rawValue] = (fields.count - 1, role.rank)
        }
    }

    /// Adds a field that is the time by its place, unless the settings name another.
    mutating func addTime(_ name: Range<Int>, _ value: Range<Int>, in bytes: [UInt8]) {
        add(name, value, in: bytes)
        if timeName == nil, !isCut { roles[FieldRole.Kind.time.rawValue] = (fields.count - 1, 0) }
    }

    /// There was more that could not be a field.
    mutating func cut() { isCut = true }

    /// The value of the field with this role.
    func value(of kind: FieldRole.Kind) -> Range<Int>? { roles[kind.rawValue].map { fields[$0.index].value } }

    /// The field with this role is understood, and is none of the others.
    mutating func take(_ kind: FieldRole.Kind) {
        guard let role = roles[kind.rawValue] else { return }
        fields[role.index].isTaken = true
    }

    /// Gives what was not taken to the record. Fields that it has already keep their names.
    mutating func move(to draft: inout RecordDraft) {
        takenBits = reservedBits
        for field in draft.fields { takenBits |= Self.bit(draft.bytes, field.name) }
        for field in fields where !field.isTaken {
            guard let name = freeName(field.name, &draft) else {
                isCut = true
                continue
            }
            draft.fields.append(RecordDraft.Field(name: name, value: field.value, isNumber: field.isNumber))
        }
    }

    /// The name, with as many `_` as make it one that nothing has; nil when too many would be needed.
    private mutating func freeName(_ name: Range<Int>, _ draft: inout RecordDraft) -> Range<Int>? {
        var name = name
        for _ in 0...Self.suffixLimit {
            let bit = Self.bit(draft.bytes, name)
            if takenBits & bit == 0 {
                takenBits |= bit
                return name
            }
            if !isTaken(name, draft) { return name }
            let start = draft.bytes.count
            draft.bytes.append(copyOf: name)
            draft.bytes.append(UInt8(ascii: "_"))
            name = start..<draft.bytes.count
        }
        return nil
    }

    private func isTaken(_ name: Range<Int>, _ draft: RecordDraft) -> Bool {
        for other in reserved where other.count == name.count && draft.bytes[name].elementsEqual(other) {
            return true
        }
        for field in draft.fields where field.name.count == name.count {
            if draft.bytes[name].elementsEqual(draft.bytes[field.name]) { return true }
        }
        return false
    }

    /// One of 64: names whose bits differ are different, and most that differ have different bits.
    @inline(__always)
    private static func bit(_ bytes: [UInt8], _ name: Range<Int>) -> UInt64 {
        guard let first = name.first, let last = name.last else { return 1 }
        let middle = bytes[(first + last) / 2]
        let mixed = UInt64(bytes[first]) &* 7 &+ UInt64(bytes[last]) &* 31 &+ UInt64(middle) &* 13
            &+ UInt64(name.count)
        return 1 << (mixed & 63)
    }
}

extension [UInt8] {
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
