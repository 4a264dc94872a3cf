// What stands in a file, as far as that tells which one it is: its form, its first bytes, its size, and the bytes
// before a place further inside. Of a compressed file it is the text in it.

internal import Bytes
internal import Compression
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
    /// And so that a test can be without a library.
    let inflaters: Inflaters

    init(_ source: @escaping Read = fromDisk, _ inflaters: Inflaters = .shared) {
        (self.source, self.inflaters) = (source, inflaters)
    }

    /// Up to a KiB. Returns how much there is.
    mutating func read(_ file: borrowing File, at offset: UInt64) throws(Errno) -> Int {
        try source(file, &bytes, bytes.count, offset)
    }
}

/// A class, because each place inside is looked at once, whoever asks.
final class FileText {
    enum Form: Equatable {
        case plain
        case compressed(CompressionForm)
        /// In a way that is not known, or its text cannot be had.
        case otherCompression

        static let gzip = Form.compressed(.gzip)

        /// The text in it can be read.
        var isCompressed: Bool { if case .compressed = self { true } else { false } }
    }

    let form: Form
    /// Why the text in it cannot be had, where that is known.
    private(set) var refusal: CompressionRefusal?
    /// The first bytes, up to `FilePrint.Head.lengthLimit`.
    let start: ArraySlice<UInt8>
    /// In a gzip file its end tells, as far as that has been written: RFC 1952, ISIZE. In other compressed files
    /// nothing does, and it is that of `start`.
    let sizeBytes: UInt64
    /// False for a compressed file whose whole text is longer than `start`.
    let isSizeCertain: Bool
    /// False for a file of which so little has been written that it cannot be told which one it is.
    let isKnown: Bool
    /// NULs at the end of a plain file: it may be a copy that is being written into a file that has its size already.
    let endsInNULs: Bool

    /// Where it is opened to look further inside.
    private(set) var place: Path
    private let look: (_ end: UInt64, _ place: Path) -> InnerText
    private var looks: [UInt64: InnerText] = [:]

    /// Of an open file that stands at `place`, where it is opened again when more than its first bytes is asked for.
    /// With `isSettled`, nobody writes it any more: what there is of a compressed one is as good as it gets.
    init(
        _ file: borrowing File, _ status: FileStatus, at place: Path, isSettled: Bool = false,
        through reader: inout TextReader
    ) throws(Errno) {
        let count = try reader.read(file, at: 0)
        let own = reader.bytes[..<count]
        let (id, source, inflaters) = (status.id, reader.source, reader.inflaters)
        let compression = CompressionForm.tell(own, isNamed: withoutCompressionEnding(place) != place)
        switch compression {
        case .none, .other:
            form = compression == .none ? .plain : .otherCompression
            (start, sizeBytes, isKnown, isSizeCertain) = (own, status.sizeBytes, true, true)
            endsInNULs = form == .plain ? try Self.endsInNULs(file, status, own, &reader) : false
        case .unwritten:
            (form, start, sizeBytes, isKnown, isSizeCertain) = (.gzip, [], 0, false, false)
            endsInNULs = false
        case .form(let compression):
            let inflated = InflatedText(source, inflaters: inflaters)
            var text = [UInt8](repeating: 0, count: FilePrint.Head.lengthLimit)
            let (length, isEnd): (Int, Bool) =
                switch try inflated.read(file, into: &text, at: 0) {
                case .text(let length, let isEnd): (length, isEnd)
                case .incomplete(let length): (length, false)
                case .skipped: (0, false)
                }
            if case .refused(let refusal)? = inflated.fault { self.refusal = refusal }
            if inflated.fault != nil, length == 0 {
                form = .otherCompression
                (start, sizeBytes, isKnown, isSizeCertain) = (own, status.sizeBytes, true, true)
            } else {
                form = .compressed(compression)
                start = text[..<length]
                isSizeCertain = isEnd
                isKnown = isEnd || length == FilePrint.Head.lengthLimit || isSettled && length > 0
                let told = isEnd || compression != .gzip ? 0 : try Self.sizeAtEnd(file, status, &reader)
                sizeBytes = max(told, UInt64(length))
            }
            endsInNULs = false
        }
        let form = form
        self.place = place
        look = { end, place in Self.inner(form, before: end, in: place, id, TextReader(source, inflaters)) }
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
        isSizeCertain = !form.isCompressed || text.count <= FilePrint.Head.lengthLimit && isKnown
        place = ""
        self.look = { end, _ in look(end) }
    }

    /// It is all there is to know, unless the file changes.
    var isKnownForGood: Bool { isSizeCertain || start.count == FilePrint.Head.lengthLimit }

    /// It is looked at again, maybe after it was renamed. What could not be read then may be read now.
    func stands(at place: Path) {
        self.place = place
        looks = looks.filter { _, found in
            switch found {
            case .text, .ended: true
            case .unwritten, .unreadable: false
            }
        }
    }

    func inner(before end: UInt64) -> InnerText {
        if let known = looks[end] { return known }
        let found = look(end, place)
        looks[end] = found
        return found
    }

    /// Whether less stands in it than was read. Not said of a compressed file whose end is not seen: what that of
    /// gzip says of the size is wrong while it is being written, and beyond 4 GiB.
    func isShorter(than offset: UInt64) -> Bool { isSizeCertain && sizeBytes < offset }

    /// Whether more may stand in it than was read. Of a gzip file the end says so, but for those of several members.
    func mayHaveMore(than offset: UInt64) -> Bool {
        if isSizeCertain || form == .otherCompression { return sizeBytes > offset }
        return form != .gzip || UInt32(truncatingIfNeeded: sizeBytes) != UInt32(truncatingIfNeeded: offset)
    }

    /// Nothing tells how large its text is.
    private var isSizeUntold: Bool { form.isCompressed && form != .gzip && !isSizeCertain }

    /// Whether this is the text of `other` in another form: compressed or decompressed.
    func isOtherForm(of other: FileText) -> FilePrint.Match {
        guard form != other.form, form != .otherCompression, other.form != .otherCompression, isKnown,
            start.elementsEqual(other.start)
        else { return .other }
        let told = [self, other].filter { !$0.isSizeUntold }.map(\.sizeBytes).min()
        guard let end = FilePrint.Inner.end(seen: told ?? FilePrint.Inner.endLimit) else { return .same }
        switch (inner(before: end), other.inner(before: end)) {
        case (.text(let text), .text(let otherText)): return text == otherText ? .same : .other
        case (.unreadable(let error), _), (_, .unreadable(let error)): return .unreadable(error)
        // As far as both reach, where that can be told.
        default: return told == nil ? .other : .same
        }
    }

    /// Of a compressed file with the same beginning. One that was cut short has not, nor one of which that cannot be
    /// told because it is large.
    func hasMore(than other: FileText) -> Bool {
        guard other.sizeBytes >= UInt64(FilePrint.Inner.length) else { return UInt64(start.count) > other.sizeBytes }
        return if case .text = inner(before: other.sizeBytes + 1) { true } else { false }
    }

    /// Whether it is as large as one that has the same text. A gzip file has 32 bits for the size.
    func isAsLarge(as other: FileText) -> Bool {
        if isSizeUntold { return other.reachesTo(self) }
        if other.isSizeUntold { return reachesTo(other) }
        return UInt32(truncatingIfNeeded: sizeBytes) == UInt32(truncatingIfNeeded: other.sizeBytes)
    }

    /// Whether the text of `other`, of whose size nothing is told, ends where this one does; beyond what is looked at
    /// inside it is taken for granted.
    private func reachesTo(_ other: FileText) -> Bool {
        guard !isSizeUntold, sizeBytes >= UInt64(FilePrint.Inner.length) else { return false }
        let end = min(sizeBytes, FilePrint.Inner.endLimit)
        guard case .text = other.inner(before: end) else { return false }
        return sizeBytes > end || other.inner(before: end + 1) == .ended
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
        _ form: Form, before end: UInt64, in place: Path, _ id: FileID, _ reader: TextReader
    ) -> InnerText {
        do throws(Errno) {
            let file = try File(reading: place)
            guard try file.status().id == id else { return .unreadable(.notFound) }
            var reader = reader
            return try file.innerText(form, before: end, through: &reader)
        } catch {
            return .unreadable(error)
        }
    }
}
