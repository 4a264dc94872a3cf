// Lines of syslog, as they are sent and as daemons write them into files:
//
//     <34>1 2026-11-21T02:38:30.003Z web1 su 123 ID47 [origin@1 ip="10.0.0.1"] 'su root' failed      RFC 5424
//     <34>Nov 21 02:38:30 web1 su[123]: 'su root' failed                                             RFC 3164
//     2026-11-21T02:38:30.003412+01:00 web1 su[123]: 'su root' failed                                rsyslog's files
//
// `<34>` is the facility times eight and the severity; in files it is missing. What devices of networks write keeps at
// least these, whatever comes behind them.

internal import Bytes

struct SyslogMessage: MessageParser {
    private static let facilities: [StaticString] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ]

    private var time: TimeReading
    private let oldTimes: OldTimes

    init(zone: TimeZoneRules) {
        time = TimeReading(.rfc3339, zone: zone)
        oldTimes = OldTimes()
    }

    mutating func parse(_ draft: inout RecordDraft, _ found: inout FoundFields, now: Int64) -> ParsedMessage? {
        var index = draft.text.lowerBound
        let end = draft.text.upperBound
        var parsed = ParsedMessage()
        guard draft.bytes.skip("<", &index, end) else {
            return parseOld(&draft, &found, &index, end, &parsed, now: now) ? parsed : nil
        }
        guard let number = draft.bytes.number(&index, end, digits: 3), draft.bytes.skip(">", &index, end),
            number / 8 < Self.facilities.count
        else { return nil }
        addFacility(number / 8, to: &draft, &found)
        parsed.severity = Severity(syslog: number % 8)
        if index + 1 < end, draft.bytes.has(index..<index + 2, "1 ") {
            var at = index + 2
            if parseNew(&draft, &found, &at, end, &parsed, now: now) { return parsed }
            // Devices write a `1` and then something of their own: what is told by the number in front stays true.
            var second = index + 2
            let word = draft.bytes.word(&second, end)
            guard !word.isEmpty, !draft.bytes.has(word, "-") else { return nil }
            found.begin(draft)
            addFacility(number / 8, to: &draft, &found)
            parsed.time = .none
        }
        var at = index
        if parseOld(&draft, &found, &at, end, &parsed, now: now) { return parsed }
        return parseDevice(&draft, &found, &index, end, &parsed, now: now) ? parsed : nil
    }

    private func addFacility(_ number: Int, to draft: inout RecordDraft, _ found: inout FoundFields) {
        found.add(draft.append("facility"), draft.append(Self.facilities[number]), mayHaveRole: false, in: draft.bytes)
    }

    // MARK: RFC 5424

    private mutating func parseNew(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int,
        _ parsed: inout ParsedMessage, now: Int64
    ) -> Bool {
        let stamp = draft.bytes.word(&index, end)
        var hasTime = false
        if !draft.bytes.has(stamp, "-") {
            parsed.time = time.readRFC3339(draft.bytes, stamp, now: now).map { .time($0) } ?? .unreadable
            if case .time = parsed.time { hasTime = true }
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
        let start = index
        if !parseData(&draft, &found, &index, end) {
            // Many leave the structured data out, and ESXi's has no quotes. All before it was as it should be.
            guard hasTime else { return false }
            index = start
        }
        // A byte order mark says that the text is UTF-8, which it is taken for anyway.
        if index + 3 <= end, draft.bytes[index..<index + 3].elementsEqual([0xEF, 0xBB, 0xBF]) { index += 3 }
        parsed.message = index..<end
        return true
    }

    /// All elements, or the dash for none, and the space behind them. When it fails, no field of them is kept.
    private func parseData(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int
    ) -> Bool {
        if draft.bytes.skip("-", &index, end) { return index == end || draft.bytes.skip(" ", &index, end) }
        guard index < end, draft.bytes[index] == UInt8(ascii: "[") else { return false }
        let before = found.mark
        while draft.bytes.skip("[", &index, end) {
            guard parseElement(&draft, &found, &index, end) else {
                found.restore(before)
                return false
            }
        }
        guard index == end || draft.bytes.skip(" ", &index, end) else {
            found.restore(before)
            return false
        }
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
        guard let stamp = oldTimes.read(draft.bytes, &index, end, &time, now: now) else { return false }
        parsed.time = stamp
        // The colon is Cisco's, and what is behind it is the message.
        let isDevice = draft.bytes.skip(":", &index, end)
        guard draft.bytes.skip(" ", &index, end) else { return false }
        while draft.bytes.skip(" ", &index, end) {}
        if !isDevice { parseHost(&draft, &found, &index, end) }
        parseTag(&draft, &found, &index, end)
        parsed.message = index..<end
        return true
    }

    private func parseHost(_ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int) {
        // AIX: `Message forwarded from web1: su: failed`.
        let forwarded: StaticString = "Message forwarded from "
        let isForwarded =
            index + forwarded.utf8CodeUnitCount < end
            && draft.bytes.has(index..<index + forwarded.utf8CodeUnitCount, forwarded)
        if isForwarded { index += forwarded.utf8CodeUnitCount }
        var at = index
        var host = draft.bytes.word(&at, end)
        guard !host.isEmpty, at < end else { return }
        if isForwarded, draft.bytes[host.upperBound - 1] == UInt8(ascii: ":") {
            host = host.dropLast()
        } else {
            // What a local program says comes without a host: then the first word is the tag. And some write only text.
            guard tag(draft.bytes, index, end) == nil, draft.bytes.isHost(host),
                !Line(draft.bytes, index..<end).hasPrefix("last message repeated ")
            else { return }
        }
        found.add(draft.append("hostname"), host, mayHaveRole: false, in: draft.bytes)
        index = at + 1
        // Cisco's ASA: `fw1 : %ASA-6-302013: …`.
        if index + 1 < end, draft.bytes.has(index..<index + 2, ": ") { index += 2 }
    }

    private func parseTag(_ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int) {
        guard let tag = tag(draft.bytes, index, end) else { return }
        // A number alone is Cisco's count of its messages.
        let isNumber = tag.process == nil && draft.bytes.isCount(tag.name)
        found.add(draft.append(isNumber ? "sequence" : "appname"), tag.name, mayHaveRole: false, in: draft.bytes)
        if let process = tag.process {
            found.add(draft.append("procid"), process, mayHaveRole: false, in: draft.bytes)
        }
        index = tag.end
        _ = draft.bytes.skip(" ", &index, end)
    }

    // MARK: Devices

    /// What comes behind `<187>` and does not begin with a time: words with a colon before the time or before Cisco's
    /// mnemonic, or a text alone (RFC 3164, section 4.3.3). False when there is nothing.
    ///
    ///     45: Nov 30 12:00:00.123: %LINK-3-UPDOWN: …        a count of messages
    ///     45: sw1: *Nov 30 12:00:00.123 UTC: %LINK…         and a name
    ///     45: 1w2d: %LINK-3-UPDOWN: …                       how long it is up
    ///     : 2026 Nov 30 12:00:00 CET: %ETHPORT-5-IF_UP: …   NX-OS
    private mutating func parseDevice(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ index: inout Int, _ end: Int,
        _ parsed: inout ParsedMessage, now: Int64
    ) -> Bool {
        var at = index
        _ = draft.bytes.skip(":", &at, end)
        while draft.bytes.skip(" ", &at, end) {}
        guard at < end else { return false }
        var words: [(name: StaticString, range: Range<Int>)] = []
        while true {
            if let stamp = oldTimes.read(draft.bytes, &at, end, &time, ofDevice: true, now: now) {
                guard draft.bytes.skip(":", &at, end) || at == end || draft.bytes[at] == 0x20 else { break }
                parsed.time = stamp
                while draft.bytes.skip(" ", &at, end) {}
                return finishDevice(&draft, &found, words, at..<end, &parsed)
            }
            if at < end, draft.bytes[at] == UInt8(ascii: "%") {
                return finishDevice(&draft, &found, words, at..<end, &parsed)
            }
            let word = draft.bytes.word(&at, end)
            guard words.count < 4, word.count > 1, at < end, draft.bytes[word.upperBound - 1] == UInt8(ascii: ":")
            else {
                break
            }
            words.append((draft.bytes.deviceWord(word.dropLast()), word.dropLast()))
            while draft.bytes.skip(" ", &at, end) {}
        }
        parsed.time = .none
        // A word with a colon may be anything here; one with a number in brackets is a program.
        at = index
        while draft.bytes.skip(" ", &at, end) {}
        if tag(draft.bytes, at, end)?.process != nil { parseTag(&draft, &found, &at, end) }
        parsed.message = at..<end
        return true
    }

    private func finishDevice(
        _ draft: inout RecordDraft, _ found: inout FoundFields, _ words: [(name: StaticString, range: Range<Int>)],
        _ rest: Range<Int>, _ parsed: inout ParsedMessage
    ) -> Bool {
        for word in words { found.add(draft.append(word.name), word.range, mayHaveRole: false, in: draft.bytes) }
        var index = rest.lowerBound
        parseTag(&draft, &found, &index, rest.upperBound)
        parsed.message = index..<rest.upperBound
        return true
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

extension [UInt8] {
    /// A name of a host, or an address: letters and digits, and what may stand between them.
    fileprivate func isHost(_ range: Range<Int>) -> Bool {
        self[range].contains { $0.isNameByte && $0 != UInt8(ascii: "_") }
            && self[range].allSatisfy { $0.isNameByte || "-.:[]%/@+~".utf8.contains($0) }
    }

    /// What a word before the time of a device is: a count, how long it is up (`1w2d`, `00:00:46`), or its name.
    fileprivate func deviceWord(_ range: Range<Int>) -> StaticString {
        if isCount(range) { return "sequence" }
        guard self[range.lowerBound].isDigit else { return "hostname" }
        let hasUnits = self[range].allSatisfy { $0.isDigit || "ywdhms".utf8.contains($0) }
        let isClock = range.count == 8 && self[range].allSatisfy { $0.isDigit || $0 == UInt8(ascii: ":") }
        return hasUnits || isClock ? "uptime" : "hostname"
    }

    fileprivate func isCount(_ range: Range<Int>) -> Bool {
        // IOS XR counts below zero.
        let digits = self[range.lowerBound] == UInt8(ascii: "-") ? range.dropFirst() : range
        return !digits.isEmpty && self[digits].allSatisfy(\.isDigit)
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
