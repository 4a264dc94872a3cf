// Which bytes of which file were already read: the one place that decides it, and it asks nobody. An inode is used
// again, a name moves on, a text is copied and compressed; so what is remembered of a file is told by identity and
// text together.

internal import Bytes
internal import Platform

/// A file that is there.
struct FoundFile {
    let place: Path
    let id: FileID
    let start: FileStart
    /// With compression, fewer than those of its text.
    let diskBytes: UInt64
    let modifiedUnixNanoseconds: Int64
    let changedUnixNanoseconds: Int64
    /// It stands at the path itself: what it holds is its own, however alike it is to another.
    let isAtPath: Bool
    /// It has not changed for the grace.
    var isSettled = false
}

/// What is remembered of one file: that its text was read up to an offset.
struct ReadText {
    enum State {
        /// Its descriptor is held, so that nobody else can have its inode, and what is gone of it can still be read.
        case open
        /// Read before, or closed for now: another file may have its inode.
        case closed
        /// Its inode has another content.
        case replaced
    }

    let id: FileID
    let print: StartPrint
    var inner: InnerPrint?
    let offset: UInt64
    let state: State
    /// It is being followed, and will be read to its end.
    var isFollowed = false
}

enum ReadPart: Equatable {
    /// It is the file of which this is remembered.
    case same(Int)
    /// It has the text of which this is remembered, as far as that was read and maybe more.
    case copy(of: Int)
    /// Another file has the same text, and that one is or will be read.
    case alike
    /// Another file that is or will be read begins with all that is in this one: a copy, before or without a
    /// truncation.
    case beginning
    /// Too little of it has been written to tell, or it is still being written.
    case unclear
    /// Nothing of it.
    case nothing
}

/// What stands in a file, by its number, before an offset of its text.
typealias InnerLook = (_ end: UInt64, _ file: Int) -> InnerText

/// For each file what of it was read; `isBeginning` tells of those that are not the same whether another begins with
/// them.
///
/// Identity comes first. What is then left of the memory is of files that are gone: their texts are looked for in the
/// files of which nothing is known. What is left of the files may still have the text of one that is there, or held
/// open. Whatever begins alike is looked at further inside: by mistake, a file would be skipped as far as another was
/// read.
func readParts(
    of files: [FoundFile], in memory: [ReadText], inner: InnerLook = { _, _ in .unknown },
    isBeginning: (Int) -> Bool = { _ in false }
) -> [ReadPart] {
    var parts = sameParts(of: files, in: memory, inner: inner)
    let isFound = Set(parts.compactMap { if case .same(let text) = $0 { text } else { nil } })
    for index in files.indices where parts[index] == .nothing && isBeginning(index) { parts[index] = .beginning }
    var gone = memory.indices.filter { !isFound.contains($0) && memory[$0].state != .open }
        // The longest print first: a short one may be that of many files.
        .sorted { memory[$1].isLessCertain(than: memory[$0]) }
    findCopies(of: &gone, exactly: true)
    let known = parts
    for (index, file) in files.enumerated() where known[index] == .nothing && !file.isAtPath {
        parts[index] = otherForm(of: index, among: files, known, memory, inner)
    }
    // What was added since it was read makes its beginning longer than what is remembered of it.
    findCopies(of: &gone, exactly: false)
    return parts

    func findCopies(of gone: inout [Int], exactly isExact: Bool) {
        gone.removeAll { text in
            var copies = files.indices.filter {
                parts[$0] == .nothing && !files[$0].isAtPath && memory[text].goesOn(in: files[$0].start)
                    && (!isExact || memory[text].print == StartPrint(of: files[$0].start.bytes))
            }
            copies.removeAll { copy in
                switch memory[text].isInside(copy, inner) {
                case true?: return false
                case false?: return true
                case nil:
                    if !files[copy].isSettled { parts[copy] = .unclear }
                    return !files[copy].isSettled
                }
            }
            guard let best = copies.max(by: { files[$0].isWorseCopy(than: files[$1]) }) else { return false }
            parts[best] = .copy(of: text)
            return true
        }
    }
}

/// Those that are the files of which something is remembered.
func sameParts(of files: [FoundFile], in memory: [ReadText], inner: InnerLook) -> [ReadPart] {
    files.enumerated().map { index, file in
        var isUnclear = false
        let own = memory.indices.filter { text in
            guard memory[text].isOf(file) else { return false }
            if memory[text].state == .open, memory[text].id == file.id { return true }
            // A compressed file that is being written may have the inode of any that is gone.
            let isInside = memory[text].isInside(index, inner)
            if isInside == nil, !file.isSettled { isUnclear = true }
            return isInside ?? file.isSettled
        }
        if isUnclear { return .unclear }
        if let best = own.max(by: { memory[$0].isLessCertain(than: memory[$1]) }) { return .same(best) }
        return file.start.isKnown ? .nothing : .unclear
    }
}

/// What was compressed or decompressed beside the other form of it, which is left there, or is held open without a
/// name.
private func otherForm(
    of index: Int, among files: [FoundFile], _ parts: [ReadPart], _ memory: [ReadText], _ inner: InnerLook
) -> ReadPart {
    let file = files[index]
    let twins = files.indices.filter {
        files[$0].start.isOtherForm(of: file.start) && areAlike(files[$0], $0, file, index, inner)
    }
    if file.start.form == .gzip {
        let isHeld = memory.indices.contains {
            memory[$0].state == .open && !parts.contains(.same($0))
                && memory[$0].print == StartPrint(of: file.start.bytes) && memory[$0].isInside(index, inner) ?? true
        }
        if isHeld || twins.contains(where: { files[$0].start.isAsLarge(as: file.start) }) { return .alike }
        // Another text that begins with the same KiB; or its size is not written yet, or the plain one grew.
        return twins.isEmpty || file.isSettled ? .nothing : .unclear
    }
    for twin in twins {
        if case .same(let text) = parts[twin] { return memory[text].isFollowed ? .alike : .copy(of: text) }
        if case .copy = parts[twin] { return .alike }
    }
    return .nothing
}

/// Whether two files that begin alike are also alike inside, as far as both reach.
private func areAlike(
    _ one: FoundFile, _ first: Int, _ other: FoundFile, _ second: Int, _ inner: InnerLook
) -> Bool {
    guard let end = InnerPrint.end(seen: min(one.start.sizeBytes, other.start.sizeBytes)),
        case .text(let text) = inner(end, first), case .text(let otherText) = inner(end, second)
    else { return true }
    return text == otherText
}

extension ReadText {
    /// Whether the file has inside what was read; nil when that has not been written yet.
    fileprivate func isInside(_ file: Int, _ look: InnerLook) -> Bool? {
        guard let inner else { return true }
        return look(inner.end, file).mayBe(inner)
    }

    /// Whether this is remembered of the very file. With the same inode on another device it may be it too: the file
    /// system was mounted anew.
    fileprivate func isOf(_ file: FoundFile) -> Bool {
        guard id.inode == file.id.inode, id.device == file.id.device || print.length > 0 else { return false }
        switch state {
        case .open where id == file.id: return true
        case .open, .closed:
            return file.start.isKnown && print.matches(file.start.bytes)
                && (file.start.sizeBytes >= offset || !file.start.isSizeCertain)
        case .replaced: return false
        }
    }

    fileprivate func isLessCertain(than other: ReadText) -> Bool {
        (state == .open ? 1 : 0, print.length, offset)
            < (other.state == .open ? 1 : 0, other.print.length, other.offset)
    }

    fileprivate func goesOn(in start: FileStart) -> Bool {
        guard print.length > 0, start.form != .otherCompression, print.matches(start.bytes) else { return false }
        // What the end of a gzip file says is wrong while that is being written, and beyond 4 GiB.
        return start.sizeBytes >= offset || !start.isSizeCertain
    }
}

extension FoundFile {
    /// What is being compressed is there twice, and the plain one is whole. Else the later copy has more.
    fileprivate func isWorseCopy(than other: FoundFile) -> Bool {
        (start.form == .plain ? 1 : 0, modifiedUnixNanoseconds)
            < (other.start.form == .plain ? 1 : 0, other.modifiedUnixNanoseconds)
    }
}

extension FileStart {
    /// A gzip file has 32 bits for the size of its text.
    fileprivate func isAsLarge(as other: FileStart) -> Bool {
        UInt32(truncatingIfNeeded: sizeBytes) == UInt32(truncatingIfNeeded: other.sizeBytes)
    }

    fileprivate func isOtherForm(of other: FileStart) -> Bool {
        form != other.form && form != .otherCompression && other.form != .otherCompression && isKnown
            && bytes.elementsEqual(other.bytes)
    }
}
