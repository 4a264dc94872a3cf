// Why a file that matches is not read, in words for people.

internal import Bytes
internal import Compression
internal import Platform

/// Why a file cannot be read now. It is tried again at the next scan.
enum TailFailure: Error, Equatable, CustomStringConvertible {
    case system(Errno)
    /// Files of /proc say 0, and some file systems in user space say anything. Whether such a file was truncated cannot
    /// be known.
    case sizeIsWrong
    /// A compressed file whose rest cannot be read.
    case damaged
    /// Behind the text of a compressed file, which is whole, stands something else.
    case followedByOther
    /// A compressed file whose rest takes too much memory, or of which a library is missing.
    case refused(CompressionRefusal)
    /// Its name led to it, and a moment later to another file.
    case exchanged
    /// `owner` is the user whose link it is, `target` the one to whom belongs what it leads to; nil when no link is
    /// followed.
    case linkRefused(link: Path, owner: UInt32, target: UInt32?)

    /// It will not go away by itself.
    var isOfCompressedFile: Bool {
        switch self {
        case .damaged, .followedByOther, .refused: true
        case .system, .sizeIsWrong, .exchanged, .linkRefused: false
        }
    }

    var description: String {
        switch self {
        case .system(let errno): errno.description
        case .sizeIsWrong: "it has more bytes than its size says, so it cannot be followed as a log file"
        case .damaged: "it is compressed, and damaged: what comes after that place cannot be read"
        case .followedByOther: "it is compressed, and behind its end stands what is not: its text was read to the end"
        case .refused(let refusal): refusal.description
        case .exchanged: "its name led to another file a moment later, so it is not read until it is looked at again"
        case .linkRefused(let link, let owner, let target?):
            "the symbolic link \(link) of user \(owner) leads to what belongs to user \(target), and is not followed; "
                + "give the link to root, or set \"follow_symlinks\" to \"always\""
        case .linkRefused(let link, _, nil): "\(link) is a symbolic link, and \"follow_symlinks\" is \"never\""
        }
    }
}
