// The agent's own log: one line a message, logfmt, to standard error.
//
// Under systemd each line begins with `<N>`, its syslog priority; see sd-daemon(3). A message that repeats is folded:
// the first is written at once, those of the next minute are counted, and the count is written with the next one or
// when the minute is over: `repeated=7 first=2026-… last=2026-…` stands for seven more of them between these times. Who
// knows that things have changed ends the folding: what comes then is news, even in the same words.

internal import Bytes
internal import Glibc
internal import Synchronization

package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case error = 3
    case warning = 4
    case info = 6
    case debug = 7

    package static func < (one: LogLevel, other: LogLevel) -> Bool { one.rawValue < other.rawValue }

    package init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    package var name: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .info: "info"
        case .debug: "debug"
        }
    }
}

package final class AgentLog: Sendable {
    /// Messages whose repetitions are counted at the same time. Beyond it the oldest is written and forgotten.
    private static let foldedLimit = 64
    private static let foldingTime: Duration = .seconds(60)

    private struct Folded {
        let text: [UInt8]
        let level: LogLevel
        var since: Instant
        /// Not written yet: how many, and when the first and the last of them came, in nanoseconds since 1970.
        var count = 0
        var first: Int64 = 0
        var last: Int64 = 0

        mutating func add(at now: Moment) {
            if count == 0 { first = now.unixNanoseconds }
            last = now.unixNanoseconds
            count += 1
        }
    }

    private struct State {
        var folded: [Folded] = []
        var level: LogLevel
        /// In the order of `LogLevel.allCases`.
        var counts = [UInt64](repeating: 0, count: LogLevel.allCases.count)
    }

    private let state: Mutex<State>
    private let withPriority: Bool
    private let withTime: Bool
    private let sink: @Sendable ([UInt8]) -> Void

    /// Under systemd, lines begin with their priority and have no time, since the journal has both.
    package init(
        level: LogLevel, underSystemd: Bool, sink: @escaping @Sendable ([UInt8]) -> Void = writeToStandardError
    ) {
        state = Mutex(State(level: level))
        withPriority = underSystemd
        withTime = !underSystemd
        self.sink = sink
    }

    /// Drops everything: for tests of other things.
    package static let silent = AgentLog(level: .error, underSystemd: false, sink: { _ in })

    /// Messages so far, those that were folded included; not those below the level.
    package var messageCounts: [(level: LogLevel, count: UInt64)] {
        let counts = state.withLock { $0.counts }
        return zip(LogLevel.allCases, counts).map { ($0, $1) }
    }

    package func setLevel(_ level: LogLevel) { state.withLock { $0.level = level } }

    package func error(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.error, message, fields)
    }
    package func warning(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.warning, message, fields)
    }
    package func info(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.info, message, fields)
    }
    package func debug(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.debug, message, fields)
    }

    package func write(
        _ level: LogLevel, _ message: String, _ fields: KeyValuePairs<String, String>, at now: Moment = .now
    ) {
        state.withLock { state in
            guard level <= state.level else { return }
            if let index = LogLevel.allCases.firstIndex(of: level) { state.counts[index] += 1 }
            let text = Self.render(level, message, fields)
            var repeated: Folded?
            if let index = state.folded.firstIndex(where: { $0.text == text }) {
                if now.monotonic - state.folded[index].since < Self.foldingTime {
                    state.folded[index].add(at: now)
                    return
                }
                // Its minute is over and its count not written: one line says both.
                var folded = state.folded.remove(at: index)
                if folded.count > 0 {
                    folded.add(at: now)
                    repeated = folded
                }
            }
            flush(&state, at: now)
            if state.folded.count >= Self.foldedLimit { emit(state.folded.removeFirst(), at: now) }
            state.folded.append(Folded(text: text, level: level, since: now.monotonic))
            put(text, level, repeated: repeated, at: now)
        }
    }

    /// Something has changed for what these fields name: messages that have them, in this order, are counted no
    /// further. The counts so far are written, and the next is written at once even if it says the same.
    package func endFolding(_ fields: KeyValuePairs<String, String>, at now: Moment = .now) {
        var wanted: [UInt8] = []
        wanted.append(fields: fields)
        state.withLock { state in
            while let index = state.folded.firstIndex(where: { $0.text.holdsFields(wanted) }) {
                emit(state.folded.remove(at: index), at: now)
            }
        }
    }

    /// Writes the counts of messages whose minute is over; all of them when `everything`. Called now and then, and at
    /// the stop.
    package func flush(everything: Bool = false, at now: Moment = .now) {
        state.withLock { flush(&$0, everything: everything, at: now) }
    }

    private func flush(_ state: inout State, everything: Bool = false, at now: Moment) {
        while let index = state.folded.firstIndex(where: {
            everything || now.monotonic - $0.since >= Self.foldingTime
        }) {
            emit(state.folded.remove(at: index), at: now)
        }
    }

    private func emit(_ folded: Folded, at now: Moment) {
        if folded.count > 0 { put(folded.text, folded.level, repeated: folded, at: now) }
    }

    private func put(_ text: [UInt8], _ level: LogLevel, repeated: Folded?, at now: Moment) {
        var line: [UInt8] = []
        if withPriority {
            line.append(UInt8(ascii: "<"))
            line.append(decimal: level.rawValue)
            line.append(UInt8(ascii: ">"))
        }
        if withTime {
            line.append("time=")
            line.append(rfc3339: now.unixNanoseconds)
            line.append(UInt8(ascii: " "))
        }
        line.append(contentsOf: text)
        if let repeated {
            line.append(" repeated=")
            line.append(decimal: repeated.count)
            line.append(" first=")
            line.append(rfc3339: repeated.first)
            line.append(" last=")
            line.append(rfc3339: repeated.last)
        }
        line.append(UInt8(ascii: "\n"))
        sink(line)
    }

    private static func render(_ level: LogLevel, _ message: String, _ fields: KeyValuePairs<String, String>) -> [UInt8]
    {
        var text: [UInt8] = []
        text.append("level=")
        text.append(text: level.name)
        text.append(" msg=")
        text.append(logfmt: message)
        text.append(fields: fields)
        return text
    }
}

extension [UInt8] {
    fileprivate mutating func append(fields: KeyValuePairs<String, String>) {
        for (key, value) in fields {
            append(UInt8(ascii: " "))
            append(text: key)
            append(UInt8(ascii: "="))
            append(logfmt: value)
        }
    }

    /// Whether `fields`, with the space before them, stand here, and end where a field ends.
    fileprivate func holdsFields(_ fields: [UInt8]) -> Bool {
        guard !fields.isEmpty, count >= fields.count else { return false }
        return (0...count - fields.count).contains { start in
            let end = start + fields.count
            return self[start] == fields[0] && self[start..<end].elementsEqual(fields)
                && (end == count || self[end] == UInt8(ascii: " "))
        }
    }

    /// As it is when it is one plain word, else in quotes with JSON's escapes, which keeps a message on one line.
    fileprivate mutating func append(logfmt value: String) {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") && $0 < 0x7F }
        if isPlain { return append(text: value) }
        let start = count
        append(jsonString: value)
        guard value.unicodeScalars.contains(where: { $0.value >= 0x7F && !$0.isPrintable }) else { return }
        // JSON allows what a terminal would heed, such as U+009B and U+202E.
        let quoted = String(decoding: self[start...], as: UTF8.self)
        removeLast(count - start)
        for scalar in quoted.unicodeScalars {
            if scalar.isPrintable {
                append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            } else {
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    append("\\u")
                    append(hexadecimal: UInt8(unit >> 8))
                    append(hexadecimal: UInt8(unit & 0xFF))
                }
            }
        }
    }
}

package let standardError = STDERR_FILENO

/// Lines that nobody took, since the last that somebody did.
private let lostLines = Mutex(0)

/// One write(2) a line, so that lines of several threads do not mix. A pipe that is full, since nobody reads it any
/// more, loses the line rather than the agent: only the first that finds it so waits a little. How many were lost is
/// said when somebody reads again.
package func writeToStandardError(_ line: [UInt8]) {
    let patience: Int32 = 100
    let lost = lostLines.withLock(\.self)
    guard isWritable(STDERR_FILENO, within: lost == 0 ? patience : 0) else { return lostLines.withLock { $0 += 1 } }
    var bytes = line
    if lost > 0 {
        lostLines.withLock { $0 -= lost }
        let priority = line.first == UInt8(ascii: "<") ? "<\(LogLevel.warning.rawValue)>" : ""
        let text = "level=warning msg=\"lines of this log were lost: nobody took them\" lines=\(lost)\n"
        bytes = Array((priority + text).utf8) + line
    }
    var rest = bytes[...]
    // So much a pipe takes at once when it takes anything: see pipe(7), PIPE_BUF.
    let atOnce = 4_096
    while !rest.isEmpty {
        guard isWritable(STDERR_FILENO, within: patience) else { return lostLines.withLock { $0 += 1 } }
        let part = Array(rest.prefix(atOnce))
        let written = unsafe part.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
        guard written > 0 else { return lostLines.withLock { $0 += 1 } }
        rest = rest.dropFirst(written)
    }
}

/// Whether a write would not wait; also true when it would fail at once. `milliseconds` is how long to wait for that.
private func isWritable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&entry, 1, milliseconds) != 0
}

/// Whether what is written to `descriptor` goes straight to the journal: `journalStream`, the variable JOURNAL_STREAM,
/// then names its device and inode. The variable alone says nothing, since children inherit it. See systemd.exec(5).
package func isJournal(_ descriptor: Int32, journalStream: String?) -> Bool {
    guard let numbers = journalStream?.split(separator: ":").map({ UInt64($0) }), numbers.count == 2 else {
        return false
    }
    var raw = stat()
    guard unsafe fstat(descriptor, &raw) == 0 else { return false }
    return numbers[0] == UInt64(raw.st_dev) && numbers[1] == UInt64(raw.st_ino)
}
