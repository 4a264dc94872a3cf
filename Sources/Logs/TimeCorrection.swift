// Times of a clock that was off, set right when somebody has said by how much: those that this agent has made itself,
// of reading a line or of measuring. What stands in a text was made by another clock, or says something else, and
// stays.

internal import Bytes

extension LogBatch {
    /// What a document of the host's metrics begins with, before the milliseconds.
    private static let documentStart = Array("{\"_aws\":{\"Timestamp\":".utf8)

    /// Moves the times that this agent has made by so many nanoseconds, once: afterwards they count as the records'
    /// own. A document of this agent's has its time in its text as well. Returns how many there were.
    ///
    /// With `inOrder` the records are in the order of their times afterwards: for those of one request, which has it
    /// so.
    package mutating func correctTimes(by nanoseconds: Int64, in range: Range<Int>, inOrder: Bool) -> Int {
        guard nanoseconds != 0, records[range].contains(where: { !$0.hasOwnTime }) else { return 0 }
        var count = 0
        for index in range where !records[index].hasOwnTime {
            count += 1
            let before = records[index].unixNanoseconds
            let time = before.addingReportingOverflow(nanoseconds).partialValue
            if records[index].isDocument { correctText(of: index, from: before / 1_000_000, to: time / 1_000_000) }
            records[index].unixNanoseconds = time
        }
        // Unless some had times of their own, they still are.
        if inOrder {
            let ordered = range.sorted { one, other in
                let times = (records[one].unixNanoseconds, records[other].unixNanoseconds)
                return times.0 == times.1 ? one < other : times.0 < times.1
            }
            if ordered != Array(range) { records.replaceSubrange(range, with: ordered.map { records[$0] }) }
        }
        return count
    }

    /// Only where the document says the very time that its record has: another is not of this agent.
    private mutating func correctText(of index: Int, from before: Int64, to milliseconds: Int64) {
        let text = records[index].text.range
        guard bytes[text].starts(with: Self.documentStart) else { return }
        var old = Self.documentStart
        old.append(decimal: before)
        old.append(UInt8(ascii: ","))
        guard bytes[text].starts(with: old) else { return }
        var new = Self.documentStart
        new.append(decimal: milliseconds)
        new.append(UInt8(ascii: ","))
        new.append(contentsOf: bytes[text].dropFirst(old.count))
        replaceText(of: index, with: new)
    }
}
