// Lines of syslog, as they are sent and as daemons write them into files:
//
//     <34>1 2026-11-21T02:38:30.003Z web1 su 123 ID47 [origin@1 ip="10.0.0.1"] 'su root' failed      RFC 5424
//     <34>Nov 21 02:38:30 web1 su[123]: 'su root' failed                                             RFC 3164
//     2026-11-21T02:38:30.003412+01:00 web1 su[123]: 'su root' failed                                rsyslog's files
//
// `<34>` is the facility times eight and the severity; in files it is missing.

internal import Bytes

struct SyslogMessage: MessageParser {
    private static let facilities: [StaticString] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ]

    private var time: TimeReading
    /// `Nov 21 02:38:30`, as RFC 3164 has it, and with a year, as network devices write it.
    private let oldTimes: [TimePattern]

    init(zone: TimeZoneRules) {
        time = TimeReading(.rfc3339, zone: zone)
        do throws(TimePatternError) {
            oldTimes = [try TimePattern("%b %e %H:%M:%S"), try TimePattern("%b %e %Y %H:%M:%S")]
        } catch { bug("a pattern of our own: \(error)") }
    }

    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        var index = draft.text.lowerBound
        let end = draft.text.upperBound
        var parsed = ParsedMessage()
        let hasPriority = draft.bytes.skip("<", &index, end)
        if hasPriority {
            guard let number = draft.bytes.number(&index, end, digits: 3), draft.bytes.skip(">", &index, end),
                number / 8 < Self.facilities.count
            else { return nil }
            found.add(
                draft.append("facility"), draft.append(Self.facilities[number / 8]), mayHaveRole: false,
                in: draft.bytes)
            parsed.severity = Severity(syslog: number % 8)
            if index + 1 < end, draft.bytes.has(index..<index + 2, "1 ") {
                index += 2
                return parseNew(&draft, &found, &index, end, &parsed, now: now) ? parsed : nil
            }
        }
        return parseOld(&draft, &found, &index, end, &parsed, now: now) ? parsed : nil
    }

    // MARK: RFC 5424

    private mutating func parseNew(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int,
        _ parsed: inout ParsedMessage, now: Int64
    ) -> Bool {
        let stamp = draft.bytes.word(&index, end)
        if !draft.bytes.has(stamp, "-") {
            parsed.time = time.readRFC3339(draft.bytes, stamp, now: now).map { .time($0) } ?? .unreadable
        }
        for name: StaticString in ["hostname", "appname", "procid", "msgid"] {
            guard draft.bytes.skip(" ", &index, end) else { return false }
            let value = draft.bytes.word(&index, end)
            guard !value.isEmpty else { return false }
            // A dash says that there is none.
            guard !draft.bytes.has(value, "-") else { continue }
            found.add(draft.append(name), value, mayHaveRole: false, in: draft.bytes)
        }
        guard draft.bytes.skip(" ", &index, end) else { return false }
        if !draft.bytes.skip("-", &index, end) {
            guard index < end, draft.bytes[index] == UInt8(ascii: "[") else { return false }
            while draft.bytes.skip("[", &index, end) {
                guard parseElement(&draft, &found, &index, end) else { return false }
            }
        }
        guard index == end || draft.bytes.skip(" ", &index, end) else { return false }
        // A byte order mark says that the text is UTF-8, which it is taken for anyway.
        if index + 3 <= end, draft.bytes[index..<index + 3].elementsEqual([0xEF, 0xBB, 0xBF]) { index += 3 }
        parsed.message = index..<end
        return true
    }

    /// `origin@1 ip="10.0.0.1" …]`: each parameter is a field `origin@1.ip`.
    private func parseElement(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int
    ) -> Bool {
        func name(_ draft: RecordDraft) -> Range<Int> {
            let start = index
            while index < end, draft.bytes[index] > 0x20, draft.bytes[index] != UInt8(ascii: "="),
                draft.bytes[index] != UInt8(ascii: "]"), draft.bytes[index] != UInt8(ascii: "\"")
            {
                index += 1
            }
            return start..<index
        }
        let element = name(draft)
        guard !element.isEmpty else { return false }
        while draft.bytes.skip(" ", &index, end) {
            let parameter = name(draft)
            guard !parameter.isEmpty, draft.bytes.skip("=", &index, end),
                let (inside, hasEscapes) = draft.bytes.quoted(&index, end)
            else { return false }
            let value = hasEscapes ? draft.unescapedParameter(inside) : inside
            guard element.count + parameter.count < FoundFields.nameByteLimit else {
                found.cut()
                continue
            }
            let start = draft.bytes.count
            // What a parameter is by its name, it is in any element.
            let hasRole =
                FieldRole.of(draft.bytes, parameter).map { $0.kind == .traceID || $0.kind == .spanID } ?? false
            if !hasRole {
                draft.bytes.append(copyOf: element)
                draft.bytes.append(UInt8(ascii: "."))
            }
            draft.bytes.append(copyOf: parameter)
            found.add(start..<draft.bytes.count, value, mayHaveRole: true, in: draft.bytes)
        }
        return draft.bytes.skip("]", &index, end)
    }

    // MARK: RFC 3164

    private mutating func parseOld(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int,
        _ parsed: inout ParsedMessage, now: Int64
    ) -> Bool {
        guard let stamp = readOldTime(draft.bytes, &index, end, now: now) else { return false }
        parsed.time = .time(stamp)
        // The colon is Cisco's.
        _ = draft.bytes.skip(":", &index, end)
        guard draft.bytes.skip(" ", &index, end) else { return false }
        while draft.bytes.skip(" ", &index, end) {}

        // What a local program says comes without a host: then the first word is the tag.
        var at = index
        let host = draft.bytes.word(&at, end)
        if tag(draft.bytes, index, end) == nil, !host.isEmpty, at < end {
            found.add(draft.append("hostname"), host, mayHaveRole: false, in: draft.bytes)
            index = at + 1
        }
        if let tag = tag(draft.bytes, index, end) {
            found.add(draft.append("appname"), tag.name, mayHaveRole: false, in: draft.bytes)
            if let process = tag.process {
                found.add(draft.append("procid"), process, mayHaveRole: false, in: draft.bytes)
            }
            index = tag.end
            _ = draft.bytes.skip(" ", &index, end)
        }
        parsed.message = index..<end
        return true
    }

    private mutating func readOldTime(_ bytes: [UInt8], _ index: inout Int, _ end: Int, now: Int64) -> Int64? {
        guard index < end else { return nil }
        if bytes[index] &- UInt8(ascii: "0") <= 9 {
            var at = index
            let stamp = bytes.word(&at, end)
            guard let found = time.readRFC3339(bytes, stamp, now: now) else { return nil }
            index = at
            return found
        }
        // Before a clock that is not set, Cisco's devices put a star.
        _ = bytes.skip("*", &index, end)
        for pattern in oldTimes {
            if let found = time.read(pattern, bytes, &index, end, now: now) { return found }
        }
        return nil
    }

    /// `su[123]:`, `kernel:`, up to the colon.
    private func tag(
        _ bytes: [UInt8], _ start: Int, _ end: Int
    ) -> (name: Range<Int>, process: Range<Int>?, end: Int)? {
        var at = start
        while at < end, bytes[at] != UInt8(ascii: ":"), bytes[at] != UInt8(ascii: "["), bytes[at] > 0x20 { at += 1 }
        let name = start..<at
        guard !name.isEmpty, at < end else { return nil }
        var process: Range<Int>?
        if bytes[at] == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]"), in: at..<end), close + 1 < end else { return nil }
            process = at + 1..<close
            at = close + 1
        }
        guard bytes[at] == UInt8(ascii: ":") else { return nil }
        // An address of version 6, and a time, have colons too: a tag's is followed by a space, or by nothing.
        guard at + 1 == end || bytes[at + 1] == UInt8(ascii: " ") else { return nil }
        return (name, process, at + 1)
    }
}

extension RecordDraft {
    /// RFC 5424, section 6.3.3: `\"`, `\\` and `\]`; any other backslash is one.
    fileprivate mutating func unescapedParameter(_ range: Range<Int>) -> Range<Int> {
        let start = bytes.count
        var at = range.lowerBound
        while at < range.upperBound {
            if bytes[at] == UInt8(ascii: "\\"), at + 1 < range.upperBound {
                switch bytes[at + 1] {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"): at += 1
                default: break
                }
            }
            bytes.append(bytes[at])
            at += 1
        }
        return start..<bytes.count
    }
}
