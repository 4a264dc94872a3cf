// The decision which bytes of which file were already read, without a file.

import Bytes
import Platform
import Testing

@testable import Inputs

@Suite struct ReadPartsTests {
    private func file(
        _ text: String, _ inode: UInt64, _ form: FileStart.Form = .plain, modified: Int64 = 0, isKnown: Bool = true,
        isAtPath: Bool = false, isSettled: Bool = false
    ) -> FoundFile {
        FoundFile(
            place: Path("/log/\(inode)"), id: FileID(device: 1, inode: inode),
            start: FileStart(form, Array(text.utf8), isKnown: isKnown), diskBytes: UInt64(text.utf8.count),
            modifiedUnixNanoseconds: modified, changedUnixNanoseconds: modified, isAtPath: isAtPath,
            isSettled: isSettled)
    }

    /// Of a file that was read to its end, if nothing else is said.
    private func read(
        _ text: String, _ inode: UInt64, offset: UInt64? = nil, _ state: ReadText.State = .closed,
        isFollowed: Bool = false
    ) -> ReadText {
        ReadText(
            id: FileID(device: 1, inode: inode), print: StartPrint(of: Array(text.utf8)[...]),
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
        #expect(readParts(of: [plain, file(banner + "three\n", 5, .gzip)], in: []) == [.nothing, .unclear])
        let whole = file(banner + "three\n", 5, .gzip, isSettled: true)
        #expect(readParts(of: [plain, whole], in: []) == [.nothing, .nothing])
    }

    @Test func ofAHalfWrittenFileNothingIsSaid() {
        let half = file("one\n", 1, .gzip, isKnown: false)
        #expect(readParts(of: [half, file("one\n", 5)], in: [read("one\n", 1)]) == [.unclear, .copy(of: 0)])
    }

    @Test func theBeginningOfAnotherIsNoCopyOfWhatIsGone() {
        let parts = readParts(of: [file("one\n", 5)], in: [read("one\n", 1)], isBeginning: { _ in true })
        #expect(parts == [.beginning])
        #expect(
            readParts(of: [file("one\n", 1)], in: [read("one\n", 1)], isBeginning: { _ in true }) == [.same(0)])
    }

    // MARK: Inside

    private let banner = String(repeating: "=", count: 2_047) + "\n"

    private func inner(_ end: UInt64, _ value: UInt64) -> InnerPrint {
        InnerPrint(end: end, checksum: Fingerprint(value: value))
    }

    @Test func filesThatBeginAlikeAreToldApartInside() {
        var text = read(banner + "one\n", 1)
        text.inner = inner(2_052, 7)
        let files = [file(banner + "one\n", 5, .gzip), file(banner + "two\nthree\n", 6, modified: 9)]
        let parts = readParts(of: files, in: [text], inner: { end, file in .text(inner(end, file == 0 ? 7 : 8)) })
        #expect(parts == [.copy(of: 0), .nothing])
        // By the beginning alone, the later and plain one would have been it.
        #expect(readParts(of: files, in: [text])[1] == .copy(of: 0))
        #expect(readParts(of: files, in: [text], inner: { _, _ in .ended }) == [.unclear, .nothing])
        #expect(readParts(of: [files[0]], in: [text], inner: { _, _ in .ended }) == [.nothing])
        #expect(readParts(of: [files[0]], in: [text], inner: { _, _ in .unwritten }) == [.unclear])
    }

    @Test func anInodeWithTheSameBannerMayBeAnother() {
        var text = read(banner + "one\n", 1)
        text.inner = inner(2_052, 7)
        let same = [file(banner + "two\n", 1)]
        #expect(readParts(of: same, in: [text], inner: { end, _ in .text(inner(end, 7)) }) == [.same(0)])
        #expect(readParts(of: same, in: [text], inner: { end, _ in .text(inner(end, 8)) }) == [.nothing])
        #expect(readParts(of: same, in: [text], inner: { _, _ in .ended }) == [.nothing])
        let half = [file(banner, 1, .gzip, isKnown: true), file(banner + "one\n", 5)]
        let parts = readParts(
            of: half, in: [text], inner: { end, file in file == 0 ? .unwritten : .text(inner(end, 7)) })
        #expect(parts == [.unclear, .copy(of: 0)])
        // It cannot be looked at: what identifies it otherwise holds.
        #expect(readParts(of: same, in: [text], inner: { _, _ in .unknown }) == [.same(0)])
    }
}
