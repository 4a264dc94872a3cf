// The predicates by which files were told apart before FileIdentity, as they were: FileRelationTests compares the two.
// Nothing here is to be changed.

import Bytes
import Platform

@testable import Inputs

struct OldStartPrint: Hashable {
    static let lengthLimit = 1024
    var length = 0
    var checksum = Fingerprint()

    init(of start: ArraySlice<UInt8>) {
        let own = start.prefix(Self.lengthLimit)
        checksum.add(own)
        length = own.count
    }

    func matches(_ start: ArraySlice<UInt8>) -> Bool {
        guard start.count >= length else { return false }
        var other = Fingerprint()
        other.add(start.prefix(length))
        return other == checksum
    }
}

enum OldInnerText: Equatable {
    case text(FilePrint.Inner), ended, unknown, unwritten

    func mayBe(_ inner: FilePrint.Inner) -> Bool? {
        switch self {
        case .text(let text): text == inner
        case .ended: false
        case .unknown: true
        case .unwritten: nil
        }
    }
}

struct OldStart {
    let form: FileText.Form
    let bytes: ArraySlice<UInt8>
    let sizeBytes: UInt64
    let isKnown: Bool
    let isSizeCertain: Bool

    func isAsLarge(as other: OldStart) -> Bool {
        UInt32(truncatingIfNeeded: sizeBytes) == UInt32(truncatingIfNeeded: other.sizeBytes)
    }

    func isOtherForm(of other: OldStart) -> Bool {
        form != other.form && form != .otherCompression && other.form != .otherCompression && isKnown
            && bytes.elementsEqual(other.bytes)
    }
}

struct OldFile {
    let id: FileID
    let start: OldStart
    let modifiedUnixNanoseconds: Int64
    let isAtPath: Bool
    let isSettled: Bool

    func isWorseCopy(than other: OldFile) -> Bool {
        (start.form == .plain ? 1 : 0, modifiedUnixNanoseconds)
            < (other.start.form == .plain ? 1 : 0, other.modifiedUnixNanoseconds)
    }
}

typealias OldInnerLook = (_ end: UInt64, _ file: Int) -> OldInnerText

struct OldText {
    let id: FileID
    let print: OldStartPrint
    var inner: FilePrint.Inner?
    let offset: UInt64
    let state: ReadText.State
    var isFollowed = false

    func isInside(_ file: Int, _ look: OldInnerLook) -> Bool? {
        guard let inner else { return true }
        return look(inner.end, file).mayBe(inner)
    }

    func isOf(_ file: OldFile) -> Bool {
        guard id.inode == file.id.inode, id.device == file.id.device || print.length > 0 else { return false }
        switch state {
        case .open where id == file.id: return true
        case .open, .closed:
            return file.start.isKnown && print.matches(file.start.bytes)
                && (file.start.sizeBytes >= offset || !file.start.isSizeCertain)
        case .replaced: return false
        }
    }

    func isLessCertain(than other: OldText) -> Bool {
        (state == .open ? 1 : 0, print.length, offset)
            < (other.state == .open ? 1 : 0, other.print.length, other.offset)
    }

    func goesOn(in start: OldStart) -> Bool {
        guard print.length > 0, start.form != .otherCompression, print.matches(start.bytes) else { return false }
        return start.sizeBytes >= offset || !start.isSizeCertain
    }
}

func oldReadParts(
    of files: [OldFile], in memory: [OldText], inner: @escaping OldInnerLook, isBeginning: (Int) -> Bool
) -> [ReadPart] {
    var parts = oldSameParts(of: files, in: memory, inner: inner)
    let isFound = Set(parts.compactMap { if case .same(let text) = $0 { text } else { nil } })
    for index in files.indices where parts[index] == .nothing && isBeginning(index) { parts[index] = .beginning }
    var gone = memory.indices.filter { !isFound.contains($0) && memory[$0].state != .open }
        .sorted { memory[$1].isLessCertain(than: memory[$0]) }
    findCopies(of: &gone, exactly: true)
    let known = parts
    for (index, file) in files.enumerated() where known[index] == .nothing && !file.isAtPath {
        parts[index] = oldOtherForm(of: index, among: files, known, memory, inner)
    }
    findCopies(of: &gone, exactly: false)
    return parts

    func findCopies(of gone: inout [Int], exactly isExact: Bool) {
        gone.removeAll { text in
            var copies = files.indices.filter {
                parts[$0] == .nothing && !files[$0].isAtPath && memory[text].goesOn(in: files[$0].start)
                    && (!isExact || memory[text].print == OldStartPrint(of: files[$0].start.bytes))
            }
            copies.removeAll { copy in
                switch memory[text].isInside(copy, inner) {
                case true?: return false
                case false?: return true
                case nil:
                    if !files[copy].isSettled { parts[copy] = .unclear(nil) }
                    return !files[copy].isSettled
                }
            }
            guard let best = copies.max(by: { files[$0].isWorseCopy(than: files[$1]) }) else { return false }
            parts[best] = .copy(of: text)
            return true
        }
    }
}

func oldSameParts(of files: [OldFile], in memory: [OldText], inner: OldInnerLook) -> [ReadPart] {
    files.enumerated().map { index, file in
        var isUnclear = false
        let own = memory.indices.filter { text in
            guard memory[text].isOf(file) else { return false }
            if memory[text].state == .open, memory[text].id == file.id { return true }
            let isInside = memory[text].isInside(index, inner)
            if isInside == nil, !file.isSettled { isUnclear = true }
            return isInside ?? file.isSettled
        }
        if isUnclear { return .unclear(nil) }
        if let best = own.max(by: { memory[$0].isLessCertain(than: memory[$1]) }) { return .same(best) }
        return file.start.isKnown ? .nothing : .unclear(nil)
    }
}

private func oldOtherForm(
    of index: Int, among files: [OldFile], _ parts: [ReadPart], _ memory: [OldText], _ inner: OldInnerLook
) -> ReadPart {
    let file = files[index]
    let twins = files.indices.filter {
        files[$0].start.isOtherForm(of: file.start) && oldAreAlike(files[$0], $0, file, index, inner)
    }
    if file.start.form == .gzip {
        let isHeld = memory.indices.contains {
            memory[$0].state == .open && !parts.contains(.same($0))
                && memory[$0].print == OldStartPrint(of: file.start.bytes) && memory[$0].isInside(index, inner) ?? true
        }
        if isHeld || twins.contains(where: { files[$0].start.isAsLarge(as: file.start) }) { return .alike }
        return twins.isEmpty || file.isSettled ? .nothing : .unclear(nil)
    }
    for twin in twins {
        if case .same(let text) = parts[twin] { return memory[text].isFollowed ? .alike : .copy(of: text) }
        if case .copy = parts[twin] { return .alike }
    }
    return .nothing
}

private func oldAreAlike(_ one: OldFile, _ first: Int, _ other: OldFile, _ second: Int, _ inner: OldInnerLook) -> Bool {
    guard let end = FilePrint.Inner.end(seen: min(one.start.sizeBytes, other.start.sizeBytes)),
        case .text(let text) = inner(end, first), case .text(let otherText) = inner(end, second)
    else { return true }
    return text == otherText
}

// MARK: One file and one text

/// An answer of the predicates that asked for a file by itself.
enum OldAnswer: Equatable { case yes, no, unclear }

extension OldText {
    /// `File.mayHave`; nil when it throws, for which `look` is nil.
    private func mayHave(_ look: OldInnerText?) -> Bool? {
        guard let inner else { return true }
        guard let look else { return nil }
        return look.mayBe(inner) ?? true
    }

    /// `KnownFiles.entry(of:beginning:where:)` in `FileFollower.begin`.
    func isEntry(of file: OldFile, _ look: OldInnerText?) -> OldAnswer {
        id == file.id && print.matches(file.start.bytes) && mayHave(look) ?? false && file.start.sizeBytes >= offset
            ? .yes : .no
    }

    /// `FileFollower.isStill`, of a plain file.
    func isStill(_ file: OldFile, _ look: OldInnerText?) -> OldAnswer {
        id == file.id && print.matches(file.start.bytes) && mayHave(look) ?? false ? .yes : .no
    }

    /// `FileCursor.sizeIfOurs`: unclear for the error that it threw.
    func isOurs(_ file: OldFile, _ look: OldInnerText?, mayBeCopy: Bool) -> OldAnswer {
        guard id == file.id || mayBeCopy else { return .no }
        guard let mayHave = mayHave(look) else {
            guard id == file.id else { return .unclear }
            return file.start.sizeBytes >= offset ? .yes : .no
        }
        guard mayHave, file.start.form != .otherCompression, print.matches(file.start.bytes),
            print.length > 0 || file.id == id
        else { return .no }
        return file.start.form == .gzip || file.start.sizeBytes >= offset ? .yes : .no
    }

    /// `index(of:_:in:_:isLive:)` in `withNumbersOfNow`, of one cursor; an error left it as it was.
    func isRenumbered(_ file: OldFile, _ look: OldInnerText?) -> OldAnswer {
        guard let mayHave = mayHave(look), mayHave else { return .no }
        guard id.device != file.id.device, print.length > 0, print.matches(file.start.bytes),
            file.start.form == .gzip || file.start.sizeBytes >= offset
        else { return .no }
        if id.inode == file.id.inode { return .yes }
        return file.isAtPath && print.length >= OldStartPrint.lengthLimit ? .yes : .no
    }

    /// `FileFollower.doneFile`, as far as it asked which file it is.
    func isDone(_ file: OldFile, _ look: OldInnerText?) -> OldAnswer {
        guard id == file.id, print.matches(file.start.bytes), inner.map({ look == .text($0) }) ?? true else {
            return .no
        }
        return file.start.form == .gzip || offset >= file.start.sizeBytes ? .yes : .no
    }
}
