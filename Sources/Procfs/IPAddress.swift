// Addresses of IPv4 and IPv6, as the kernel has them in bytes and as RFC 5952 writes them.

/// An address that is kept without an array: 4 or 16 bytes, in the order of the network.
package struct IPAddress: Sendable, Hashable {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private let isShort: Bool

    /// nil for what has another length.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        isShort = bytes.count == 4
        for byte in bytes.dropLast(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.suffix(8) { low = low << 8 | UInt64(byte) }
    }

    package var text: String {
        func bytes(of word: UInt64) -> [UInt8] {
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        return Self.text(of: isShort ? Array(bytes(of: low).suffix(4)) : bytes(of: high) + bytes(of: low))
    }

    /// `192.0.2.1` of 4 bytes; `fe80::1`, as RFC 5952 wants it, of 16.
    static func text(of bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let zeros = longestZeros(groups)
        func hexadecimal(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard zeros.count > 1 else { return hexadecimal(0..<8) }
        return hexadecimal(0..<zeros.lowerBound) + "::" + hexadecimal(zeros.upperBound..<8)
    }

    /// The first of the longest runs of zeros; one zero alone is no run.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<index + 1
            }
        }
        return longest
    }
}
