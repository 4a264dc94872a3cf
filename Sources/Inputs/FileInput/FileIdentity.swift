// Which file is which: the one place that compares numbers, times of birth, sizes and texts. An inode is used again, a
// name moves on, a text is copied and compressed; so none of them is asked alone.

internal import Bytes
package import Platform

/// A file that is there.
struct FoundFile {
    let place: Path
    let id: FileID
    /// When it was made, in nanoseconds since 1970. Nil where the file system does not tell.
    var born: Int64?
    let text: FileText
    /// With compression, fewer than those of its text.
    let diskBytes: UInt64
    let modifiedUnixNanoseconds: Int64
    let changedUnixNanoseconds: Int64
    /// It stands at the path itself: what it holds is its own, however alike it is to another.
    let isAtPath: Bool
    /// It has not changed for the grace.
    var isSettled = false

    /// Of an open file that stands at `place`.
    init(
        _ file: borrowing File, _ status: FileStatus, at place: Path, isAtPath: Bool, isSettled: Bool = false,
        through reader: inout TextReader
    ) throws(Errno) {
        self.init(
            place: place, id: status.id, born: try file.birth(),
            text: try FileText(file, status, at: place, isSettled: isSettled, through: &reader),
            diskBytes: status.sizeBytes,
            modifiedUnixNanoseconds: status.modifiedUnixNanoseconds,
            changedUnixNanoseconds: status.changedUnixNanoseconds, isAtPath: isAtPath, isSettled: isSettled)
    }

    init(
        place: Path, id: FileID, born: Int64?, text: FileText, diskBytes: UInt64, modifiedUnixNanoseconds: Int64,
        changedUnixNanoseconds: Int64, isAtPath: Bool, isSettled: Bool
    ) {
        (self.place, self.id, self.born, self.text, self.diskBytes) = (place, id, born, text, diskBytes)
        self.modifiedUnixNanoseconds = modifiedUnixNanoseconds
        self.changedUnixNanoseconds = changedUnixNanoseconds
        (self.isAtPath, self.isSettled) = (isAtPath, isSettled)
    }
}

/// What a file that is there is to one that was read.
enum FileRelation: Equatable {
    case same
    /// It is the same under another device number: its file system was mounted again, or the host was started again.
    case moved
    /// Another file that has the text, as far as that was read and maybe more.
    case copy
    case other
    /// It cannot be told yet: too little of it has been written; or, with an error, it could not be read. `ENOENT` when
    /// it was renamed meanwhile.
    case unclear(Errno?)
}

package struct FileIdentity: Hashable, Sendable {
    package var id: FileID
    /// When the file was made, in nanoseconds since 1970. Nil where its file system does not tell, and in cursors of
    /// older versions.
    package var born: Int64?
    package var print: FilePrint

    package init(id: FileID, born: Int64? = nil, print: FilePrint) {
        (self.id, self.born, self.print) = (id, born, print)
    }

    /// Of a file that is there, as far as its first bytes tell.
    init(_ found: FoundFile) {
        self.init(id: found.id, born: found.born, print: FilePrint(head: FilePrint.Head(of: found.text.start)))
    }

    /// It is `found` now, which has the same text.
    mutating func take(numbersOf found: FoundFile) { (id, born) = (found.id, found.born) }

    /// Another time of birth is another file, whatever its bytes. When one of them is not known, it says nothing.
    func mayBeBorn(at other: Int64?) -> Bool { born == nil || other == nil || born == other }

    /// Whether the numbers of `found` are those of this file; on another device, that may be so after a reboot.
    func hasNumbers(of found: FoundFile) -> Bool { id.inode == found.id.inode && mayBeBorn(at: found.born) }

    /// The same file, of which so little is written, or there, that its text does not tell which one it is.
    func isBeginning(of found: FoundFile) -> Bool {
        id == found.id && born != nil && born == found.born && !print.isEmpty && print.head.begins(found.text.start)
    }

    /// What `found` is to this file, of which `offset` bytes of text were read.
    func relation(to found: FoundFile, readTo offset: UInt64) -> FileRelation {
        guard hasNumbers(of: found) else { return relation(toTextOf: found, readTo: offset) }
        let isMoved = id.device != found.id.device
        if print.isEmpty { return isMoved ? .other : .same }
        guard !found.text.isShorter(than: offset) else { return .other }
        switch print.match(found.text) {
        case .same: return isMoved ? .moved : .same
        case .other: return .other
        // A compressed file that is being written may have the inode of any that is gone. One that nobody writes any
        // more is as good as it gets.
        case .unwritten where !found.text.isKnown || !found.isSettled: return .unclear(nil)
        case .unwritten: return isMoved ? .moved : .same
        case .unreadable(let error): return .unclear(error)
        }
    }

    /// The same for a file that is known to be another one: whether it has the text.
    func relation(toTextOf found: FoundFile, readTo offset: UInt64) -> FileRelation {
        guard !print.isEmpty, found.text.form != .otherCompression, !found.text.isShorter(than: offset) else {
            return .other
        }
        switch print.match(found.text) {
        case .same: return .copy
        case .other: return .other
        case .unwritten: return found.text.isKnown && found.isSettled ? .copy : .unclear(nil)
        case .unreadable(let error): return .unclear(error)
        }
    }
}
