// What compressed files were found to be, from one look at them to the next: each rotation asks for all that stand
// beside a path, and of each its text would be inflated again.

internal import Bytes
internal import Platform

/// Of files whose text tells which one they are. A rename changes nothing of that, so the time of the last change of
/// a file's inode is not asked.
struct KeptTexts {
    private struct Key: Hashable {
        let id: FileID
        let sizeBytes: UInt64
        let modifiedUnixNanoseconds: Int64

        init(_ status: FileStatus) {
            (id, sizeBytes) = (status.id, status.sizeBytes)
            modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        }
    }

    /// 1 KiB each. Of more, all are looked at again: no log has so many rotated files.
    private static let limit = 1_000

    private var texts: [Key: FileText] = [:]

    var isEmpty: Bool { texts.isEmpty }

    /// Of an open file that stands at `place`.
    mutating func text(
        of file: borrowing File, _ status: FileStatus, at place: Path, isSettled: Bool, through reader: inout TextReader
    ) throws(Errno) -> FileText {
        let key = Key(status)
        if let text = texts[key] {
            text.stands(at: place)
            return text
        }
        let text = try FileText(file, status, at: place, isSettled: isSettled, through: &reader)
        if text.form.isCompressed, text.isKnownForGood {
            if texts.count >= Self.limit { texts = [:] }
            texts[key] = text
        }
        return text
    }

    mutating func removeAll(where isGone: (Path) -> Bool) { texts = texts.filter { !isGone($0.value.place) } }
}
