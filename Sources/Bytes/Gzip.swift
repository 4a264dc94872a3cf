// gzip (RFC 1952) by zlib, from and into buffers that the caller keeps.

internal import CZlib

/// One deflate stream, kept between texts: its 256 KiB of tables are made once.
@safe package final class GzipCompressor {
    /// What gzip adds to nothing, and some more.
    private static let headerBytes = 64

    private var stream = unsafe z_stream()

    /// - Parameter level: 1 (fast) to 9 (small).
    package init(level: Int) {
        let code = unsafe czlib_deflate_init_gzip(&stream, Int32(level))
        guard code == Z_OK else { bug("deflateInit2 answered \(code) for level \(level)") }
    }

    deinit { unsafe _ = deflateEnd(&stream) }

    /// Appends `input`, compressed, to `output`: one complete gzip member.
    package func compress(_ input: [UInt8], into output: inout [UInt8]) {
        unsafe _ = deflateReset(&stream)
        // What this is for gets smaller than that; zlib's own bound is larger than the input.
        var room = Self.headerBytes + input.count / 4
        unsafe input.withUnsafeBufferPointer { input in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.avail_in = UInt32(input.count)
            while !write(to: &output, room: room) { room = output.count }
        }
    }

    /// Appends no more than `room` bytes. Returns whether that was all.
    private func write(to output: inout [UInt8], room: Int) -> Bool {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: room))
        let isDone = unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe stream.next_out = output.baseAddress.map { unsafe $0 + start }
            unsafe stream.avail_out = UInt32(room)
            let code = unsafe deflate(&stream, Z_FINISH)
            guard code == Z_STREAM_END || code == Z_OK else { bug("deflate answered \(code)") }
            return code == Z_STREAM_END
        }
        output.removeLast(unsafe Int(stream.avail_out))
        return isDone
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
