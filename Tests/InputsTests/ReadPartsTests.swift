// The decision which bytes of which file were already read, without a file.

import Bytes
import Platform
import Testing

@testable import Inputs

@Suite struct ReadPartsTests {
    private func file(
        _ text: String, _ inode: UInt64, _ form: FileText.Form = .plain, modified: Int64 = 0, isKnown: Bool = true,
        isAtPath: Bool = false, isSettled: Bool = false, born: Int64? = nil,
        inner: @escaping (UInt64) -> InnerText = { _ in .ended }
    ) -> FoundFile {
        FoundFile(
            place: Path("/log/\(inode)"), id: FileID(device: 1, inode: inode), born: born,
            text: FileText(form, Array(text.utf8), isKnown: isKnown, look: inner), diskBytes: UInt64(text.utf8.count),
            modifiedUnixNanoseconds: modified, changedUnixNanoseconds: modified, isAtPath: isAtPath,
            isSettled: isSettled)
    }

    /// Of a file that was read to its end, if nothing else is said.
    private func read(
        _ text: String, _ inode: UInt64, offset: UInt64? = nil, _ state: ReadText.State = .closed,
        isFollowed: Bool = false, born: Int64? = nil, inner: FilePrint.Inner? = nil
    ) -> ReadText {
        let print = FilePrint(head: .init(of: Array(text.utf8)[...]), inner: inner)
        return ReadText(
            identity: FileIdentity(id: FileID(device: 1, inode: inode), born: born, print: print),
            offset: offset ?? UInt64(text.utf8.count), state: state, isFollowed: isFollowed)
    }

    @Test func identityComesFirst() {
        let files = [file("one\ntwo\n", 1), file("one\n", 2), file("three\n", 3)]
        #expect(readParts(of: files, in: [read("one\n", 2), read("one\n", 1)]) == [.same(1), .same(0), .nothing])
    }

    @Test func anInodeThatIsUsedAgainIsNotTheSameFile() {
        let memory = [read("one\n", 1), read("two\n", 1)]
        #expect(readParts(of: [file("two\nmore\n", 1)], in: memory) == [.same(1)])
        #expect(readParts(of: [file("three\n", 1)], in: memory) == [.nothing])
        #expect(readParts(of: [file("three\n", 1)], in: [read("one\n", 1, .open)]) == [.same(0)])
        // Shorter than what was read: truncated, and filled anew with the same beginning.
        #expect(readParts(of: [file("one\n", 1)], in: [read("one\n", 1, offset: 9)]) == [.nothing])
    }

    /// Memory of what an inode held before finds the copy, also when that has the inode of yet another one.
    @Test func whatIsGoneGoesOnInACopy() {
        let memory = [read("one\n", 1), read("two\n", 2)]
        let files = [file("three\n", 1, isAtPath: true), file("one\n", 2, .gzip)]
        #expect(readParts(of: files, in: memory) == [.nothing, .copy(of: 0)])
        // Shorter than what was read of it: no copy. Nor is what stands at the path, or what is held open.
        #expect(readParts(of: [file("one\n", 5)], in: [read("one\n", 1, offset: 9)]) == [.nothing])
        #expect(readParts(of: [file("one\n", 5, isAtPath: true)], in: [read("one\n", 1)]) == [.nothing])
        #expect(readParts(of: [file("one\n", 5)], in: [read("one\n", 1, .open)]) == [.nothing])
        #expect(readParts(of: [file("one\n", 1)], in: [read("one\n", 1, .replaced)]) == [.copy(of: 0)])
    }

    @Test func theLaterAndThePlainCopyIsTheBetterOne() {
        let files = [file("one\ntwo\n", 5, modified: 5), file("one\n", 6, modified: 6)]
        #expect(readParts(of: files, in: [read("one\n", 1)]) == [.nothing, .copy(of: 0)])
        let both = [file("one\n", 5, .gzip, modified: 9), file("one\n", 6)]
        #expect(readParts(of: both, in: [read("one\n", 1)]) == [.alike, .copy(of: 0)])
    }

    @Test func theLongerPrintChoosesFirst() {
        let memory = [read("one\n", 1), read("one\ntwo\n", 2)]
        #expect(readParts(of: [file("one\ntwo\n", 5)], in: memory) == [.copy(of: 1)])
        // One that is like the whole text of what is held open is not the rest of something short.
        let held = [read("one\n", 1), read("one\ntwo\n", 2, .open)]
        #expect(readParts(of: [file("one\ntwo\n", 5, .gzip)], in: held) == [.alike])
    }

    @Test func theOtherFormOfAFileThatIsThere() {
        let known = read("one\n", 1)
        #expect(readParts(of: [file("one\n", 1), file("one\n", 5, .gzip)], in: [known]) == [.same(0), .alike])
        // Decompressed beside it: read as far.
        #expect(readParts(of: [file("one\n", 1, .gzip), file("one\n", 5)], in: [known]) == [.same(0), .copy(of: 0)])
        let followed = read("one\n", 1, offset: 0, .open, isFollowed: true)
        #expect(readParts(of: [file("one\n", 1, .gzip), file("one\n", 5)], in: [followed]) == [.same(0), .alike])
        #expect(readParts(of: [file("one\n", 5, .gzip)], in: [followed]) == [.alike])
    }

    /// Nothing tells them apart but their sizes, and that of a gzip file is not true before it is whole.
    @Test func anotherTextWithTheSameFirstKiB() {
        let banner = String(repeating: "=", count: 1_023) + "\n"
        let plain = file(banner + "one\n", 1)
        #expect(readParts(of: [plain, file(banner + "one\n", 5, .gzip)], in: []) == [.nothing, .alike])
        #expect(readParts(of: [plain, file(banner + "three\n", 5, .gzip)], in: []) == [.nothing, .unclear(nil)])
        let text = Array((banner + "three\n").utf8)
        let whole = file(banner + "three\n", 5, .gzip, isSettled: true) { end in
            guard end <= text.count else { return .ended }
            return FilePrint.Inner(end: end, last: text[..<Int(end)]).map { .text($0) } ?? .ended
        }
        #expect(readParts(of: [plain, whole], in: []) == [.nothing, .nothing])
        // It has no more than the plain one, of which it was made.
        let cut = file(banner + "on", 5, .gzip, isSettled: true)
        #expect(readParts(of: [plain, cut], in: []) == [.nothing, .alike])
    }

    @Test func ofAHalfWrittenFileNothingIsSaid() {
        let half = file("one\n", 1, .gzip, isKnown: false)
        #expect(readParts(of: [half, file("one\n", 5)], in: [read("one\n", 1)]) == [.unclear(nil), .copy(of: 0)])
    }

    @Test func theBeginningOfAnotherIsNoCopyOfWhatIsGone() {
        let parts = readParts(of: [file("one\n", 5)], in: [read("one\n", 1)], isBeginning: { _ in .same })
        #expect(parts == [.beginning])
        #expect(
            readParts(of: [file("one\n", 1)], in: [read("one\n", 1)], isBeginning: { _ in .same }) == [.same(0)])
    }

    @Test func anotherTimeOfBirthIsAnotherFile() {
        let old = read("one\n", 1, born: 5)
        #expect(readParts(of: [file("one\n", 1, isAtPath: true, born: 6)], in: [old]) == [.nothing])
        #expect(readParts(of: [file("one\n", 1, isAtPath: true, born: 5)], in: [old]) == [.same(0)])
        // Of a cursor of an older version, and where a file system does not tell, the text decides.
        #expect(readParts(of: [file("one\n", 1, isAtPath: true)], in: [old]) == [.same(0)])
        #expect(readParts(of: [file("one\n", 1, born: 6)], in: [read("one\n", 1)]) == [.same(0)])
        // It may have the text all the same: a copy that has the inode of what is gone.
        #expect(readParts(of: [file("one\n", 1, .gzip, born: 6)], in: [old]) == [.copy(of: 0)])
    }

    /// Room for a whole copy, of which the first line is written.
    @Test func aCopyThatIsBeingWrittenIsUnclear() {
        let half = "two\n" + String(repeating: "\0", count: 3_000)
        #expect(readParts(of: [file(half, 5)], in: [read("one\n", 1)]) == [.unclear(nil)])
        #expect(readParts(of: [file(half, 5, isSettled: true)], in: [read("one\n", 1)]) == [.nothing])
        #expect(readParts(of: [file(half, 5, isAtPath: true)], in: []) == [.nothing])
    }

    // MARK: Inside

    private let banner = String(repeating: "=", count: 2_047) + "\n"

    private func inner(_ end: UInt64, _ value: UInt64) -> FilePrint.Inner {
        FilePrint.Inner(end: end, checksum: Fingerprint(value: value))
    }

    private func inside(_ value: UInt64) -> (UInt64) -> InnerText {
        { end in .text(FilePrint.Inner(end: end, checksum: Fingerprint(value: value))) }
    }

    @Test func filesThatBeginAlikeAreToldApartInside() {
        let text = read(banner + "one\n", 1, inner: inner(2_052, 7))
        func files(_ first: @escaping (UInt64) -> InnerText, _ second: @escaping (UInt64) -> InnerText) -> [FoundFile] {
            [
                file(banner + "one\n", 5, .gzip, inner: first),
                file(banner + "two\nthree\n", 6, modified: 9, inner: second),
            ]
        }
        #expect(readParts(of: files(inside(7), inside(8)), in: [text]) == [.copy(of: 0), .nothing])
        // By the beginning alone, the later and plain one would have been it.
        let short = read(banner + "one\n", 1)
        #expect(readParts(of: files(inside(7), inside(8)), in: [short])[1] == .copy(of: 0))
        func all(_ answer: InnerText) -> [FoundFile] { files({ _ in answer }, { _ in answer }) }
        #expect(readParts(of: all(.ended), in: [text]) == [.unclear(nil), .nothing])
        #expect(readParts(of: [all(.ended)[0]], in: [text]) == [.nothing])
        #expect(readParts(of: [all(.unwritten)[0]], in: [text]) == [.unclear(nil)])
        #expect(readParts(of: all(.unreadable(.io)), in: [text]) == [.unclear(.io), .unclear(.io)])
    }

    @Test func anInodeWithTheSameBannerMayBeAnother() {
        let text = read(banner + "one\n", 1, inner: inner(2_052, 7))
        func parts(_ look: @escaping (UInt64) -> InnerText) -> [ReadPart] {
            readParts(of: [file(banner + "two\n", 1, inner: look)], in: [text])
        }
        #expect(parts(inside(7)) == [.same(0)])
        #expect(parts(inside(8)) == [.nothing])
        #expect(parts { _ in .ended } == [.nothing])
        let half = [
            file(banner, 1, .gzip, isKnown: true, inner: { _ in .unwritten }),
            file(banner + "one\n", 5, inner: inside(7)),
        ]
        #expect(readParts(of: half, in: [text]) == [.unclear(nil), .copy(of: 0)])
        // It cannot be looked at: it is neither the same nor another.
        #expect(parts { _ in .unreadable(.io) } == [.unclear(.io)])
    }

    // MARK: Errors

    /// Whatever is asked while it cannot be read, nothing is decided.
    @Test func anErrorDecidesNothing() {
        let isHeld = read(banner + "one\n", 1, .open, inner: inner(2_052, 7))
        let gzip = file(banner + "one\n", 5, .gzip, inner: { _ in .unreadable(.stale) })
        #expect(readParts(of: [gzip], in: [isHeld]) == [.unclear(.stale)])
        let plain = file(banner + "one\n", 6, inner: { _ in .unreadable(.io) })
        #expect(readParts(of: [file(banner + "one\n", 5, .gzip), plain], in: [])[0] == .unclear(.io))
        let new = file("one\n", 7)
        #expect(readParts(of: [new], in: [], isBeginning: { _ in .unreadable(.io) }) == [.unclear(.io)])
    }
}
