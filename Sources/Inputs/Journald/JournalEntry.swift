// One entry of the journal on its way into a batch. The fields are explained in systemd.journal-fields(7).

internal import Bytes
internal import Logs
internal import Platform

/// Kept from entry to entry for the capacity of its buffers.
struct JournalEntry {
    enum Outcome {
        case record(isCut: Bool)
        /// It has no `MESSAGE`: nothing that a log could show.
        case noMessage
        /// Not one of those that were chosen.
        case unwanted
        /// The files are damaged where it stands.
        case corrupt(Errno)
    }

    private let lineLimit: Int
    private var choice: JournalChoice
    private var others: JournalOtherFields
    /// Bits of the fields to take.
    private let wanted: UInt32

    private var values = JournalValues()
    private var unixNanoseconds: Int64 = 0

    /// The fields of the record before in this batch, one after another, and where the batch has them: neighbours
    /// often have the same.
    private var lastKey: [UInt8] = []
    private var lastFields: Range<UInt32>?
    private var key: [UInt8] = []

    /// `lineLimit` is in bytes: of the message, and again of all other fields that go with it.
    init(_ choice: JournalChoice, _ fields: JournalFieldChoice, lineLimit: Int) {
        self.choice = choice
        self.lineLimit = lineLimit
        others = JournalOtherFields(fields, byteLimit: lineLimit)
        wanted = choice.hasQuestions ? .max : JournalField.ofRecord
    }

    /// A new batch has none of the fields.
    mutating func beginBatch() { lastFields = nil }

    /// Takes what is wanted of the entry at which `journal` stands.
    mutating func read(_ journal: Journal, _ counts: inout JournalCounts) -> Outcome {
        values.removeAll()
        others.removeAll()
        let takesOthers = !others.isNone
        let lostPages = Journal.lostPages
        var isCut = false
        do throws(JournalError) {
            try unsafe journal.forEachField { name, value in
                if let field = unsafe JournalField(name), wanted & field.bit != 0 {
                    // Of a message said twice the first counts, and its length with it.
                    if field == .message, value.count > lineLimit, !values.has(.message) { isCut = true }
                    unsafe values.take(field, value.prefix(lineLimit))
                }
                if takesOthers { unsafe others.take(name, value) }
            }
            // What was copied of such a page is not what was written.
            guard Journal.lostPages == lostPages else { return .corrupt(.io) }
            others.settle()
            if choice.hasQuestions, !choice.wants(values) { return .unwanted }
            guard values.has(.message) || others.isAll else { return .noMessage }
            unixNanoseconds = try time(journal)
        } catch {
            switch error {
            case .failed(_, let errno): return .corrupt(errno)
            case .noLibrary, .noBoot: bug("a journal is open without a library, or a boot")
            }
        }
        if isCut { counts.linesCut += 1 }
        counts.fieldsCut += others.cutCount
        counts.fieldsRepeated += others.repeatedCount
        return .record(isCut: isCut || others.cutCount > 0)
    }

    /// When it was written, which is what journalctl shows; the early messages of the kernel were received seconds
    /// later.
    private func time(_ journal: Journal) throws(JournalError) -> Int64 {
        let (microseconds, isTime) = values[.sourceTime].decimalValue
        let chosen = isTime ? microseconds : try journal.realtimeMicroseconds()
        return Int64(clamping: chosen.multipliedFullWidth(by: 1_000).high == 0 ? chosen &* 1_000 : .max)
    }

    /// Whose line it is. Of a container: its streams have priorities of their own, and Docker names each line. Of a
    /// service: the stream and the process, since a line ends where another process writes. Nil for what has no pieces.
    var lineKey: [UInt8]? {
        let parts: [JournalField]
        if values.has(.container) {
            parts = [.container, .priority, .pieceLine]
        } else if values.has(.stream) {
            parts = [.stream, .pid]
        } else {
            return nil
        }
        var key: [UInt8] = []
        for part in parts { key.append(part: values[part]) }
        return key
    }

    /// The line goes on in the next entry of its container or stream. Docker marks all pieces but the last, since
    /// version 19.03 that one as the last; Podman and CRI-O mark as it did before. journald says why a line ended where
    /// that was no line break: here at `LineMax=`.
    var isUnfinished: Bool {
        if values.has(.container) { return values[.isPiece] == Self.yes && values[.isLastPiece] != Self.yes }
        return values[.lineBreak] == Self.lineMax && values.has(.stream)
    }

    var mayBePiece: Bool { values.has(.container) || values.has(.stream) }

    private static let yes = Array("true".utf8)
    private static let lineMax = Array("line-max".utf8)

    /// Adds what `read` took.
    mutating func append(to batch: inout LogBatch, next: Position, isCut: Bool) {
        // What the service manager says of a unit is of that unit: journalctl -u shows it there. `_SYSTEMD_UNIT`
        // cannot be forged, and of init.scope is only process 1.
        let isManager = values.has(.unit) && values[.systemdUnit] == Self.managerUnit
        let unit = values[isManager ? .unit : .systemdUnit]
        let userUnit = values[isManagerOfUser ? .unitOfUser : .userUnit]
        let name = values[values[.identifier].isEmpty ? .command : .identifier]
        let pid = values[values[.pid].decimalValue.isNumber ? .pid : .syslogPID]
        key.removeAll(keepingCapacity: true)
        key.append(part: unit)
        key.append(part: userUnit)
        key.append(part: values[.priority])
        key.append(part: name)
        key.append(part: pid)
        // No two whole entries are the same.
        if others.isAll { lastFields = nil } else { others.addKey(to: &key) }
        let fields: Range<UInt32>
        if let lastFields, key == lastKey {
            fields = lastFields
        } else {
            fields = addFields(to: &batch, unit: unit, userUnit: userUnit, name: name, pid: pid)
            lastFields = fields
            swap(&key, &lastKey)
        }
        let message = values[.message]
        batch.append(
            message, 0..<message.count - lineBreakCount(message), fields: fields, at: unixNanoseconds, next: next,
            isCut: isCut,
            hasOwnTime: true)
    }

    /// Podman ends the lines of containers with their line break, which Docker does not, nor its own files.
    private func lineBreakCount(_ message: [UInt8]) -> Int {
        guard values.has(.container), !isUnfinished, message.last == UInt8(ascii: "\n") else { return 0 }
        return message.dropLast().last == UInt8(ascii: "\r") ? 2 : 1
    }

    private static let managerUnit = Array("init.scope".utf8)

    /// A user's own service manager speaks of a unit, as the one of the system does: `USER_UNIT` could be forged by any
    /// other. Before version 226 it had no unit of its own.
    private var isManagerOfUser: Bool {
        guard values.has(.unitOfUser) else { return false }
        if values.has(.userUnit) { return values[.userUnit] == Self.managerUnit }
        return values[.systemdUnit].starts(with: Self.managersOfUsers)
    }

    private static let managersOfUsers = Array("user@".utf8)

    private func addFields(
        to batch: inout LogBatch, unit: [UInt8], userUnit: [UInt8], name: [UInt8], pid: [UInt8]
    ) -> Range<UInt32> {
        let first = batch.nextField
        let priority = values[.priority]
        if !unit.isEmpty { _ = batch.addField("unit", unit) }
        if !userUnit.isEmpty { _ = batch.addField("user_unit", userUnit) }
        if priority.decimalValue.isNumber { _ = batch.addField("priority", priority, isNumber: true) }
        if !name.isEmpty { _ = batch.addField("identifier", name) }
        if pid.decimalValue.isNumber { _ = batch.addField("pid", pid, isNumber: true) }
        others.add(to: &batch)
        return first..<batch.nextField
    }
}

extension [UInt8] {
    /// What the whole text says as a number that JSON may have too: digits alone, and no zero in front.
    fileprivate var decimalValue: (value: UInt64, isNumber: Bool) {
        guard !isEmpty, count <= 19, count == 1 || self[0] != UInt8(ascii: "0") else { return (0, false) }
        var value: UInt64 = 0
        for byte in self {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return (0, false) }
            value = value * 10 + UInt64(digit)
        }
        return (value, true)
    }
}
