// NULs up to the end of a file are not written yet: a program has set the size of its log before it writes it
// (`fallocate`), or writes from the beginning over a file of NULs. The reader stays before them. NULs with text behind
// them are a hole instead, which is passed over (LineSplitter).

internal import Bytes
internal import Logs
internal import Platform

/// What is known of the NULs at the end of a file that is followed.
struct UnwrittenEnd: Equatable {
    /// Where the first of them stands.
    var start: UInt64
    /// How far they were looked at.
    var end: UInt64
    /// The time of change of the file then.
    var modifiedUnixNanoseconds: Int64
}

/// What is to be done with a chunk.
enum ChunkUse {
    case split
    /// A hole was passed over instead.
    case passed
    /// A turn was not enough to look at all that stands behind it.
    case lookOn
}

extension Tail {
    /// Takes the NULs at the end of the chunk that are not written yet out of `count`; what is left is then the last
    /// that there is. Of a hole that begins before the chunk, nothing more is read.
    func leaveUnwritten(
        _ count: inout Int, _ isLast: inout Bool, of reading: TailReading, in buffers: TailBuffers
    ) throws(Errno) -> ChunkUse {
        guard !isCompressed, count > 0 else { return .split }
        let nulBytes = reading.splitter.form.unwrittenBytes(buffers.chunk, upTo: count)
        let chunkEnd = readOffset + UInt64(count)
        guard nulBytes > 0, chunkEnd > reading.holeEnd else {
            if isLast { noteUnwritten(nil) }
            return nulBytes == count && passHole(of: reading) ? .passed : .split
        }
        var end = chunkEnd
        // No text was added before them, and yet the file was written to: it may have been behind them.
        let isElsewhere =
            count - nulBytes <= reading.partial.bytes
            && reading.unwritten?.modifiedUnixNanoseconds != modifiedUnixNanoseconds
        if let unwritten = reading.unwritten, unwritten.start <= chunkEnd, chunkEnd...sizeBytes ~= unwritten.end,
            !isElsewhere
        {
            end = unwritten.end
        }
        switch try reading.file?.nulls(from: end, to: sizeBytes, limit: UInt64(Self.turnBytes)) {
        case .text(let offset)?:
            reading.holeEnd = offset
            noteUnwritten(nil)
            return nulBytes == count && passHole(of: reading) ? .passed : .split
        case .end(let looked)?: end = looked
        case nil: return .split
        }
        let start = chunkEnd - UInt64(nulBytes)
        noteUnwritten(UnwrittenEnd(start: start, end: end, modifiedUnixNanoseconds: modifiedUnixNanoseconds))
        guard end >= sizeBytes else { return .lookOn }
        count -= nulBytes
        isLast = true
        return .split
    }

    /// Up to the character with the byte that ends it. False when there is nothing to pass.
    private func passHole(of reading: TailReading) -> Bool {
        let end = reading.holeEnd - reading.holeEnd % UInt64(reading.splitter.form.unitBytes)
        guard end > readOffset, reading.splitter.pass(nuls: end - readOffset) else { return false }
        readOffset = end
        (reading.quietSince, reading.partial) = (nil, .init())
        settle()
        return true
    }
}

/// What stands behind NULs.
private enum BehindNULs {
    /// The offset of a byte that is none.
    case text(UInt64)
    /// Nothing else up to this offset.
    case end(UInt64)
}

extension File {
    /// One read of NULs.
    private static let lookBytes = 64 << 10
    /// How far `writtenEnd` reads back; holes do not count. Larger files of NULs are hardly made to be logs.
    private static let lookBackLimit: UInt64 = 1 << 30

    /// Holes are stepped over; of what is not one, hardly more than `limit` bytes are read.
    fileprivate func nulls(from start: UInt64, to size: UInt64, limit: UInt64) throws(Errno) -> BehindNULs {
        var (offset, readBytes) = (start, UInt64(0))
        var bytes: [UInt8] = []
        while offset < size, readBytes < limit {
            guard let data = try nextData(from: offset), data < size else { return .end(size) }
            offset = max(offset, data)
            if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: Self.lookBytes) }
            let count = try read(into: &bytes, limit: Int(min(UInt64(Self.lookBytes), size - offset)), at: offset)
            // It is shorter now: the next reading sees that.
            if count == 0 { return .end(offset) }
            if let text = bytes[..<count].firstIndex(where: { $0 != 0 }) { return .text(offset + UInt64(text)) }
            offset += UInt64(count)
            readBytes += UInt64(count)
        }
        return .end(offset)
    }

    /// Where the NULs at the end of a file begin; its size when there are none.
    func writtenEnd(_ size: UInt64, _ form: TextForm) throws(Errno) -> UInt64 {
        var bytes = [UInt8](repeating: 0, count: Self.lookBytes)
        var (end, step, readBytes) = (size, UInt64(Self.lookBytes), UInt64(0))
        while end > 0, readBytes < Self.lookBackLimit {
            let start = end - min(end, step)
            if try nextData(from: start) ?? end >= end {
                (end, step) = (start, step * 2)
                continue
            }
            step = UInt64(Self.lookBytes)
            let next = end - min(end, step)
            let count = try read(into: &bytes, limit: Int(end - next), at: next)
            let nulBytes = form.unwrittenBytes(bytes, upTo: count)
            if nulBytes < count { return next + UInt64(count - nulBytes) }
            end = next
            readBytes += UInt64(count)
        }
        return end == 0 ? 0 : size
    }
}
