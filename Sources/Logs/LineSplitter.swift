// Bytes of a file to records, a line each. Pure: where the bytes come from is the reader's business.

internal import Bytes

/// Splits one source into lines. It remembers no bytes, only what stands before the next one.
package struct LineSplitter: Sendable {
    /// What the next byte continues.
    package enum Mark: String, Sendable, CaseIterable {
        /// Nothing: a line begins here.
        case line
        /// A line that was cut: the rest, up to its newline, is skipped.
        case cut
        /// A line that was sent without its end. What follows is a record of its own, but an end alone is none.
        case partial
    }

    /// What a piece of a file is split with; the same for all its lines.
    package struct Source: Sendable {
        package var number: UInt32
        /// Where the first byte of the buffer stands in the file.
        package var offset: UInt64
        package var fields: Range<UInt32>
        package var unixNanoseconds: Int64

        package init(number: UInt32, offset: UInt64, fields: Range<UInt32>, unixNanoseconds: Int64) {
            self.number = number
            self.offset = offset
            self.fields = fields
            self.unixNanoseconds = unixNanoseconds
        }
    }

    package let lineLimit: Int
    package var mark: Mark = .line
    /// Lines that were cut, and the bytes of them that were skipped. They only grow.
    package private(set) var cutCount: UInt64 = 0
    package private(set) var skippedBytes: UInt64 = 0

    package init(lineLimit: Int, mark: Mark = .line) {
        self.lineLimit = lineLimit
        self.mark = mark
    }

    /// How long a buffer must be so that a line of the limit, with CR and LF, is always seen whole.
    package static func bufferBytes(for lineLimit: Int) -> Int { lineLimit + 2 }

    /// Adds the lines of `buffer[..<count]` to `batch` until it is full. Returns the bytes that are done with: a line
    /// without an end is not, unless it is over the limit or `isLast`, when it is sent as it is.
    package mutating func split(
        _ buffer: [UInt8], count: Int, of source: Source, isLast: Bool = false, into batch: inout LogBatch
    ) -> Int {
        var start = 0
        while start < count, !batch.isFull {
            let newline = buffer.firstIndex(of: UInt8(ascii: "\n"), in: start..<count)
            if mark != .line {
                let done = continueLine(buffer, start..<count, newline: newline)
                start += done
                if done > 0 { continue }
            }
            // One byte over the limit may be the CR of a line that is just within it.
            if newline == nil, !isLast, count - start <= lineLimit + 1 { break }
            let next = newline.map { $0 + 1 } ?? count
            var end = newline ?? count
            if newline != nil, end > start, buffer[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            let isCut = end - start > lineLimit
            if isCut {
                end = characterBoundary(buffer, from: start, atMost: start + lineLimit)
                cutCount += 1
            }
            // What a cut leaves of a line whose end is not seen yet is skipped as it is read.
            let after = isCut && newline == nil ? end : next
            if isCut, let newline { skippedBytes += UInt64(newline - end) }
            mark = newline != nil ? .line : isCut ? .cut : .partial
            batch.append(
                buffer, start..<end, fields: source.fields, at: source.unixNanoseconds,
                next: Position(source: source.number, offset: source.offset + UInt64(after)), isCut: isCut)
            start = after
        }
        return start
    }

    /// The bytes that belong to the line before. None when a new record begins here after all.
    private mutating func continueLine(_ buffer: [UInt8], _ range: Range<Int>, newline: Int?) -> Int {
        let end = newline ?? range.upperBound
        if mark == .cut {
            skippedBytes += UInt64(end - range.lowerBound)
        } else {
            let rest = range.lowerBound..<end
            let isEndAlone =
                newline != nil && (rest.isEmpty || rest.count == 1 && buffer[end - 1] == UInt8(ascii: "\r"))
            guard isEndAlone else { return 0 }
        }
        guard newline != nil else { return range.count }
        mark = .line
        return end + 1 - range.lowerBound
    }

    /// A cut in the middle of a UTF-8 sequence goes back to its beginning, if there is one within three bytes.
    private func characterBoundary(_ buffer: [UInt8], from start: Int, atMost end: Int) -> Int {
        var boundary = end
        while boundary > start, end - boundary < 3, buffer[boundary] & 0xC0 == 0x80 { boundary -= 1 }
        return boundary > start && buffer[boundary] & 0xC0 != 0x80 ? boundary : end
    }
}
