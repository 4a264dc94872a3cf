// The text in a compressed file, read at offsets of the text: a rotated log that was compressed meanwhile. Which form
// it is compressed in, its first bytes tell.

internal import Bytes
internal import Compression
internal import Platform

/// One stream through a compressed file, from its beginning onwards. What was read last can be read again; what
/// stands before it, only from the beginning. Where it ends for now, it goes on when there is more of the file.
final class InflatedText {
    /// One read of the compressed file.
    private static let inputBytes = 64 << 10
    /// Text that one call may pass over on its way to an offset: a few tens of milliseconds.
    private static let skippedBytesLimit = 16 << 20
    /// Zeros that a tape or xz(1) puts behind what is compressed, or between two of them. Tapes have blocks of 10
    /// KiB.
    private static let paddingLimit = 64 << 10
    /// What one call may read of the file without finding text: zstd may skip gigabytes.
    private static let inputBytesLimit = 16 << 20
    /// A file that is set to its size before it is written has NULs at its end; gzip's size has two at the most.
    private static let unwrittenEndBytes = 8
    /// What stands before the place where it goes on, looked at once more: two compressed texts differ in each KiB.
    private static let seamBytes = 1 << 10

    enum Piece: Equatable {
        /// So many bytes of text. With `isEnd`, nothing comes after it.
        case text(Int, isEnd: Bool)
        /// On the way to the offset; to be called again.
        case skipped
        /// So many bytes of text, behind which the file ends in the middle of the stream: it is still being written,
        /// or was cut short.
        case incomplete(Int)
    }

    /// Why it ended before its time.
    enum Fault: Equatable {
        /// What follows is not of this form, its checksum is wrong, or the text is shorter than what was asked for.
        case damaged
        /// All of the text is there, and behind it something else.
        case followedByOther
        case refused(CompressionRefusal)
    }

    private let source: TextReader.Read
    private let inflaters: Inflaters
    /// What it is, when the first bytes are read.
    private var form: CompressionForm?
    private var inflater: (any Inflater)?
    private var input = [UInt8](repeating: 0, count: inputBytes)
    private var inputRange = 0..<0
    /// What was read last.
    private var inputCount = 0
    private var inputOffset: UInt64 = 0
    /// The last step filled its room: there may be more text without more input.
    private var hasMoreText = false
    private var hasEnded = false
    /// What comes next is not written yet, though the file has its size.
    private var isUnwritten = false
    /// It has come to the end of what there was. The file may have been written anew since, and what follows would then
    /// be no continuation.
    private var mayBeStale = false
    /// What this call may still read of the file.
    private var inputLeft = 0
    private(set) var fault: Fault?
    /// The text given last, and where it stands.
    private var held: [UInt8] = []
    private var heldOffset: UInt64 = 0
    private var heldEnd: UInt64 { heldOffset + UInt64(held.count) }

    init(_ source: @escaping TextReader.Read = TextReader.fromDisk, inflaters: Inflaters = .shared) {
        self.source = source
        self.inflaters = inflaters
    }

    /// What it gave last is not the end of the text.
    var isDamaged: Bool { fault != nil && fault != .followedByOther }

    /// What reading on takes, but for what was read last.
    var memoryBytes: Int { Self.inputBytes + (inflater?.memoryBytes ?? 0) }

    /// Fills `buffer` with the text from `offset` on, or as much of it as there is.
    func read(_ file: borrowing File, into buffer: inout [UInt8], at offset: UInt64) throws(Errno) -> Piece {
        if mayBeStale, try !isContinued(in: file) { rewind() }
        let piece = try readOnce(file, into: &buffer, at: offset)
        if case .incomplete = piece { mayBeStale = true }
        guard mayBeStale, fault == .damaged else { return piece }
        rewind()
        return try readOnce(file, into: &buffer, at: offset)
    }

    private func readOnce(
        _ file: borrowing File, into buffer: inout [UInt8], at offset: UInt64
    ) throws(Errno) -> Piece {
        if offset < heldOffset || isUnwritten { rewind() }
        inputLeft = Self.inputBytesLimit
        if let piece = try skip(file, to: offset, through: &buffer) { return piece }
        held.removeFirst(Int(offset - heldOffset))
        heldOffset = offset
        var count = min(held.count, buffer.count)
        buffer.replaceSubrange(0..<count, with: held[..<count])
        // What of it does not fit is asked for again.
        let isWhole = count == held.count
        while isWhole, count < buffer.count, !hasEnded {
            let produced = try fill(file, &buffer, count..<buffer.count)
            if produced == 0 { break }
            count += produced
        }
        if isWhole { held.replaceSubrange(0..<held.count, with: buffer[..<count]) }
        if count < buffer.count, !hasEnded { return inputLeft > 0 ? .incomplete(count) : .skipped }
        return .text(count, isEnd: hasEnded && isWhole)
    }

    private func rewind() {
        inflater?.reset()
        (inputRange, inputOffset, hasMoreText) = (0..<0, 0, false)
        (hasEnded, isUnwritten, mayBeStale, fault) = (false, false, false, nil)
        held.removeAll(keepingCapacity: true)
        heldOffset = 0
    }

    /// Nil when the stream stands at `offset`, or what is held reaches it.
    private func skip(_ file: borrowing File, to offset: UInt64, through buffer: inout [UInt8]) throws(Errno) -> Piece?
    {
        var skipped = 0
        while heldEnd < offset {
            if hasEnded {
                end(fault ?? .damaged)
                return .text(0, isEnd: true)
            }
            guard skipped < Self.skippedBytesLimit else { return .skipped }
            heldOffset = heldEnd
            held.removeAll(keepingCapacity: true)
            let room = min(UInt64(buffer.count), offset - heldOffset)
            let produced = try fill(file, &buffer, 0..<Int(room))
            if produced == 0, !hasEnded { return inputLeft > 0 ? .incomplete(0) : .skipped }
            heldOffset += UInt64(produced)
            skipped += produced
        }
        return nil
    }

    /// Inflates into `buffer[room]`. Returns 0 when there is nothing more, or nothing more yet.
    private func fill(_ file: borrowing File, _ buffer: inout [UInt8], _ room: Range<Int>) throws(Errno) -> Int {
        while !hasEnded, !isUnwritten {
            if inputRange.isEmpty, !hasMoreText, try !readOn(file) { return 0 }
            guard let inflater = inflater ?? begin() else { return 0 }
            let wasAtHand = inputRange.count
            let step = inflater.inflate(input, inputRange, into: &buffer, room)
            inputRange = inputRange.lowerBound + step.consumed..<inputRange.upperBound
            hasMoreText = step.produced == room.count
            inflaters.note(produced: step.produced)
            switch step.outcome {
            case .more where step.consumed == 0 && step.produced == 0 && wasAtHand > 0: end(.damaged)
            case .more: break
            case .damaged:
                isUnwritten = try endsInNULs(file)
                if !isUnwritten { end(.damaged) }
            case .tooLarge: end(.refused(.tooLarge))
            case .noMemory: throw .noMemory
            case .memberEnded:
                hasMoreText = false
                try passPadding(file)
                if !hasEnded { inflater.reset() }
            }
            if step.produced > 0 { return step.produced }
        }
        return 0
    }

    /// Its memory is needed no longer.
    private func end(_ reason: Fault?) { (hasEnded, fault, inflater) = (true, reason, nil) }

    /// False when there is no more of the file now, or for this call.
    private func readOn(_ file: borrowing File) throws(Errno) -> Bool {
        guard inputLeft > 0 else { return false }
        let count = try source(file, &input, Self.inputBytes, inputOffset)
        inputOffset += UInt64(count)
        inputLeft -= count
        inputRange = 0..<count
        if count > 0 { inputCount = count }
        return count > 0
    }

    /// Whether the file still has what was read of it last.
    private func isContinued(in file: borrowing File) throws(Errno) -> Bool {
        let length = min(inputCount, Self.seamBytes, Int(clamping: inputOffset))
        var seam = [UInt8](repeating: 0, count: length)
        let count = length == 0 ? 0 : try source(file, &seam, length, inputOffset - UInt64(length))
        return count == length && seam[...] == input[(inputCount - length)..<inputCount]
    }

    /// Nil when it has ended because it cannot be read, or when it is not known yet what it is.
    private func begin() -> (any Inflater)? {
        switch CompressionForm.tell(input[inputRange], isNamed: true) {
        case .form(let form):
            do throws(CompressionRefusal) {
                let inflater = try inflaters.inflater(for: form)
                (self.form, self.inflater) = (form, inflater)
                return inflater
            } catch {
                end(.refused(error))
            }
        case .unwritten: (inputRange, inputOffset) = (0..<0, 0)
        case .other, .none: end(.damaged)
        }
        return nil
    }

    /// One member is complete. Ends, if no other one follows behind zeros that pad it.
    private func passPadding(_ file: borrowing File) throws(Errno) {
        var passed = 0
        while true {
            // What follows is read in any case: there may be another one.
            inputLeft = max(inputLeft, 1)
            if inputRange.isEmpty, try !readOn(file) { return end(nil) }
            guard let next = input[inputRange].firstIndex(where: { $0 != 0 }) else {
                passed += inputRange.count
                inputRange = 0..<0
                if passed > Self.paddingLimit { return end(nil) }
                continue
            }
            inputRange = next..<inputRange.upperBound
            if form?.mayBeginMember(input[next]) != true { end(.followedByOther) }
            return
        }
    }

    /// Where it is found to be damaged, it may not be written yet.
    private func endsInNULs(_ file: borrowing File) throws(Errno) -> Bool {
        let size = try file.status().sizeBytes
        guard size > UInt64(Self.unwrittenEndBytes) else { return false }
        var end = [UInt8](repeating: 1, count: Self.unwrittenEndBytes)
        let count = try source(file, &end, end.count, size - UInt64(end.count))
        return count == end.count && end.allSatisfy { $0 == 0 }
    }
}

extension File {
    func read(
        _ text: InflatedText, into buffer: inout [UInt8], at offset: UInt64
    ) throws(Errno) -> InflatedText.Piece {
        try text.read(self, into: &buffer, at: offset)
    }
}
