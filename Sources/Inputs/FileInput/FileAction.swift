// What RotationPlan says is to be done, and FileFollower does.

internal import Bytes
internal import Platform

enum FileAction {
    /// A tail goes on in this file: a copy of its text, or itself on a device that was mounted again.
    case goOn(Tail, in: FoundFile, isSame: Bool)
    /// A tail that is read under another name.
    case rejoin(Tail, at: Path)
    /// One that was read to its end goes on, because there is more.
    case revive(Tail, in: FoundFile)
    /// Files to be read on, or from their beginning, in this order.
    case read([UnreadFile])
    /// What is known of a file, in the place of what was.
    case remember(FileCursor, tail: Tail?, loss: FileCount, insteadOf: FileCursor.Key?, isNew: Bool)
    case notePresent(FileCursor.Key)
    /// It was not found, and is looked for until the grace is over.
    case noteMissing(FileCursor.Key)
    /// It was not found for the grace.
    case forget(KnownFiles.Entry)
    /// It may be a copy.
    case hold(Path, HeldFile)
    case letGo(Path)
    /// All of it was read in the original: only what is added to it later is its own.
    case takeAsRead(FoundFile)
    case setFloor(Int64)
}

/// A file to be read on, or from its beginning.
struct UnreadFile {
    let file: FoundFile
    var cursor: FileCursor
    /// What was remembered of it, when that is of no other file.
    var key: FileCursor.Key?
}
