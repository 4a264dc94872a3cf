// Reading files of /proc and /sys: their sizes lie, they are made while they are read, and some of them are read
// every few seconds.

package import Bytes
package import Platform

/// Why a file of the kernel gave no value.
package enum KernelFileError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, Errno)
    case malformed(path: String, ParseError)

    /// This process or the machine has no descriptors or memory left: another time the file can be read.
    package var isShortage: Bool {
        guard case .unreadable(_, let errno) = self else { return false }
        return errno.isShortage
    }

    package var description: String {
        switch self {
        case .unreadable(let path, let errno): "\(path): \(errno)"
        case .malformed(let path, let error): "\(path): \(error)"
        }
    }
}

/// One file of the kernel. Its descriptor and its buffer are kept: opening costs half as much as reading again.
package final class KernelFile {
    /// What a file may hold; far above any that is read here (`/proc/stat` of 4 096 CPUs has 1 MB).
    private static let byteLimit = 16 << 20
    /// Most files are short, and each keeps its buffer.
    private static let firstBytes = 1 << 10

    /// For messages: of a host with another root, with that before it.
    package let path: String
    private let open: () throws(Errno) -> OpenFile
    private let keepsOpen: Bool
    private var file: OpenFile?
    private var buffer: [UInt8] = []

    /// Not kept open: files of devices that come and go.
    package init(_ path: String, keepsOpen: Bool = true) {
        self.path = path
        self.keepsOpen = keepsOpen
        open = { () throws(Errno) in OpenFile(try File(reading: path)) }
    }

    /// A small file of the host's own tree, such as /etc/selinux/config: `path` and links in it begin at `host.root`.
    /// It is replaced when it changes, so it is opened for each reading.
    package init(_ path: String, inside root: String) {
        self.path = root == "/" ? path : root + path
        keepsOpen = false
        open = { () throws(Errno) in OpenFile(try File(reading: path, inside: root)) }
    }

    /// Reads the file whole and parses it. nil when this kernel has no such file.
    package func read<Value>(
        _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> Value? {
        let count: Int
        do throws(Errno) { count = try fill() } catch {
            file = nil
            // Not there, or compiled in and switched off (pressure with psi=0), or a device that went away.
            if error == .notFound || error == .notSupported || error == Errno.noDevice { return nil }
            throw .unreadable(path: path, error)
        }
        if !keepsOpen { file = nil }
        var text: [UInt8] = []
        swap(&text, &buffer)
        var cursor = ByteCursor(text, count: count)
        text = []
        defer { buffer = cursor.takeBytes() }
        return try cursor.value(of: path, parse)
    }

    /// A short read is not the end of a kernel file: only a read of nothing is.
    private func fill() throws(Errno) -> Int {
        let open = if let file { file } else { try self.open() }
        file = open
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.firstBytes) }
        var count = 0
        while true {
            let read = try open.file.read(into: &buffer, from: count, at: UInt64(count))
            if read == 0 { return count }
            count += read
            if count == buffer.count {
                guard count < Self.byteLimit else { throw Errno.tooLarge }
                buffer.append(contentsOf: repeatElement(0, count: count))
            }
        }
    }
}

/// `File` cannot be copied, and an optional of it cannot be a property that is read twice: this can.
final class OpenFile {
    let file: File
    init(_ file: consuming File) { self.file = file }
    convenience init(_ path: Path) throws(Errno) { self.init(try File(reading: path)) }
}
