// Which bytes of which file were already read. What one file is to another is FileIdentity's to say; here it is put
// together for all that stand beside a path.

internal import Bytes
internal import Platform

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

    let identity: FileIdentity
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
    /// Too little of it has been written to tell, or it is still being written; or, with an error, it could not be
    /// read, or what it might be could not. `ENOENT` when it was renamed meanwhile.
    case unclear(Errno?)
    /// Nothing of it.
    case nothing
}

/// For each file what of it was read; `isBeginning` tells of those that are not the same whether another begins with
/// them.
///
/// Identity comes first. What is then left of the memory is of files that are gone: their texts are looked for in the
/// files of which nothing is known. What is left of the files may still have the text of one that is there, or held
/// open. Whatever begins alike is looked at further inside: by mistake, a file would be skipped as far as another was
/// read.
func readParts(
    of files: [FoundFile], in memory: [ReadText], isBeginning: (Int) -> FilePrint.Match = { _ in .other }
) -> [ReadPart] {
    var parts = sameParts(of: files, in: memory)
    let isFound = Set(parts.compactMap { if case .same(let text) = $0 { text } else { nil } })
    for index in files.indices where parts[index] == .nothing {
        switch isBeginning(index) {
        case .same: parts[index] = .beginning
        case .other, .unwritten: break
        case .unreadable(let error): parts[index] = .unclear(error)
        }
    }
    var gone = memory.indices.filter { !isFound.contains($0) && memory[$0].state != .open }
        // The longest print first: a short one may be that of many files.
        .sorted { memory[$1].isLessCertain(than: memory[$0]) }
    findCopies(of: &gone, exactly: true)
    let known = parts
    for (index, file) in files.enumerated() where known[index] == .nothing && !file.isAtPath {
        parts[index] = otherForm(of: index, among: files, known, memory)
    }
    // What was added since it was read makes its beginning longer than what is remembered of it.
    findCopies(of: &gone, exactly: false)
    for (index, file) in files.enumerated() where parts[index] == .nothing && !file.isAtPath && !file.isSettled {
        if file.text.endsInNULs { parts[index] = .unclear(nil) }
    }
    return parts

    func findCopies(of gone: inout [Int], exactly isExact: Bool) {
        gone.removeAll { text in
            let copies = files.indices.filter { index in
                guard parts[index] == .nothing, !files[index].isAtPath,
                    !isExact || memory[text].identity.print.head == FilePrint.Head(of: files[index].text.start)
                else { return false }
                switch memory[text].identity.relation(toTextOf: files[index], readTo: memory[text].offset) {
                case .unclear(let error):
                    parts[index] = .unclear(error)
                    return false
                case .same, .moved, .copy: return true
                case .other: return false
                }
            }
            guard let best = copies.max(by: { files[$0].isWorseCopy(than: files[$1]) }) else { return false }
            parts[best] = .copy(of: text)
            return true
        }
    }
}

/// Those that are the files of which something is remembered.
func sameParts(of files: [FoundFile], in memory: [ReadText]) -> [ReadPart] {
    files.map { file in
        var own: [Int] = []
        var unclear: ReadPart?
        for (index, text) in memory.enumerated() where text.state != .replaced && text.identity.hasNumbers(of: file) {
            if text.state == .open, text.identity.id == file.id {
                own.append(index)
                continue
            }
            guard file.text.isKnown else { continue }
            switch text.identity.relation(to: file, readTo: text.offset) {
            case .same, .moved: own.append(index)
            case .unclear(let error): unclear = .unclear(error)
            case .copy, .other: break
            }
        }
        if let unclear { return unclear }
        if let best = own.max(by: { memory[$0].isLessCertain(than: memory[$1]) }) { return .same(best) }
        return file.text.isKnown ? .nothing : .unclear(nil)
    }
}

/// What was compressed or decompressed beside the other form of it, which is left there, or is held open without a
/// name.
private func otherForm(
    of index: Int, among files: [FoundFile], _ parts: [ReadPart], _ memory: [ReadText]
) -> ReadPart {
    let file = files[index]
    var twins: [Int] = []
    for other in files.indices {
        switch files[other].text.isOtherForm(of: file.text) {
        case .same: twins.append(other)
        case .other, .unwritten: break
        case .unreadable(let error): return .unclear(error)
        }
    }
    if file.text.form == .gzip {
        for (number, text) in memory.enumerated()
        where text.state == .open && !parts.contains(.same(number))
            && text.identity.print.head == FilePrint.Head(of: file.text.start)
        {
            switch text.identity.print.match(file.text) {
            case .same, .unwritten: return .alike
            case .other: break
            case .unreadable(let error): return .unclear(error)
            }
        }
        if twins.contains(where: { files[$0].text.isAsLarge(as: file.text) }) { return .alike }
        // Its size is not written yet. When nobody writes it any more, it was cut short, or the plain one grew.
        if !twins.isEmpty, !file.isSettled { return .unclear(nil) }
        return twins.contains { !file.text.hasMore(than: files[$0].text) } ? .alike : .nothing
    }
    for twin in twins {
        if case .same(let text) = parts[twin] { return memory[text].isFollowed ? .alike : .copy(of: text) }
        if case .copy = parts[twin] { return .alike }
    }
    return .nothing
}

extension ReadText {
    fileprivate func isLessCertain(than other: ReadText) -> Bool {
        (state == .open ? 1 : 0, identity.print.head.length, offset)
            < (other.state == .open ? 1 : 0, other.identity.print.head.length, other.offset)
    }
}

extension FoundFile {
    /// What is being compressed is there twice, and the plain one is whole. Otherwise the later copy has more.
    fileprivate func isWorseCopy(than other: FoundFile) -> Bool {
        (text.form == .plain ? 1 : 0, modifiedUnixNanoseconds)
            < (other.text.form == .plain ? 1 : 0, other.modifiedUnixNanoseconds)
    }
}
