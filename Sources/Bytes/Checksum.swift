// A 64-bit hash that is the same in every run and on every machine: file fingerprints are kept on disk.

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
