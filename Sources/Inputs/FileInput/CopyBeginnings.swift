// New files that have the text of another one so far: each may be the copy that comes before a truncation.

internal import Bytes
internal import Platform

/// What a new file is the beginning of.
enum Original: Equatable {
    /// Of a file that was read as far.
    case readTo(UInt64)
    case unreadable(Errno)
}

extension FileFollower {
    /// For each new file that is a copy of another one, or the beginning of a copy, what that is.
    func originals(of files: [FoundFile], _ own: FamilyMemory) -> [Int: Original] {
        let same = sameParts(of: files, in: own.texts)
        var originals: [Int: Original] = [:]
        for (index, file) in files.enumerated()
        where same[index] == .nothing && file.text.form == .plain && !file.isAtPath {
            do throws(Errno) {
                originals[index] = try originalOffset(of: file, files, same, own).map { .readTo($0) }
            } catch {
                originals[index] = .unreadable(error)
            }
        }
        return originals
    }

    private func originalOffset(
        of file: FoundFile, _ files: [FoundFile], _ same: [ReadPart], _ own: FamilyMemory
    ) throws(Errno) -> UInt64? {
        for case .tail(let tail) in own.owners where !tail.isCompressed && tail.id != file.id {
            let isWhole = !tail.print.isEmpty && file.text.start.count >= tail.print.head.length
            if isWhole, !tail.print.head.begins(file.text.start) { continue }
            if try isBeginning(file, ofTail: tail) { return tail.readOffset }
            // Truncated a moment ago: its turn will take it to the copy.
            if isWhole {
                switch tail.content(through: &buffers) {
                case .same: break
                case .other, .unwritten:
                    turns.add(tail)
                    return tail.readOffset
                case .unreadable(let error): throw error
                }
            }
        }
        for (other, part) in zip(files, same) where other.id != file.id {
            guard other.text.form == .plain, other.text.sizeBytes >= file.text.sizeBytes,
                other.text.start.starts(with: file.text.start)
            else { continue }
            // One that was read, or is about to be.
            if case .same(let index) = part, case .known(let entry) = own.owners[index] {
                if try isBeginning(file, of: other.place) { return entry.cursor.offset }
            } else if part == .nothing, other.isAtPath, settings.matches(links.path(to: other.place)) {
                if try isBeginning(file, of: other.place) { return 0 }
            }
        }
        return nil
    }

    private func isBeginning(_ file: FoundFile, of place: Path) throws(Errno) -> Bool {
        do throws(Errno) { return try File(reading: place).begins(as: file, through: &buffers.reader) } catch {
            if error.isAbsence { return false }
            throw error
        }
    }

    private func isBeginning(_ file: FoundFile, ofTail tail: Tail) throws(Errno) -> Bool {
        if !tail.isOpen, let place = tail.place { return try isBeginning(file, of: place) }
        do throws(Errno) { return try tail.reading?.file?.begins(as: file, through: &buffers.reader) ?? false } catch {
            if error.isAbsence { return false }
            throw error
        }
    }
}

extension File {
    /// Compares the first bytes of two files, and the last ones of the other where they are to stand in this one.
    fileprivate func begins(as other: FoundFile, through reader: inout TextReader) throws(Errno) -> Bool {
        let length = Int(min(other.text.sizeBytes, UInt64(FilePrint.Head.lengthLimit)))
        let end = other.text.sizeBytes - UInt64(length)
        let file = try File(reading: other.place)
        guard length > 0, try file.status().id == other.id else { return false }
        for offset in end == 0 ? [0] : [0, end] {
            guard try reader.read(file, at: offset) >= length else { return false }
            let bytes = reader.bytes[..<length]
            guard try reader.read(self, at: offset) >= length, reader.bytes[..<length] == bytes else { return false }
        }
        return true
    }
}
