// xz by liblzma (lzma/base.h and lzma/container.h), which is not linked. Its checksums are verified.

internal import Bytes

/// `lzma_stream`. Swift lays out a struct of plain fields as C does, and a test with the library would show it if not.
@unsafe private struct LzmaStream {
    var nextIn: UnsafePointer<UInt8>?
    var availableIn = 0
    var totalIn: UInt64 = 0
    var nextOut: UnsafeMutablePointer<UInt8>?
    var availableOut = 0
    var totalOut: UInt64 = 0
    var allocator: UnsafeRawPointer?
    var state: UnsafeRawPointer?
    var reservedPointers: (UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?)
    var seekPosition: UInt64 = 0
    var reservedInteger: UInt64 = 0
    var reservedSizes = (0, 0)
    var reservedEnums: (UInt32, UInt32) = (0, 0)
}

@safe struct XzCalls: Sendable {
    typealias Stream = UnsafeMutableRawPointer
    /// The memory limit, and flags.
    typealias Decoder = @convention(c) @Sendable (Stream, UInt64, UInt32) -> UInt32
    /// The action, 0 for LZMA_RUN.
    typealias Code = @convention(c) @Sendable (Stream, UInt32) -> UInt32
    typealias MemoryUsage = @convention(c) @Sendable (Stream) -> UInt64
    typealias End = @convention(c) @Sendable (Stream) -> Void

    let decoder: Decoder
    let code: Code
    let memoryUsage: MemoryUsage
    let end: End

    init?(_ symbols: Symbols) {
        guard let decoder = unsafe symbols.find("lzma_stream_decoder", Decoder.self),
            let code = unsafe symbols.find("lzma_code", Code.self),
            let memoryUsage = unsafe symbols.find("lzma_memusage", MemoryUsage.self),
            let end = unsafe symbols.find("lzma_end", End.self)
        else { return nil }
        unsafe (self.decoder, self.code, self.memoryUsage, self.end) = (decoder, code, memoryUsage, end)
    }
}

@safe final class XzStream: Inflater {
    /// `lzma_ret`.
    private enum Code {
        static let ok: UInt32 = 0
        static let streamEnd: UInt32 = 1
        static let memory: UInt32 = 5
        static let memoryLimit: UInt32 = 6
        static let noProgress: UInt32 = 10
    }

    private let calls: XzCalls
    /// Of its own, so that its address stays.
    private let stream = UnsafeMutablePointer<LzmaStream>.allocate(capacity: 1)
    private var begun = Code.ok

    init(_ calls: XzCalls) {
        self.calls = calls
        unsafe stream.initialize(to: LzmaStream())
        reset()
    }

    deinit {
        unsafe calls.end(stream)
        unsafe stream.deallocate()
    }

    /// What is there is used again.
    func reset() { begun = unsafe calls.decoder(stream, UInt64(Inflaters.memoryLimit), 0) }

    var memoryBytes: Int { unsafe Int(clamping: calls.memoryUsage(stream)) }

    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> InflatedStep {
        guard begun == Code.ok else { return InflatedStep(consumed: 0, produced: 0, outcome: .noMemory) }
        return unsafe withBytes(input, range, &output, room) { input, output in
            unsafe stream.pointee.nextIn = input
            unsafe stream.pointee.availableIn = range.count
            unsafe stream.pointee.nextOut = output
            unsafe stream.pointee.availableOut = room.count
            let outcome: InflatedStep.Outcome =
                switch unsafe calls.code(stream, 0) {
                case Code.ok, Code.noProgress: .more
                case Code.streamEnd: .memberEnded
                case Code.memory: .noMemory
                case Code.memoryLimit: .tooLarge
                default: .damaged
                }
            return unsafe InflatedStep(
                consumed: range.count - stream.pointee.availableIn,
                produced: room.count - stream.pointee.availableOut, outcome: outcome)
        }
    }
}
