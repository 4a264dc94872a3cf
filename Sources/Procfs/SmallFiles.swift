// Reading small files of what comes and goes, processes and control groups: thousands of them share one path and one
// buffer, and no descriptor is kept.

package import Bytes
package import Platform

/// What reading one of them gave.
package enum SmallFileAnswer<Value> {
    case value(Value)
    /// What it is about went away, or this kernel has no such file.
    case gone
    /// It holds what no kernel writes there, or cannot be read; that is noted in `SkippedRows`.
    case odd
    /// It is about another user's process, and this one may not look into that.
    case denied
}

package struct SmallFileReader {
    /// A page is the usual limit of the kernel; io.stat of a host with hundreds of disks is longer.
    private static let byteLimit = 64 << 10

    /// Where the files are.
    package var directory: PathBuffer
    /// What was read last, from its start: ranges that a parser gave lead into it.
    package private(set) var buffer = [UInt8](repeating: 0, count: 1 << 10)

    package init(_ directory: String) { self.directory = PathBuffer(directory) }

    /// Reads `name`, which begins with a slash, and parses it. Of a file that may be long, such as a command line, the
    /// first `cut` bytes will do.
    package mutating func read<Value>(
        _ name: StaticString, cutAt cut: Int? = nil, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> SmallFileAnswer<Value> {
        let directoryCount = directory.count
        directory.append(name)
        defer { directory.cut(to: directoryCount) }
        let count: Int
        do throws(Errno) { count = try fill(upTo: cut) } catch {
            if error.isOfWhatIsGone { return .gone }
            if error == .accessDenied || error == .notPermitted { return .denied }
            throw .unreadable(path: directory.text, error)
        }
        var text: [UInt8] = []
        swap(&text, &buffer)
        var cursor = ByteCursor(text, count: count)
        text = []
        defer { buffer = cursor.takeBytes() }
        return .value(try cursor.value(of: directory.text, parse))
    }

    /// The kernel gives all of such a file to one read: what does not fill the buffer is whole.
    private mutating func fill(upTo cut: Int?) throws(Errno) -> Int {
        let file = try File(reading: directory)
        var count = try file.read(into: &buffer, at: 0)
        while count == buffer.count {
            if let cut, count >= cut { return cut }
            guard count < Self.byteLimit else { throw .tooLarge }
            buffer.append(contentsOf: repeatElement(0, count: count))
            count = try file.read(into: &buffer, at: 0)
        }
        return min(count, cut ?? count)
    }
}

extension Errno {
    /// A process that ended, a control group that was removed, or pressure that is switched off.
    fileprivate var isOfWhatIsGone: Bool {
        self == .notFound || self == .noProcess || self == .noDevice || self == .notSupported
    }
}
