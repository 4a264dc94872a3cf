// Directories with thousands of names that are looked at again and again, /proc and /sys/fs/cgroup: no name becomes a
// String. See getdents64(2).

package import Bytes
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

    package mutating func append(text: String) {
        bytes.removeLast()
        bytes.append(text: text)
        bytes.append(0)
    }

    package mutating func append(path: Path) {
        bytes.removeLast()
        bytes.append(contentsOf: path.bytes)
        bytes.append(0)
    }

    package mutating func append(_ number: UInt32) {
        bytes.removeLast()
        bytes.append(decimal: UInt64(number))
        bytes.append(0)
    }

    fileprivate func open(_ flags: Int32) throws(Errno) -> Int32 {
        let descriptor = unsafe withCString { path in unsafe linux_open(path, flags, 0) }
        guard descriptor >= 0 else { throw .current }
        return descriptor
    }

    fileprivate func withCString(_ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { bug("a path without its zero") }
            return unsafe body(start.assumingMemoryBound(to: CChar.self))
        }
    }
}

extension File {
    /// Never waits in the open, whatever stands in the place of the file.
    package init(reading path: borrowing PathBuffer) throws(Errno) {
        self.init(owning: try path.open(O_RDONLY | O_NONBLOCK | O_NOCTTY))
    }
}

extension FileStatus {
    package init(of path: borrowing PathBuffer) throws(Errno) {
        var raw = stat()
        let result = unsafe path.withCString { path in unsafe stat(path, &raw) }
        guard result == 0 else { throw .current }
        self.init(raw)
    }
}

/// Lists directories into a buffer that it keeps.
package struct DirectoryLister {
    /// Some hundred names for each call; the kernel fills no more than it has.
    private static let bufferBytes = 32 << 10
    /// Where a `linux_dirent64` has its length, its type and its name.
    private static let lengthOffset = 16
    private static let typeOffset = 18
    private static let nameOffset = 19
    /// DT_DIR of dirent.h.
    private static let directoryType: UInt8 = 4

    private var buffer: [UInt8] = []

    package init() {}

    /// Appends the names that are decimal numbers, and passes over the others.
    package mutating func list(_ path: borrowing PathBuffer, into numbers: inout [UInt32]) throws(Errno) {
        let directory = try open(path)
        while case let count = try fill(from: directory), count > 0 { Self.append(buffer[..<count], to: &numbers) }
    }

    /// Appends the names of the directories in a directory but `.` and `..`, with a zero after each.
    ///
    /// What they are the directory itself must say; the kernel's own file systems and all usual ones do.
    package mutating func listDirectories(
        _ path: borrowing PathBuffer, into names: inout [UInt8]
    ) throws(Errno) {
        let directory = try open(path)
        while case let count = try fill(from: directory), count > 0 {
            Self.append(directoriesOf: buffer[..<count], to: &names)
        }
    }

    private mutating func open(_ path: borrowing PathBuffer) throws(Errno) -> File {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferBytes) }
        return File(owning: try path.open(O_RDONLY | O_DIRECTORY))
    }

    private mutating func fill(from directory: borrowing File) throws(Errno) -> Int {
        let descriptor = directory.descriptor
        let count = try retryingOnInterrupt {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Int(linux_list(descriptor, bytes.baseAddress, bytes.count))
            }
        }
        return min(count, buffer.count)
    }

    /// What one call gave. Entries that do not hold together end it.
    static func append(_ entries: ArraySlice<UInt8>, to numbers: inout [UInt32]) {
        var at = entries.startIndex
        while let entry = entry(of: entries, at: at) {
            if let number = number(entries[(at + nameOffset)..<entry]) { numbers.append(number) }
            at = entry
        }
    }

    static func append(directoriesOf entries: ArraySlice<UInt8>, to names: inout [UInt8]) {
        var at = entries.startIndex
        while let entry = entry(of: entries, at: at) {
            if entries[at + typeOffset] == directoryType {
                let name = entries[(at + nameOffset)..<entry].prefix { $0 != 0 }
                if !name.isEmpty, !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) {
                    names.append(contentsOf: name)
                    names.append(0)
                }
            }
            at = entry
        }
    }

    /// The end of the entry that begins at `start`; nil when none does.
    private static func entry(of entries: ArraySlice<UInt8>, at start: Int) -> Int? {
        guard start + nameOffset < entries.endIndex else { return nil }
        let length = Int(entries[start + lengthOffset]) | Int(entries[start + lengthOffset + 1]) << 8
        return length > nameOffset && start + length <= entries.endIndex ? start + length : nil
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
