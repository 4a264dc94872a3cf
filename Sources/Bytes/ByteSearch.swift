// Finding one byte in a large buffer, by memchr(3): the C library looks at 32 bytes a step.

internal import Glibc

extension [UInt8] {
    /// The first index in `range` at which `byte` stands; nil when it does not. `range` must lie within the array.
    package func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        guard range.lowerBound >= 0, range.upperBound <= count else { bug("a search outside the buffer") }
        return unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, !range.isEmpty else { return nil }
            let start = unsafe base + range.lowerBound
            guard let found = unsafe memchr(start, Int32(byte), range.count) else { return nil }
            return unsafe range.lowerBound + (UnsafeRawPointer(found) - start)
        }
    }

    /// No byte of `range`, which must lie within the array, has its high bit set. Eight at a time.
    package func isASCII(_ range: Range<Int>) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= count else { bug("a search outside the buffer") }
        return unsafe withUnsafeBytes { unsafe Bytes.isASCII(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}

func isASCII(_ text: UnsafeRawBufferPointer) -> Bool {
    var all: UInt64 = 0
    var index = 0
    while index + 8 <= text.count {
        unsafe all |= text.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        index += 8
    }
    while index < text.count {
        unsafe all |= UInt64(text[index])
        index += 1
    }
    return all & 0x8080_8080_8080_8080 == 0
}
