// Sizes that the kernel writes for people, in bcache and bcachefs: `512`, `20.4G`, `-1.2k`. See bch_hprint in
// drivers/md/bcache/util.c.

package import Bytes

extension ByteCursor {
    /// A number with an optional unit, which is a power of 1024. It has few digits: the true one is near, and whole.
    package mutating func humanSize() -> Double? {
        guard var value = decimal() else { return nil }
        if let byte = next, let power = Self.powers.firstIndex(of: byte | 0x20) {
            _ = skip(byte: byte)
            for _ in 0...power { value *= 1_024 }
        }
        return value.rounded(.towardZero)
    }

    private static let powers = Array("kmgtpezy".utf8)
}

extension Attribute {
    /// nil when the device does not tell.
    package func humanSize() throws(KernelFileError) -> Double? {
        try value { cursor throws(ParseError) in
            let range = cursor.trimmed()
            if range.isEmpty { return nil }
            guard let size = cursor.humanSize(), cursor.index == range.upperBound else {
                throw cursor.error("a number with a unit")
            }
            return size
        } ?? nil
    }
}
