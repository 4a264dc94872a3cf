// One entry of the journal on its way into a batch. The fields are explained in systemd.journal-fields(7).

internal import Bytes
internal import Logs
internal import Platform

/// Kept from entry to entry for the capacity of its buffers.
struct JournalEntry {
    enum Outcome {
        case message(isCut: Bool)
        /// It has no `MESSAGE`: nothing that a log could show.
        case noMessage
        /// The files are damaged where it stands.
        case corrupt(Errno)
    }

    private var message: [UInt8] = []
    private var hasMessage = false
    private var priority: [UInt8] = []
    private var systemdUnit: [UInt8] = []
    private var unit: [UInt8] = []
    private var identifier: [UInt8] = []
    private var command: [UInt8] = []
    private var pid: [UInt8] = []
    private var syslogPID: [UInt8] = []
    private var sourceTime: [UInt8] = []
    private var unixNanoseconds: Int64 = 0

    /// The fields of the record before in this batch, one after another, and where the batch has them: neighbours
    /// often have the same.
    private var lastKey: [UInt8] = []
    private var lastFields: Range<UInt32>?
    private var key: [UInt8] = []

    /// A new batch has none of the fields.
    mutating func beginBatch() { lastFields = nil }

    /// Takes what is wanted of the entry at which `journal` stands; `lineLimit` in bytes.
    mutating func read(_ journal: Journal, lineLimit: Int) -> Outcome {
        removeAll()
        var isCut = false
        do throws(JournalError) {
            try unsafe journal.forEachField { field, value in
                unsafe take(field, value, lineLimit, &isCut)
            }
            guard hasMessage else { return .noMessage }
            unixNanoseconds = try time(journal)
            return .message(isCut: isCut)
        } catch {
            switch error {
            case .failed(_, let errno): return .corrupt(errno)
            case .noLibrary: bug("a journal is open without a library")
            }
        }
    }

    private mutating func removeAll() {
        hasMessage = false
        message.removeAll(keepingCapacity: true)
        priority.removeAll(keepingCapacity: true)
        systemdUnit.removeAll(keepingCapacity: true)
        unit.removeAll(keepingCapacity: true)
        identifier.removeAll(keepingCapacity: true)
        command.removeAll(keepingCapacity: true)
        pid.removeAll(keepingCapacity: true)
        syslogPID.removeAll(keepingCapacity: true)
        sourceTime.removeAll(keepingCapacity: true)
    }

    /// Of a field that an entry has several times, the first counts, as it does for journalctl.
    @unsafe private mutating func take(
        _ field: JournalField, _ value: UnsafeRawBufferPointer, _ lineLimit: Int, _ isCut: inout Bool
    ) {
        switch field {
        case .message:
            guard !hasMessage else { return }
            hasMessage = true
            isCut = value.count > lineLimit
            unsafe message.append(contentsOf: value.prefix(lineLimit))
        case .priority: if priority.isEmpty { unsafe priority.append(contentsOf: value) }
        case .systemdUnit: if systemdUnit.isEmpty { unsafe systemdUnit.append(contentsOf: value) }
        case .unit: if unit.isEmpty { unsafe unit.append(contentsOf: value) }
        case .identifier: if identifier.isEmpty { unsafe identifier.append(contentsOf: value) }
        case .command: if command.isEmpty { unsafe command.append(contentsOf: value) }
        case .pid: if pid.isEmpty { unsafe pid.append(contentsOf: value) }
        case .syslogPID: if syslogPID.isEmpty { unsafe syslogPID.append(contentsOf: value) }
        case .sourceTime: if sourceTime.isEmpty { unsafe sourceTime.append(contentsOf: value) }
        }
    }

    /// When it was written, which is what journalctl shows; the early messages of the kernel were received seconds
    /// later.
    private func time(_ journal: Journal) throws(JournalError) -> Int64 {
        let (microseconds, isTime) = sourceTime.decimalValue
        let chosen = isTime ? microseconds : try journal.realtimeMicroseconds()
        return Int64(clamping: chosen.multipliedFullWidth(by: 1_000).high == 0 ? chosen &* 1_000 : .max)
    }

    /// Adds what `read` took.
    mutating func append(to batch: inout LogBatch, next: Position, isCut: Bool) {
        // What the service manager says of a unit is of that unit: journalctl -u shows it there. `_SYSTEMD_UNIT`
        // cannot be forged, and of init.scope is only process 1.
        let isManager = systemdUnit == Self.managerUnit && !unit.isEmpty
        let isNumber = pid.decimalValue.isNumber
        key.removeAll(keepingCapacity: true)
        key.append(contentsOf: isManager ? unit : systemdUnit)
        key.append(0)
        key.append(contentsOf: priority)
        key.append(0)
        key.append(contentsOf: identifier.isEmpty ? command : identifier)
        key.append(0)
        key.append(contentsOf: isNumber ? pid : syslogPID)
        let fields: Range<UInt32>
        if let lastFields, key == lastKey {
            fields = lastFields
        } else {
            fields = addFields(to: &batch, unit: isManager ? unit : systemdUnit, pid: isNumber ? pid : syslogPID)
            lastFields = fields
            swap(&key, &lastKey)
        }
        batch.append(message, 0..<message.count, fields: fields, at: unixNanoseconds, next: next, isCut: isCut)
    }

    private static let managerUnit = Array("init.scope".utf8)

    private func addFields(to batch: inout LogBatch, unit: [UInt8], pid: [UInt8]) -> Range<UInt32> {
        let first = batch.nextField
        if !unit.isEmpty { _ = batch.addField("unit", unit) }
        if priority.decimalValue.isNumber { _ = batch.addField("priority", priority, isNumber: true) }
        let name = identifier.isEmpty ? command : identifier
        if !name.isEmpty { _ = batch.addField("identifier", name) }
        if pid.decimalValue.isNumber { _ = batch.addField("pid", pid, isNumber: true) }
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
