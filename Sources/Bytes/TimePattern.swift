// Times by a pattern as strptime(3) takes it, read from bytes. Names are English, whatever the locale.

/// What a text said of a time; what it did not say is nil.
package struct TimeParts: Equatable, Sendable {
    package var year: Int?
    package var month: Int?
    package var day: Int?
    package var dayOfYear: Int?
    package var hour = 0
    package var minute = 0
    /// 60 is a leap second.
    package var second = 0
    package var nanoseconds = 0
    package var isAfternoon: Bool?
    /// Seconds east of Greenwich.
    package var offset: Int?
    /// Where the name of a zone stands that is none of UTC's: only the rules of a zone can say what it means.
    package var zoneName: Range<Int>?
    package var unixSeconds: Int64?

    package init() {}
}

package struct TimePatternError: Error, Equatable, CustomStringConvertible {
    package let reason: String
    package var description: String { reason }
}

/// A compiled pattern.
package struct TimePattern: Sendable {
    private enum Step: Sendable {
        case literal(UInt8)
        /// Any number of blanks, none too.
        case blank
        case year, yearOfCentury, month, monthName, day, dayOfYear
        case hour, hourOfHalf, half, minute, fraction
        /// With a fraction, if there is one and the pattern does not name it.
        case second(takesFraction: Bool)
        case weekday, offset, zoneName, unixSeconds
    }

    private var steps: [Step] = []
    /// It reads a zone, or needs none.
    package private(set) var hasZone = false

    package init(_ text: String) throws(TimePatternError) {
        try add(Array(text.utf8))
        for index in steps.indices.dropLast() {
            if case .second = steps[index], case .literal(let next) = steps[index + 1], next.isFractionMark {
                steps[index] = .second(takesFraction: false)
            }
        }
        var hasDay = false
        var hasMonth = false
        for step in steps {
            switch step {
            case .day: hasDay = true
            case .month, .monthName: hasMonth = true
            case .dayOfYear, .unixSeconds: (hasDay, hasMonth) = (true, true)
            default: break
            }
            switch step {
            case .offset, .unixSeconds: hasZone = true
            default: break
            }
        }
        guard hasDay, hasMonth else { throw TimePatternError(reason: "the pattern has no day: %m and %d, %j or %s") }
    }

    private mutating func add(_ text: [UInt8]) throws(TimePatternError) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                steps.append(byte.isBlank ? .blank : .literal(byte))
                continue
            }
            guard index < text.count else { throw TimePatternError(reason: "the pattern ends with %") }
            let letter = text[index]
            index += 1
            switch Unicode.Scalar(letter) {
            case "D": try add(Array("%m/%d/%y".utf8))
            case "F": try add(Array("%Y-%m-%d".utf8))
            case "R": try add(Array("%H:%M".utf8))
            case "T": try add(Array("%H:%M:%S".utf8))
            case "%": steps.append(.literal(letter))
            case let scalar:
                guard let step = Self.step(scalar) else {
                    throw TimePatternError(reason: "%\(Character(scalar)) is not known")
                }
                steps.append(step)
            }
        }
    }

    private static func step(_ letter: Unicode.Scalar) -> Step? {
        switch letter {
        case "Y": .year
        case "y": .yearOfCentury
        case "m": .month
        case "b", "B", "h": .monthName
        case "d", "e": .day
        case "j": .dayOfYear
        case "H", "k": .hour
        case "I", "l": .hourOfHalf
        case "p": .half
        case "M": .minute
        case "S": .second(takesFraction: true)
        // Of Python, Fluentd and Ruby: any number of digits.
        case "f", "L", "N": .fraction
        case "a", "A": .weekday
        case "z": .offset
        case "Z": .zoneName
        case "s": .unixSeconds
        case "n", "t": .blank
        default: nil
        }
    }

    /// Reads from `index` on, and moves it behind what was read; nil when the text is another.
    package func read(_ bytes: [UInt8], _ index: inout Int, _ end: Int) -> TimeParts? {
        var parts = TimeParts()
        var at = index
        for step in steps {
            switch step {
            case .literal(let byte):
                guard at < end, bytes[at] == byte else { return nil }
                at += 1
            case .blank: while at < end, bytes[at].isBlank { at += 1 }
            default: guard Self.read(step, bytes, &at, end, &parts) else { return nil }
            }
        }
        if let isAfternoon = parts.isAfternoon { parts.hour = parts.hour % 12 + (isAfternoon ? 12 : 0) }
        index = at
        return parts
    }

    private static func read(
        _ step: Step, _ bytes: [UInt8], _ at: inout Int, _ end: Int, _ parts: inout TimeParts
    ) -> Bool {
        func number(_ digits: Int, _ allowed: ClosedRange<Int>, _ at: inout Int) -> Int? {
            while at < end, bytes[at].isBlank { at += 1 }
            return bytes.number(&at, end, digits: digits).flatMap { allowed.contains($0) ? $0 : nil }
        }
        switch step {
        case .literal, .blank: return false
        case .year: parts.year = number(4, 0...9_999, &at)
        case .yearOfCentury:
            // POSIX: 69 to 99 are of the last century.
            parts.year = number(2, 0...99, &at).map { $0 < 69 ? 2_000 + $0 : 1_900 + $0 }
        case .month: parts.month = number(2, 1...12, &at)
        case .monthName: parts.month = bytes.name(&at, end, of: monthNames)
        case .day: parts.day = number(2, 1...31, &at)
        case .dayOfYear: parts.dayOfYear = number(3, 1...366, &at)
        case .hour, .hourOfHalf, .minute, .second, .fraction, .half:
            return readClock(step, bytes, &at, end, &parts)
        case .weekday: return bytes.name(&at, end, of: weekdayNames) != nil
        case .offset:
            parts.offset = bytes.zoneOffset(&at, end)
            return parts.offset != nil
        case .zoneName: return readZoneName(bytes, &at, end, &parts)
        case .unixSeconds:
            parts.unixSeconds = bytes.number(&at, end, digits: 11).map { Int64($0) }
            return parts.unixSeconds != nil
        }
        return switch step {
        case .year, .yearOfCentury: parts.year != nil
        case .month, .monthName: parts.month != nil
        case .day: parts.day != nil
        default: parts.dayOfYear != nil
        }
    }

    /// `UTC`, `CEST`, or `-03` as zones are called that have no letters of their own. An offset that was read before
    /// counts more: `+0100 (CET)`.
    private static func readZoneName(_ bytes: [UInt8], _ at: inout Int, _ end: Int, _ parts: inout TimeParts) -> Bool {
        if at < end, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
            guard let offset = bytes.zoneOffset(&at, end) else { return false }
            parts.offset = parts.offset ?? offset
            return true
        }
        let start = at
        while at < end, (bytes[at] | 0x20) &- UInt8(ascii: "a") < 26 { at += 1 }
        guard at > start else { return false }
        let isUTC = ["utc", "gmt", "ut", "z"].contains { name in
            bytes[start..<at].elementsEqual(name.utf8) { $0 | 0x20 == $1 }
        }
        if isUTC { parts.offset = parts.offset ?? 0 } else { parts.zoneName = start..<at }
        return true
    }

    private static func readClock(
        _ step: Step, _ bytes: [UInt8], _ at: inout Int, _ end: Int, _ parts: inout TimeParts
    ) -> Bool {
        if case .half = step {
            parts.isAfternoon = bytes.isAfternoon(&at, end)
            return parts.isAfternoon != nil
        }
        if case .fraction = step {
            guard let nanoseconds = bytes.fraction(&at, end) else { return false }
            parts.nanoseconds = nanoseconds
            return true
        }
        while at < end, bytes[at].isBlank { at += 1 }
        guard let value = bytes.number(&at, end, digits: 2) else { return false }
        switch step {
        case .hour:
            parts.hour = value
            return value <= 23
        case .hourOfHalf:
            parts.hour = value
            return (1...12).contains(value)
        case .minute:
            parts.minute = value
            return value <= 59
        default:
            parts.second = value
            if case .second(takesFraction: true) = step, at + 1 < end, bytes[at].isFractionMark {
                var after = at + 1
                if let nanoseconds = bytes.fraction(&after, end) { (parts.nanoseconds, at) = (nanoseconds, after) }
            }
            return value <= 60
        }
    }

    private static let monthNames = NameTable([
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ])
    private static let weekdayNames = NameTable([
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ])
}

/// Names that their first three letters tell apart.
private struct NameTable: Sendable {
    let letters: [UInt8]
    let starts: [Int]
    let keys: [UInt32]

    init(_ names: [String]) {
        letters = names.flatMap { Array($0.utf8) }
        var start = 0
        var starts: [Int] = []
        for name in names {
            starts.append(start)
            start += name.utf8.count
        }
        self.starts = starts + [start]
        keys = names.map { $0.utf8.prefix(3).reduce(0) { $0 << 8 | UInt32($1) } }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
    fileprivate var isFractionMark: Bool { self == UInt8(ascii: ".") || self == UInt8(ascii: ",") }
}

extension [UInt8] {
    /// Up to so many digits at `at`, which moves behind them; nil when there are none.
    @inline(__always)
    package func number(_ at: inout Int, _ end: Int, digits: Int) -> Int? {
        var value = 0
        let start = at
        let stop = Swift.min(end, at + digits)
        while at < stop {
            let digit = self[at] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value * 10 + Int(digit)
            at += 1
        }
        return at > start ? value : nil
    }

    /// The digits of a fraction, as nanoseconds; what is finer is stepped over.
    package func fraction(_ at: inout Int, _ end: Int) -> Int? {
        var value = 0
        var digits = 0
        while at < end {
            let digit = self[at] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            if digits < 9 { value = value * 10 + Int(digit) }
            digits += 1
            at += 1
        }
        guard digits > 0 else { return nil }
        while digits < 9 {
            value *= 10
            digits += 1
        }
        return value
    }

    /// `Z`, `+02:00`, `+0200`, `+02`, in seconds east of Greenwich; nil, and `at` stays, for what is none.
    package func zoneOffset(_ at: inout Int, _ end: Int) -> Int? {
        guard at < end else { return nil }
        let sign = self[at]
        if sign | 0x20 == UInt8(ascii: "z") {
            at += 1
            return 0
        }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        var after = at + 1
        let hoursStart = after
        guard let hours = number(&after, end, digits: 2), after == hoursStart + 2, hours <= 23 else { return nil }
        var seconds = hours * 3_600
        var minutesStart = after
        if after < end, self[after] == UInt8(ascii: ":") { minutesStart += 1 }
        var minutesEnd = minutesStart
        if let minutes = number(&minutesEnd, end, digits: 2), minutesEnd == minutesStart + 2 {
            guard minutes <= 59 else { return nil }
            seconds += minutes * 60
            after = minutesEnd
        }
        at = after
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// Which of the names, from 1, stands at `at`, in full or three letters of it and more, whatever the case.
    fileprivate func name(_ at: inout Int, _ end: Int, of names: NameTable) -> Int? {
        guard at + 3 <= end else { return nil }
        let key = UInt32(self[at] | 0x20) << 16 | UInt32(self[at + 1] | 0x20) << 8 | UInt32(self[at + 2] | 0x20)
        guard let index = names.keys.firstIndex(of: key) else { return nil }
        at += 3
        var letter = names.starts[index] + 3
        while at < end, letter < names.starts[index + 1], self[at] | 0x20 == names.letters[letter] {
            at += 1
            letter += 1
        }
        return index + 1
    }

    /// `AM` or `PM`, whatever the case.
    fileprivate func isAfternoon(_ at: inout Int, _ end: Int) -> Bool? {
        guard at + 2 <= end, self[at + 1] | 0x20 == UInt8(ascii: "m") else { return nil }
        let letter = self[at] | 0x20
        guard letter == UInt8(ascii: "a") || letter == UInt8(ascii: "p") else { return nil }
        at += 2
        return letter == UInt8(ascii: "p")
    }
}
