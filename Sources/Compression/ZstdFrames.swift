// zstd by libzstd (zstd.h), which is not linked. Checksums are verified where a frame has one; frames that are to be
// skipped are members without text.

internal import Bytes

/// `ZSTD_inBuffer` and `ZSTD_outBuffer`.
@unsafe private struct ZstdBuffer {
    var bytes: UnsafeRawPointer?
    var size: Int
    var position = 0
}

@safe struct ZstdCalls: Sendable {
    typealias Context = UnsafeMutableRawPointer
    typealias Create = @convention(c) @Sendable () -> Context?
    typealias Free = @convention(c) @Sendable (Context) -> Int
    /// A parameter of the stable API since 1.4.0, and its value.
    typealias SetParameter = @convention(c) @Sendable (Context, UInt32, Int32) -> Int
    /// 1 for the session alone: parameters stay.
    typealias Reset = @convention(c) @Sendable (Context, UInt32) -> Int
    /// The text, and what is compressed.
    typealias Decompress = @convention(c) @Sendable (Context, UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int
    typealias ErrorCode = @convention(c) @Sendable (Int) -> UInt32
    typealias Size = @convention(c) @Sendable (Context) -> Int

    let create: Create
    let free: Free
    let setParameter: SetParameter
    let reset: Reset
    let decompress: Decompress
    let errorCode: ErrorCode
    let size: Size

    init?(_ symbols: Symbols) {
        guard let create = unsafe symbols.find("ZSTD_createDCtx", Create.self),
            let free = unsafe symbols.find("ZSTD_freeDCtx", Free.self),
            let setParameter = unsafe symbols.find("ZSTD_DCtx_setParameter", SetParameter.self),
            let reset = unsafe symbols.find("ZSTD_DCtx_reset", Reset.self),
            let decompress = unsafe symbols.find("ZSTD_decompressStream", Decompress.self),
            let errorCode = symbols.find("ZSTD_getErrorCode", ErrorCode.self),
            let size = unsafe symbols.find("ZSTD_sizeof_DCtx", Size.self)
        else { return nil }
        unsafe (self.create, self.free, self.setParameter, self.reset) = (create, free, setParameter, reset)
        unsafe (self.decompress, self.errorCode, self.size) = (decompress, errorCode, size)
    }
}

@safe final class ZstdFrames: Inflater {
    /// `ZSTD_d_windowLogMax`.
    private static let windowLogMax: UInt32 = 100
    private static let sessionOnly: UInt32 = 1
    /// RFC 8878, 3.1.1: the magic number and the descriptor.
    private static let headerBytes = 5

    /// `ZSTD_ErrorCode`, which is stable: zstd_errors.h.
    private enum Code {
        static let none: UInt32 = 0
        static let windowTooLarge: UInt32 = 16
        static let memory: UInt32 = 64
    }

    private let calls: ZstdCalls
    private let context: ZstdCalls.Context?
    /// How much it asked for: at the start of a frame, what tells how long its header is.
    private var wantedBytes = headerBytes

    init(_ calls: ZstdCalls) {
        self.calls = calls
        unsafe context = calls.create()
        if let context = unsafe context {
            let code = unsafe calls.setParameter(context, Self.windowLogMax, Inflaters.zstdWindowLog)
            guard calls.errorCode(code) == Code.none else { bug("libzstd refused the limit of its window") }
        }
    }

    deinit { if let context = unsafe context { unsafe _ = calls.free(context) } }

    func reset() {
        wantedBytes = Self.headerBytes
        if let context = unsafe context { unsafe _ = calls.reset(context, Self.sessionOnly) }
    }

    var memoryBytes: Int {
        guard let context = unsafe context else { return 0 }
        return unsafe calls.size(context)
    }

    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], _ room: Range<Int>
    ) -> InflatedStep {
        guard let context = unsafe context else { return InflatedStep(consumed: 0, produced: 0, outcome: .noMemory) }
        return unsafe withBytes(input, range, &output, room) { input, output in
            var source = unsafe ZstdBuffer(bytes: input, size: range.count)
            var text = unsafe ZstdBuffer(bytes: output, size: room.count)
            var left = 0
            // On an error it says nothing of the text of that call: so it gets no more at once than it asks for. A
            // frame that it is given whole it would inflate at once, and keep all of it when the checksum is wrong.
            repeat {
                unsafe source.size = min(range.count, source.position + wantedBytes)
                left = unsafe calls.decompress(context, &text, &source)
                guard calls.errorCode(left) == Code.none, left > 0 else { break }
                wantedBytes = left
            } while unsafe source.position < range.count && text.position < room.count
            let outcome: InflatedStep.Outcome =
                switch calls.errorCode(left) {
                case Code.none: left == 0 ? .memberEnded : .more
                case Code.windowTooLarge: .tooLarge
                case Code.memory: .noMemory
                default: .damaged
                }
            return unsafe InflatedStep(consumed: source.position, produced: text.position, outcome: outcome)
        }
    }
}
