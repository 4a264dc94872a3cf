// Rotated files that nobody needs any more, for those who ask for it: `remove_after`.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Removes rotated files that were acknowledged to their end and have not changed for the time that is set.
    func removeRead(at now: Moment) {
        guard let age = settings.removeAfter else { return }
        problems.forgetRemoved()
        for path in memory.known.paths {
            let name = splitPath(path).name
            for place in places(of: path) ?? [] where isRotatedName(splitPath(place).name, of: name) {
                if let done = doneFile(place, of: path, age: age, at: now) { remove(done) }
            }
        }
    }

    private struct Done {
        let file: FoundFile
        let key: FileCursor.Key
    }

    /// Nil when something of it may still be needed.
    private func doneFile(_ place: Path, of path: Path, age: Duration, at now: Moment) -> Done? {
        guard tails.at(place) == nil, let found = find(place, of: path), tails.with(found.id) == nil else { return nil }
        // Nothing is removed that is not known for certain.
        guard case .entry(let entry) = memory.known.entry(of: found), !entry.cursor.print.isEmpty,
            found.text.form != .otherCompression, entry.tail == nil, entry.cursor.mark != .cut
        else { return nil }
        let sizeBytes = found.text.form == .gzip ? entry.cursor.sizeBytes : found.text.sizeBytes
        let isOld = now.unixNanoseconds - found.modifiedUnixNanoseconds >= age.nanoseconds
        return entry.cursor.offset >= sizeBytes && (age == .zero || isOld)
            ? Done(file: found, key: entry.cursor.key) : nil
    }

    /// Rotation may give the name to another file at any moment: the file is taken away under a name of our own, and
    /// looked at again there.
    private func remove(_ done: Done) {
        let (seen, place) = (done.file, done.file.place)
        let aside = splitPath(place).directory / ".vitals-removing-\(processID)"
        do throws(Errno) {
            try renameFile(place, to: aside)
            let status = try FileStatus(ofLink: aside)
            guard status.id == seen.id, status.sizeBytes == seen.diskBytes else {
                // Back, unless the name has been given away once more.
                guard isAbsent(place) else { throw Errno.alreadyThere }
                return try renameFile(aside, to: place)
            }
            try removeFile(aside)
            memory.known.remove(done.key)
            cursorVersion += 1
            problems.noteRemoved(place)
        } catch { problems.reportRemoval(place, error) }
    }
}
