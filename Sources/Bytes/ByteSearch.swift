// Finding one byte in a large buffer, and comparing two, by memchr(3) and memcmp(3): the C library looks at 32 bytes a
// step.

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

    /// Whether the bytes of `range` are those of `other` from `start` on. `range` must lie within the array; an `other`
    /// that ends too early has others.
    package func has(_ range: Range<Int>, sameAs other: [UInt8], from start: Int) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= count, start >= 0 else {
            bug("a comparison outside the buffer")
        }
        guard start <= other.count, range.count <= other.count - start else { return false }
        return unsafe withUnsafeBytes { bytes in
            unsafe other.withUnsafeBytes { other in
                guard let one = bytes.baseAddress, let other = other.baseAddress else { return true }
                return unsafe memcmp(one + range.lowerBound, other + start, range.count) == 0
            }
        }
    }

    /// Whether the bytes of `part` stand in it, one after another. For short texts: it looks at every place.
    package func holds(_ part: some Collection<UInt8>) -> Bool {
        guard part.count <= count else { return false }
        return (0...count - part.count).contains { self[$0..<$0 + part.count].elementsEqual(part) }
    }

    /// No byte of `range`, which must lie within the array, has its high bit set.
    package func isASCII(_ range: Range<Int>) -> Bool {
        unsafe withUnsafeBytes { unsafe Bytes.isASCII(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}

/// Eight bytes a step.
func isASCII(_ text: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    var high: UInt64 = 0
    while at + 8 <= text.count {
        unsafe high |= text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        at += 8
    }
    while at < text.count {
        unsafe high |= UInt64(text[at])
        at += 1
    }
    return high & 0x8080_8080_8080_8080 == 0
}
