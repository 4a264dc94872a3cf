// The text in a gzip file (RFC 1952), read at offsets of the text: a rotated log that was compressed meanwhile.

internal import Bytes
internal import Platform

/// One stream through a compressed file, from its beginning onwards. What was read last can be read again; what stands
/// before it, only from the beginning.
final class InflatedText {
    /// One read of the compressed file.
    private static let inputBytes = 64 << 10
    /// Text that one call may pass over on its way to an offset: a few tens of milliseconds.
    private static let skippedBytesLimit = 16 << 20

    enum Piece: Equatable {
        /// So many bytes of text. With `isEnd`, nothing comes after it.
        case text(Int, isEnd: Bool)
        /// On the way to the offset; to be called again.
        case skipped
        /// The file ends in the middle of the stream: it is still being written.
        case incomplete
    }

    private let source: TextReader.Read
    private let inflater = GzipInflater()
    private var input = [UInt8](repeating: 0, count: inputBytes)
    private var inputRange = 0..<0
    private var inputOffset: UInt64 = 0
    private var hasEnded = false
    /// It ended before its time: what follows is no gzip, or the text is shorter than what was asked for.
    private(set) var isDamaged = false
    /// The text given last, and where it stands.
    private var held: [UInt8] = []
    private var heldOffset: UInt64 = 0
    private var heldEnd: UInt64 { heldOffset + UInt64(held.count) }

    init(_ source: @escaping TextReader.Read = TextReader.fromDisk) { self.source = source }

    /// Fills `buffer` with the text from `offset` on, or as much of it as there is.
    func read(_ file: borrowing File, into buffer: inout [UInt8], at offset: UInt64) throws(Errno) -> Piece {
        if offset < heldOffset { rewind() }
        if let piece = try skip(file, to: offset, through: &buffer) { return piece }
        held.removeFirst(Int(offset - heldOffset))
        heldOffset = offset
        let kept = min(held.count, buffer.count)
        buffer.replaceSubrange(0..<kept, with: held[..<kept])
        var count = kept
        while count < buffer.count, !hasEnded {
            let produced = try fill(file, &buffer, count..<buffer.count)
            if produced == 0, !hasEnded { break }
            count += produced
        }
        if count == kept, !hasEnded { return .incomplete }
        held.replaceSubrange(0..<held.count, with: buffer[..<count])
        return .text(count, isEnd: hasEnded)
    }

    private func rewind() {
        inflater.reset()
        (inputRange, inputOffset, hasEnded, isDamaged) = (0..<0, 0, false, false)
        held.removeAll(keepingCapacity: true)
        heldOffset = 0
    }

    /// Nil when the stream stands at `offset`, or what is held reaches it.
    private func skip(_ file: borrowing File, to offset: UInt64, through buffer: inout [UInt8]) throws(Errno) -> Piece?
    {
        var skipped = 0
        while heldEnd < offset {
            if hasEnded {
                isDamaged = true
                return .text(0, isEnd: true)
            }
            guard skipped < Self.skippedBytesLimit else { return .skipped }
            heldOffset = heldEnd
            held.removeAll(keepingCapacity: true)
            let room = min(UInt64(buffer.count), offset - heldOffset)
            let produced = try fill(file, &buffer, 0..<Int(room))
            if produced == 0, !hasEnded { return .incomplete }
            heldOffset += UInt64(produced)
            skipped += produced
        }
        return nil
    }

    /// Inflates into `buffer[room]`. Returns 0 when there is nothing more, or nothing more yet.
    private func fill(_ file: borrowing File, _ buffer: inout [UInt8], _ room: Range<Int>) throws(Errno) -> Int {
        while !hasEnded {
            if inputRange.isEmpty {
                let count = try source(file, &input, Self.inputBytes, inputOffset)
                guard count > 0 else { return 0 }
                inputOffset += UInt64(count)
                inputRange = 0..<count
            }
            let step = inflater.inflate(input, inputRange, into: &buffer, room)
            inputRange = inputRange.lowerBound + step.consumed..<inputRange.upperBound
            switch step.outcome {
            case .more: break
            case .damaged: (hasEnded, isDamaged) = (true, true)
            case .memberEnded:
                hasEnded = try !hasAnotherMember(file)
                inflater.reset()
            }
            if step.produced > 0 { return step.produced }
        }
        return 0
    }

    /// Zeros that a tape or a copy padded the file with are none.
    private func hasAnotherMember(_ file: borrowing File) throws(Errno) -> Bool {
        if !inputRange.isEmpty { return input[inputRange.lowerBound] == 0x1F }
        var byte: [UInt8] = [0]
        return try source(file, &byte, 1, inputOffset) == 1 && byte[0] == 0x1F
    }
}

extension File {
    func read(
        _ text: InflatedText, into buffer: inout [UInt8], at offset: UInt64
    ) throws(Errno) -> InflatedText.Piece {
        try text.read(self, into: &buffer, at: offset)
    }
}
