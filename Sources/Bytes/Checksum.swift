// Checksums that are the same in every run and on every machine, since they are kept on disk: a 64-bit hash for
// fingerprints of files, and a CRC for frames.

internal import CZlib

/// FNV-1a with 64 bits (RFC 9923). It may be continued: the hash of a longer text goes on from that of its start.
package struct Fingerprint: Equatable, Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}
    package init(value: UInt64) { self.value = value }

    /// Not generic: other modules would call it through witness tables, which allocates for each byte.
    package mutating func add(_ bytes: ArraySlice<UInt8>) { unsafe bytes.withUnsafeBytes { unsafe add($0) } }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for index in 0..<bytes.count { value = (value ^ UInt64(unsafe bytes[index])) &* 0x100_0000_01B3 }
    }

    /// For the loops of other modules over arrays.
    package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
}

/// Of bytes that are compared with what they were a moment ago, in this run: five times as quick as `Fingerprint`, and
/// never kept on disk. Words of 64 bits, each mixed in by a multiplication.
package struct QuickSum: Equatable, Sendable {
    private var value: UInt64

    package init(_ bytes: ArraySlice<UInt8>) {
        value = UInt64(bytes.count)
        unsafe bytes.withUnsafeBytes { bytes in
            var index = 0
            while index + 8 <= bytes.count {
                add(unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index += 8
            }
            while index < bytes.count {
                add(UInt64(unsafe bytes[index]))
                index += 1
            }
        }
    }

    private mutating func add(_ word: UInt64) {
        let product = (value ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        value = product.high ^ product.low
    }
}

extension [UInt8] {
    /// The CRC-32 of IEEE 802.3, as in gzip (RFC 1952, section 8), by zlib. `range` must lie within the array.
    package func crc32(_ range: Range<Int>) -> UInt32 {
        guard range.lowerBound >= 0, range.upperBound <= count else { bug("a checksum outside the buffer") }
        return unsafe withUnsafeBytes { bytes in
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            // Of no bytes, also where there is no memory: zlib takes a null pointer for the question how to begin.
            guard !range.isEmpty, let base = part.baseAddress else { return 0 }
            let start = unsafe base.assumingMemoryBound(to: UInt8.self)
            return UInt32(truncatingIfNeeded: unsafe CZlib.crc32(0, start, UInt32(range.count)))
        }
    }
}
