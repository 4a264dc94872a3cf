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
    /// False when only the end of a gzip file tells its size.
    var isSizeCertain: Bool { form != .gzip || isEnd }
    /// All of the text in a gzip file is in `bytes`.
    private let isEnd: Bool

    private static let gzipMagic: [UInt8] = [0x1F, 0x8B, 0x08]
    /// zstd, xz and bzip2.
    private static let otherMagics: [[UInt8]] = [
        [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x42, 0x5A, 0x68],
    ]

    init(_ file: borrowing File, _ status: FileStatus, through buffer: inout [UInt8]) throws(Errno) {
        let count = try file.read(into: &buffer, limit: StartPrint.lengthLimit, at: 0)
        let own = buffer[..<count]
        if !own.isEmpty, own.count < Self.gzipMagic.count, Self.gzipMagic.starts(with: own) {
            (form, bytes, sizeBytes, isKnown, isEnd) = (.gzip, [], 0, false, false)
            return
        }
        guard own.starts(with: Self.gzipMagic) else {
            form = Self.otherMagics.contains { own.starts(with: $0) } ? .otherCompression : .plain
            (bytes, sizeBytes, isKnown, isEnd) = (own, status.sizeBytes, true, false)
            return
        }
        let inflated = InflatedText()
        var text = [UInt8](repeating: 0, count: StartPrint.lengthLimit)
        let piece = try inflated.read(file, into: &text, at: 0)
        guard !inflated.isDamaged else {
            (form, bytes, sizeBytes, isKnown, isEnd) = (.otherCompression, own, status.sizeBytes, true, false)
            return
        }
        form = .gzip
        guard case .text(let length, let isLast) = piece else {
            (bytes, sizeBytes, isKnown, isEnd) = ([], 0, false, false)
            return
        }
        bytes = text[..<length]
        isEnd = isLast
        isKnown = isLast || length == StartPrint.lengthLimit
        sizeBytes = isLast ? UInt64(length) : max(try Self.sizeAtEnd(file, status), UInt64(length))
    }

    /// Of a text that is at hand.
    init(_ form: Form, _ text: [UInt8], sizeBytes: UInt64? = nil, isKnown: Bool = true) {
        self.form = form
        bytes = text.prefix(StartPrint.lengthLimit)
        self.sizeBytes = sizeBytes ?? UInt64(text.count)
        self.isKnown = isKnown
        isEnd = text.count <= StartPrint.lengthLimit && isKnown
    }

    private static func sizeAtEnd(_ file: borrowing File, _ status: FileStatus) throws(Errno) -> UInt64 {
        var end: [UInt8] = [0, 0, 0, 0]
        guard status.sizeBytes > 4, try file.read(into: &end, limit: 4, at: status.sizeBytes - 4) == 4 else { return 0 }
        return end.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
