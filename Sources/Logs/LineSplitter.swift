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
    package var form: TextForm
    package var mark: Mark = .line
    /// Lines that were cut, and the bytes of them that were skipped. They only grow.
    package private(set) var cutCount: UInt64 = 0
    package private(set) var skippedBytes: UInt64 = 0
    /// NULs before a line, as a hole leaves them that a writer made who went on at his old place after a truncation.
    package private(set) var nulBytes: UInt64 = 0
    /// Half pairs of UTF-16 for which U+FFFD stands.
    package private(set) var replacedCount: UInt64 = 0

    package init(lineLimit: Int, mark: Mark = .line, form: TextForm = TextForm()) {
        self.lineLimit = lineLimit
        self.mark = mark
        self.form = form
    }

    /// The most that a byte of another encoding becomes in UTF-8.
    private static let decodedBytes = 2

    /// Passes over NULs that were not read, as those of a hole. False when they may be part of a line.
    package mutating func pass(nuls count: UInt64) -> Bool {
        switch mark {
        case .line: nulBytes += count
        case .cut: skippedBytes += count
        case .partial: return false
        }
        return true
    }

    /// How long a buffer must be so that a line of the limit, with CR and LF, is always seen whole.
    package static func bufferBytes(for lineLimit: Int) -> Int { lineLimit + 4 }

    /// Where a line ends: its text, what ends it, and the next line.
    private struct End {
        let text: Int
        let end: Int
        let next: Int
    }

    /// Adds the lines of `buffer[..<count]` to `batch` until it is full. Returns the bytes that are done with: a line
    /// without an end is not, unless it is over the limit or `isLast`, when it is sent as it is.
    package mutating func split(
        _ buffer: [UInt8], count: Int, of source: Source, isLast: Bool = false, into batch: inout LogBatch
    ) -> Int {
        var start = source.offset == 0 ? form.markBytes(buffer[..<count]) : 0
        // Half a character of two bytes waits for its other half.
        let count = count - count % form.unitBytes
        var decoded: [UInt8] = []
        while start < count, !batch.isFull {
            if buffer[start] == 0, mark == .line, form.unitBytes == 1 {
                let text = buffer[start..<count].firstIndex { $0 != 0 } ?? count
                nulBytes += UInt64(text - start)
                start = text
                continue
            }
            let newline = lineEnd(buffer, start..<count, isLast: isLast)
            if mark != .line {
                let done = continueLine(start..<count, newline)
                start += done
                if done > 0 { continue }
            }
            // A little over the limit may be the CR of a line that is just within it.
            if newline == nil, !isLast, count - start <= lineLimit + form.unitBytes { break }
            let next = newline?.next ?? count
            var end = newline?.text ?? count
            let isCut = end - start > lineLimit
            if isCut { end = characterBoundary(buffer, from: start, atMost: start + lineLimit) }
            guard batch.takes(form.encoding == .utf8 ? end - start : (end - start) * Self.decodedBytes) else { break }
            if isCut { cutCount += 1 }
            // What a cut leaves of a line whose end is not seen yet is skipped as it is read.
            let after = isCut && newline == nil ? end : next
            if isCut, let newline { skippedBytes += UInt64(newline.end - end) }
            mark = newline != nil ? .line : isCut ? .cut : .partial
            let position = Position(source: source.number, offset: source.offset + UInt64(after))
            if form.encoding == .utf8 {
                batch.append(
                    buffer, start..<end, fields: source.fields, at: source.unixNanoseconds, next: position,
                    isCut: isCut)
            } else {
                decoded.removeAll(keepingCapacity: true)
                replacedCount += UInt64(form.decode(buffer, start..<end, into: &decoded))
                batch.append(
                    decoded, 0..<decoded.count, fields: source.fields, at: source.unixNanoseconds, next: position,
                    isCut: isCut)
            }
            start = after
        }
        return start
    }

    private func lineEnd(_ buffer: [UInt8], _ range: Range<Int>, isLast: Bool) -> End? {
        if form.lineEnd == .lf, form.unitBytes == 1 {
            guard let newline = buffer.firstIndex(of: UInt8(ascii: "\n"), in: range) else { return nil }
            let hasReturn = newline > range.lowerBound && buffer[newline - 1] == UInt8(ascii: "\r")
            return End(text: hasReturn ? newline - 1 : newline, end: newline, next: newline + 1)
        }
        let (lf, cr): (UInt16, UInt16) = (0x0A, 0x0D)
        let width = form.unitBytes
        var index = range.lowerBound
        while index < range.upperBound {
            let unit = form.unit(buffer, index)
            if unit == lf {
                let hasReturn = index > range.lowerBound && form.unit(buffer, index - width) == cr
                return End(text: hasReturn ? index - width : index, end: index, next: index + width)
            }
            if unit == cr, form.lineEnd == .any {
                // Whether an LF belongs to it is not known before the next character is there.
                guard index + width < range.upperBound else {
                    return isLast ? End(text: index, end: index, next: index + width) : nil
                }
                let isPair = form.unit(buffer, index + width) == lf
                return End(text: index, end: index, next: index + (isPair ? 2 : 1) * width)
            }
            index += width
        }
        return nil
    }

    /// The bytes that belong to the line before. None when a new record begins here after all.
    private mutating func continueLine(_ range: Range<Int>, _ newline: End?) -> Int {
        if mark == .cut {
            skippedBytes += UInt64((newline?.end ?? range.upperBound) - range.lowerBound)
        } else {
            guard let newline, newline.text == range.lowerBound else { return 0 }
        }
        guard let newline else { return range.count }
        mark = .line
        return newline.next - range.lowerBound
    }

    /// A cut in the middle of a character goes back to its beginning, if there is one within three bytes.
    private func characterBoundary(_ buffer: [UInt8], from start: Int, atMost end: Int) -> Int {
        if form.encoding == .latin1 { return end }
        if form.unitBytes == 2 {
            let boundary = start + (end - start) / 2 * 2
            let isPair = form.unit(buffer, boundary) & 0xFC00 == 0xDC00 && boundary > start + 2
            return isPair ? boundary - 2 : boundary
        }
        var boundary = end
        while boundary > start, end - boundary < 3, buffer[boundary] & 0xC0 == 0x80 { boundary -= 1 }
        return boundary > start && buffer[boundary] & 0xC0 != 0x80 ? boundary : end
    }
}
