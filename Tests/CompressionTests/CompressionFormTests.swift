// What the first bytes of a file say of its form.

import Testing

@testable import Compression

@Suite struct CompressionFormTests {
    private static let heads: [(CompressionForm, [UInt8])] = [
        (.gzip, [0x1F, 0x8B, 8]), (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), (.zstd, [0x28, 0xB5, 0x2F, 0xFD]),
        (.zstd, [0x53, 0x2A, 0x4D, 0x18]), (.bzip2, Array("BZh9".utf8) + [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]),
        (.bzip2, Array("BZh1".utf8) + [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]),
    ]

    @Test(arguments: heads) func eachHeadIsTold(form: CompressionForm, head: [UInt8]) {
        for more in [[], [1, 2, 3]] as [[UInt8]] {
            #expect(CompressionForm.tell((head + more)[...], isNamed: false) == .form(form))
        }
        for count in 1..<head.count {
            #expect(CompressionForm.tell(head[..<count], isNamed: true) == .unwritten)
        }
        #expect(CompressionForm.tell([], isNamed: true) == .none)
    }

    /// A log that has just begun is text, whatever it begins with.
    @Test(arguments: ["(", "B", "BZ", "BZh", "BZh9", "BZh91AY&S", "BZhello\n", "S", "PK", "PK fire\n", "LZIP", "]"])
    func textIsNoBeginning(text: String) {
        #expect(CompressionForm.tell(Array(text.utf8)[...], isNamed: false) == .none)
    }

    @Test func aWordIsNoHead() {
        #expect(CompressionForm.tell(Array("BZh9 is the magic of bzip2\n".utf8)[...], isNamed: true) == .none)
        #expect(CompressionForm.tell(Array("S*M".utf8) + [1], isNamed: true) == .none)
    }

    @Test(
        arguments: [
            [0x04, 0x22, 0x4D, 0x18, 0x64], [0x50, 0x4B, 0x03, 0x04, 0x14], [0x5D, 0, 0, 0x80, 0],
            [0x1F, 0x9D, 0x90, 1],
        ] as [[UInt8]]) func whatIsCompressedInAnotherWay(head: [UInt8])
    {
        #expect(CompressionForm.tell(head[...], isNamed: false) == .other)
    }
}
