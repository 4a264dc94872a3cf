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
        var reader = TextReader()
        var refused: Errno?
        do throws(Errno) {
            if let sizeBytes = try sizeIfOurs(path, mayBeCopy: false, &reader) { return .live(sizeBytes: sizeBytes) }
        } catch { refused = error }
        var places: [Path] = []
        do throws(Errno) { places = try directories.siblings(of: path) } catch {
            if error != .notFound { refused = refused ?? error }
        }
        // A copy begins as the file itself does, which is found first.
        for mayBeCopy in [false, true] {
            for place in places {
                do throws(Errno) {
                    if let sizeBytes = try sizeIfOurs(place, mayBeCopy: mayBeCopy, &reader) {
                        return .rotated(name: place.name, sizeBytes: sizeBytes)
                    }
                } catch { refused = refused ?? error }
            }
        }
        return refused.map { .unknown($0) } ?? .gone
    }

    /// Nil for another file, and for none.
    private func sizeIfOurs(_ place: Path, mayBeCopy: Bool, _ reader: inout TextReader) throws(Errno) -> UInt64? {
        let status: FileStatus
        do throws(Errno) { status = try FileStatus(of: place) } catch .notFound { return nil }
        guard status.kind == .regular, status.id == id || mayBeCopy else { return nil }
        do throws(Errno) {
            let file = try File(reading: place)
            let found = try FoundFile(file, status, at: place, isAtPath: place == path, through: &reader)
            switch identity.relation(to: found, readTo: offset) {
            case .copy where !mayBeCopy, .other: return nil
            case .unclear(let error?): throw error
            case .same, .moved, .copy, .unclear(nil):
                return found.text.form == .gzip ? max(found.text.sizeBytes, sizeBytes) : found.text.sizeBytes
            }
        } catch {
            guard status.id == id else { throw error }
            return status.sizeBytes >= offset ? status.sizeBytes : nil
        }
    }
}
