// The form of a spool's segment: frames one after another with nothing between them; numbers are little-endian.
//
//     0   mark      4   F5 'V' 'S' '1': text in UTF-8 has no F5, so that a mark is hardly ever part of a record
//     4   checksum  4   CRC-32 of all that follows
//     8   length    4   of the record's bytes
//     12  number    8   of the record; larger than those of all before it
//     20  time      8   nanoseconds since 1970
//     28  the record
//
// A frame that is damaged is stepped over: the next mark with a frame that is whole goes on. What is wrong at the end
// of the bytes is torn: it was being written when the power went.

internal import Bytes

/// What cannot be read again, as it was put into the spool.
package struct SpoolRecord: Sendable, Equatable {
    /// Grows from record to record, with gaps.
    package let number: UInt64
    package let unixNanoseconds: Int64
    package let bytes: [UInt8]

    package init(number: UInt64, unixNanoseconds: Int64, bytes: [UInt8]) {
        self.number = number
        self.unixNanoseconds = unixNanoseconds
        self.bytes = bytes
    }
}

enum SpoolFrame {
    static let headBytes = 28
    /// Larger than what any input takes; a length beyond it is damage.
    static let recordLimitBytes = 16 << 20
    private static let mark: [UInt8] = [0xF5, UInt8(ascii: "V"), UInt8(ascii: "S"), UInt8(ascii: "1")]
    private static let checkedFrom = 8

    static func append(_ record: SpoolRecord, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: mark)
        bytes.append(littleEndian: 0, count: 4)
        bytes.append(littleEndian: UInt64(record.bytes.count), count: 4)
        bytes.append(littleEndian: record.number, count: 8)
        bytes.append(littleEndian: UInt64(bitPattern: record.unixNanoseconds), count: 8)
        bytes.append(contentsOf: record.bytes)
        let checksum = bytes.crc32(start + checkedFrom..<bytes.count)
        for index in 0..<4 { bytes[start + 4 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
    }

    /// Where the frame ends that begins at `start`; nil when none that is whole does.
    static func end(of bytes: [UInt8], at start: Int) -> Int? {
        guard start + headBytes <= bytes.count, bytes[start..<start + 4].elementsEqual(mark) else { return nil }
        let length = Int(bytes.littleEndian(at: start + 8, count: 4))
        let end = start + headBytes + length
        guard length <= recordLimitBytes, end <= bytes.count,
            bytes.littleEndian(at: start + 4, count: 4) == UInt64(bytes.crc32(start + checkedFrom..<end))
        else { return nil }
        return end
    }

    /// The first place after `start` where a whole frame begins.
    static func next(in bytes: [UInt8], after start: Int) -> Int? {
        var at = start + 1
        while at < bytes.count, let found = bytes.firstIndex(of: mark[0], in: at..<bytes.count) {
            if end(of: bytes, at: found) != nil { return found }
            at = found + 1
        }
        return nil
    }
}

/// What stands in the bytes of a segment, or in their end.
struct SpoolScan {
    struct Place: Equatable {
        let number: UInt64
        let range: Range<Int>
    }

    /// Frames that are whole, with the places of their records.
    private(set) var places: [Place] = []
    /// Bytes between frames, and the records that their numbers say were there.
    private(set) var damagedBytes = 0
    private(set) var damagedRecords: UInt64 = 0
    /// Where the last whole frame ends.
    private(set) var end = 0
    /// Bytes after it.
    private(set) var tornBytes = 0

    /// `expected` is the number that the first frame should have, where that is known.
    init(_ bytes: [UInt8], expecting expected: UInt64? = nil) {
        var at = 0
        var lastNumber = expected.map { $0 &- 1 }
        while at < bytes.count {
            if let end = SpoolFrame.end(of: bytes, at: at) {
                let number = bytes.littleEndian(at: at + 12, count: 8)
                // Numbers that go back are of no order that we have written.
                if places.last.map({ number > $0.number }) ?? true {
                    places.append(Place(number: number, range: at + SpoolFrame.headBytes..<end))
                }
                lastNumber = number
                (at, self.end) = (end, end)
                continue
            }
            guard let next = SpoolFrame.next(in: bytes, after: at) else { break }
            damagedBytes += next - at
            let number = bytes.littleEndian(at: next + 12, count: 8)
            // One at the least: a gap of numbers may be wider than what is damaged, never narrower.
            let gap = lastNumber.map { number > $0 &+ 1 ? number - $0 - 1 : 1 } ?? 1
            damagedRecords += min(gap, UInt64((next - at) / SpoolFrame.headBytes + 1))
            at = next
        }
        tornBytes = bytes.count - end
    }

    func record(_ place: Place, of bytes: [UInt8]) -> SpoolRecord {
        let time = bytes.littleEndian(at: place.range.lowerBound - 8, count: 8)
        return SpoolRecord(
            number: place.number, unixNanoseconds: Int64(bitPattern: time), bytes: Array(bytes[place.range]))
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: UInt64, count: Int) {
        for index in 0..<count { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    fileprivate func littleEndian(at start: Int, count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(self[start + index]) << UInt64(8 * index) }
        return value
    }
}
