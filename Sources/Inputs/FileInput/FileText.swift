// What stands in a file, as far as that tells which one it is: its form, its first bytes, its size, and the bytes
// before a place further inside. Of a compressed file (gzip, RFC 1952) it is the text in it.

internal import Bytes
internal import Platform

/// Reads the few bytes by which files are told apart, into a buffer that is kept.
struct TextReader {
    /// As `File.read(into:limit:at:)`.
    typealias Read = @Sendable (borrowing File, inout [UInt8], _ limit: Int, _ offset: UInt64) throws(Errno) -> Int

    static let fromDisk: Read = {
        (file: borrowing File, bytes: inout [UInt8], limit: Int, offset: UInt64) throws(Errno) -> Int in
        try file.read(into: &bytes, limit: limit, at: offset)
    }

    var bytes = [UInt8](repeating: 0, count: max(FilePrint.Head.lengthLimit, FilePrint.Inner.length))
    /// Passed in, so that a test can give an error at any call.
    let source: Read

    init(_ source: @escaping Read = fromDisk) { self.source = source }

    /// Up to a KiB. Returns how much there is.
    mutating func read(_ file: borrowing File, at offset: UInt64) throws(Errno) -> Int {
        try source(file, &bytes, bytes.count, offset)
    }
}

/// What a file says of the text before an offset in it.
enum InnerText: Equatable {
    case text(FilePrint.Inner)
    /// There is not as much of it.
    case ended
    /// A compressed file of which not as much has been written yet.
    case unwritten
    /// It could not be read; `ENOENT` when the file was renamed meanwhile.
    case unreadable(Errno)
}

/// A class, because each place inside is looked at once, whoever asks.
final class FileText {
    enum Form { case plain, gzip, otherCompression }

    let form: Form
    /// The first bytes, up to `FilePrint.Head.lengthLimit`.
    let start: ArraySlice<UInt8>
    /// In a gzip file its end tells, as far as that has been written: RFC 1952, ISIZE.
    let sizeBytes: UInt64
    /// False for a gzip file whose whole text is longer than `start`.
    let isSizeCertain: Bool
    /// False for a file of which so little has been written that it cannot be told which one it is.
    let isKnown: Bool
    /// NULs at the end of a plain file: it may be a copy that is being written into a file that has its size already.
    let endsInNULs: Bool

    private let look: (_ end: UInt64) -> InnerText
    private var looks: [UInt64: InnerText] = [:]

    private static let gzipMagic: [UInt8] = [0x1F, 0x8B, 0x08]
    /// zstd, xz and bzip2.
    private static let otherMagics: [[UInt8]] = [
        [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x42, 0x5A, 0x68],
    ]

    /// Of an open file that stands at `place`, where it is opened again when more than its first bytes is asked for.
    init(
        _ file: borrowing File, _ status: FileStatus, at place: Path, through reader: inout TextReader
    ) throws(Errno) {
        let count = try reader.read(file, at: 0)
        let own = reader.bytes[..<count]
        let form: Form
        if !own.isEmpty, own.count < Self.gzipMagic.count, Self.gzipMagic.starts(with: own) {
            (form, start, sizeBytes, isKnown, isSizeCertain) = (.gzip, [], 0, false, false)
        } else if !own.starts(with: Self.gzipMagic) {
            form = Self.otherMagics.contains { own.starts(with: $0) } ? .otherCompression : .plain
            (start, sizeBytes, isKnown, isSizeCertain) = (own, status.sizeBytes, true, true)
        } else {
            let inflated = InflatedText(reader.source)
            var text = [UInt8](repeating: 0, count: FilePrint.Head.lengthLimit)
            let piece = try inflated.read(file, into: &text, at: 0)
            if inflated.isDamaged {
                (form, start, sizeBytes, isKnown, isSizeCertain) = (
                    .otherCompression, own, status.sizeBytes, true, true
                )
            } else if case .text(let length, let isEnd) = piece {
                form = .gzip
                start = text[..<length]
                isSizeCertain = isEnd
                isKnown = isEnd || length == FilePrint.Head.lengthLimit
                sizeBytes = isEnd ? UInt64(length) : max(try Self.sizeAtEnd(file, status, &reader), UInt64(length))
            } else {
                (form, start, sizeBytes, isKnown, isSizeCertain) = (.gzip, [], 0, false, false)
            }
        }
        self.form = form
        endsInNULs = form == .plain ? try Self.endsInNULs(file, status, own, &reader) : false
        let (id, source) = (status.id, reader.source)
        look = { end in Self.inner(form, before: end, in: place, id, source) }
    }

    /// Of a text that is at hand.
    init(
        _ form: Form, _ text: [UInt8], sizeBytes: UInt64? = nil, isKnown: Bool = true,
        look: @escaping (UInt64) -> InnerText = { _ in .ended }
    ) {
        self.form = form
        start = text.prefix(FilePrint.Head.lengthLimit)
        self.sizeBytes = sizeBytes ?? UInt64(text.count)
        self.isKnown = isKnown
        endsInNULs = form == .plain && Self.endsInNULs(start)
        isSizeCertain = form != .gzip || text.count <= FilePrint.Head.lengthLimit && isKnown
        self.look = look
    }

    func inner(before end: UInt64) -> InnerText {
        if let known = looks[end] { return known }
        let found = look(end)
        looks[end] = found
        return found
    }

    /// Whether less stands in it than was read. Not said of a gzip file whose end is not seen: what that says of the
    /// size is wrong while it is being written, and beyond 4 GiB.
    func isShorter(than offset: UInt64) -> Bool { isSizeCertain && sizeBytes < offset }

    /// Whether this is the text of `other` in another form: compressed or decompressed.
    func isOtherForm(of other: FileText) -> FilePrint.Match {
        guard form != other.form, form != .otherCompression, other.form != .otherCompression, isKnown,
            start.elementsEqual(other.start)
        else { return .other }
        guard let end = FilePrint.Inner.end(seen: min(sizeBytes, other.sizeBytes)) else { return .same }
        switch (inner(before: end), other.inner(before: end)) {
        case (.text(let text), .text(let otherText)): return text == otherText ? .same : .other
        case (.unreadable(let error), _), (_, .unreadable(let error)): return .unreadable(error)
        // As far as both reach.
        default: return .same
        }
    }

    /// Of a compressed file with the same beginning. One that was cut short has not, nor one of which that cannot be
    /// told because it is large.
    func hasMore(than other: FileText) -> Bool {
        if case .text = inner(before: other.sizeBytes + 1) { true } else { false }
    }

    /// A gzip file has 32 bits for the size of its text.
    func isAsLarge(as other: FileText) -> Bool {
        UInt32(truncatingIfNeeded: sizeBytes) == UInt32(truncatingIfNeeded: other.sizeBytes)
    }

    /// One NUL may be half a character of UTF-16.
    private static func endsInNULs(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.suffix(2).allSatisfy { $0 == 0 }
    }

    private static func endsInNULs(
        _ file: borrowing File, _ status: FileStatus, _ start: ArraySlice<UInt8>, _ reader: inout TextReader
    ) throws(Errno) -> Bool {
        guard status.sizeBytes > UInt64(FilePrint.Head.lengthLimit) else { return endsInNULs(start) }
        let count = try reader.read(file, at: status.sizeBytes - 2)
        return endsInNULs(reader.bytes[..<min(count, 2)])
    }

    private static func sizeAtEnd(
        _ file: borrowing File, _ status: FileStatus, _ reader: inout TextReader
    ) throws(Errno) -> UInt64 {
        guard status.sizeBytes > 4, try reader.read(file, at: status.sizeBytes - 4) >= 4 else { return 0 }
        return reader.bytes[..<4].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func inner(
        _ form: Form, before end: UInt64, in place: Path, _ id: FileID, _ source: @escaping TextReader.Read
    ) -> InnerText {
        do throws(Errno) {
            let file = try File(reading: place)
            guard try file.status().id == id else { return .unreadable(.notFound) }
            var reader = TextReader(source)
            return try file.innerText(form, before: end, through: &reader)
        } catch {
            return .unreadable(error)
        }
    }
}

extension File {
    /// What stands before `end`, which is `FilePrint.Inner.length` or more. It is then in `reader`.
    func innerText(
        _ form: FileText.Form, before end: UInt64, through reader: inout TextReader
    ) throws(Errno) -> InnerText {
        let offset = end - UInt64(FilePrint.Inner.length)
        var count = 0
        switch form {
        case .plain: count = try reader.read(self, at: offset)
        case .gzip:
            let text = InflatedText(reader.source)
            switch try text.read(self, into: &reader.bytes, at: offset) {
            case .text(let length, let isEnd):
                count = length
                if length < FilePrint.Inner.length, !isEnd { return .unwritten }
            case .skipped, .incomplete: return .unwritten
            }
        case .otherCompression: break
        }
        return FilePrint.Inner(end: end, last: reader.bytes[..<count]).map { .text($0) } ?? .ended
    }
}
