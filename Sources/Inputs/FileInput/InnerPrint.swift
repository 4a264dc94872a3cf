// A second fingerprint, further inside a file: programs write the same banner at the beginning of each of their logs,
// and lines with times after it.

package import Bytes
internal import Platform

/// The last KiB before `end`, of text that was seen, as a checksum.
package struct InnerPrint: Hashable, Sendable {
    /// A few lines.
    package static let length = 1024
    /// No further inside: the text before it must be inflated to look at that of a compressed file, and hardly any
    /// banner is as long.
    package static let endLimit: UInt64 = 64 << 10

    /// An offset of the text; the more of it the better, up to `endLimit`.
    package let end: UInt64
    package let checksum: Fingerprint

    package init(end: UInt64, checksum: Fingerprint) {
        self.end = end
        self.checksum = checksum
    }

    /// Where that of a file ends of which so much is seen. Nil when the first bytes tell all of it.
    static func end(seen offset: UInt64) -> UInt64? {
        offset > UInt64(StartPrint.lengthLimit) ? min(offset, endLimit) : nil
    }

    /// Of a text that ends with `bytes` before `end`. Nil when they are too few.
    init?(end: UInt64, last bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.length else { return nil }
        var checksum = Fingerprint()
        checksum.add(bytes.suffix(Self.length))
        self.init(end: end, checksum: checksum)
    }
}

/// What a file says of the text before an offset in it.
enum InnerText: Equatable {
    case text(InnerPrint)
    /// There is not as much of it.
    case ended
    /// It cannot be read.
    case unknown
    /// A compressed file of which not as much has been written yet.
    case unwritten

    /// Whether it is what was read; nil when that is not written yet.
    ///
    /// A shorter text is another: that a power cut took the end of a file, which then comes twice, is rarer than a file
    /// that was begun anew.
    func mayBe(_ inner: InnerPrint) -> Bool? {
        switch self {
        case .text(let text): text == inner
        case .ended: false
        case .unknown: true
        case .unwritten: nil
        }
    }
}

extension File {
    /// What stands before `end`, which is `InnerPrint.length` or more.
    func innerText(_ form: FileStart.Form, before end: UInt64) throws(Errno) -> InnerText {
        var bytes = [UInt8](repeating: 0, count: InnerPrint.length)
        return try innerText(form, before: end, through: &bytes)
    }

    /// The same with `bytes`, of `InnerPrint.length`, for who looks with each read.
    func innerText(
        _ form: FileStart.Form, before end: UInt64, through bytes: inout [UInt8]
    ) throws(Errno) -> InnerText {
        let offset = end - UInt64(InnerPrint.length)
        var count = 0
        switch form {
        case .plain: count = try read(into: &bytes, limit: .max, at: offset)
        case .gzip:
            let text = InflatedText()
            switch try text.read(self, into: &bytes, at: offset) {
            case .text(let length, let isEnd):
                count = length
                if length < bytes.count, !isEnd { return .unwritten }
            case .skipped, .incomplete: return .unwritten
            }
        case .otherCompression: return .unknown
        }
        return InnerPrint(end: end, last: bytes[..<count]).map { .text($0) } ?? .ended
    }

    /// Whether the text that was read may stand in this file.
    func mayHave(_ inner: InnerPrint?, _ form: FileStart.Form) throws(Errno) -> Bool {
        guard let inner else { return true }
        return try innerText(form, before: inner.end).mayBe(inner) ?? true
    }
}

/// What the files beside a path have inside, each looked at once.
final class InnerTexts {
    private struct Place: Hashable {
        let file: Int
        let end: UInt64
    }

    private let files: [FoundFile]
    private var seen: [Place: InnerText] = [:]

    init(of files: [FoundFile]) { self.files = files }

    func before(_ end: UInt64, in file: Int) -> InnerText {
        let place = Place(file: file, end: end)
        if let known = seen[place] { return known }
        let text = look(files[file], end)
        seen[place] = text
        return text
    }

    private func look(_ found: FoundFile, _ end: UInt64) -> InnerText {
        do throws(Errno) {
            let file = try File(reading: found.place)
            // Renamed meanwhile, and another stands there.
            guard try file.status().id == found.id else { return .unknown }
            return try file.innerText(found.start.form, before: end)
        } catch {
            // Reading it will fail too, and say so.
            return .unknown
        }
    }
}
