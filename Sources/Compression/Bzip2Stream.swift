// bzip2 by libbz2 (bzlib.h), which is not linked. Each block has a checksum, which is verified when its text was given.

internal import Bytes

/// `bz_stream`.
@unsafe private struct BzStream {
    var nextIn: UnsafePointer<UInt8>?
    var availableIn: UInt32 = 0
    var totalIn: (UInt32, UInt32) = (0, 0)
    var nextOut: UnsafeMutablePointer<UInt8>?
    var availableOut: UInt32 = 0
    var totalOut: (UInt32, UInt32) = (0, 0)
    var state: UnsafeRawPointer?
    var allocate: UnsafeRawPointer?
    var free: UnsafeRawPointer?
    var opaque: UnsafeRawPointer?
}

@safe struct Bzip2Calls: Sendable {
    typealias Stream = UnsafeMutableRawPointer
    /// How much to tell, and whether to take less memory and twice the time.
    typealias Begin = @convention(c) @Sendable (Stream, Int32, Int32) -> Int32
    typealias Step = @convention(c) @Sendable (Stream) -> Int32

    let begin: Begin
    let decompress: Step
    let end: Step

    init?(_ symbols: Symbols) {
        guard let begin = unsafe symbols.find("BZ2_bzDecompressInit", Begin.self),
            let decompress = unsafe symbols.find("BZ2_bzDecompress", Step.self),
            let end = unsafe symbols.find("BZ2_bzDecompressEnd", Step.self)
        else { return nil }
        unsafe (self.begin, self.decompress, self.end) = (begin, decompress, end)
    }
}

@safe final class Bzip2Stream: Inflater {
    /// bzlib.h.
    private enum Code {
        static let ok: Int32 = 0
        static let streamEnd: Int32 = 4
        static let memory: Int32 = -3
    }

    private let calls: Bzip2Calls
    /// Of its own: the library remembers its address.
    private let stream = UnsafeMutablePointer<BzStream>.allocate(capacity: 1)
    private var begun = Code.memory

    /// bzip2(1): 100 KB, and four times the size of a block.
    let memoryBytes = 3_700_000

    init(_ calls: Bzip2Calls) {
        self.calls = calls
        unsafe stream.initialize(to: BzStream())
        begin()
    }

    deinit {
        if begun == Code.ok { unsafe _ = calls.end(stream) }
        unsafe stream.deallocate()
    }

    func reset() {
        if begun == Code.ok { unsafe _ = calls.end(stream) }
        unsafe stream.pointee = BzStream()
        begin()
    }

    private func begin() { begun = unsafe calls.begin(stream, 0, 0) }

    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> InflatedStep {
        guard begun == Code.ok else { return InflatedStep(consumed: 0, produced: 0, outcome: .noMemory) }
        return unsafe withBytes(input, range, &output, room) { input, output in
            unsafe stream.pointee.nextIn = input
            unsafe stream.pointee.availableIn = UInt32(range.count)
            unsafe stream.pointee.nextOut = output
            unsafe stream.pointee.availableOut = UInt32(room.count)
            let outcome: InflatedStep.Outcome =
                switch unsafe calls.decompress(stream) {
                case Code.ok: .more
                case Code.streamEnd: .memberEnded
                case Code.memory: .noMemory
                default: .damaged
                }
            return unsafe InflatedStep(
                consumed: range.count - Int(stream.pointee.availableIn),
                produced: room.count - Int(stream.pointee.availableOut), outcome: outcome)
        }
    }
}
