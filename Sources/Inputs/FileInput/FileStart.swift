// How a file begins, which tells what it is and which one it is.

internal import Bytes
internal import Platform

/// The first bytes of a file; of a gzip file those of the text in it.
struct FileStart {
    enum Form { case plain, gzip, otherCompression }

    let form: Form
    /// Up to `StartPrint.lengthLimit`.
    let bytes: ArraySlice<UInt8>
    /// Of the text. In a gzip file its end tells, as far as that has been written: RFC 1952, ISIZE.
    let sizeBytes: UInt64
    /// False for a gzip file of which so little has been written that it cannot be told which one it is.
    let isKnown: Bool

    private static let gzipMagic: [UInt8] = [0x1F, 0x8B, 0x08]
    /// zstd, xz and bzip2.
    private static let otherMagics: [[UInt8]] = [
        [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x42, 0x5A, 0x68],
    ]

    init(_ file: borrowing File, _ status: FileStatus, through buffer: inout [UInt8]) throws(Errno) {
        let count = try file.read(into: &buffer, limit: StartPrint.lengthLimit, at: 0)
        let own = buffer[..<count]
        guard own.starts(with: Self.gzipMagic) else {
            form = Self.otherMagics.contains { own.starts(with: $0) } ? .otherCompression : .plain
            (bytes, sizeBytes, isKnown) = (own, status.sizeBytes, true)
            return
        }
        let inflated = InflatedText()
        var text = [UInt8](repeating: 0, count: StartPrint.lengthLimit)
        let piece = try inflated.read(file, into: &text, at: 0)
        guard !inflated.isDamaged else {
            (form, bytes, sizeBytes, isKnown) = (.otherCompression, own, status.sizeBytes, true)
            return
        }
        form = .gzip
        guard case .text(let length, let isEnd) = piece else {
            (bytes, sizeBytes, isKnown) = ([], 0, false)
            return
        }
        bytes = text[..<length]
        isKnown = isEnd || length == StartPrint.lengthLimit
        sizeBytes = isEnd ? UInt64(length) : max(try Self.sizeAtEnd(file, status), UInt64(length))
    }

    private static func sizeAtEnd(_ file: borrowing File, _ status: FileStatus) throws(Errno) -> UInt64 {
        var end: [UInt8] = [0, 0, 0, 0]
        guard status.sizeBytes > 4, try file.read(into: &end, limit: 4, at: status.sizeBytes - 4) == 4 else { return 0 }
        return end.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
