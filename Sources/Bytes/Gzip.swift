// gzip (RFC 1952) by zlib, from and into buffers that the caller keeps.

internal import CZlib

/// One deflate stream, kept between texts: its 192 or 256 KiB of tables are made once.
///
/// zlib's window holds 64 KiB. Where a text goes on beyond that, it moves its tables along, each time for as much as it
/// costs to compress 13 KB at level 1. So such a text is compressed in pieces that each fit, and refer back to the end of
/// the one before: a quarter less CPU for an exposition of 68 KB, and the same size. At levels that are asked for
/// because the text should be small, it would be 1 % larger.
@safe package final class GzipCompressor {
    /// What a piece and what it refers back to have together: zlib moves when less than 262 bytes of its 64 KiB are left.
    private static let windowBytes = 65_000
    /// With less than that a text gets larger; to learn more costs CPU.
    private static let backwardBytes = 8 << 10
    /// What deflate adds to nothing, and some more.
    private static let leastRoom = 64

    private var stream = unsafe z_stream()
    private let level: Int

    /// - Parameter level: 1 (fast) to 9 (small).
    package init(level: Int) {
        self.level = level
        let code = unsafe czlib_deflate_init(&stream, Int32(level))
        guard code == Z_OK else { bug("deflateInit2 answered \(code) for level \(level)") }
    }

    deinit { unsafe _ = deflateEnd(&stream) }

    /// Appends `input`, compressed, to `output`: one complete gzip member.
    package func compress(_ input: [UInt8], into output: inout [UInt8]) {
        output.append(contentsOf: header)
        unsafe input.withUnsafeBufferPointer { input in
            let pieceBytes = pieceBytes(of: input.count)
            var start = 0
            repeat {
                let end = min(start + pieceBytes, input.count)
                unsafe compress(start..<end, of: input, into: &output)
                start = end
            } while start < input.count
        }
        output.append(littleEndian: input.crc32(0..<input.count))
        output.append(littleEndian: UInt32(truncatingIfNeeded: input.count))
    }

    /// No flags, no time, and which end of the levels it is, made on Unix.
    private var header: [UInt8] { [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, level == 1 ? 4 : level == 9 ? 2 : 0, 3] }

    /// All pieces are about as long: a short one at the end would learn little.
    private func pieceBytes(of count: Int) -> Int {
        if level > 1 || count <= Self.windowBytes { return max(count, 1) }
        let limit = Self.windowBytes - Self.backwardBytes
        let pieceCount = (count + limit - 1) / limit
        return (count + pieceCount - 1) / pieceCount
    }

    private func compress(_ piece: Range<Int>, of input: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        unsafe _ = deflateReset(&stream)
        unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress).map { unsafe $0 + piece.lowerBound }
        unsafe stream.avail_in = UInt32(piece.count)
        let backward = min(piece.lowerBound, Self.backwardBytes)
        if backward > 0, let start = input.baseAddress {
            let code = unsafe deflateSetDictionary(&stream, start + piece.lowerBound - backward, UInt32(backward))
            guard code == Z_OK else { bug("deflateSetDictionary answered \(code)") }
        }
        // What this is for gets smaller than that; zlib's own bound is larger than the input.
        var room = Self.leastRoom + piece.count / 4
        while !write(to: &output, room: room, isLast: piece.upperBound == input.count) { room = output.count }
    }

    /// Appends no more than `room` bytes. Returns whether that was all. What is not the last piece ends on a whole byte.
    private func write(to output: inout [UInt8], room: Int, isLast: Bool) -> Bool {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: room))
        let isDone = unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe stream.next_out = output.baseAddress.map { unsafe $0 + start }
            unsafe stream.avail_out = UInt32(room)
            let code = unsafe deflate(&stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
            guard code == Z_STREAM_END || code == Z_OK else { bug("deflate answered \(code)") }
            return isLast ? code == Z_STREAM_END : unsafe stream.avail_out > 0
        }
        output.removeLast(unsafe Int(stream.avail_out))
        return isDone
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian number: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }
}

/// One inflate stream. Members that follow one another are one text, as for gzip(1).
@safe package final class GzipInflater {
    package enum Outcome: Equatable, Sendable {
        /// The room is used up, or the input is.
        case more
        /// A member is complete; the input may go on with another.
        case memberEnded
        /// What stands here is no gzip, or its checksum is wrong.
        case damaged
    }

    private var stream = unsafe z_stream()

    package init() {
        let code = unsafe czlib_inflate_init_gzip(&stream)
        guard code == Z_OK else { bug("inflateInit2 answered \(code)") }
    }

    deinit { unsafe _ = inflateEnd(&stream) }

    /// Begins with a new member.
    package func reset() { unsafe _ = inflateReset(&stream) }

    /// Inflates `input[range]` into `output[room]` until one of the two is used up, or a member ends.
    package func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> (consumed: Int, produced: Int, outcome: Outcome) {
        guard range.upperBound <= input.count, room.upperBound <= output.count else { bug("inflating past the end") }
        return unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress).map {
                    unsafe $0 + range.lowerBound
                }
                unsafe stream.avail_in = UInt32(range.count)
                unsafe stream.next_out = output.baseAddress.map { unsafe $0 + room.lowerBound }
                unsafe stream.avail_out = UInt32(room.count)
                let code = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                let outcome: Outcome =
                    switch code {
                    case Z_OK, Z_BUF_ERROR: .more
                    case Z_STREAM_END: .memberEnded
                    default: .damaged
                    }
                return unsafe (range.count - Int(stream.avail_in), room.count - Int(stream.avail_out), outcome)
            }
        }
    }
}
