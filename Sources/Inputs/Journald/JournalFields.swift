// The fields of an entry: those that mean something here, and those that only go with its record. See
// systemd.journal-fields(7).

internal import CSystemd
internal import Glibc
internal import Logs

/// A field that means something here.
package enum JournalField: Int, CaseIterable, Sendable {
    case message, priority, systemdUnit, unit, identifier, command, pid, syslogPID, sourceTime, userUnit, unitOfUser
    // Of containers, whose runtimes cut long lines into pieces.
    case container, isPiece, isLastPiece, pieceLine
    // Of a service's output, whose long lines journald cuts.
    case stream, lineBreak
    // Only to tell whose the entry is.
    case uid, messageID, transport, namespace, coredumpUnit, objectUnit, slice
    case coredumpUserUnit, objectUserUnit

    /// Those of which records are made.
    static let ofRecord = allCases.prefix { $0 != .uid }.reduce(0) { $0 | $1.bit }

    var bit: UInt32 { 1 << UInt32(rawValue) }

    /// Which field has this name; the length comes first, since most have none of these.
    @unsafe init?(_ name: UnsafeRawBufferPointer) {
        guard let start = name.baseAddress else { return nil }
        func named(_ text: StaticString, _ field: JournalField) -> JournalField? {
            unsafe memcmp(text.utf8Start, start, name.count) == 0 ? field : nil
        }
        let field: JournalField? =
            switch name.count {
            case 4: named("_PID", .pid) ?? named("_UID", .uid) ?? named("UNIT", .unit)
            case 5: named("_COMM", .command)
            case 7: named("MESSAGE", .message)
            case 8: named("PRIORITY", .priority)
            case 9: named("USER_UNIT", .unitOfUser)
            case 10:
                named("_STREAM_ID", .stream) ?? named("_TRANSPORT", .transport) ?? named("SYSLOG_PID", .syslogPID)
                    ?? named("MESSAGE_ID", .messageID) ?? named("_NAMESPACE", .namespace)
            case 11: named("_LINE_BREAK", .lineBreak)
            case 13: named("_SYSTEMD_UNIT", .systemdUnit) ?? named("COREDUMP_UNIT", .coredumpUnit)
            case 14: named("_SYSTEMD_SLICE", .slice)
            case 17: named("SYSLOG_IDENTIFIER", .identifier) ?? named("CONTAINER_ID_FULL", .container)
            case 18: named("_SYSTEMD_USER_UNIT", .userUnit) ?? named("COREDUMP_USER_UNIT", .coredumpUserUnit)
            case 19: named("OBJECT_SYSTEMD_UNIT", .objectUnit)
            case 20: named("CONTAINER_PARTIAL_ID", .pieceLine)
            case 22: named("CONTAINER_PARTIAL_LAST", .isLastPiece)
            case 25: named("CONTAINER_PARTIAL_MESSAGE", .isPiece)
            case 24: named("OBJECT_SYSTEMD_USER_UNIT", .objectUserUnit)
            case 26: named("_SOURCE_REALTIME_TIMESTAMP", .sourceTime)
            default: nil
            }
        guard let field else { return nil }
        self = field
    }
}

/// The values of one entry; kept from entry to entry for the capacity of its buffers.
struct JournalValues {
    private var values = [[UInt8]](repeating: [], count: JournalField.allCases.count)
    private var taken: UInt32 = 0

    mutating func removeAll() { taken = 0 }

    func has(_ field: JournalField) -> Bool { taken & field.bit != 0 }

    /// Empty when the entry has none.
    subscript(field: JournalField) -> [UInt8] { has(field) ? values[field.rawValue] : [] }

    /// Of a field that an entry has several times, the first counts, as it does for journalctl.
    @unsafe mutating func take(_ field: JournalField, _ value: UnsafeRawBufferPointer.SubSequence) {
        guard !has(field) else { return }
        taken |= field.bit
        values[field.rawValue].removeAll(keepingCapacity: true)
        unsafe values[field.rawValue].append(contentsOf: value)
    }
}

/// Which fields go with a record under their own names.
package enum JournalFieldChoice: Equatable, Sendable {
    case named([String])
    /// The whole entry, but for its message.
    case all
}

/// The fields of one entry that were chosen, in the entry's order.
struct JournalOtherFields {
    /// As many as journald takes in one entry; other programs that write journals may take more.
    static let countLimit = 1_024

    let isAll: Bool
    private let wanted: [[UInt8]]
    private let byteLimit: Int
    /// Names and values one after another, and where each is.
    private var text: [UInt8] = []
    private var parts: [LogField] = []
    /// Of each name a number that two names seldom share: comparing all names would cost a third of the whole.
    private var marks: [UInt32] = []
    /// Of each value whether something of it is missing.
    private var isCut: [Bool] = []
    private(set) var cutCount: UInt64 = 0
    private(set) var repeatedCount: UInt64 = 0

    /// `byteLimit` of all fields of an entry together.
    init(_ choice: JournalFieldChoice, byteLimit: Int) {
        isAll = choice == .all
        if case .named(let names) = choice { wanted = names.map { Array($0.utf8) } } else { wanted = [] }
        self.byteLimit = byteLimit
    }

    var isNone: Bool { !isAll && wanted.isEmpty }

    mutating func removeAll() {
        text.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
        isCut.removeAll(keepingCapacity: true)
        (cutCount, repeatedCount) = (0, 0)
    }

    @unsafe mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard unsafe isWanted(name) else { return }
        let mark = unsafe Self.mark(of: name)
        // JSON has no place for a second one of the same name.
        for index in parts.indices where marks[index] == mark {
            guard unsafe text.isEqual(to: name, at: parts[index].name.range) else { continue }
            repeatedCount += 1
            return
        }
        guard parts.count < Self.countLimit else {
            cutCount += 1
            return
        }
        let start = UInt32(text.count)
        unsafe text.append(contentsOf: name)
        let middle = UInt32(text.count)
        unsafe text.append(contentsOf: UnsafeRawBufferPointer(rebasing: value.prefix(byteLimit)))
        parts.append(
            LogField(
                name: TextRange(start: start, count: middle - start),
                value: TextRange(start: middle, count: UInt32(text.count) - middle), isNumber: false))
        marks.append(mark)
        isCut.append(value.count > byteLimit)
        // No more than twice the limit is kept: what is cut now would be cut at the end as well.
        if text.count > 2 * byteLimit { fit() }
    }

    /// All fields were taken: makes them fit into the limit together. The longest values are cut, all to one length: a
    /// large one, as `COREDUMP_PROC_MAPS`, does not push out the others.
    mutating func settle() {
        if text.count > byteLimit { fit() }
        cutCount += UInt64(isCut.count { $0 })
    }

    private mutating func fit() {
        var nameBytes = parts.reduce(0) { $0 + Int($1.name.count) }
        while nameBytes > byteLimit, let last = parts.popLast() {
            nameBytes -= Int(last.name.count)
            marks.removeLast()
            isCut.removeLast()
            cutCount += 1
        }
        let length = Self.commonLength(parts.map { Int($0.value.count) }, room: byteLimit - nameBytes)
        var fitting: [UInt8] = []
        fitting.reserveCapacity(byteLimit)
        for index in parts.indices {
            let (name, value) = (parts[index].name.range, parts[index].value.range)
            let start = UInt32(fitting.count)
            fitting.append(contentsOf: text[name])
            let middle = UInt32(fitting.count)
            if value.count > length {
                isCut[index] = true
                fitting.append(contentsOf: text[value.lowerBound..<text.wholeEnd(value, count: length)])
            } else {
                fitting.append(contentsOf: text[value])
            }
            parts[index] = LogField(
                name: TextRange(start: start, count: middle - start),
                value: TextRange(start: middle, count: UInt32(fitting.count) - middle), isNumber: false)
        }
        text = fitting
    }

    /// To which length values must be cut so that all of them have room.
    private static func commonLength(_ counts: [Int], room: Int) -> Int {
        var room = room
        var others = counts.count
        for count in counts.sorted() {
            guard count * others > room else {
                room -= count
                others -= 1
                continue
            }
            return room / others
        }
        return .max
    }

    /// Names have 64 bytes at the most.
    @unsafe private static func mark(of name: UnsafeRawBufferPointer) -> UInt32 {
        guard unsafe !name.isEmpty else { return 0 }
        let (first, middle, last) = unsafe (name[0], name[name.count / 2], name[name.count - 1])
        return UInt32(name.count) | UInt32(first) << 8 | UInt32(middle) << 16 | UInt32(last) << 24
    }

    @unsafe private func isWanted(_ name: UnsafeRawBufferPointer) -> Bool {
        guard isAll else { return wanted.contains { unsafe $0.isEqual(to: name, at: 0..<$0.count) } }
        // A damaged name could be one that the record has itself; those have small letters.
        return unsafe !name.isEmpty && name.allSatisfy(isOfFieldName) && JournalField(name) != .message
    }

    func addKey(to key: inout [UInt8]) {
        for part in parts {
            key.append(count: part.name.count)
            key.append(count: part.value.count)
        }
        key.append(contentsOf: text)
    }

    func add(to batch: inout LogBatch) { if !parts.isEmpty { batch.addFields(parts, of: text) } }
}

/// Names have capital letters, digits and underscores.
func isOfFieldName(_ byte: UInt8) -> Bool { 0x41...0x5A ~= byte || 0x30...0x39 ~= byte || byte == UInt8(ascii: "_") }

extension [UInt8] {
    @unsafe fileprivate func isEqual(to bytes: UnsafeRawBufferPointer, at range: Range<Int>) -> Bool {
        guard range.count == bytes.count else { return false }
        return unsafe withUnsafeBytes { own in
            let piece = unsafe UnsafeRawBufferPointer(rebasing: own[range])
            guard let one = piece.baseAddress, let other = bytes.baseAddress else { return range.isEmpty }
            return unsafe memcmp(one, other, range.count) == 0
        }
    }

    /// Where the first `count` bytes of a range end, or a little before, so that no character is cut in two.
    fileprivate func wholeEnd(_ range: Range<Int>, count: Int) -> Int {
        let end = range.lowerBound + count
        var start = end
        // A character has at most three bytes that continue it; more of them are none.
        while start > range.lowerBound, end - start < 3, self[start] & 0xC0 == 0x80 { start -= 1 }
        return self[start] & 0xC0 == 0x80 ? end : start
    }

    /// With its length in front, so that no two lists of parts are the same bytes.
    mutating func append(part: [UInt8]) {
        append(count: UInt32(truncatingIfNeeded: part.count))
        append(contentsOf: part)
    }

    fileprivate mutating func append(count: UInt32) {
        append(UInt8(truncatingIfNeeded: count))
        append(UInt8(truncatingIfNeeded: count >> 8))
        append(UInt8(truncatingIfNeeded: count >> 16))
        append(UInt8(truncatingIfNeeded: count >> 24))
    }
}
