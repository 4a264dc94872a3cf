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
    /// The journal has fewer boots than were counted back.
    case noBoot(before: Int, known: Int)

    package var description: String {
        switch self {
        case .noLibrary(let reason): "libsystemd cannot be loaded: install the package libsystemd0 (\(reason))"
        case .failed(let call, let errno): "\(call): \(errno)"
        case .noBoot(let number, let known): "there is no boot -\(number): the journal has \(known)"
        }
    }
}

/// What happened to the set of journal files since the last time.
package enum JournalChange: Sendable { case none, appended, filesChanged }

/// Namespaces of journald whose entries are wanted: see systemd-journald.service(8), Journal Namespaces.
package struct JournalNamespaces: Equatable, Sendable {
    package static let own = "default"
    package static let all = "*"

    package private(set) var names: [String] = []
    /// The host's own, which is none of the named.
    package private(set) var hasOwn = true
    package private(set) var isAll = false

    package init() {}

    package init(_ list: [String]) {
        hasOwn = list.contains(Self.own)
        isAll = list.contains(Self.all)
        names = list.filter { $0 != Self.own && $0 != Self.all }
    }

    /// libsystemd opens one of them or all; which of several an entry belongs to is seen when it was read.
    package var areToldByEntries: Bool { !isAll && names.count > 1 }

    /// Whether the files of this one are read; nil for the host's own.
    func has(_ name: String?) -> Bool { isAll || (name.map { names.contains($0) } ?? hasOwn) }
}

/// Which journal is read.
package enum JournalSource: Equatable, Sendable {
    case host(JournalNamespaces)
    case directory(String)

    package var isHost: Bool { if case .host = self { true } else { false } }
}

/// An open journal and a place in it. Belongs to one queue; libsystemd forbids use from two threads at a time.
@safe package final class Journal {
    package static let libraryName = "libsystemd.so.0"

    private let handle: OpaquePointer

    /// `maximumFieldBytes` is how much of a compressed field is unpacked; what is not compressed comes whole.
    package init(
        _ source: JournalSource, maximumFieldBytes: Int, library: String = Journal.libraryName
    ) throws(JournalError) {
        var reason = [CChar](repeating: 0, count: 256)
        guard unsafe csystemd_load(library, &reason, reason.count) == 0 else {
            throw .noLibrary(
                String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        var opened: OpaquePointer?
        switch source {
        case .directory(let directory):
            _ = try check("opening the journal in \(directory)", unsafe journal_open_directory(&opened, directory, 0))
        case .host(let namespaces) where namespaces.isAll || namespaces.areToldByEntries:
            let flags = csystemd_local_only | csystemd_all_namespaces
            _ = try check("sd_journal_open_namespace", unsafe journal_open_namespace(&opened, nil, flags))
        case .host(let namespaces):
            guard let name = namespaces.names.first else {
                _ = try check("sd_journal_open", unsafe journal_open(&opened, csystemd_local_only))
                break
            }
            let flags = csystemd_local_only | (namespaces.hasOwn ? csystemd_own_namespace_too : 0)
            _ = try check("sd_journal_open_namespace", unsafe journal_open_namespace(&opened, name, flags))
        }
        guard let handle = unsafe opened else { throw .failed(call: "sd_journal_open", .invalid) }
        unsafe self.handle = handle
        _ = try check("sd_journal_set_data_threshold", unsafe journal_set_data_threshold(handle, maximumFieldBytes))
    }

    deinit { unsafe journal_close(handle) }

    // MARK: Lost pages

    /// Between these two calls a page of a file that is lost reads as zeros, on this thread, instead of ending the
    /// process. Around everything that is done with a journal.
    package static func beginReading() { journal_begin_reading() }
    package static func endReading() { journal_end_reading() }

    /// How many pages were lost on this thread: to be compared within one call.
    package static var lostPages: UInt { journal_lost_pages() }

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

    /// Calls `body` with the name and the value of each field; a field may come more than once.
    ///
    /// One pass over all fields costs less than asking for six of them by name, each of which searches from the first.
    @inline(__always)
    func forEachField(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) throws(JournalError) {
        unsafe journal_restart_data(handle)
        while true {
            var data: UnsafeRawPointer?
            var count = 0
            let answer = unsafe journal_enumerate_available_data(handle, &data, &count)
            guard try check("sd_journal_enumerate_data", answer) > 0 else { return }
            // A name has at most 64 bytes: journal-fields(7).
            guard let start = unsafe data, let equals = unsafe memchr(start, 0x3D, min(count, 65)) else { continue }
            let length = unsafe UnsafeRawPointer(equals) - start
            unsafe body(
                UnsafeRawBufferPointer(start: start, count: length),
                UnsafeRawBufferPointer(start: start + length + 1, count: count - length - 1))
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

    /// The ids of all boots, `limit` at the most, in the order of their first entries. Matches are gone then.
    package func boots(limit: Int) throws(JournalError) -> [String] {
        var boots: [(id: String, first: UInt64)] = []
        for id in try values(of: "_BOOT_ID", limit: limit) {
            removeMatches()
            try add([.match("_BOOT_ID=\(id)")])
            try seekHead()
            if try next() { boots.append((id, try realtimeMicroseconds())) }
        }
        removeMatches()
        return boots.sorted { $0.first < $1.first }.map(\.id)
    }

    /// The names of all fields that any entry has; `limit` at the most.
    package func fieldNames(limit: Int) throws(JournalError) -> [String] {
        unsafe journal_restart_fields(handle)
        var name: UnsafePointer<CChar>?
        var names: [String] = []
        while names.count < limit,
            try unsafe check("sd_journal_enumerate_fields", journal_enumerate_fields(handle, &name)) > 0
        {
            if let name = unsafe name { names.append(unsafe String(cString: name)) }
        }
        return names
    }
}

/// libsystemd answers a negative error number.
private func check(_ call: String, _ answer: Int32) throws(JournalError) -> Int32 {
    guard answer >= 0 else { throw .failed(call: call, Errno(code: -answer)) }
    return answer
}
