// gzip (RFC 1952) by zlib, into a buffer that the caller keeps.

internal import CZlib

/// One deflate stream, kept between texts: its 256 KiB of tables are made once.
@safe package final class GzipCompressor {
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
        let bound = unsafe Int(deflateBound(&stream, UInt(input.count)))
        let start = output.count
        output.reserveCapacity(start + bound)
        output.append(contentsOf: repeatElement(0, count: bound))
        let written = unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress.map { unsafe $0 + start }
                unsafe stream.avail_out = UInt32(bound)
                let code = unsafe deflate(&stream, Z_FINISH)
                // deflateBound is a promise: there is room, so one call ends the stream.
                guard code == Z_STREAM_END else { bug("deflate answered \(code)") }
                return unsafe bound - Int(stream.avail_out)
            }
        }
        output.removeLast(bound - written)
    }
}
