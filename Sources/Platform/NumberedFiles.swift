// Directories of numbers, as /proc and /proc/<pid>/task are: thousands of names at each look, so that none becomes a
// String. See getdents64(2).

internal import Bytes
internal import CLinux
internal import Glibc

/// A path whose end changes.
package struct PathBuffer {
    /// With the zero at the end that the kernel wants.
    private var bytes: [UInt8]

    package init(_ path: String) { bytes = Array(path.utf8) + [0] }

    package var count: Int { bytes.count - 1 }
    package var text: String { String(decoding: bytes.dropLast(), as: UTF8.self) }

    /// Back to its first `count` bytes.
    package mutating func cut(to count: Int) {
        bytes.removeLast(bytes.count - count)
        bytes.append(0)
    }

    package mutating func append(_ text: StaticString) {
        bytes.removeLast()
        bytes.append(text)
        bytes.append(0)
    }

    package mutating func append(_ number: UInt32) {
        bytes.removeLast()
        bytes.append(decimal: UInt64(number))
        bytes.append(0)
    }

    fileprivate func open(_ flags: Int32) throws(Errno) -> Int32 {
        let descriptor = unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return Int32(-1) }
            return unsafe linux_open(start.assumingMemoryBound(to: CChar.self), flags, 0)
        }
        guard descriptor >= 0 else { throw .current }
        return descriptor
    }
}

extension File {
    package init(reading path: borrowing PathBuffer) throws(Errno) { self.init(owning: try path.open(O_RDONLY)) }
}

/// Lists directories of numbers into a buffer that it keeps.
package struct NumberLister {
    /// Some hundred names for each call; the kernel fills no more than it has.
    private static let bufferBytes = 32 << 10
    /// Where a `linux_dirent64` has its length and its name.
    private static let lengthOffset = 16
    private static let nameOffset = 19

    private var buffer: [UInt8] = []

    package init() {}

    /// Appends the names that are decimal numbers, and passes over the others.
    package mutating func list(_ path: borrowing PathBuffer, into numbers: inout [UInt32]) throws(Errno) {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferBytes) }
        let directory = File(owning: try path.open(O_RDONLY | O_DIRECTORY))
        while true {
            let count = try retryingOnInterrupt {
                unsafe buffer.withUnsafeMutableBytes { bytes in
                    unsafe Int(linux_list(directory.descriptor, bytes.baseAddress, bytes.count))
                }
            }
            if count == 0 { return }
            Self.append(buffer[..<min(count, buffer.count)], to: &numbers)
        }
    }

    /// What one call gave. Entries that do not hold together end it.
    static func append(_ entries: ArraySlice<UInt8>, to numbers: inout [UInt32]) {
        var at = entries.startIndex
        while at + nameOffset < entries.endIndex {
            let length = Int(entries[at + lengthOffset]) | Int(entries[at + lengthOffset + 1]) << 8
            guard length > nameOffset, at + length <= entries.endIndex else { return }
            if let number = number(entries[(at + nameOffset)..<(at + length)]) { numbers.append(number) }
            at += length
        }
    }

    private static func number(_ name: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        for (index, byte) in name.enumerated() {
            if byte == 0 { return index == 0 ? nil : value }
            let digit = byte &- UInt8(ascii: "0")
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            guard digit <= 9, !overflow, case let (sum, carry) = shifted.addingReportingOverflow(UInt32(digit)), !carry
            else { return nil }
            value = sum
        }
        return nil
    }
}
