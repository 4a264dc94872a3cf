// The forms in which a log may be compressed, as the first bytes of a file tell them: gzip (RFC 1952), xz
// (https://tukaani.org/xz/xz-file-format.txt), zstd (RFC 8878) and bzip2. And others that are only told.

package enum CompressionForm: String, CaseIterable, Sendable {
    case gzip, xz, zstd, bzip2

    /// What a program that compresses adds to the name of a file.
    package var ending: String {
        switch self {
        case .gzip: ".gz"
        case .xz: ".xz"
        case .zstd: ".zst"
        case .bzip2: ".bz2"
        }
    }

    /// What the first bytes of a file say.
    package enum Told: Equatable, Sendable {
        case form(CompressionForm)
        /// Compressed in a way that is not known here.
        case other
        /// So few bytes that it may become any of these.
        case unwritten
        case none
    }

    private static let gzipMagic: [UInt8] = [0x1F, 0x8B, 0x08]
    private static let xzMagic: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
    private static let zstdMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    /// Behind the first byte of a frame of zstd that is to be skipped, which is 0x50 to 0x5F.
    private static let skippableMagic: [UInt8] = [0x2A, 0x4D, 0x18]
    /// What follows `BZh` and a digit: a block, or the end of a stream without any. Three letters are no proof: a log
    /// may begin with them.
    private static let bzip2Blocks: [[UInt8]] = [
        [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90],
    ]
    /// lz4, compress, lzip, lzma, lzop, zip, and snappy in frames.
    private static let otherMagics: [[UInt8]] = [
        [0x04, 0x22, 0x4D, 0x18], [0x1F, 0x9D, 0x90], [0x4C, 0x5A, 0x49, 0x50, 0x01], [0x5D, 0x00, 0x00],
        [0x89, 0x4C, 0x5A, 0x4F, 0x00], [0x50, 0x4B, 0x03, 0x04], [0xFF, 0x06, 0x00, 0x00, 0x73],
    ]

    /// `isNamed` is whether the name of the file says that it is compressed. Only then what may as well be text is
    /// taken for the beginning of something compressed.
    package static func tell(_ start: ArraySlice<UInt8>, isNamed: Bool) -> Told {
        for form in allCases where form.begins(start) { return .form(form) }
        if otherMagics.contains(where: { start.starts(with: $0) }) { return .other }
        guard !start.isEmpty else { return .none }
        let isText = start.allSatisfy { (0x20..<0x7F).contains($0) }
        return (isNamed || !isText) && mayBecomeForm(start) ? .unwritten : .none
    }

    /// Whether what follows one complete member of a file is another one, as its first byte tells.
    package func mayBeginMember(_ byte: UInt8) -> Bool {
        switch self {
        case .gzip: byte == Self.gzipMagic[0]
        case .xz: byte == Self.xzMagic[0]
        case .zstd: byte == Self.zstdMagic[0] || byte & 0xF0 == 0x50
        case .bzip2: byte == UInt8(ascii: "B")
        }
    }

    private func begins(_ start: ArraySlice<UInt8>) -> Bool {
        switch self {
        case .gzip: return start.starts(with: Self.gzipMagic)
        case .xz: return start.starts(with: Self.xzMagic)
        case .zstd:
            let isSkippable = start.first.map { $0 & 0xF0 == 0x50 } ?? false
            return start.starts(with: Self.zstdMagic)
                || isSkippable && start.dropFirst().starts(with: Self.skippableMagic)
        case .bzip2:
            return Self.isBzip2Head(start.prefix(4)) && start.count >= 4
                && Self.bzip2Blocks.contains { start.dropFirst(4).starts(with: $0) }
        }
    }

    private static func mayBecomeForm(_ start: ArraySlice<UInt8>) -> Bool {
        for magic in [gzipMagic, xzMagic, zstdMagic] where start.count < magic.count && magic.starts(with: start) {
            return true
        }
        if start.count < 4, start.first.map({ $0 & 0xF0 == 0x50 }) ?? false,
            skippableMagic.starts(with: start.dropFirst())
        {
            return true
        }
        return start.count < 10 && isBzip2Head(start.prefix(4))
            && bzip2Blocks.contains { $0.starts(with: start.dropFirst(4)) }
    }

    /// `BZh` and a digit for the size of the blocks, as far as there is so much.
    private static func isBzip2Head(_ start: ArraySlice<UInt8>) -> Bool {
        guard Array("BZh".utf8).starts(with: start.prefix(3)) else { return false }
        return start.dropFirst(3).allSatisfy { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
    }
}
