// When a record was written: from text to nanoseconds since 1970. RFC 3339, counts since 1970, and patterns as of
// strptime(3).

package import Bytes

/// How a time is written.
package enum TimeFormat: Sendable {
    /// RFC 3339, or a count since 1970 in the unit that its size tells.
    case automatic
    case rfc3339
    /// A count since 1970; one of it is that many nanoseconds.
    case epoch(nanoseconds: Int64)
    case pattern(TimePattern)
}

/// Reads the times of one input.
package struct TimeReading: Sendable {
    /// How far ahead a time without a year may be, nanoseconds: a day.
    private static let aheadLimit: Int64 = 86_400_000_000_000

    private let format: TimeFormat
    /// Of times that do not say.
    private let zone: TimeZoneRules
    /// Times of a log are of the same day nearly always: midnight UTC of the last one.
    private var lastDay: (year: Int, month: Int, day: Int, unixSeconds: Int64)?
    /// Local times in this range have this offset for certain.
    private var lastOffset: (local: Range<Int64>, seconds: Int64)?

    package init(_ format: TimeFormat, zone: TimeZoneRules) {
        self.format = format
        self.zone = zone
    }

    /// nil when it cannot be read as a whole. `now` decides what the text leaves open.
    mutating func read(_ bytes: [UInt8], _ range: Range<Int>, now: Int64) -> Int64? {
        switch format {
        case .automatic:
            return readRFC3339(bytes, range, now: now) ?? EpochCount.of(bytes, range)?.unixNanoseconds()
        case .rfc3339: return readRFC3339(bytes, range, now: now)
        case .epoch(let scale): return EpochCount.of(bytes, range)?.times(scale)
        case .pattern(let pattern):
            var at = range.lowerBound
            guard let parts = pattern.read(bytes, &at, range.upperBound), at == range.upperBound else { return nil }
            return resolve(parts, of: bytes, now: now)
        }
    }

    /// A time by the pattern at `index`, which moves behind it.
    mutating func read(
        _ pattern: TimePattern, _ bytes: [UInt8], _ index: inout Int, _ end: Int, now: Int64
    ) -> Int64? {
        guard let parts = pattern.read(bytes, &index, end) else { return nil }
        return resolve(parts, of: bytes, now: now)
    }

    /// `2026-11-21T02:38:30.123456789Z`; also with a blank or `_` for the `T`, a comma for the point, a zone without
    /// its colon, and none at all.
    package mutating func readRFC3339(_ bytes: [UInt8], _ range: Range<Int>, now: Int64) -> Int64? {
        guard let time = WrittenTime(bytes, range), let midnight = midnight(time.year, time.month, time.day) else {
            return nil
        }
        return unixNanoseconds(midnight + time.clockSeconds, time.nanoseconds, offset: time.offset, now: now)
    }

    /// `bytes` are those that the parts were read from.
    private mutating func resolve(_ parts: TimeParts, of bytes: [UInt8], now: Int64) -> Int64? {
        if let seconds = parts.unixSeconds {
            return nanosecondsOf(seconds, parts.nanoseconds)
        }
        if let year = parts.year { return time(of: parts, in: year, bytes, now: now) }
        // Without a year: the latest time that is not in the future. Clocks and zones may differ by a day, no more. In
        // the last days of a year, that of the next may be shown already; February 29 looks back over 2100.
        let today = CivilTime(unixSeconds: now / 1_000_000_000)
        let isLate = today.month == 12 && today.day >= 29
        for year in stride(from: isLate ? today.year + 1 : today.year, through: today.year - 8, by: -1) {
            guard let time = time(of: parts, in: year, bytes, now: now),
                time <= min(now, .max - Self.aheadLimit) + Self.aheadLimit
            else { continue }
            return time
        }
        return nil
    }

    private mutating func time(of parts: TimeParts, in year: Int, _ bytes: [UInt8], now: Int64) -> Int64? {
        guard let midnight = day(of: parts, year) else { return nil }
        let local = midnight + Int64(parts.hour * 3_600 + parts.minute * 60 + parts.second)
        var offset = parts.offset
        if offset == nil, let name = parts.zoneName {
            // What a name means that is not the zone's own, nobody knows.
            guard let known = zone.offset(named: bytes[name], local: local) else { return nil }
            offset = known
        }
        return unixNanoseconds(local, parts.nanoseconds, offset: offset, now: now)
    }

    private mutating func day(of parts: TimeParts, _ year: Int) -> Int64? {
        guard let dayOfYear = parts.dayOfYear else {
            guard let month = parts.month, let day = parts.day else { return nil }
            return midnight(year, month, day)
        }
        guard let newYear = midnight(year, 1, 1) else { return nil }
        let midnight = newYear + Int64(dayOfYear - 1) * 86_400
        return CivilTime(unixSeconds: midnight).year == year ? midnight : nil
    }

    private mutating func midnight(_ year: Int, _ month: Int, _ day: Int) -> Int64? {
        if let last = lastDay, last.day == day, last.month == month, last.year == year { return last.unixSeconds }
        guard let seconds = CivilTime.unixSeconds(year: year, month: month, day: day) else { return nil }
        lastDay = (year, month, day, seconds)
        return seconds
    }

    private mutating func unixNanoseconds(_ local: Int64, _ nanoseconds: Int, offset: Int?, now: Int64) -> Int64? {
        if let offset { return nanosecondsOf(local - Int64(offset), nanoseconds) }
        if let last = lastOffset, last.local.contains(local) {
            return nanosecondsOf(local - last.seconds, nanoseconds)
        }
        let seconds = zone.unixSeconds(local: local, near: now / 1_000_000_000)
        let found = local - seconds
        // No clock was put forward or back within a day: then this hour has the same offset.
        let day: Int64 = 86_400
        if Int64(zone.offset(at: local - 2 * day)) == found, Int64(zone.offset(at: local + 2 * day)) == found {
            lastOffset = (local - 3_600..<local + 3_600, found)
        }
        return nanosecondsOf(seconds, nanoseconds)
    }

}

/// nil outside of what 64 bits hold: 1677 to 2262.
private func nanosecondsOf(_ seconds: Int64, _ nanoseconds: Int) -> Int64? {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = product.addingReportingOverflow(Int64(nanoseconds))
    return overflow || carry ? nil : sum
}

/// `2016-10-06T00:17:09.669794202Z`, also with an offset as `+02:00`, as container runtimes write it; nil for anything
/// else.
func parseRuntimeTime(_ bytes: [UInt8], _ range: Range<Int>) -> Int64? {
    guard let time = WrittenTime(bytes, range), time.isStrict, let offset = time.offset,
        let midnight = CivilTime.unixSeconds(year: time.year, month: time.month, day: time.day)
    else { return nil }
    return nanosecondsOf(midnight + time.clockSeconds - Int64(offset), time.nanoseconds)
}

/// The parts of a time of RFC 3339, and of what is like one.
private struct WrittenTime {
    let year: Int
    let month: Int
    let day: Int
    let clockSeconds: Int64
    private(set) var nanoseconds = 0
    /// Seconds east of Greenwich; nil for a time that does not say.
    let offset: Int?
    /// As RFC 3339 writes it, in capitals.
    let isStrict: Bool

    /// nil when it is none as a whole.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var at = range.lowerBound
        let end = range.upperBound
        guard range.count >= 19, let date = bytes.isoDate(at), let clock = bytes.isoClock(at + 11),
            bytes[at + 10].isBetweenDateAndTime
        else { return nil }
        (year, month, day) = date
        clockSeconds = clock
        var isStrict = bytes[at + 4] == UInt8(ascii: "-") && bytes[at + 10] == UInt8(ascii: "T")
        at += 19
        if at < end, bytes[at] == UInt8(ascii: ".") || bytes[at] == UInt8(ascii: ",") {
            isStrict = isStrict && bytes[at] == UInt8(ascii: ".")
            at += 1
            guard let fraction = bytes.fraction(&at, end) else { return nil }
            nanoseconds = fraction
        }
        // `Z`, or `+02:00`.
        let hasStrictZone =
            end - at == 1 ? bytes[at] == UInt8(ascii: "Z") : end - at == 6 && bytes[at + 3] == UInt8(ascii: ":")
        if at < end, bytes[at] == UInt8(ascii: " ") { at += 1 }
        offset = at == end ? nil : bytes.zoneOffset(&at, end)
        guard at == end else { return nil }
        self.isStrict = isStrict && hasStrictZone
    }
}

/// `1700000000.25`, `1.7e9`: digits times a power of ten.
private struct EpochCount {
    private var digits: Int64 = 0
    private var exponent = 0

    /// nil for what is no number as a whole.
    static func of(_ bytes: [UInt8], _ range: Range<Int>) -> EpochCount? {
        var number = EpochCount()
        var at = range.lowerBound
        let end = range.upperBound
        let isNegative = at < end && bytes[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        guard number.add(bytes, &at, end, isFraction: false) else { return nil }
        if at < end, bytes[at] == UInt8(ascii: ".") {
            at += 1
            guard number.add(bytes, &at, end, isFraction: true) else { return nil }
        }
        if at < end, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            let isSmall = at < end && bytes[at] == UInt8(ascii: "-")
            if isSmall || at < end && bytes[at] == UInt8(ascii: "+") { at += 1 }
            guard let value = bytes.number(&at, end, digits: 3) else { return nil }
            number.exponent += isSmall ? -value : value
        }
        guard at == end else { return nil }
        if isNegative { number.digits = -number.digits }
        return number
    }

    private mutating func add(_ bytes: [UInt8], _ at: inout Int, _ end: Int, isFraction: Bool) -> Bool {
        let start = at
        while at < end {
            let digit = bytes[at] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // What 64 bits cannot hold is finer than a nanosecond, or no time.
            if digits <= (Int64.max - 9) / 10 {
                digits = digits * 10 + Int64(digit)
                if isFraction { exponent -= 1 }
            } else if !isFraction {
                exponent += 1
            }
            at += 1
        }
        return at > start
    }

    /// Whole nanoseconds of so many times that unit; nil outside of 64 bits.
    func times(_ unit: Int64) -> Int64? {
        var power = exponent
        var scale = unit
        while scale > 1 {
            scale /= 10
            power += 1
        }
        guard digits != 0 else { return 0 }
        var value = digits
        while power > 0 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
            power -= 1
        }
        while power < 0, value != 0 {
            value /= 10
            power += 1
        }
        return value
    }

    /// Its size tells the unit: seconds up to the year 5138, then milliseconds, and so on.
    func unixNanoseconds() -> Int64? {
        guard let whole = times(1)?.magnitude else { return nil }
        switch whole {
        case 0..<100_000_000_000: return times(1_000_000_000)
        case 0..<100_000_000_000_000: return times(1_000_000)
        case 0..<100_000_000_000_000_000: return times(1_000)
        default: return times(1)
        }
    }
}

extension [UInt8] {
    /// Two digits; negative when they are none.
    @inline(__always)
    private func pair(_ at: Int) -> Int {
        let tens = self[at] &- UInt8(ascii: "0")
        let ones = self[at + 1] &- UInt8(ascii: "0")
        return tens <= 9 && ones <= 9 ? Int(tens) * 10 + Int(ones) : -10_000
    }

    /// `2026-11-21`; ten bytes are there.
    fileprivate func isoDate(_ at: Int) -> (year: Int, month: Int, day: Int)? {
        let year = pair(at) * 100 + pair(at + 2)
        let (month, day) = (pair(at + 5), pair(at + 8))
        let separator = self[at + 4]
        guard year >= 0, month > 0, day > 0, separator == self[at + 7],
            separator == UInt8(ascii: "-") || separator == UInt8(ascii: "/")
        else { return nil }
        return (year, month, day)
    }

    /// `02:38:30` in seconds, the leap second too; eight bytes are there.
    fileprivate func isoClock(_ at: Int) -> Int64? {
        let (hour, minute, second) = (pair(at), pair(at + 3), pair(at + 6))
        guard self[at + 2] == UInt8(ascii: ":"), self[at + 5] == UInt8(ascii: ":"), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return Int64(hour * 3_600 + minute * 60 + second)
    }
}

extension UInt8 {
    fileprivate var isBetweenDateAndTime: Bool {
        self | 0x20 == UInt8(ascii: "t") || self == UInt8(ascii: " ") || self == UInt8(ascii: "_")
    }
}
