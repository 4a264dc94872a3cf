// Where the file of a cursor stands now, for who lists cursors: known by the same as when it is followed.

package import Bytes
package import Platform

package enum FileWhereabouts: Equatable, Sendable {
    /// At its path.
    case live(sizeBytes: UInt64)
    /// Beside it, under this name. The size is that of its text, and not told of a compressed one that is large.
    case rotated(name: Path, sizeBytes: UInt64)
    /// In none of the files that may be looked at.
    case gone
    /// It may be there, but this process may not look.
    case unknown(Errno)
}

extension FileCursor {
    /// Looks for the file. What it begins with is asked where it may be read; else its numbers must do.
    package func findFile(_ directories: inout ListedDirectories) -> FileWhereabouts {
        var buffer = [UInt8](repeating: 0, count: StartPrint.lengthLimit)
        var refused: Errno?
        do throws(Errno) {
            if let sizeBytes = try sizeIfOurs(path, mayBeCopy: false, &buffer) { return .live(sizeBytes: sizeBytes) }
        } catch { refused = error }
        var (directory, names) = (Path(""), [Path]())
        do throws(Errno) { (directory, names) = try directories.siblings(of: path) } catch {
            if error != .notFound { refused = refused ?? error }
        }
        // A copy begins as the file itself does, which is found first.
        for mayBeCopy in [false, true] {
            for name in names {
                do throws(Errno) {
                    if let sizeBytes = try sizeIfOurs(directory / name, mayBeCopy: mayBeCopy, &buffer) {
                        return .rotated(name: name, sizeBytes: sizeBytes)
                    }
                } catch { refused = refused ?? error }
            }
        }
        return refused.map { .unknown($0) } ?? .gone
    }

    /// Nil for another file, and for none.
    private func sizeIfOurs(_ place: Path, mayBeCopy: Bool, _ buffer: inout [UInt8]) throws(Errno) -> UInt64? {
        let status: FileStatus
        do throws(Errno) { status = try FileStatus(of: place) } catch .notFound { return nil }
        guard status.kind == .regular, status.id == id || mayBeCopy else { return nil }
        let start: FileStart
        do throws(Errno) {
            let file = try File(reading: place)
            start = try FileStart(file, status, through: &buffer)
            guard try file.mayHave(inner, start.form) else { return nil }
        } catch {
            guard status.id == id else { throw error }
            return status.sizeBytes >= offset ? status.sizeBytes : nil
        }
        guard start.form != .otherCompression, print.matches(start.bytes), print.length > 0 || status.id == id
        else { return nil }
        if start.form == .gzip { return max(start.sizeBytes, sizeBytes) }
        return start.sizeBytes >= offset ? start.sizeBytes : nil
    }
}
