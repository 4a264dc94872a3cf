// The directories /proc/<pid>: which there are, and their files. See proc(5).

package import Bytes
internal import Platform

/// Looks at the processes of a host one after another, and allocates nothing for one.
package struct ProcessFiles {
    package let path: String
    /// Of the process that was looked at last.
    package private(set) var reader: SmallFileReader
    private let rootCount: Int
    /// Since the processes were listed.
    private var hasRead = false
    private var firstProblem: KernelFileError?
    private var lister = DirectoryLister()
    /// Kept for its memory.
    private var openFiles: [UInt32] = []

    package init(_ host: Host) {
        path = host.proc
        reader = SmallFileReader("\(host.proc)/")
        rootCount = reader.directory.count
    }

    /// The numbers of all processes, in ascending order.
    package mutating func list(into processes: inout [UInt32]) throws(KernelFileError) {
        processes.removeAll(keepingCapacity: true)
        reader.directory.cut(to: rootCount)
        hasRead = false
        firstProblem = nil
        do throws(Errno) { try lister.list(reader.directory, into: &processes) } catch {
            throw .unreadable(path: path, error)
        }
        processes.sort()
    }

    /// The threads of a process; none when it ended.
    package mutating func list(threadsOf process: UInt32, into threads: inout [UInt32]) throws(KernelFileError) {
        threads.removeAll(keepingCapacity: true)
        enter(process)
        reader.directory.append("/task")
        do throws(Errno) { try lister.list(reader.directory, into: &threads) } catch {
            guard error == .notFound || error == .noProcess else {
                throw .unreadable(path: reader.directory.text, error)
            }
        }
    }

    package mutating func read<Value>(
        _ process: UInt32, _ file: StaticString, cutAt cut: Int? = nil,
        _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> SmallFileAnswer<Value> {
        enter(process)
        return try read(file, cutAt: cut, parse)
    }

    package mutating func read<Value>(
        _ process: UInt32, thread: UInt32, _ file: StaticString,
        _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> SmallFileAnswer<Value> {
        enter(process)
        reader.directory.append("/task/")
        reader.directory.append(thread)
        return try read(file, cutAt: nil, parse)
    }

    /// What one process makes of its files costs that process, and no other.
    private mutating func read<Value>(
        _ file: StaticString, cutAt cut: Int?, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> SmallFileAnswer<Value> {
        do throws(KernelFileError) {
            let answer = try reader.read(file, cutAt: cut, parse)
            if case .value = answer { hasRead = true }
            return answer
        } catch {
            if error.isShortage { throw error }
            if firstProblem == nil { firstProblem = error }
            SkippedRows.note(error)
            return .odd
        }
    }

    /// Throws when since the last listing no file was as it should be, and some were there.
    package func throwIfNothingWasRead() throws(KernelFileError) {
        if let firstProblem, !hasRead { throw firstProblem }
    }

    /// How many descriptors a process has open.
    ///
    /// Since Linux 6.2 that is the size of /proc/<pid>/fd, which anybody may ask for; before, they have to be listed,
    /// which only their owner may, and CAP_DAC_READ_SEARCH. A directory of another file system (a fixture's) has a size
    /// of its own, but never the mode of this one.
    package mutating func countOpenFiles(of process: UInt32) throws(KernelFileError) -> SmallFileAnswer<Int> {
        enter(process)
        reader.directory.append("/fd")
        openFiles.removeAll(keepingCapacity: true)
        do throws(Errno) {
            let status = try FileStatus(of: reader.directory)
            if status.permissions == 0o500, status.sizeBytes > 0 { return .value(Int(clamping: status.sizeBytes)) }
            try lister.list(reader.directory, into: &openFiles)
            return .value(openFiles.count)
        } catch {
            if error == .notFound || error == .noProcess { return .gone }
            if error == .accessDenied || error == .notPermitted { return .denied }
            throw .unreadable(path: reader.directory.text, error)
        }
    }

    private mutating func enter(_ process: UInt32) {
        reader.directory.cut(to: rootCount)
        reader.directory.append(process)
    }
}
