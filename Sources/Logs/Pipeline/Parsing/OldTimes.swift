// The times of syslog before RFC 5424, as daemons and devices write them:
//
//     Nov 21 02:38:30                    RFC 3164
//     Nov 21 02:38:30 2026               the C library's, from old systems
//     Nov 21 02:38:30 CET 2026           date(1)'s; an example of RFC 3164, section 5.4
//     *Nov 21 02:38:30.123 CET           Cisco's IOS: a star or a point before a clock that is not set
//     Nov 21 2026 02:38:30               Cisco's ASA
//     2026 Nov 21 02:38:30 CET           Cisco's NX-OS
//     2026-11-21T02:38:30.003412+01:00   rsyslog's files, and with a blank for the `T`

internal import Bytes

struct OldTimes: Sendable {
    private let plain = Self.pattern("%b %e %H:%M:%S")
    private let plainZoned = Self.pattern("%b %e %H:%M:%S %Z")
    private let yearBehind = Self.pattern("%b %e %H:%M:%S %Y")
    private let yearBehindZone = Self.pattern("%b %e %H:%M:%S %Z %Y")
    private let yearWithin = Self.pattern("%b %e %Y %H:%M:%S")
    private let yearWithinZoned = Self.pattern("%b %e %Y %H:%M:%S %Z")
    private let yearFirst = Self.pattern("%Y %b %e %H:%M:%S")
    private let yearFirstZoned = Self.pattern("%Y %b %e %H:%M:%S %Z")

    private static func pattern(_ text: String) -> TimePattern {
        do throws(TimePatternError) { return try TimePattern(text) } catch { bug("a pattern of our own: \(error)") }
    }

    /// Moves `index` behind a time that begins there; nil when none does. Unreadable is a time of a zone that is not
    /// known.
    func read(
        _ bytes: [UInt8], _ index: inout Int, _ end: Int, _ reading: inout TimeReading, ofDevice: Bool = false,
        now: Int64
    ) -> ParsedMessage.Time? {
        guard index < end else { return nil }
        if bytes[index].isDigit {
            if let found = readISO(bytes, &index, end, &reading, now: now) { return .time(found) }
            return read(yearFirst, yearFirstZoned, bytes, &index, end, &reading, ofDevice, now: now)
        }
        var at = index
        if bytes[at] == UInt8(ascii: "*") || bytes[at] == UInt8(ascii: ".") { at += 1 }
        guard at < end, (bytes[at] | 0x20) &- UInt8(ascii: "a") < 26 else { return nil }
        if let found = read(plain, plainZoned, bytes, &at, end, &reading, ofDevice, now: now) {
            var after = index + (bytes[index] == UInt8(ascii: "*") || bytes[index] == UInt8(ascii: ".") ? 1 : 0)
            if isYear(bytes, at, end), let time = reading.read(yearBehind, bytes, &after, end, now: now) {
                index = after
                return .time(time)
            }
            if let zoneEnd = zoneBeforeYear(bytes, at, end) {
                index = zoneEnd + " 2026".utf8.count
                return reading.read(yearBehindZone, bytes, &after, end, now: now).map { .time($0) } ?? .unreadable
            }
            index = at
            return found
        }
        guard let found = read(yearWithin, yearWithinZoned, bytes, &at, end, &reading, ofDevice, now: now) else {
            return nil
        }
        index = at
        return found
    }

    private func read(
        _ pattern: TimePattern, _ zoned: TimePattern, _ bytes: [UInt8], _ index: inout Int, _ end: Int,
        _ reading: inout TimeReading, _ isOfDevice: Bool, now: Int64
    ) -> ParsedMessage.Time? {
        var at = index
        guard let found = reading.read(pattern, bytes, &at, end, now: now) else { return nil }
        guard let zoneEnd = zone(bytes, at, end, isOfDevice) else {
            index = at
            return .time(found)
        }
        if let found = reading.read(zoned, bytes, &index, end, now: now) { return .time(found) }
        // Before a mnemonic it was a zone; else it is a tag in capitals.
        let isZone = zoneEnd + 2 < end && bytes[zoneEnd + 2] == UInt8(ascii: "%")
        index = isZone ? zoneEnd : at
        return isZone ? .unreadable : .time(found)
    }

    /// ` CET:`: where the name of a zone ends. On a device it may be called anything: `NewYork`.
    private func zone(_ bytes: [UInt8], _ start: Int, _ end: Int, _ isOfDevice: Bool) -> Int? {
        guard start < end, bytes[start] == 0x20 else { return nil }
        var at = start + 1
        let mask: UInt8 = isOfDevice ? 0xDF : 0xFF
        while at < end, bytes[at] & mask &- UInt8(ascii: "A") < 26 { at += 1 }
        guard 2...(isOfDevice ? 16 : 5) ~= at - start - 1, at < end, bytes[at] == UInt8(ascii: ":"),
            at + 1 == end || bytes[at + 1] == 0x20
        else { return nil }
        return at
    }

    /// ` CET 2026 `: where the name of the zone ends.
    private func zoneBeforeYear(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int? {
        guard start < end, bytes[start] == 0x20 else { return nil }
        var at = start + 1
        while at < end, bytes[at] &- UInt8(ascii: "A") < 26 { at += 1 }
        return 2...5 ~= at - start - 1 && isYear(bytes, at, end) ? at : nil
    }

    /// ` 2026 ` or ` 2026: `; `2001:db8::1` is a host.
    private func isYear(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Bool {
        guard start + 5 < end, bytes[start] == 0x20 else { return false }
        let isColon = bytes[start + 5] == UInt8(ascii: ":")
        guard isColon ? start + 6 == end || bytes[start + 6] == 0x20 : bytes[start + 5] == 0x20 else { return false }
        var at = start + 1
        guard let year = bytes.number(&at, end, digits: 4) else { return false }
        return at == start + 5 && 1_970...2_199 ~= year
    }

    private func readISO(
        _ bytes: [UInt8], _ index: inout Int, _ end: Int, _ reading: inout TimeReading, now: Int64
    ) -> Int64? {
        var at = index
        var stamp = bytes.word(&at, end)
        if stamp.count == "2026-11-21".utf8.count, at < end {
            at += 1
            stamp = stamp.lowerBound..<bytes.word(&at, end).upperBound
        }
        // Cisco's colon is none of the time.
        if stamp.count > 1, bytes[stamp.upperBound - 1] == UInt8(ascii: ":") {
            stamp = stamp.dropLast()
            at -= 1
        }
        guard let found = reading.readRFC3339(bytes, stamp, now: now) else { return nil }
        index = at
        return found
    }
}
