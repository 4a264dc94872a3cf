// Records appended to a local file, a line each, which is rotated by size: app.log, app.log.1, … app.log.5, the last
// the oldest.
//
// Several routes may write to the same file, each by an output of its own: flock(2) on the file lets them take turns. A
// batch is written whole or, when the disk is full, taken back whole: what is tried again must not be there already.

internal import Glibc
internal import Platform
package import Settings

package struct FileOutput: Output {
    package static var type: String { "file" }

    /// It was opened, and the name led to it then.
    private final class OpenFile {
        let file: File
        let id: FileID
        /// Whether it is known to end with a whole line.
        var endsWithLine = false

        init(_ file: consuming File) throws(Errno) {
            id = try file.status().id
            self.file = file
        }
    }

    private let path: String
    private let directory: String
    private let rotateBytes: Int
    private let keep: Int
    private let syncs: Bool
    private let format: RecordFormat
    private let json: RecordJSON
    private var open: OpenFile?
    /// How long another writer may keep the file to itself before a delivery counts as failed.
    package var lockPatience: Duration = .seconds(5)

    package init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        path = try section.string("path")
        guard path.hasPrefix("/"), !path.hasSuffix("/"), let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            throw section.error(at: "path", "expected the absolute path of a file, not \"\(path)\"")
        }
        directory = slash == path.startIndex ? "/" : String(path[..<slash])
        rotateBytes = try section.size("rotate_bytes", default: 64 << 20, in: (4 << 10)...(1 << 40))
        keep = try section.integer("keep", default: 5, in: 0...1_000)
        syncs = try section.bool("sync", default: true)
        format = try section.choice("format", default: .json)
        json = RecordJSON(context)
    }

    package func makeEncoder() -> any RecordEncoder { RecordEncoding(format, json) }

    package var writtenFiles: [String] { [path] + (0..<keep).map { "\(path).\($0 + 1)" } }

    package mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        do throws(Errno) {
            let open = try lockFile(for: body.count)
            defer { _ = flock(open.file.descriptor, LOCK_UN) }
            try append(body, to: open)
        } catch {
            // What is wrong with a descriptor (EIO, a stale handle) may be right with the next.
            open = nil
            throw .retry(after: nil, reason: "\(path): \(error)")
        }
        return .accepted
    }

    /// The file that the path leads to, locked, with room for `byteCount` bytes.
    private mutating func lockFile(for byteCount: Int) throws(Errno) -> OpenFile {
        // Each turn but the last finds the file moved away or full; others do not do that for ever.
        for _ in 0..<100 {
            let open: OpenFile
            if let kept = self.open { open = kept } else { open = try openFile() }
            self.open = open
            try lock(open.file.descriptor)
            if try statusOfPath()?.id == open.id {
                let sizeBytes = try open.file.status().sizeBytes
                if sizeBytes == 0 || sizeBytes + UInt64(byteCount) <= UInt64(rotateBytes) { return open }
                try rotate()
            }
            self.open = nil  // closing it unlocks it
        }
        throw Errno(code: EBUSY)
    }

    /// Tries again and again, since flock(2) itself would wait for ever.
    private func lock(_ descriptor: Int32) throws(Errno) {
        let deadline = Instant.now + lockPatience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let error = Errno.current
            guard error == .wouldBlock || error == .interrupted, Instant.now < deadline else { throw error }
            usleep(500)
        }
    }

    private func openFile() throws(Errno) -> OpenFile {
        let before = try statusOfPath()
        // A FIFO would keep us waiting for a reader; a device takes anything and keeps nothing.
        if let before, before.kind != .regular { throw .notSupported }
        if before == nil { try makeDirectories(directory) }
        let open = try OpenFile(File(writing: path, .append))
        if before == nil, syncs { try syncDirectory(directory) }
        return open
    }

    private func statusOfPath() throws(Errno) -> FileStatus? {
        do throws(Errno) { return try FileStatus(of: path) } catch  where error == .notFound { return nil }
    }

    /// The oldest goes, the others get the next number. The lock on the file at `path` is held.
    private func rotate() throws(Errno) {
        guard keep > 0 else { return try removeFile(path) }
        for number in stride(from: keep - 1, through: 0, by: -1) {
            do throws(Errno) {
                try renameFile(number == 0 ? path : "\(path).\(number)", to: "\(path).\(number + 1)")
            } catch  where error == .notFound {}
        }
        if syncs { try syncDirectory(directory) }
    }

    private func append(_ body: [UInt8], to open: OpenFile) throws(Errno) {
        let start = try open.file.status().sizeBytes
        do throws(Errno) {
            if !open.endsWithLine, start > 0, try lastByte(before: start) != UInt8(ascii: "\n") {
                // A kill in mid-write left half a line. Nobody can parse it; it must not spoil a second.
                try open.file.write([UInt8(ascii: "\n")])
            }
            open.endsWithLine = true
            try open.file.write(body)
            if syncs { try open.file.sync() }
        } catch {
            // Should this fail too, the batch is there in part, and the next delivery finds how it ends.
            open.endsWithLine = ftruncate(open.file.descriptor, off_t(start)) == 0
            throw error
        }
    }

    private func lastByte(before end: UInt64) throws(Errno) -> UInt8? {
        var byte: [UInt8] = [0]
        return try File(reading: path).read(into: &byte, at: end - 1) == 1 ? byte[0] : nil
    }

    package var address: String { path }

    package mutating func check() -> CheckReport {
        var report = CheckReport()
        // To rotate, the directory must be writable too. One that is not there will be made.
        do throws(DirectoryFault) { try tryDirectory(directory) } catch {
            report.problems.append("\(path) cannot be written: \(error)")
            return report
        }
        do throws(Errno) {
            guard let status = try statusOfPath() else {
                report.notes.append("appends to \(path), which is not there yet")
                return report
            }
            if status.kind != .regular {
                report.problems.append("\(path) is not a regular file")
            } else if unsafe access(path, W_OK) != 0 {
                report.problems.append("\(path) cannot be written: \(Errno.current)")
            } else {
                report.notes.append("appends to \(path)")
            }
        } catch { report.problems.append("\(path): \(error)") }
        return report
    }
}
