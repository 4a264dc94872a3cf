// What stands before an offset of a text, by which files are told apart that begin alike.

internal import Bytes
internal import Platform

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

extension File {
    /// What stands before `end`, which is `FilePrint.Inner.length` or more. It is then in `reader`.
    func innerText(
        _ form: FileText.Form, before end: UInt64, through reader: inout TextReader
    ) throws(Errno) -> InnerText {
        let offset = end - UInt64(FilePrint.Inner.length)
        var count = 0
        switch form {
        case .plain: count = try reader.read(self, at: offset)
        case .compressed:
            let text = InflatedText(reader.source, inflaters: reader.inflaters)
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
