// What all files of an input are read through, one after another.

internal import Bytes
internal import Logs
internal import Platform

struct TailBuffers {
    /// Less would cost a system call for every few lines; but where there is little memory, that is what it costs.
    static let chunkBytesMinimum = 256 << 10

    /// Empty before the first reading: an agent makes its inputs once to see whether they can be made.
    var chunk: [UInt8] = []
    var reader: TextReader
    private let chunkBytes: Int
    /// With so much each line is seen whole.
    private let wholeBytes: Int

    /// `readBytes` is what may be read at once.
    init(lineLimit: Int, readBytes: Int, reader: TextReader = TextReader()) {
        self.reader = reader
        wholeBytes = LineSplitter.bufferBytes(for: lineLimit)
        // So large that a line of the limit fits as soon as it is within what may be read at all.
        chunkBytes = readBytes >= lineLimit ? max(min(Self.chunkBytesMinimum, readBytes), wholeBytes) : readBytes
    }

    var isWhole: Bool { chunk.count >= wholeBytes }

    /// For a line that is longer than the chunk.
    mutating func grow() { chunk = [UInt8](repeating: 0, count: wholeBytes) }

    /// Before a reading, and after one that has grown it.
    mutating func prepare() { if chunk.count != chunkBytes { chunk = [UInt8](repeating: 0, count: chunkBytes) } }
}
