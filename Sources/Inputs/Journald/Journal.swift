// libsystemd's journal reader with Swift's errors and lifetimes, and no more: sd-journal(3).

internal import CSystemd
internal import Glibc
package import Platform

/// Why a journal cannot be read.
package enum JournalError: Error, Equatable, CustomStringConvertible {
    /// libsystemd cannot be opened; with the loader's own words.
    case noLibrary(String)
    /// A call failed.
    case failed(call: String, Errno)

    package var description: String {
        switch self {
        case .noLibrary(let reason): "libsystemd cannot be loaded: install the package libsystemd0 (\(reason))"
        case .failed(let call, let errno): "\(call): \(errno)"
        }
    }
}

/// What happened to the set of journal files since the last time.
package enum JournalChange: Sendable { case none, appended, filesChanged }

/// One field of an entry, found by its name.
package enum JournalField: Sendable {
    case message, priority, systemdUnit, unit, identifier, command, pid, syslogPID, sourceTime
}

/// An open journal and a place in it. Belongs to one queue; libsystemd forbids use from two threads at a time.
@safe package final class Journal {
    package static let libraryName = "libsystemd.so.0"

    private let handle: OpaquePointer

    /// Opens the journals of the host, or those in `directory`. `maximumFieldBytes` is how much of a compressed field
    /// is unpacked; what is not compressed comes whole.
    package init(
        directory: String?, maximumFieldBytes: Int, library: String = Journal.libraryName
    ) throws(JournalError) {
        var reason = [CChar](repeating: 0, count: 256)
        guard unsafe csystemd_load(library, &reason, reason.count) == 0 else {
            throw .noLibrary(
                String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        var opened: OpaquePointer?
        if let directory {
            _ = try check("opening the journal in \(directory)", unsafe journal_open_directory(&opened, directory, 0))
        } else {
            _ = try check("sd_journal_open", unsafe journal_open(&opened, csystemd_local_only))
        }
        guard let handle = unsafe opened else { throw .failed(call: "sd_journal_open", .invalid) }
        unsafe self.handle = handle
        _ = try check("sd_journal_set_data_threshold", unsafe journal_set_data_threshold(handle, maximumFieldBytes))
    }

    deinit { unsafe journal_close(handle) }

    // MARK: Changes

    /// Becomes readable when files change; `process` must then be called. The first call begins the watch.
    package func descriptor() throws(JournalError) -> Int32 {
        try check("sd_journal_get_fd", unsafe journal_get_fd(handle))
    }

    /// What to wait for at the descriptor: bits of poll(2).
    package func descriptorEvents() throws(JournalError) -> Int32 {
        try check("sd_journal_get_events", unsafe journal_get_events(handle))
    }

    /// When to call `process` though nothing came: on file systems without inotify. nil when there is no need.
    package func nextProcessing() throws(JournalError) -> Instant? {
        var microseconds: UInt64 = 0
        _ = try check("sd_journal_get_timeout", unsafe journal_get_timeout(handle, &microseconds))
        let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? nil : Instant(nanoseconds: nanoseconds)
    }

    package func process() throws(JournalError) -> JournalChange {
        let answer = try check("sd_journal_process", unsafe journal_process(handle))
        return answer == 0 ? .none : answer == csystemd_invalidated ? .filesChanged : .appended
    }

    // MARK: Choosing

    package func add(_ terms: [JournalTerm]) throws(JournalError) {
        for term in terms {
            switch term {
            case .match(let text):
                let bytes = Array(text.utf8)
                _ = try check("sd_journal_add_match", unsafe journal_add_match(handle, bytes, bytes.count))
            case .or: _ = try check("sd_journal_add_disjunction", unsafe journal_add_disjunction(handle))
            case .and: _ = try check("sd_journal_add_conjunction", unsafe journal_add_conjunction(handle))
            }
        }
    }

    package func removeMatches() { unsafe journal_flush_matches(handle) }

    // MARK: Moving

    /// The next `next` finds the first entry.
    package func seekHead() throws(JournalError) {
        _ = try check("sd_journal_seek_head", unsafe journal_seek_head(handle))
    }

    /// The next `next` finds the first entry from then on.
    package func seek(realtimeMicroseconds: UInt64) throws(JournalError) {
        _ = try check("sd_journal_seek_realtime_usec", unsafe journal_seek_realtime_usec(handle, realtimeMicroseconds))
    }

    /// The next `next` finds the entry itself, or the nearest after it when it is gone.
    package func seek(cursor: String) throws(JournalError) {
        _ = try check("sd_journal_seek_cursor", unsafe journal_seek_cursor(handle, cursor))
    }

    /// False when there is no further entry now.
    package func next() throws(JournalError) -> Bool {
        try check("sd_journal_next", unsafe journal_next(handle)) > 0
    }

    package func cursor() throws(JournalError) -> String {
        var text: UnsafeMutablePointer<CChar>?
        _ = try unsafe check("sd_journal_get_cursor", journal_get_cursor(handle, &text))
        defer { unsafe free(text) }
        return unsafe text.map { unsafe String(cString: $0) } ?? ""
    }

    package func isAt(cursor: String) throws(JournalError) -> Bool {
        try check("sd_journal_test_cursor", unsafe journal_test_cursor(handle, cursor)) > 0
    }

    // MARK: The entry at this place

    /// When the journal received it, microseconds since 1970.
    package func realtimeMicroseconds() throws(JournalError) -> UInt64 {
        var microseconds: UInt64 = 0
        _ = try check("sd_journal_get_realtime_usec", unsafe journal_get_realtime_usec(handle, &microseconds))
        return microseconds
    }

    /// Calls `body` with the value of each field that is one of `JournalField`; a field may come more than once.
    ///
    /// One pass over all fields costs less than asking for six of them by name, each of which searches from the first.
    package func forEachField(_ body: (JournalField, UnsafeRawBufferPointer) -> Void) throws(JournalError) {
        unsafe journal_restart_data(handle)
        while true {
            var data: UnsafeRawPointer?
            var count = 0
            let answer = unsafe journal_enumerate_available_data(handle, &data, &count)
            guard try check("sd_journal_enumerate_data", answer) > 0 else { return }
            let bytes = unsafe UnsafeRawBufferPointer(start: data, count: count)
            if let (field, nameBytes) = unsafe wantedField(bytes) {
                unsafe body(field, UnsafeRawBufferPointer(rebasing: bytes[nameBytes...]))
            }
        }
    }

    // MARK: The whole

    /// Bytes on disk of all journal files that are open; 0 when there is none.
    package func usageBytes() throws(JournalError) -> UInt64 {
        var bytes: UInt64 = 0
        _ = try check("sd_journal_get_usage", unsafe journal_get_usage(handle, &bytes))
        return bytes
    }

    /// The values that the field has in any entry, without regard to matches; `limit` at the most.
    package func values(of field: String, limit: Int) throws(JournalError) -> [String] {
        _ = try check("sd_journal_query_unique", unsafe journal_query_unique(handle, field))
        var (data, count): (UnsafeRawPointer?, Int) = (nil, 0)
        var values: [String] = []
        while values.count < limit,
            try check("sd_journal_enumerate_unique", unsafe journal_enumerate_available_unique(handle, &data, &count))
                > 0
        {
            let assignment = unsafe UnsafeRawBufferPointer(start: data, count: count)
            unsafe values.append(String(decoding: assignment.dropFirst(field.utf8.count + 1), as: UTF8.self))
        }
        return values
    }
}

/// libsystemd answers a negative error number.
private func check(_ call: String, _ answer: Int32) throws(JournalError) -> Int32 {
    guard answer >= 0 else { throw .failed(call: call, Errno(code: -answer)) }
    return answer
}

/// Which field `NAME=value` is, and where the value begins. The length of the name comes first: most fields are none
/// of these.
@unsafe private func wantedField(_ bytes: UnsafeRawBufferPointer) -> (JournalField, Int)? {
    // Names of the wanted fields have at most 26 bytes.
    guard let start = bytes.baseAddress, let equals = unsafe memchr(start, 0x3D, min(bytes.count, 27)) else {
        return nil
    }
    let length = unsafe UnsafeRawPointer(equals) - start
    func named(_ name: StaticString, _ field: JournalField) -> (JournalField, Int)? {
        unsafe memcmp(name.utf8Start, start, length) == 0 ? (field, length + 1) : nil
    }
    switch length {
    case 4: return named("_PID", .pid) ?? named("UNIT", .unit)
    case 5: return named("_COMM", .command)
    case 7: return named("MESSAGE", .message)
    case 8: return named("PRIORITY", .priority)
    case 10: return named("SYSLOG_PID", .syslogPID)
    case 13: return named("_SYSTEMD_UNIT", .systemdUnit)
    case 17: return named("SYSLOG_IDENTIFIER", .identifier)
    case 26: return named("_SOURCE_REALTIME_TIMESTAMP", .sourceTime)
    default: return nil
    }
}
