// How far a place's clocks are from UTC, and when: files of /usr/share/zoneinfo as RFC 8536 describes them, and the TZ
// strings of POSIX (Base Definitions, section 8.3) that stand at their ends and in the environment.

/// The offsets of one zone. All times are seconds since 1970, UTC, but where a name says `local`.
package struct TimeZoneRules: Sendable {
    /// In rising order: from each on, the offset at the same index counts.
    private let transitions: [Int64]
    private let offsets: [Int]
    /// Before the first transition.
    private let first: Int
    /// After the last.
    private let rule: YearlyRule?
    /// What the zone calls its times: `CET`, `CEST`. One name may have had several offsets, the latest is the last.
    private let names: [ZoneName]

    package static let utc = TimeZoneRules(offset: 0)

    /// - Parameter offset: seconds east of Greenwich.
    package init(offset: Int) {
        (transitions, offsets, first, rule, names) = ([], [], offset, nil, [])
    }

    /// `CET-1CEST,M3.5.0,M10.5.0/3`; nil for what is no such text.
    package init?(posix text: [UInt8]) {
        guard let rule = YearlyRule(text) else { return nil }
        (transitions, offsets, first, self.rule, names) = ([], [], rule.standard, rule, rule.names)
    }

    /// A file of zoneinfo; nil for what is none.
    package init?(tzif bytes: [UInt8]) {
        guard let old = TZifBlock(bytes, at: 0, timeBytes: 4) else { return nil }
        var block = old
        if old.version >= UInt8(ascii: "2") {
            // Since version 2 all comes again with 64 bits, and what applies after it.
            guard let new = TZifBlock(bytes, at: old.end, timeBytes: 8) else { return nil }
            block = new
        }
        (transitions, offsets, first) = (block.transitions, block.offsets, block.first)
        let footer = bytes[block.end...]
        guard old.version >= UInt8(ascii: "2"), footer.first == UInt8(ascii: "\n"),
            let end = footer.dropFirst().firstIndex(of: UInt8(ascii: "\n")), end > footer.startIndex + 1
        else {
            rule = nil
            names = block.names
            return
        }
        guard let rule = YearlyRule(Array(footer[(footer.startIndex + 1)..<end])) else { return nil }
        self.rule = rule
        names = block.names + rule.names
    }

    /// What the zone means by one of its own names, in seconds east of Greenwich; nil for a name that it does not have.
    /// Other zones may mean something else by it: `EST` is in America and was in Australia. `local` is what the clocks
    /// show, and chooses where the zone changed its mind.
    package func offset(named name: ArraySlice<UInt8>, local: Int64) -> Int? {
        var latest: Int?
        for known in names where known.text.elementsEqual(name) {
            if offset(at: local - Int64(known.offset)) == known.offset { return known.offset }
            latest = known.offset
        }
        return latest
    }

    /// Seconds east of Greenwich.
    package func offset(at unixSeconds: Int64) -> Int {
        guard let last = transitions.last, unixSeconds < last else {
            return rule?.offset(at: unixSeconds) ?? offsets.last ?? first
        }
        // The first transition after it.
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] > unixSeconds { high = middle } else { low = middle + 1 }
        }
        return low == 0 ? first : offsets[low - 1]
    }

    /// When the clocks of the zone show this. Of an hour that comes twice, the time that is nearer to `near`; one that
    /// is left out is taken as if the clocks had not been put forward.
    package func unixSeconds(local: Int64, near: Int64) -> Int64 {
        let day: Int64 = 86_400
        let before = offset(at: local - day)
        let after = offset(at: local + day)
        let one = local - Int64(before)
        guard before != after else { return one }
        let other = local - Int64(after)
        let isOne = offset(at: one) == before
        let isOther = offset(at: other) == after
        if isOne, isOther { return (other - near).magnitude < (one - near).magnitude ? other : one }
        return isOther ? other : one
    }
}

private struct ZoneName {
    let text: [UInt8]
    /// Seconds east of Greenwich.
    let offset: Int
}

/// One of the two data blocks of a file: RFC 8536, section 3.
private struct TZifBlock {
    /// Far more than any zone has; a file that says more is none.
    private static let countLimit = 100_000

    let version: UInt8
    private(set) var transitions: [Int64] = []
    private(set) var offsets: [Int] = []
    private(set) var first = 0
    private(set) var names: [ZoneName] = []
    /// The first byte after it.
    let end: Int

    init?(_ bytes: [UInt8], at start: Int, timeBytes: Int) {
        let header = 44
        guard bytes.count - start >= header, bytes[start..<start + 4].elementsEqual("TZif".utf8) else { return nil }
        version = bytes[start + 4]
        func number(_ at: Int, _ count: Int) -> Int64 {
            var value: Int64 = bytes[at] & 0x80 == 0 ? 0 : -1
            for byte in bytes[at..<at + count] { value = value << 8 | Int64(byte) }
            return value
        }
        // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
        let counts = (0..<6).map { Int(number(start + 20 + 4 * $0, 4)) }
        guard counts.allSatisfy({ (0...Self.countLimit).contains($0) }), counts[4] > 0 else { return nil }
        let times = start + header
        let indexes = times + counts[3] * timeBytes
        let types = indexes + counts[3]
        let leaps = types + counts[4] * 6 + counts[5]
        end = leaps + counts[2] * (timeBytes + 4) + counts[1] + counts[0]
        guard end <= bytes.count else { return nil }

        first = Int(number(types, 4))
        for index in 0..<counts[3] {
            let type = Int(bytes[indexes + index])
            guard type < counts[4] else { return nil }
            transitions.append(number(times + index * timeBytes, timeBytes))
            offsets.append(Int(number(types + type * 6, 4)))
        }
        guard zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }),
            (offsets + [first]).allSatisfy({ $0.magnitude < 100_000 })
        else { return nil }
        // Six bytes each: the offset, whether it is summer time, and where the name begins among those behind them.
        let letters = bytes[types + counts[4] * 6..<leaps]
        for type in stride(from: types, to: letters.startIndex, by: 6) {
            let start = letters.startIndex + Int(bytes[type + 5])
            guard start < letters.endIndex, let stop = letters[start...].firstIndex(of: 0) else { continue }
            let name = ZoneName(text: Array(letters[start..<stop]), offset: Int(number(type, 4)))
            // `-00` is no name, and local mean time is no zone that anybody writes.
            if name.text != Array("-00".utf8), name.text != Array("LMT".utf8) { names.append(name) }
        }
    }
}

/// What repeats each year: the standard time, and the days on which summer time begins and ends.
private struct YearlyRule {
    enum Day {
        /// The day of the year from 1, February 29 never counted.
        case withoutLeap(Int)
        /// The day of the year from 0.
        case withLeap(Int)
        /// Of a month, the `week`th day of the week (0 is Sunday); 5 is the last.
        case ofMonth(month: Int, week: Int, weekday: Int)
    }

    struct Change {
        var day: Day
        /// Local time, seconds.
        var time: Int
    }

    /// Seconds east of Greenwich.
    let standard: Int
    let names: [ZoneName]
    private let summer: (offset: Int, start: Change, end: Change)?

    init?(_ text: [UInt8]) {
        var reader = TZReader(text: text)
        guard let name = reader.name(), let west = reader.time(hourLimit: 24) else { return nil }
        standard = -west
        if reader.isAtEnd {
            summer = nil
            names = [ZoneName(text: name, offset: standard)]
            return
        }
        guard let summerName = reader.name() else { return nil }
        var offset = standard + 3_600
        if reader.next != UInt8(ascii: ","), !reader.isAtEnd {
            guard let west = reader.time(hourLimit: 24) else { return nil }
            offset = -west
        }
        names = [ZoneName(text: name, offset: standard), ZoneName(text: summerName, offset: offset)]
        // Without rules, those of the United States, as the C library does.
        if reader.isAtEnd { reader = TZReader(text: Array(",M3.2.0,M11.1.0".utf8)) }
        guard let start = reader.change(), let end = reader.change(), reader.isAtEnd else { return nil }
        summer = (offset, start, end)
    }

    func offset(at unixSeconds: Int64) -> Int {
        guard let summer else { return standard }
        let year = CivilTime(unixSeconds: unixSeconds + Int64(standard)).year
        guard let start = Self.moment(summer.start, year), let end = Self.moment(summer.end, year) else {
            return standard
        }
        let from = start - Int64(standard)
        let to = end - Int64(summer.offset)
        // In the south, summer lies over New Year.
        let isSummer =
            from < to ? (from..<to).contains(unixSeconds) : !(to..<from).contains(unixSeconds)
        return isSummer ? summer.offset : standard
    }

    /// Local time of the clocks before the change.
    private static func moment(_ change: Change, _ year: Int) -> Int64? {
        let day: Int64 = 86_400
        guard let newYear = CivilTime.unixSeconds(year: year, month: 1, day: 1) else { return nil }
        let isLeap = CivilTime.unixSeconds(year: year, month: 2, day: 29) != nil
        switch change.day {
        case .withoutLeap(let number):
            return newYear + Int64(number - 1 + (isLeap && number > 59 ? 1 : 0)) * day + Int64(change.time)
        case .withLeap(let number): return newYear + Int64(number) * day + Int64(change.time)
        case .ofMonth(let month, let week, let weekday):
            guard let first = CivilTime.unixSeconds(year: year, month: month, day: 1) else { return nil }
            // 1970-01-01 was a Thursday.
            let firstWeekday = Int(((first / day + 4) % 7 + 7) % 7)
            var number = 1 + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            while number > 28, CivilTime.unixSeconds(year: year, month: month, day: number) == nil { number -= 7 }
            return first + Int64(number - 1) * day + Int64(change.time)
        }
    }
}

private struct TZReader {
    let text: [UInt8]
    var index = 0

    init(text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { index >= text.count }
    var next: UInt8? { isAtEnd ? nil : text[index] }

    mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    /// Letters, or anything in `<>`.
    mutating func name() -> [UInt8]? {
        if skip("<") {
            let start = index
            while let byte = next, byte != UInt8(ascii: ">") { index += 1 }
            let name = Array(text[start..<index])
            return skip(">") ? name : nil
        }
        let start = index
        while let byte = next, (byte | 0x20) &- UInt8(ascii: "a") < 26 { index += 1 }
        return index - start >= 3 ? Array(text[start..<index]) : nil
    }

    mutating func number(in allowed: ClosedRange<Int>) -> Int? {
        let start = index
        var value = 0
        while let byte = next, byte &- UInt8(ascii: "0") <= 9, index - start < 4 {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            index += 1
        }
        return index > start && allowed.contains(value) ? value : nil
    }

    /// `hh[:mm[:ss]]` with a sign, in seconds.
    mutating func time(hourLimit: Int) -> Int? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let hours = number(in: 0...hourLimit) else { return nil }
        var seconds = hours * 3_600
        if skip(":") {
            guard let minutes = number(in: 0...59) else { return nil }
            seconds += minutes * 60
            if skip(":") {
                guard let more = number(in: 0...59) else { return nil }
                seconds += more
            }
        }
        return isNegative ? -seconds : seconds
    }

    /// `,M3.5.0/3`, `,J60`, `,59`.
    mutating func change() -> YearlyRule.Change? {
        guard skip(",") else { return nil }
        let day: YearlyRule.Day
        if skip("M") {
            guard let month = number(in: 1...12), skip("."), let week = number(in: 1...5), skip("."),
                let weekday = number(in: 0...6)
            else { return nil }
            day = .ofMonth(month: month, week: week, weekday: weekday)
        } else if skip("J") {
            guard let number = number(in: 1...365) else { return nil }
            day = .withoutLeap(number)
        } else {
            guard let number = number(in: 0...365) else { return nil }
            day = .withLeap(number)
        }
        guard skip("/") else { return YearlyRule.Change(day: day, time: 7_200) }
        // RFC 8536, section 3.3.1: up to a week before or after.
        guard let time = time(hourLimit: 167) else { return nil }
        return YearlyRule.Change(day: day, time: time)
    }
}
