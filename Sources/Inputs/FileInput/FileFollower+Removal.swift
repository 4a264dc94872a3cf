// Rotated files that nobody needs any more, for those who ask for it: `remove_after`.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Removes rotated files that were acknowledged to their end and have not changed for the time that is set.
    func removeRead(at now: Moment) {
        guard let age = settings.removeAfter else { return }
        unremovable = unremovable.filter { path, _ in (try? FileStatus(ofLink: path)) != nil }
        for path in known.paths {
            let name = splitPath(path).name
            for place in places(of: path) ?? [] where isRotatedName(splitPath(place).name, of: name) {
                if let status = doneStatus(place, age: age, at: now) { remove(place, status) }
            }
        }
    }

    /// Nil when something of it may still be needed.
    private func doneStatus(_ place: String, age: Duration, at now: Moment) -> FileStatus? {
        guard byPlace[place] == nil, let sibling = open(place), byID[sibling.status.id] == nil,
            let cursor = known[sibling.status.id], cursor.print.matches(sibling.start.bytes), cursor.mark != .cut,
            cursor.offset >= (sibling.start.form == .gzip ? cursor.sizeBytes : sibling.status.sizeBytes)
        else { return nil }
        let isOld = now.unixNanoseconds - sibling.status.modifiedUnixNanoseconds >= age.nanoseconds
        return age == .zero || isOld ? sibling.status : nil
    }

    /// Rotation may give the name to another file at any moment: the file is taken away under a name of our own, and
    /// looked at again there.
    private func remove(_ place: String, _ seen: FileStatus) {
        let aside = "\(splitPath(place).directory)/.vitals-removing-\(processID)"
        do throws(Errno) {
            try renameFile(place, to: aside)
            let status = try FileStatus(ofLink: aside)
            guard status.id == seen.id, status.sizeBytes == seen.sizeBytes else {
                // Back, unless the name has been given away once more.
                guard (try? FileStatus(ofLink: place)) == nil else { throw Errno.alreadyThere }
                return try renameFile(aside, to: place)
            }
            try removeFile(aside)
            known[seen.id] = nil
            cursorVersion += 1
            count(.fileRemoved)
            unremovable[place] = nil
        } catch {
            guard error != .notFound, unremovable.updateValue(error, forKey: place) != error else { return }
            count(.removalFailed)
            log.warning("cannot remove a log file that was read", ["path": place, "reason": error.description])
        }
    }
}
