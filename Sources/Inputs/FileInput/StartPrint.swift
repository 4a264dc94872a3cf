// A file's fingerprint: a checksum of its first bytes, which are the same for ever in a file that is only appended to.

package import Bytes

/// The first `length` bytes of a file, as a checksum. It grows with the file up to `lengthLimit`.
package struct StartPrint: Hashable, Sendable {
    /// One read, and enough for two logs of the same program to differ in time stamps.
    package static let lengthLimit = 1024

    package private(set) var length: Int
    package private(set) var checksum: Fingerprint

    /// Of an empty file.
    package init() {
        length = 0
        checksum = Fingerprint()
    }

    package init(length: Int, checksum: Fingerprint) {
        self.length = length
        self.checksum = checksum
    }

    package init(of start: ArraySlice<UInt8>) {
        self.init()
        grow(start)
    }

    package var isWhole: Bool { length >= Self.lengthLimit }

    /// Whether a file that begins with `start` may be this one, and if so, grows by what `start` has more.
    ///
    /// False for a start that differs, or that is shorter: a file that is only appended to does not shrink.
    package mutating func accept(_ start: ArraySlice<UInt8>) -> Bool {
        guard matches(start) else { return false }
        grow(start)
        return true
    }

    package func matches(_ start: ArraySlice<UInt8>) -> Bool {
        guard start.count >= length else { return false }
        var other = Fingerprint()
        other.add(start.prefix(length))
        return other == checksum
    }

    private mutating func grow(_ start: ArraySlice<UInt8>) {
        let more = start.prefix(Self.lengthLimit).dropFirst(length)
        checksum.add(more)
        length += more.count
    }
}
